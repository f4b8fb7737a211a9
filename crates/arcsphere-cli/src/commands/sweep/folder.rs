//! A sweep's folder: what it is of, and the cells that are finished.
//!
//! ```text
//! grid.json              the grid, the images and the machine; written first
//! cells/<name>.json      a finished training each, whole or absent; while it is measured, it is
//!                        kept in <name>.training/
//! log.txt                what happened when
//! sweep.json, sweep.csv  at the end, from the cells alone; so are pictures and report.html
//! ```
//!
//! The results are always read from the cells' files, in the grid's order, whoever trained
//! them and when. So a sweep that was killed and resumed has the same results, byte for
//! byte, as one that was not. Seconds stay in the cells' files, for no two trainings take
//! the same time.

use super::grid::{Grid, Point};
use crate::mistake::mistake;
use crate::settings;
use anyhow::{Context, Result};
use arcsphere_eval::results::{DataInfo, Machine, Run, write_atomic};
use arcsphere_eval::sweep::Cell;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

const GRID_FILE: &str = "grid.json";
const CELLS: &str = "cells";

/// What a sweep is of. All of it must be as it was when the sweep goes on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct SweepSpec {
    /// Version of the program.
    pub(super) version: String,
    /// What is trained.
    pub(super) grid: Grid,
    /// On which images.
    pub(super) data: DataInfo,
    /// Where; `threads` are those of one cell.
    pub(super) machine: Machine,
}

impl SweepSpec {
    /// Reads what a folder holds.
    pub(super) fn read(folder: &Path) -> Result<SweepSpec> {
        let path = folder.join(GRID_FILE);
        let text = settings::text_of_run(&path, || {
            format!("{} holds no sweep (no {GRID_FILE}), so there is nothing to resume", folder.display())
        })?;
        let broken = |why: String| {
            mistake!("{} is broken: {why}; take a whole copy, or start another with --out", path.display())
        };
        let spec: SweepSpec = serde_json::from_str(&text).map_err(|e| broken(e.to_string()))?;
        spec.grid.check().map_err(|e| broken(e.to_string()))?;
        Ok(spec)
    }

    /// Writes it into an empty folder.
    pub(super) fn write(&self, folder: &Path) -> Result<()> {
        Ok(write_atomic(&folder.join(GRID_FILE), json(self)?.as_bytes())?)
    }

    /// Refuses to go on where cells would not be comparable with those that are there.
    pub(super) fn same_place(&self, now: &SweepSpec) -> Result<()> {
        let differs = |what: &str, was: &str, is: &str| {
            mistake!("the sweep was begun {what} {was}, and this is {is}: go on there, or start another with --out")
        };
        if self.data.sha256 != now.data.sha256 {
            return Err(differs("on images with the checksum", &self.data.sha256, &now.data.sha256));
        }
        for (what, was, is) in [
            ("by version", &self.version, &now.version),
            ("with the instruction set", &self.machine.isa, &now.machine.isa),
            ("with --device", &self.machine.device, &now.machine.device),
        ] {
            if was != is {
                return Err(differs(what, was, is));
            }
        }
        Ok(())
    }
}

/// The cells of a sweep, as files.
pub(super) struct Cells(PathBuf);

impl Cells {
    /// Those of a folder, without what a killed process left half written or had no time to remove.
    pub(super) fn of(folder: &Path) -> Result<Cells> {
        let cells = folder.join(CELLS);
        std::fs::create_dir_all(&cells).with_context(|| format!("cannot make {}", cells.display()))?;
        for entry in std::fs::read_dir(&cells).with_context(|| format!("cannot read {}", cells.display()))? {
            let path = entry?.path();
            let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            if name.starts_with('.') && name.ends_with(".tmp") {
                std::fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
            } else if path.extension().is_some_and(|e| e == "training") && path.with_extension("json").is_file() {
                std::fs::remove_dir_all(&path).with_context(|| format!("cannot remove {}", path.display()))?;
            }
        }
        Ok(Cells(cells))
    }

    /// The points that no file is there for. A file that is no cell of its point is refused
    /// here, before anything else is trained.
    pub(super) fn missing(&self, points: &[Point]) -> Result<Vec<Point>> {
        let mut missing = Vec::new();
        for point in points {
            if self.path(point).is_file() {
                self.read_one(point)?;
            } else {
                missing.push(point.clone());
            }
        }
        Ok(missing)
    }

    /// Keeps a training's numbers; its checkpoint has done its work.
    pub(super) fn write(&self, point: &Point, run: Run) -> Result<()> {
        let cell = Cell {
            loss: run.loss.clone(),
            margin_key: point.unit.key().to_owned(),
            margin: point.margin,
            boundary_cost: point.boundary_cost,
            rate: point.plan.config().optim.rate,
            seed: point.plan.config().train.seed,
            run,
        };
        write_atomic(&self.path(point), json(&cell)?.as_bytes())?;
        let training = self.training(point);
        if training.is_dir() {
            std::fs::remove_dir_all(&training).with_context(|| format!("cannot remove {}", training.display()))?;
        }
        Ok(())
    }

    /// The folder in which a finished training is kept until it is measured.
    pub(super) fn training(&self, point: &Point) -> PathBuf {
        self.0.join(format!("{}.training", point.name()))
    }

    /// Every cell, in the points' order, without its seconds.
    pub(super) fn read(&self, points: &[Point]) -> Result<Vec<Cell>> {
        points.iter().map(|p| self.read_one(p)).collect()
    }

    fn read_one(&self, point: &Point) -> Result<Cell> {
        let path = self.path(point);
        let text = arcsphere_files::read_text(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let broken = |why: String| {
            mistake!("{} is broken: {why}; remove it and resume, and it is trained again", path.display())
        };
        let mut cell: Cell = serde_json::from_str(&text).map_err(|e| broken(e.to_string()))?;
        let c = point.plan.config();
        let own = (point.plan.name(), point.margin, c.optim.rate, c.train.seed);
        if (cell.loss.as_str(), cell.margin, cell.rate, cell.seed) != own {
            return Err(broken("it is of another training".to_owned()));
        }
        (cell.run.train_seconds, cell.run.samples_per_second) = (0.0, 0.0);
        // A recovery may have softened it, and that is no other point of the grid.
        cell.run.scale = cell.run.scale.and(c.loss.scale);
        Ok(cell)
    }

    fn path(&self, point: &Point) -> PathBuf {
        self.0.join(format!("{}.json", point.name()))
    }
}

fn json(value: &impl Serialize) -> Result<String> {
    Ok(serde_json::to_string_pretty(value)? + "\n")
}
