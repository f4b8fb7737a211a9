//! `sweep.json` and `sweep.csv`: many trainings over margins, learning rates and seeds.
//!
//! A cell is one training. [`analyze`] makes of the cells what they allow to say: means
//! with intervals, where each margin stands against the best one of its loss, the range of
//! margins that can be used, how often training collapsed.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::results::{DataInfo, Machine, Results, Run, file};

mod analysis;
mod csv;
mod difference;
mod evidence;
mod group;
mod usable;

pub use analysis::{LossSweep, RateSweep, analyze};
pub use difference::{Difference, SIGNIFICANT};
pub use evidence::{Evidence, evidence};
pub use group::Group;
pub use usable::{NoRange, UsableRange};

/// One training of a sweep.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// Registry name of the loss.
    pub loss: String,
    /// Which margin varies: `angle_multiplier` (m0), `angle_margin` (m1, radians) or
    /// `cosine_margin` (m2).
    pub margin_key: String,
    /// Its value in its own unit.
    pub margin: f64,
    /// What the margin takes at the boundary of two classes, in radians: comparable
    /// between losses.
    pub boundary_cost: f64,
    /// Largest learning rate of the schedule.
    pub rate: f64,
    /// Seed of every random choice of the training.
    pub seed: u64,
    /// What was measured.
    pub run: Run,
}

/// Everything that a sweep measured, and what made it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Sweep {
    /// Version of the program.
    pub version: String,
    /// The command line that repeats this sweep.
    pub command: String,
    /// The data set.
    pub data: DataInfo,
    /// The machine.
    pub machine: Machine,
    /// What each training was given, in words: epochs, images, time.
    pub budget: String,
    /// The trainings, in the order in which they ran.
    pub cells: Vec<Cell>,
}

impl Sweep {
    /// JSON as [`Results::to_json`] writes it.
    ///
    /// # Errors
    /// Never for data built in memory; the signature follows serde's.
    pub fn to_json(&self) -> std::result::Result<String, serde_json::Error> {
        file::to_json(self)
    }

    /// Writes [`Sweep::to_json`] to `path`, whole or not at all.
    ///
    /// # Errors
    /// [`EvalError::Io`](crate::EvalError::Io) or [`EvalError::Json`](crate::EvalError::Json).
    pub fn write_json(&self, path: &Path) -> Result<()> {
        file::write_json(self, path)
    }

    /// Reads what [`Sweep::write_json`] wrote.
    ///
    /// # Errors
    /// [`EvalError::Io`](crate::EvalError::Io), or [`EvalError::Json`](crate::EvalError::Json)
    /// with the place of the first fault.
    pub fn read_json(path: &Path) -> Result<Self> {
        file::read_json(path)
    }

    /// Writes [`Sweep::to_csv`] to `path`, whole or not at all.
    ///
    /// # Errors
    /// [`EvalError::Io`](crate::EvalError::Io).
    pub fn write_csv(&self, path: &Path) -> Result<()> {
        file::write_atomic(path, self.to_csv().as_bytes())
    }

    /// The runs alone, for what knows nothing of margins and rates. A run takes the loss
    /// and the seed of its cell.
    pub fn results(&self) -> Results {
        let runs = self.cells.iter().map(|c| Run { loss: c.loss.clone(), seed: c.seed, ..c.run.clone() });
        Results {
            version: self.version.clone(),
            command: self.command.clone(),
            data: self.data.clone(),
            machine: self.machine.clone(),
            runs: runs.collect(),
        }
    }
}

/// A margin's symbol, name and unit: `("m1", "angle margin", " rad")`. What is no margin of
/// this program stands for itself.
pub fn describe_margin(key: &str) -> (&str, &str, &'static str) {
    match key {
        "angle_multiplier" => ("m0", "angle multiplier", ""),
        "angle_margin" => ("m1", "angle margin", " rad"),
        "cosine_margin" => ("m2", "cosine margin", ""),
        other => (other, other, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{cell, dead};

    #[test]
    fn json_round_trip_and_the_promised_fields() {
        let sweep = Sweep {
            budget: "3 epochs".into(),
            cells: vec![cell("arcface", 0.5, 0.1, 1, 0.95, 950), dead("arcface", 0.9, 0.1, 1, "NaN")],
            ..Sweep::default()
        };
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sweep.json");
        sweep.write_json(&path).unwrap();
        assert_eq!(Sweep::read_json(&path).unwrap(), sweep);
        let json: serde_json::Value = serde_json::from_str(&sweep.to_json().unwrap()).unwrap();
        for key in ["version", "command", "data", "machine", "budget", "cells"] {
            assert!(json.get(key).is_some(), "{key}");
        }
        for key in ["loss", "margin_key", "margin", "boundary_cost", "rate", "seed", "run"] {
            assert!(json["cells"][0].get(key).is_some(), "cells[0].{key}");
        }
        std::fs::write(&path, "{}").unwrap();
        assert!(Sweep::read_json(&path).unwrap_err().to_string().contains("sweep.json"));
    }

    #[test]
    fn a_run_takes_the_name_and_seed_of_its_cell() {
        let mut one = cell("arcface", 0.5, 0.1, 7, 0.95, 950);
        (one.run.loss, one.run.seed) = (String::new(), 0);
        let results = Sweep { cells: vec![one], ..Sweep::default() }.results();
        assert_eq!((results.runs[0].loss.as_str(), results.runs[0].seed), ("arcface", 7));
    }
}
