//! What a sweep leaves behind: its numbers, and a table for the terminal.

use super::folder::Begun;
use super::grid::Point;
use anyhow::Result;
use arcsphere_eval::results::{Run, summarize};
use arcsphere_eval::sweep::{Cell, Sweep};
use std::fmt::Write as _;
use std::path::Path;

/// The results' file.
pub(super) const JSON_FILE: &str = "sweep.json";
const CSV_FILE: &str = "sweep.csv";

/// Writes everything and returns the numbers.
pub(super) fn write(folder: &Path, begun: &Begun, points: &[Point], cells: Vec<Cell>) -> Result<Sweep> {
    let sweep = Sweep {
        version: begun.version.clone(),
        command: begun.grid.command_line(&begun.machine.device)?,
        data: begun.data.clone(),
        machine: begun.machine.clone(),
        budget: budget(begun, points),
        cells,
    };
    sweep.write_csv(&folder.join(CSV_FILE))?;
    // Last, for it says that the sweep is whole.
    sweep.write_json(&folder.join(JSON_FILE))?;
    Ok(sweep)
}

/// What each cell was given.
fn budget(begun: &Begun, points: &[Point]) -> String {
    let c = &begun.grid.config;
    let steps = points.first().map_or(0, |p| p.plan.steps);
    let epochs = if c.train.epochs == 1 { "epoch" } else { "epochs" };
    format!(
        "{} {epochs} of {} images, {steps} steps of {}, {} in {} dimensions, one thread",
        c.train.epochs,
        begun.data.n_train,
        c.train.batch.min(begun.data.n_train as usize),
        c.model.backbone,
        c.model.dim
    )
}

/// A line a point of the grid, over its seeds.
pub(super) fn table(sweep: &Sweep, seeds: usize) -> String {
    let mut out = format!(
        "{:<18} {:>7} {:>7} {:>8} {:>7} {:>22} {:>8} {:>8}\n",
        "loss", "margin", "costs", "rate", "scale", "accuracy [95 %]", "worst", "EER"
    );
    for point in sweep.cells.chunks(seeds.max(1)) {
        let runs: Vec<Run> = point.iter().map(|c| c.run.clone()).collect();
        let (first, summaries) = (&point[0], summarize(&runs));
        let Some(s) = summaries.first() else { continue };
        let percent = |v: Option<f64>| v.map_or("–".to_owned(), |v| format!("{:.2}", 100.0 * v));
        let accuracy = match (s.accuracy, s.accuracy_low, s.accuracy_high) {
            (Some(mean), Some(low), Some(high)) => {
                format!("{:.2} [{:.2}, {:.2}]", 100.0 * mean, 100.0 * low, 100.0 * high)
            }
            _ => "–".to_owned(),
        };
        let _ = writeln!(
            out,
            "{:<18} {:>7} {:>6.1}° {:>8} {:>7} {:>22} {:>8} {:>8}{}",
            first.loss,
            first.margin,
            first.boundary_cost.to_degrees(),
            first.rate,
            s.scale.map_or("‖x‖".to_owned(), |s| format!("{s:.1}")),
            accuracy,
            percent(s.worst.map(|w| w.1)),
            percent(s.eer),
            if s.collapsed > 0 { format!("  {} of {} collapsed", s.collapsed, s.runs) } else { String::new() }
        );
    }
    out
}
