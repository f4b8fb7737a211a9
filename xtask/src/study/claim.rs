//! That one loss has a narrower range of margins than another, tested seed by seed.
//!
//! A seed's range is the stretch of margins, around the one that does best on that seed's validation images,
//! whose test accuracy is at most a tolerance below that of the best one and whose training did not collapse.
//! Its width is what it takes at the boundary between two classes, one unit for all losses; between two margins
//! of the grid the accuracy is taken to fall in a line. Two losses have the same seeds, so widths are compared in
//! pairs.

use super::paired::{Difference, against};
use super::parts::Claim;
use super::words;
use anyhow::Result;
use arcsphere_eval::interval::{Mean, mean};
use arcsphere_eval::sweep::{Cell, Sweep};
use arcsphere_report::figure::Verdict;

/// The range of one seed.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Width {
    seed: u64,
    /// In radians at the boundary.
    width: f64,
    /// No margin beyond was tried: it may be wider.
    open: bool,
}

/// The claim against one other loss, in one sweep.
#[derive(Debug, PartialEq)]
pub(super) struct Judged {
    /// `Below`: the own range is the narrower one.
    pub(super) verdict: Verdict,
    /// A line of [`table`].
    row: Vec<String>,
}

/// The claim against each of the other losses.
pub(super) fn judge(claim: &Claim, name: &str, sweep: &Sweep) -> Result<Vec<Judged>> {
    let own = widths(sweep, &claim.narrower, claim.tolerance);
    let others: Vec<(&String, Vec<Width>)> =
        claim.than.iter().map(|loss| (loss, widths(sweep, loss, claim.tolerance))).collect();
    // All comparisons have this loss in common: it is the baseline, and the sign is turned below.
    let series: Vec<_> = others.iter().map(|(_, w)| by_seed(w)).collect();
    let differences = against(&by_seed(&own), &series.iter().collect::<Vec<_>>())?;
    let mut out = Vec::new();
    for ((loss, widths), difference) in others.iter().zip(differences) {
        let Some(d) = difference else { continue };
        let (verdict, word) = verdict(&d, &own, widths);
        let turned =
            Mean { value: -d.mean.value, low: d.mean.high.map(|v| -v), high: d.mean.low.map(|v| -v), ..d.mean };
        let row = vec![
            name.to_owned(),
            (*loss).clone(),
            d.mean.n.to_string(),
            shown(&own)?,
            shown(widths)?,
            words::mean(&turned, |v| words::signed(words::degrees(v))),
            words::p_value(d.p),
            word.to_owned(),
        ];
        out.push(Judged { verdict, row });
    }
    Ok(out)
}

/// The claim's sentence: how many comparisons say so. `variant` tells these sweeps from the others.
pub(super) fn finding(claim: &Claim, variant: &str, judged: &[Judged]) -> String {
    let count = |wanted: Verdict| judged.iter().filter(|j| j.verdict == wanted).count();
    let place = if variant.is_empty() { String::new() } else { format!(" ({variant})") };
    format!(
        "“The range of {} is narrower”{place}, against {} each: in {} of {} comparisons it is, in {} it is wider, in {} these \
         runs do not tell.",
        claim.narrower,
        words::list(&claim.than),
        count(Verdict::Below),
        judged.len(),
        count(Verdict::Above),
        count(Verdict::Open),
    )
}

/// A line a comparison.
pub(super) fn table(claim: &Claim, judged: &[Judged]) -> String {
    let own = &claim.narrower;
    let head = ["sweep", "against", "seeds", &format!("{own}'s width, °"), "its width, °", "difference, °", "p", own];
    let rows: Vec<Vec<String>> = judged.iter().map(|j| j.row.clone()).collect();
    words::table(&head.map(str::to_owned), &rows)
}

/// The mean width, `≥` where a seed's range may go on.
fn shown(widths: &[Width]) -> Result<String> {
    let m = mean(&widths.iter().map(|w| w.width).collect::<Vec<_>>())?;
    let m = Mean { low: m.low.map(|low| low.max(0.0)), ..m };
    let open = if widths.iter().any(|w| w.open) { "≥ " } else { "" };
    Ok(format!("{open}{}", words::mean(&m, words::degrees)))
}

/// What may be said of the own range: `Below` for narrower. A range that may go on beyond the grid is not called
/// the narrower one.
fn verdict(d: &Difference, own: &[Width], other: &[Width]) -> (Verdict, &'static str) {
    let open = |widths: &[Width]| widths.iter().any(|w| w.open);
    match d.verdict() {
        Verdict::Above if !open(own) => (Verdict::Below, "narrower"),
        Verdict::Below if !open(other) => (Verdict::Above, "wider"),
        Verdict::Open => (Verdict::Open, "not told apart"),
        _ => (Verdict::Open, "not told, the narrower one may go on"),
    }
}

fn by_seed(widths: &[Width]) -> Vec<(u64, f64)> {
    widths.iter().map(|w| (w.seed, w.width)).collect()
}

/// The range of each seed of a loss. A seed whose every training collapsed has none, of width 0.
fn widths(sweep: &Sweep, loss: &str, tolerance: f64) -> Vec<Width> {
    let cells: Vec<&Cell> = sweep.cells.iter().filter(|c| c.loss == loss).collect();
    let mut seeds: Vec<u64> = cells.iter().map(|c| c.seed).collect();
    seeds.sort_unstable();
    seeds.dedup();
    let of = |seed: u64| {
        let mut own: Vec<&Cell> = cells.iter().copied().filter(|c| c.seed == seed).collect();
        own.sort_by(|a, b| a.margin.total_cmp(&b.margin));
        let (width, open) = width(&own, tolerance);
        Width { seed, width, open }
    };
    seeds.into_iter().map(of).collect()
}

/// Width and openness of the range among the margins of one seed, margins rising.
fn width(cells: &[&Cell], tolerance: f64) -> (f64, bool) {
    let test = |c: &Cell| c.run.get("accuracy").filter(|a| a.is_finite() && !c.run.collapsed);
    let valid = cells.iter().enumerate().filter(|(_, c)| test(c).is_some());
    let chosen = valid.filter_map(|(i, c)| Some((i, c.run.validation_accuracy?)));
    let Some((best, _)) = chosen.reduce(|a, b| if b.1 > a.1 { b } else { a }) else { return (0.0, false) };
    let Some(bar) = test(cells[best]).map(|a| a - tolerance) else { return (0.0, false) };
    let end = |step: isize| -> (f64, bool) {
        let mut at = best;
        loop {
            let here = cells[at];
            let Some(next) = at.checked_add_signed(step).and_then(|i| cells.get(i)) else {
                // Less than no margin is not to be had.
                return (here.boundary_cost, step > 0 || here.boundary_cost > 0.0);
            };
            let (own, other) = (test(here).unwrap_or(bar), next.run.get("accuracy").unwrap_or(0.0));
            match test(next) {
                Some(accuracy) if accuracy >= bar => at = at.saturating_add_signed(step),
                // A run that collapsed with a fair accuracy still ends the range, at once.
                _ if other >= bar => return (here.boundary_cost, false),
                _ => {
                    let part = (own - bar) / (own - other);
                    return (here.boundary_cost + part * (next.boundary_cost - here.boundary_cost), false);
                }
            }
        }
    };
    let ((low, open_low), (high, open_high)) = (end(-1), end(1));
    (high - low, open_low || open_high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arcsphere_eval::results::Run;

    fn cell(loss: &str, seed: u64, margin: f64, accuracy: f64) -> Cell {
        let run = Run { validation_accuracy: Some(accuracy), ..Run::default() }.with("accuracy", accuracy);
        Cell { loss: loss.into(), margin, boundary_cost: margin, seed, run, ..Cell::default() }
    }

    fn of(cells: &[Cell]) -> (f64, bool) {
        width(&cells.iter().collect::<Vec<_>>(), 0.02)
    }

    #[test]
    fn the_accuracy_falls_in_a_line_between_margins() {
        let near = |a: (f64, bool), b: (f64, bool)| (a.0 - b.0).abs() < 1e-12 && a.1 == b.1;
        let mut cells: Vec<Cell> =
            [(0.0, 0.90), (0.1, 0.96), (0.2, 0.95), (0.3, 0.93)].map(|(m, a)| cell("a", 0, m, a)).into();
        // The bar is 0.94: crossed a third of the way from 0.1 down to 0, and half of the way from 0.2 up to 0.3.
        assert!(near(of(&cells), (0.25 - 0.1 * 2.0 / 3.0, false)), "{:?}", of(&cells));
        cells[3].run = cells[3].run.clone().with("accuracy", 0.95);
        assert!(near(of(&cells), (0.3 - 0.1 * 2.0 / 3.0, true)), "{:?}", of(&cells));
        cells[2].run.collapsed = true;
        assert!(near(of(&cells), (0.1 - 0.1 * 2.0 / 3.0, false)), "{:?}", of(&cells));
        cells.iter_mut().for_each(|c| c.run.collapsed = true);
        assert_eq!((of(&cells), of(&[])), ((0.0, false), (0.0, false)));
    }

    /// ArcFace falls behind 0.2 and the other behind `end`, each seed at another pace.
    fn sweep(end: f64) -> Sweep {
        let mut cells = Vec::new();
        for seed in 0..5 {
            for step in 0..=6 {
                let margin = 0.1 * f64::from(step);
                let fall = 0.1 + 0.01 * seed as f64;
                let of = |end: f64| 0.95 - fall * f64::max(0.0, margin - end);
                cells.push(cell("arcface", seed, margin, of(0.2) - 1e-4 * margin));
                cells.push(cell("sphereface", seed, margin, of(end) - 1e-4 * margin));
            }
        }
        Sweep { cells, ..Sweep::default() }
    }

    fn claim() -> Claim {
        Claim { narrower: "arcface".into(), than: vec!["sphereface".into(), "none".into()], tolerance: 0.005 }
    }

    fn verdicts(end: f64) -> Vec<Verdict> {
        judge(&claim(), "MNIST", &sweep(end)).unwrap().iter().map(|j| j.verdict).collect()
    }

    #[test]
    fn a_claim_is_judged_by_pairs_of_seeds() {
        assert_eq!(verdicts(0.4), [Verdict::Below]);
        assert_eq!((verdicts(0.0), verdicts(0.2)), (vec![Verdict::Above], vec![Verdict::Open]));
        let judged = judge(&claim(), "MNIST", &sweep(0.4)).unwrap();
        let finding = finding(&claim(), "naive", &judged);
        assert!(
            finding.contains("(naive), against sphereface and none each: in 1 of 1 comparisons it is"),
            "{finding}"
        );
        let table = table(&claim(), &judged);
        assert!(table.starts_with("| sweep | against | seeds | arcface's width, ° | its width, ° |"), "{table}");
        let row = table.lines().nth(2).unwrap();
        assert!(row.starts_with("| MNIST | sphereface | 5 | ") && row.ends_with(" | p < 0.001 | narrower |"), "{row}");
        assert!(row.contains(" | −11."), "{row}");
    }

    #[test]
    fn what_may_go_on_is_not_called_narrower() {
        let open = |open| vec![Width { seed: 0, width: 0.1, open }];
        let d = against(&vec![(0, 0.1), (1, 0.11), (2, 0.1)], &[&vec![(0, 0.3), (1, 0.32), (2, 0.31)]]).unwrap();
        let wider = d[0].unwrap();
        assert_eq!(verdict(&wider, &open(false), &open(true)).0, Verdict::Below);
        let (undecided, word) = verdict(&wider, &open(true), &open(false));
        assert!(undecided == Verdict::Open && word.contains("may go on"), "{word}");
    }
}
