//! `sweep.json` and `sweep.csv`: what a sweep over margins, rates, scales and seeds measured.
//!
//! Units are those of [`crate::results`]. Nothing here depends on the time of day, on the
//! time that a training took, or on the order in which cells were finished.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{EvalError, Result};
use crate::results::{DataInfo, Machine, Run, write_atomic};

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
    /// What each cell was given: epochs, images, network.
    pub budget: String,
    /// One entry a loss, margin, rate, scale and seed, in the grid's order.
    pub cells: Vec<Cell>,
}

/// One training of a sweep.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// Registry name of the loss.
    pub loss: String,
    /// The margin's unit: `angle_multiplier`, `angle_margin` or `cosine_margin`.
    pub margin_key: String,
    /// The margin, in that unit.
    pub margin: f64,
    /// Radians that the margin takes at the boundary between two classes, so that margins
    /// of different units stand on one axis.
    pub boundary_cost: f64,
    /// Peak learning rate.
    pub rate: f64,
    /// Seed.
    pub seed: u64,
    /// What was measured; its `train_seconds` and `samples_per_second` are 0.
    pub run: Run,
}

impl Sweep {
    /// JSON with the fields in their declared order.
    ///
    /// # Errors
    /// Never for data built in memory; the signature follows serde's.
    pub fn to_json(&self) -> std::result::Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|s| s + "\n")
    }

    /// Writes [`Sweep::to_json`] to `path` by [`write_atomic`].
    ///
    /// # Errors
    /// [`EvalError::Io`] or [`EvalError::Json`].
    pub fn write_json(&self, path: &Path) -> Result<()> {
        let text = self.to_json().map_err(|source| EvalError::Json { path: path.to_owned(), source })?;
        write_atomic(path, text.as_bytes())
    }

    /// Reads what [`Sweep::write_json`] wrote.
    ///
    /// # Errors
    /// [`EvalError::Io`], or [`EvalError::Json`] with the place of the first fault.
    pub fn read_json(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|source| EvalError::Io { path: path.to_owned(), source })?;
        serde_json::from_str(&text).map_err(|source| EvalError::Json { path: path.to_owned(), source })
    }

    /// Writes [`Sweep::to_csv`] to `path` by [`write_atomic`].
    ///
    /// # Errors
    /// [`EvalError::Io`].
    pub fn write_csv(&self, path: &Path) -> Result<()> {
        write_atomic(path, self.to_csv().as_bytes())
    }

    /// One line a cell under a line of names, lines ending in CR LF.
    pub fn to_csv(&self) -> String {
        let maybe = |v: Option<f64>| v.map_or_else(String::new, |v| v.to_string());
        let mut out =
            "loss,margin_key,margin,boundary_cost,rate,scale,seed,accuracy,n_test,eer,collapsed\r\n".to_owned();
        for c in &self.cells {
            let fields = [
                c.loss.clone(),
                c.margin_key.clone(),
                c.margin.to_string(),
                c.boundary_cost.to_string(),
                c.rate.to_string(),
                maybe(c.run.scale),
                c.seed.to_string(),
                maybe(c.run.accuracy),
                c.run.n_test.to_string(),
                maybe(c.run.eer),
                c.run.collapsed.to_string(),
            ];
            out.push_str(&fields.join(","));
            out.push_str("\r\n");
        }
        out
    }
}
