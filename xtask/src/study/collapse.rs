//! How often training dies, under one trainer and another.

use super::sensitivity::causes;
use super::words::{self, NONE};
use anyhow::Result;
use arcsphere_eval::interval::{Proportion, wilson};
use arcsphere_eval::paired::sign_flip;
use arcsphere_eval::results::TrainedBy;
use arcsphere_eval::sweep::{Cell, LossSweep, SIGNIFICANT, Sweep, describe_margin};

/// Trainer whose runs must not collapse.
const DEFAULT: TrainedBy = TrainedBy::Default;

/// The sweeps of a group as one. A job's variant names the trainer where a run does not.
pub(super) fn joined(sweeps: &[(&str, Sweep)]) -> Sweep {
    let mut all = sweeps[0].1.clone();
    all.cells = sweeps
        .iter()
        .flat_map(|(variant, sweep)| {
            sweep.cells.iter().cloned().map(move |mut cell| {
                if cell.run.trainer == TrainedBy::Unnamed {
                    cell.run.trainer = if *variant == "naive" { TrainedBy::Naive } else { DEFAULT };
                }
                cell
            })
        })
        .collect();
    all
}

/// A line a loss and trainer.
pub(super) fn table(losses: &[LossSweep]) -> String {
    let head = ["loss", "trainer", "margins × rates × seeds", "collapsed", "recovered", "accuracy, %", "causes"];
    let rows: Vec<Vec<String>> = losses
        .iter()
        .map(|loss| {
            let (dead, all) = loss.collapsed();
            let margins = loss.rates.iter().map(|rate| rate.groups.len()).max().unwrap_or(0);
            let seeds = loss.groups().map(|g| g.runs()).max().unwrap_or(0);
            vec![
                loss.loss.clone(),
                loss.trainer.to_string(),
                format!("{margins} × {} × {seeds}", loss.rates.len()),
                share(dead, all),
                loss.groups().map(|g| g.recovered.len()).sum::<usize>().to_string(),
                quarters(loss.groups().flat_map(|g| g.accuracies.iter().map(|a| a.1))),
                all_causes(loss),
            ]
        })
        .collect();
    words::table(&head.map(str::to_owned), &rows)
}

/// How to read the tables, once a part.
pub(super) const READING: &str = "In brackets: Wilson's 95 %, which takes runs for independent. A recovered run was rolled \
    back, went on and ended well; causes are of collapsed and recovered runs. Accuracy is the median of all runs, those \
    that collapsed among them, with the first and the third quarter: not an interval, but how far the cells lie apart.";

/// Every margin and rate with its runs, and by name every run of the default trainer that nearly died.
pub(super) fn cells(sweep: &Sweep, losses: &[LossSweep]) -> String {
    let mut out = "## Runs that collapsed, by margin and learning rate\n\n".to_owned();
    let head = ["loss", "trainer", "margin", "rate", "collapsed", "recovered", "causes"].map(str::to_owned);
    let mut rows = Vec::new();
    for loss in losses {
        for group in loss.groups() {
            rows.push(vec![
                loss.loss.clone(),
                loss.trainer.to_string(),
                format!("{} = {}", describe_margin(&loss.margin_key).0, words::short(group.margin)),
                words::short(group.rate),
                words::share(&group.collapsed),
                group.recovered.len().to_string(),
                causes(group),
            ]);
        }
    }
    out += &words::table(&head, &rows);
    out += "\n## Runs of the default trainer that were saved or lost\n\n";
    let near = |c: &&Cell| c.run.trainer == DEFAULT && (c.run.recovered > 0 || c.run.collapsed);
    let named: Vec<Vec<String>> = sweep
        .cells
        .iter()
        .filter(near)
        .map(|c| {
            let rollbacks = words::count(c.run.recovered as usize, "rollback");
            let became = match (c.run.collapsed, c.run.recovered) {
                (false, _) => format!("recovered by {rollbacks}"),
                (true, 0) => "collapsed".to_owned(),
                (true, _) => format!("collapsed after {rollbacks}"),
            };
            let margin = format!("{} = {}", describe_margin(&c.margin_key).0, words::short(c.margin));
            let why = if c.run.causes.is_empty() { c.run.reason.clone() } else { c.run.causes.join(", ") };
            vec![c.loss.clone(), margin, words::short(c.rate), c.seed.to_string(), became, why]
        })
        .collect();
    if named.is_empty() {
        return out + "None.\n";
    }
    out + &words::table(&["loss", "margin", "rate", "seed", "what became of it", "cause"].map(str::to_owned), &named)
}

/// What the counts allow to say: each trainer's rate, the target of the default one, and the trainers against each
/// other over the same margins, rates and seeds.
pub(super) fn findings(name: &str, sweep: &Sweep) -> Result<Vec<String>> {
    let mut trainers: Vec<TrainedBy> = Vec::new();
    for cell in &sweep.cells {
        if !trainers.contains(&cell.run.trainer) {
            trainers.push(cell.run.trainer);
        }
    }
    let mut out = Vec::new();
    for trainer in &trainers {
        let own: Vec<&Cell> = sweep.cells.iter().filter(|c| c.run.trainer == *trainer).collect();
        let dead = own.iter().filter(|c| c.run.collapsed).count();
        let saved = own.iter().filter(|c| c.run.recovered > 0 && !c.run.collapsed).count();
        let mut text =
            format!("{name}, {trainer} trainer: {} collapsed, {saved} more recovered", share(dead, own.len()));
        text += &format!("; median accuracy {} %", quarters(own.iter().map(|c| c.run.get("accuracy").unwrap_or(0.0))));
        if *trainer == DEFAULT {
            text += if dead == 0 { "; the target of 0 collapses is reached" } else { "; the target of 0 is missed" };
        }
        out.push(text + ".");
    }
    for other in trainers.iter().filter(|t| **t != DEFAULT) {
        out.extend(against(name, sweep, *other)?);
    }
    Ok(out)
}

/// Another trainer against the default one, training by training.
fn against(name: &str, sweep: &Sweep, other: TrainedBy) -> Result<Option<String>> {
    let place = |c: &Cell| (c.loss.clone(), c.margin.to_bits(), c.rate.to_bits(), c.seed);
    let own: Vec<(_, bool)> =
        sweep.cells.iter().filter(|c| c.run.trainer == DEFAULT).map(|c| (place(c), c.run.collapsed)).collect();
    let pairs = sweep.cells.iter().filter(|c| c.run.trainer == other).filter_map(|c| {
        let same = own.iter().find(|(p, _)| *p == place(c))?;
        Some((f64::from(u8::from(c.run.collapsed)), f64::from(u8::from(same.1))))
    });
    let (theirs, ours): (Vec<f64>, Vec<f64>) = pairs.unzip();
    if theirs.is_empty() {
        return Ok(None);
    }
    let test = sign_flip(&theirs, &ours, 0)?;
    let only = |a: &[f64], b: &[f64]| a.iter().zip(b).filter(|(a, b)| a > b).count();
    let word = match test.p <= SIGNIFICANT {
        true if test.difference > 0.0 => "collapses more often than",
        true => "collapses less often than",
        false => "is not told apart from",
    };
    Ok(Some(format!(
        "{name}: the {other} trainer {word} the default one over the same {} trainings: {} collapsed only under {other}, \
         {} only under default (sign-flip test, {}).",
        theirs.len(),
        only(&theirs, &ours),
        only(&ours, &theirs),
        words::p_value(test.p)
    )))
}

/// Median and, in brackets, the first and the third quarter, in percent.
fn quarters(values: impl Iterator<Item = f64>) -> String {
    let mut values: Vec<f64> = values.filter(|v| v.is_finite()).collect();
    values.sort_by(f64::total_cmp);
    let Some(last) = values.len().checked_sub(1) else { return NONE.to_owned() };
    let at = |part: f64| {
        let place = part * last as f64;
        let (low, high) = (values[place.floor() as usize], values[place.ceil() as usize]);
        words::number(100.0 * (low + (place - place.floor()) * (high - low)))
    };
    format!("{} [{}, {}]", at(0.5), at(0.25), at(0.75))
}

fn share(dead: usize, all: usize) -> String {
    let p: Option<Proportion> = wilson(dead as u64, all as u64).ok();
    p.map_or(NONE.to_owned(), |p| words::share(&p))
}

/// Causes over all margins and rates, and by how many runs each was named.
fn all_causes(loss: &LossSweep) -> String {
    let mut causes: Vec<(&str, usize)> = Vec::new();
    for (cause, n) in loss.groups().flat_map(|g| &g.causes) {
        match causes.iter_mut().find(|known| known.0 == cause) {
            Some(known) => known.1 += n,
            None => causes.push((cause, *n)),
        }
    }
    causes.sort_by_key(|c| std::cmp::Reverse(c.1));
    let causes: Vec<String> = causes.iter().map(|(cause, n)| format!("{cause} ({n})")).collect();
    if causes.is_empty() { NONE.to_owned() } else { causes.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::super::sensitivity::{analyze, tests::cell};
    use super::*;

    /// Six seeds at one margin: all die naively, one is saved by default.
    fn sweep() -> Sweep {
        let (mut default, mut naive) = (Sweep::default(), Sweep::default());
        for seed in 0..6 {
            let mut well = cell("arcface", 0.5, seed, 0.95);
            well.run.trainer = TrainedBy::Unnamed;
            if seed == 3 {
                well.run.recovered = 1;
                well.run.causes = vec!["loss not finite".into()];
            }
            default.cells.push(well);
            let mut dead = cell("arcface", 0.5, seed, 0.1);
            dead.run.trainer = TrainedBy::Unnamed;
            dead.run.collapsed = true;
            dead.run.causes = vec!["loss not finite".into()];
            naive.cells.push(dead);
        }
        joined(&[("", default), ("naive", naive)])
    }

    #[test]
    fn collapsed_and_recovered_runs_are_counted_by_trainer() {
        let sweep = sweep();
        let table = table(&analyze(&sweep).unwrap());
        assert!(
            table
                .contains("| arcface | default | 1 × 1 × 6 | 0 of 6: 0.00 % [0.00, 39.03] | 1 | 95.00 [95.00, 95.00] | loss not finite (1) |"),
            "{table}"
        );
        assert!(
            table.contains(
                "| arcface | naive | 1 × 1 × 6 | 6 of 6: 100.00 % [60.97, 100.00] | 0 | 10.00 [10.00, 10.00] | loss not finite (6) |"
            ),
            "{table}"
        );
    }

    #[test]
    fn trainers_are_compared_training_by_training() {
        let found = findings("2-D", &sweep()).unwrap();
        assert_eq!(found.len(), 3);
        assert!(found[0].ends_with(
                "collapsed, 1 more recovered; median accuracy 95.00 [95.00, 95.00] %; the target of 0 collapses is reached."
            ), "{found:?}");
        let last = &found[2];
        assert!(
            last.contains("naive trainer collapses more often than the default one over the same 6 trainings"),
            "{last}"
        );
        // 2 of 2⁶ sign patterns.
        assert!(
            last.contains("6 collapsed only under naive, 0 only under default (sign-flip test, p = 0.031)"),
            "{last}"
        );
        let mut alone = sweep();
        alone.cells.retain(|c| c.run.trainer == TrainedBy::Naive);
        assert_eq!(findings("2-D", &alone).unwrap().len(), 1);
    }

    #[test]
    fn quarters_lie_between_values() {
        assert_eq!(quarters([0.1, 0.4, 0.2, 0.3, f64::NAN].into_iter()), "25.00 [17.50, 32.50]");
        assert_eq!(quarters([0.5].into_iter()), "50.00 [50.00, 50.00]");
        assert_eq!(quarters([].into_iter()), NONE);
    }

    #[test]
    fn a_saved_run_is_named() {
        let sweep = sweep();
        let text = cells(&sweep, &analyze(&sweep).unwrap());
        assert!(
            text.contains("| arcface | m1 = 0.5 | 0.1 | 3 | recovered by 1 rollback | loss not finite |"),
            "{text}"
        );
        assert!(text.contains("| arcface | naive | m1 = 0.5 | 0.1 | 6 of 6"), "{text}");
    }
}
