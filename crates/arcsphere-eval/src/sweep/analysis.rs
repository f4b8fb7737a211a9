//! What a sweep allows to say.

use super::difference::{Difference, differences};
use super::group::Group;
use super::usable::{NoRange, UsableRange, usable};
use super::{Cell, Sweep};
use crate::error::{EvalError, Result};
use crate::results::TrainedBy;

/// One loss under one trainer, over margins and learning rates.
#[derive(Debug, Clone, PartialEq)]
pub struct LossSweep {
    /// Registry name of the loss.
    pub loss: String,
    /// Who trained it, as in [`Run::trainer`](crate::results::Run::trainer).
    pub trainer: TrainedBy,
    /// Which margin varies, as in [`Cell::margin_key`].
    pub margin_key: String,
    /// By rising learning rate.
    pub rates: Vec<RateSweep>,
    /// The learning rate whose best margin has the highest validation accuracy; none where
    /// no margin was chosen.
    pub best: Option<usize>,
}

impl LossSweep {
    /// The learning rate that was chosen.
    pub fn best_rate(&self) -> Option<&RateSweep> {
        self.best.map(|i| &self.rates[i])
    }

    /// All groups, by rate and margin.
    pub fn groups(&self) -> impl Iterator<Item = &Group> {
        self.rates.iter().flat_map(|r| &r.groups)
    }

    /// Runs that collapsed, and all runs.
    pub fn collapsed(&self) -> (usize, usize) {
        self.groups().fold((0, 0), |(dead, all), g| (dead + g.collapsed_seeds.len(), all + g.runs()))
    }
}

/// The margins of a loss at one learning rate.
#[derive(Debug, Clone, PartialEq)]
pub struct RateSweep {
    /// The learning rate.
    pub rate: f64,
    /// By rising margin.
    pub groups: Vec<Group>,
    /// The margin of highest mean validation accuracy among those with the most runs;
    /// of equal ones the smallest. The test set has no say in it.
    pub best: Option<usize>,
    /// Each margin against the best one, on test accuracy; none for the best itself and
    /// where fewer than two seeds are in common.
    pub differences: Vec<Option<Difference>>,
    /// The margins that can be used, or why none can be named.
    pub usable: std::result::Result<UsableRange, NoRange>,
}

impl RateSweep {
    /// The margin that was chosen.
    pub fn best_group(&self) -> Option<&Group> {
        self.best.map(|i| &self.groups[i])
    }
}

/// Groups the cells by loss, trainer and kind of margin in the order in which these first
/// appear, and compares the margins of each learning rate. `seed` is that of the
/// resamples of bootstrap and sign-flip tests.
///
/// # Errors
/// [`EvalError::Twice`] if two cells differ in nothing, [`EvalError::NotFinite`] for a
/// margin, a boundary cost or a rate.
pub fn analyze(sweep: &Sweep, seed: u64) -> Result<Vec<LossSweep>> {
    check(&sweep.cells)?;
    let mut losses: Vec<Vec<&Cell>> = Vec::new();
    let name = |c: &Cell| (c.loss.clone(), c.run.trainer, c.margin_key.clone());
    for cell in &sweep.cells {
        match losses.iter_mut().find(|l| name(l[0]) == name(cell)) {
            Some(loss) => loss.push(cell),
            None => losses.push(vec![cell]),
        }
    }
    losses.iter().map(|cells| loss_sweep(cells, seed)).collect()
}

fn check(cells: &[Cell]) -> Result<()> {
    for (index, cell) in cells.iter().enumerate() {
        for (what, value) in [
            ("the margin of a sweep's cell", cell.margin),
            ("the boundary cost of a sweep's cell", cell.boundary_cost),
            ("the learning rate of a sweep's cell", cell.rate),
        ] {
            if !value.is_finite() {
                return Err(EvalError::NotFinite { what, index, value });
            }
        }
    }
    let key = |c: &Cell| {
        let numbers = (c.margin.to_bits(), c.rate.to_bits(), c.seed);
        (c.loss.clone(), c.run.trainer, c.margin_key.clone(), numbers)
    };
    let mut sorted: Vec<&Cell> = cells.iter().collect();
    sorted.sort_by_cached_key(|c| key(c));
    match sorted.windows(2).find(|w| key(w[0]) == key(w[1])) {
        Some(twice) => {
            let c = twice[0];
            let trainer = match c.run.trainer {
                TrainedBy::Unnamed => String::new(),
                named => format!(" ({named})"),
            };
            let place = format!("{} {}, learning rate {}, seed {}", c.margin_key, c.margin, c.rate, c.seed);
            Err(EvalError::Twice(format!("{}{trainer} at {place}", c.loss)))
        }
        None => Ok(()),
    }
}

fn loss_sweep(cells: &[&Cell], seed: u64) -> Result<LossSweep> {
    let rates: Vec<RateSweep> =
        grouped(cells, |c| c.rate).iter().map(|cells| rate_sweep(cells, seed)).collect::<Result<_>>()?;
    let chosen = (0..rates.len()).filter_map(|i| Some((i, rates[i].best_group()?)));
    let best = highest(chosen);
    let c = cells[0];
    Ok(LossSweep { loss: c.loss.clone(), trainer: c.run.trainer, margin_key: c.margin_key.clone(), rates, best })
}

fn rate_sweep(cells: &[&Cell], seed: u64) -> Result<RateSweep> {
    let groups: Vec<Group> = grouped(cells, |c| c.margin).iter().map(|g| Group::of(g)).collect::<Result<_>>()?;
    let best = highest(groups.iter().enumerate());
    let (differences, usable) = match best {
        Some(best) => {
            let differences = differences(&groups, best, seed)?;
            let usable = usable(&groups, &differences, best);
            (differences, usable)
        }
        None => (vec![None; groups.len()], Err(NoRange::NothingToChooseBy)),
    };
    Ok(RateSweep { rate: cells[0].rate, groups, best, differences, usable })
}

/// Cells of the same `value` together, by rising value.
fn grouped<'a>(cells: &[&'a Cell], value: impl Fn(&Cell) -> f64) -> Vec<Vec<&'a Cell>> {
    let mut sorted = cells.to_vec();
    sorted.sort_by(|a, b| value(a).total_cmp(&value(b)));
    sorted.chunk_by(|a, b| value(a) == value(b)).map(<[&Cell]>::to_vec).collect()
}

/// The first group of highest validation accuracy. A mean over fewer runs than others
/// have is no match for theirs: groups with the most runs come first.
fn highest<'a>(groups: impl Iterator<Item = (usize, &'a Group)>) -> Option<usize> {
    let valid = groups.filter_map(|(i, g)| Some((i, (g.runs(), g.validation?))));
    valid.reduce(|a, b| if b.1 > a.1 { b } else { a }).map(|best| best.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{cell, dead};

    fn of(cells: Vec<Cell>) -> Vec<LossSweep> {
        analyze(&Sweep { cells, ..Sweep::default() }, 1).unwrap()
    }

    #[test]
    fn the_validation_set_chooses_and_the_test_set_is_reported() {
        let mut cells = Vec::new();
        for seed in 0..3 {
            cells.push(cell("a", 0.5, 0.1, seed, 0.95, 970 + seed));
            cells.push(cell("a", 0.3, 0.1, seed, 0.96, 950 + 2 * seed));
            cells.push(cell("a", 0.3, 0.01, seed, 0.94, 990));
        }
        let losses = of(cells.clone());
        let best = losses[0].best_rate().unwrap();
        assert_eq!((best.rate, best.best_group().unwrap().margin), (0.1, 0.3));
        assert!((best.best_group().unwrap().accuracy.unwrap().value - 0.952).abs() < 1e-12);
        // A margin ahead of the chosen one on the test set is not below it.
        assert!(best.differences[1].unwrap().mean.value > 0.0);
        assert_eq!(best.usable.as_ref().unwrap().high, 0.5);
        for c in &mut cells {
            let turned = 1.0 - c.run.get("accuracy").unwrap();
            c.run = c.run.clone().with("accuracy", turned);
        }
        let turned = of(cells);
        assert_eq!(turned[0].best_rate().unwrap().best_group().unwrap().margin, 0.3);
    }

    #[test]
    fn losses_trainers_and_rates_are_apart_and_in_order() {
        let mut naive = dead("b", 0.5, 0.1, 1, "NaN");
        naive.run.trainer = TrainedBy::Naive;
        let losses = of(vec![
            cell("b", 0.5, 0.1, 1, 0.9, 900),
            naive,
            cell("a", 0.9, 0.1, 1, 0.9, 900),
            cell("a", 0.1, 0.1, 1, 0.9, 900),
            cell("a", 0.5, 0.01, 1, 0.9, 900),
        ]);
        let names: Vec<(&str, &str)> = losses.iter().map(|l| (l.loss.as_str(), l.trainer.name())).collect();
        assert_eq!(names, [("b", "default"), ("b", "naive"), ("a", "default")]);
        let a = &losses[2];
        assert_eq!(a.rates.iter().map(|r| r.rate).collect::<Vec<_>>(), [0.01, 0.1]);
        assert_eq!(a.rates[1].groups.iter().map(|g| g.margin).collect::<Vec<_>>(), [0.1, 0.9]);
        assert_eq!(a.rates[1].usable, Err(NoRange::OneSeed));
        assert_eq!((losses[1].collapsed(), a.collapsed()), ((1, 1), (0, 3)));
        assert!(of(vec![]).is_empty());
    }

    #[test]
    fn fewer_seeds_do_not_win_and_without_validation_nothing_is_chosen() {
        let mut cells = vec![cell("a", 0.1, 0.1, 1, 0.90, 900), cell("a", 0.1, 0.1, 2, 0.90, 900)];
        cells.push(cell("a", 0.2, 0.1, 1, 0.99, 990));
        assert_eq!(of(cells.clone())[0].best_rate().unwrap().best, Some(0));
        for c in &mut cells {
            c.run.validation_accuracy = None;
        }
        let none = of(cells);
        assert_eq!((none[0].best, &none[0].rates[0].usable), (None, &Err(NoRange::NothingToChooseBy)));
    }

    #[test]
    fn wrong_cells_are_named() {
        let one = cell("arcface", 0.5, 0.1, 3, 0.9, 900);
        let says = |cells| analyze(&Sweep { cells, ..Sweep::default() }, 1).unwrap_err().to_string();
        let twice = says(vec![one.clone(), one.clone()]);
        assert!(twice.contains("arcface (default) at angle_margin 0.5, learning rate 0.1, seed 3"), "{twice}");
        assert!(says(vec![Cell { margin: f64::NAN, ..one }]).contains("margin"));
    }
}
