//! What a sweep says of each of its losses, without its runs: what advice is held against.

use serde::{Deserialize, Serialize};

use super::{Cell, Group, LossSweep, RateSweep, Sweep, analyze};
use crate::error::Result;
use crate::results::TrainedBy;

/// Margins of one loss, trained at one scale on one data set, at the learning rate that suited best.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Registry name of the loss.
    pub loss: String,
    /// C.
    pub classes: usize,
    /// D.
    pub dim: usize,
    /// The data set.
    pub data: String,
    /// The sweep that it is from.
    pub source: String,
    /// The fixed scale, if there is one.
    pub scale: Option<f64>,
    /// Peak learning rate.
    pub rate: f64,
    /// Seeds a margin; the least, where margins differ.
    pub seeds: usize,
    /// Every margin that was trained, ascending.
    pub tried: Vec<f64>,
    /// Those at which a training collapsed.
    pub collapsed: Vec<f64>,
    /// The lowest and the highest usable margin.
    pub usable: Option<(f64, f64)>,
    /// Why there is no usable range, if there is none; else empty.
    pub no_range: String,
    /// Half the width of the 95 % interval of a difference of accuracies: a margin of the usable
    /// range may lie behind the best by about as much.
    pub unseen: Option<f64>,
    /// The best margin, chosen on validation images, and its mean accuracy on the test images.
    pub best: Option<(f64, f64)>,
    /// Other learning rates, and the margins at which a training collapsed there.
    pub other_rates: Vec<(f64, Vec<f64>)>,
}

/// A sweep's word on each of its losses, scales and dimensions. Runs of the naive trainer say
/// nothing of what the default one makes of a margin. `source` names the sweep; `seed` is of the
/// resamples of its tests.
///
/// # Errors
///
/// Those of [`analyze`].
pub fn evidence(sweep: &Sweep, source: &str, seed: u64) -> Result<Vec<Evidence>> {
    let cells: Vec<&Cell> = sweep.cells.iter().filter(|c| c.run.trainer != TrainedBy::Naive).collect();
    let mut places: Vec<(Option<f64>, u64)> = Vec::new();
    for cell in &cells {
        let place = (cell.run.scale, cell.run.dim);
        if !places.contains(&place) {
            places.push(place);
        }
    }
    let mut out = Vec::new();
    for (scale, dim) in places {
        let here = cells.iter().filter(|c| (c.run.scale, c.run.dim) == (scale, dim)).map(|c| (*c).clone());
        let part = Sweep { cells: here.collect(), ..sweep.clone() };
        for loss in analyze(&part, seed)? {
            let Some(rate) = loss.best_rate().or_else(|| least_collapsed(&loss)) else { continue };
            let dead = |r: &RateSweep| -> Vec<f64> {
                r.groups.iter().filter(|g| !g.collapsed_seeds.is_empty()).map(|g| g.margin).collect()
            };
            let usable = rate.usable.as_ref();
            out.push(Evidence {
                loss: loss.loss.clone(),
                classes: sweep.data.classes as usize,
                dim: dim as usize,
                data: sweep.data.name.clone(),
                source: source.to_owned(),
                scale,
                rate: rate.rate,
                seeds: rate.groups.iter().map(Group::runs).min().unwrap_or(0),
                tried: rate.groups.iter().map(|g| g.margin).collect(),
                collapsed: dead(rate),
                usable: usable.ok().map(|u| (u.low, u.high)),
                no_range: usable.err().map_or(String::new(), |why| why.reason().to_owned()),
                unseen: usable.ok().and_then(|u| u.unseen),
                best: rate.best_group().and_then(|g| Some((g.margin, g.accuracy?.value))),
                other_rates: loss.rates.iter().filter(|r| r.rate != rate.rate).map(|r| (r.rate, dead(r))).collect(),
            });
        }
    }
    Ok(out)
}

/// The rate at which the fewest trainings collapsed, where nothing else chooses one.
fn least_collapsed(loss: &LossSweep) -> Option<&RateSweep> {
    loss.rates.iter().min_by_key(|r| r.groups.iter().map(|g| g.collapsed_seeds.len()).sum::<usize>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measures::Estimate;
    use crate::results::Run;

    fn cell(margin: f64, seed: u64, accuracy: Option<f64>, trainer: TrainedBy) -> Cell {
        let run = Run {
            validation_accuracy: accuracy.or(Some(0.1)),
            collapsed: accuracy.is_none(),
            trainer,
            scale: Some(16.0),
            dim: 2,
            ..Run::default()
        }
        .with("accuracy", Estimate::new(accuracy.unwrap_or(0.1)).over(2000));
        Cell {
            loss: "arcface".into(),
            margin_key: "angle_margin".into(),
            margin,
            boundary_cost: margin / 2.0,
            rate: 0.1,
            seed,
            run,
        }
    }

    #[test]
    fn a_sweep_is_told_by_its_ranges_and_its_dead() {
        let mut cells = Vec::new();
        for (seed, noise) in [0.0, 0.001, -0.0015].into_iter().enumerate() {
            let seed = seed as u64;
            cells.push(cell(0.0, seed, Some(0.95 + noise), TrainedBy::Default));
            cells.push(cell(0.2, seed, Some(0.96 + 1.1 * noise), TrainedBy::Default));
            cells.push(cell(0.4, seed, None, TrainedBy::Default));
            cells.push(cell(0.6, seed, Some(0.99), TrainedBy::Naive));
        }
        let found = evidence(&Sweep { cells, ..Sweep::default() }, "s", 0).unwrap();
        assert_eq!(found.len(), 1);
        let e = &found[0];
        assert_eq!((e.tried.as_slice(), e.collapsed.as_slice()), (&[0.0, 0.2, 0.4][..], &[0.4][..]));
        assert_eq!((e.seeds, e.dim, e.scale, e.rate), (3, 2, Some(16.0), 0.1));
        assert_eq!(e.usable.map(|u| u.1), Some(0.2));
        assert_eq!(e.best.map(|b| b.0), Some(0.2));
    }
}
