//! Accuracy over the margin: the range that can be used, in a table and a sentence a sweep.

use super::comparison::{data, machine};
use super::words::{self, NONE};
use anyhow::Result;
use arcsphere_eval::interval::wilson;
use arcsphere_eval::sweep::{Difference, Group, LossSweep, RateSweep, Sweep, UsableRange, describe_margin};

/// A line a loss: its best margin, and the range around it.
pub(super) fn ranges(losses: &[LossSweep]) -> String {
    let head = [
        "loss",
        "best margin",
        "seeds",
        "accuracy there, %",
        "usable margins",
        "at the boundary, °",
        "width, °",
        "unseen, points",
        "collapsed",
        "recovered",
    ];
    let rows: Vec<Vec<String>> = losses
        .iter()
        .map(|loss| {
            let rate = chosen(loss);
            let best = rate.and_then(|rate| rate.best_group());
            let mut row = vec![
                loss.loss.clone(),
                best.map_or(NONE.to_owned(), |g| margin(&loss.margin_key, g.margin)),
                best.map_or(NONE.to_owned(), |g| g.accuracies.len().to_string()),
                best.map_or(NONE.to_owned(), accuracy),
            ];
            row.extend(range(rate, &loss.margin_key));
            row.push(dead(loss));
            row.push(loss.groups().map(|g| g.recovered.len()).sum::<usize>().to_string());
            row
        })
        .collect();
    words::table(&head.map(str::to_owned), &rows)
}

/// Every margin of every loss: for a page of its own.
pub(super) fn margins(losses: &[LossSweep]) -> String {
    let mut out = String::new();
    for loss in losses {
        for rate in &loss.rates {
            out += &format!("## {}, learning rate {}\n\n", loss.loss, words::short(rate.rate));
            let against = rate.best_group().map_or("the best".to_owned(), |g| margin(&loss.margin_key, g.margin));
            let head = [
                "margin".to_owned(),
                "takes, °".to_owned(),
                "seeds".to_owned(),
                "accuracy, %".to_owned(),
                format!("less that of {against}, points"),
                "collapsed".to_owned(),
                "recovered".to_owned(),
                "causes".to_owned(),
            ];
            let rows: Vec<Vec<String>> = rate
                .groups
                .iter()
                .zip(&rate.differences)
                .map(|(group, difference)| {
                    vec![
                        margin(&loss.margin_key, group.margin),
                        words::degrees(group.boundary_cost),
                        group.accuracies.len().to_string(),
                        accuracy(group),
                        difference.as_ref().map_or(NONE.to_owned(), behind),
                        words::share(&group.collapsed),
                        group.recovered.len().to_string(),
                        causes(group),
                    ]
                })
                .collect();
            out += &words::table(&head, &rows);
            out.push('\n');
        }
    }
    out
}

/// How to read the tables, once a part.
pub(super) const READING: &str = "Best: by validation. Usable: the margins around the best one none of which collapsed or \
    is significantly below it (paired t-test over the seeds at 5 %, Holm over the margins); `≥` and `…`: no margin beyond \
    was tried. Unseen: so far below the best a margin in the range may lie. In brackets: 95 %, Student's t over the seeds, \
    Wilson for shares.";

/// What the numbers are of.
pub(super) fn caption(sweep: &Sweep) -> String {
    let machine = machine(&sweep.machine, &sweep.version);
    format!("n: {}; each training: {}. {machine}.", data(&sweep.data), sweep.budget)
}

/// The sentence of one sweep.
pub(super) fn finding(name: &str, losses: &[LossSweep]) -> String {
    let said: Vec<String> = losses
        .iter()
        .map(|loss| {
            let symbol = describe_margin(&loss.margin_key).0;
            match chosen(loss).map(|rate| &rate.usable) {
                Some(Ok(r)) => format!("{} {symbol} {}", loss.loss, own(r)),
                Some(Err(none)) => format!("{} none ({})", loss.loss, none.reason()),
                None => format!("{} not run", loss.loss),
            }
        })
        .collect();
    format!("{name}, usable margins: {}.", said.join("; "))
}

/// The learning rate that validation chose, or the first.
fn chosen(loss: &LossSweep) -> Option<&RateSweep> {
    loss.best_rate().or(loss.rates.first())
}

fn margin(key: &str, value: f64) -> String {
    format!("{} = {}", describe_margin(key).0, words::short(value))
}

fn accuracy(group: &Group) -> String {
    group.accuracy.as_ref().map_or(NONE.to_owned(), |m| words::mean(m, |v| words::number(100.0 * v)))
}

/// A margin's difference to the best one.
fn behind(d: &Difference) -> String {
    let sign = if d.is_below() { " ▼" } else { "" };
    format!(
        "{}, {}{sign}",
        words::mean(&d.mean, |v| words::signed(words::number(100.0 * v))),
        words::p_value(d.p_adjusted)
    )
}

/// `0.1 to 0.4`, with `…` where the range may go on.
fn own(r: &UsableRange) -> String {
    ends(words::short(r.low), words::short(r.high), r)
}

fn ends(low: String, high: String, r: &UsableRange) -> String {
    let (before, after) = (if r.open_low { "…" } else { "" }, if r.open_high { "…" } else { "" });
    format!("{before}{low} to {high}{after}")
}

/// Usable margins in their own unit and at the boundary, their width there, and what goes unseen.
fn range(rate: Option<&RateSweep>, key: &str) -> [String; 4] {
    let none = |why: &str| [why.to_owned(), NONE.to_owned(), NONE.to_owned(), NONE.to_owned()];
    match rate.map(|rate| &rate.usable) {
        None => none(NONE),
        Some(Err(why)) => none(why.reason()),
        Some(Ok(r)) => {
            let at_least = if r.open_low || r.open_high { "≥ " } else { "" };
            [
                format!("{} {}", describe_margin(key).0, own(r)),
                ends(words::degrees(r.cost_low), words::degrees(r.cost_high), r),
                format!("{at_least}{}", words::degrees(r.cost_width())),
                r.unseen.map_or(NONE.to_owned(), |v| words::number(100.0 * v)),
            ]
        }
    }
}

fn dead(loss: &LossSweep) -> String {
    let (dead, all) = loss.collapsed();
    wilson(dead as u64, all as u64).map_or(NONE.to_owned(), |p| words::share(&p))
}

/// What its runs died or nearly died of, and how many of them.
pub(super) fn causes(group: &Group) -> String {
    let causes: Vec<String> = group.causes.iter().map(|(cause, n)| format!("{cause} ({n})")).collect();
    if causes.is_empty() { NONE.to_owned() } else { causes.join(", ") }
}

/// The losses of a sweep.
pub(super) fn analyze(sweep: &Sweep) -> Result<Vec<LossSweep>> {
    // Of resamples: a report is the same each time.
    const SEED: u64 = 0;
    Ok(arcsphere_eval::sweep::analyze(sweep, SEED)?)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use arcsphere_eval::measures::Estimate;
    use arcsphere_eval::results::{Run, TrainedBy};
    use arcsphere_eval::sweep::Cell;

    /// A sweep's cell at its margin in radians, with the same accuracy on validation and test images.
    pub(in super::super) fn cell(loss: &str, margin: f64, seed: u64, accuracy: f64) -> Cell {
        let run = Run { validation_accuracy: Some(accuracy), trainer: TrainedBy::Default, ..Run::default() };
        let run = run.with("accuracy", Estimate::new(accuracy).over(1000));
        Cell {
            loss: loss.into(),
            margin_key: "angle_margin".into(),
            margin,
            boundary_cost: 0.5 * margin,
            rate: 0.1,
            seed,
            run,
        }
    }

    /// 0.2 is best, 0 a little behind, and 0.4 collapsed.
    fn sweep() -> Sweep {
        let mut cells = Vec::new();
        for (seed, noise) in [0.0, 0.002, -0.001].into_iter().enumerate() {
            let seed = seed as u64;
            cells.push(cell("arcface", 0.0, seed, 0.949 + 2.0 * noise));
            cells.push(cell("arcface", 0.2, seed, 0.95 + noise));
            let mut dead = cell("arcface", 0.4, seed, 0.1);
            dead.run.collapsed = true;
            dead.run.causes = vec!["NaN".into()];
            cells.push(dead);
        }
        Sweep { cells, ..Sweep::default() }
    }

    #[test]
    fn a_loss_has_its_range_in_both_units() {
        let losses = analyze(&sweep()).unwrap();
        let table = ranges(&losses);
        let row = table.lines().nth(2).unwrap();
        assert!(
            row.starts_with("| arcface | m1 = 0.2 | 3 | 95.03 [94.65, 95.41] | m1 0 to 0.2 | 0.0 to 5.7 | 5.7 |"),
            "{row}"
        );
        assert!(row.ends_with("| 3 of 9: 33.33 % [12.06, 64.58] | 0 |"), "{row}");
        assert_eq!(finding("MNIST", &losses), "MNIST, usable margins: arcface m1 0 to 0.2.");
    }

    #[test]
    fn a_range_that_may_go_on_says_so() {
        let mut sweep = sweep();
        sweep.cells.retain(|c| c.margin < 0.3);
        let losses = analyze(&sweep).unwrap();
        assert!(ranges(&losses).contains("| m1 0 to 0.2… | 0.0 to 5.7… | ≥ 5.7 |"), "{}", ranges(&losses));
        sweep.cells.retain(|c| c.seed == 0);
        let losses = analyze(&sweep).unwrap();
        assert!(finding("g", &losses).contains("arcface none (one seed: no interval, no test)"));
        assert!(ranges(&losses).contains("| one seed: no interval, no test | – | – | – |"));
    }

    #[test]
    fn every_margin_is_a_line_with_its_losses() {
        let text = margins(&analyze(&sweep()).unwrap());
        assert!(text.starts_with("## arcface, learning rate 0.1\n\n| margin | takes, ° | seeds |"), "{text}");
        assert!(text.contains("| m1 = 0.2 | 5.7 | 3 | 95.03 [94.65, 95.41] | – |"), "{text}");
        assert!(text.contains("| m1 = 0.4 | 11.5 | 3 | 10.00 [10.00, 10.00] | −85.03 ["), "{text}");
        assert!(text.contains("▼ | 3 of 3: 100.00 % [43.85, 100.00] | 0 | NaN (3) |"), "{text}");
    }
}
