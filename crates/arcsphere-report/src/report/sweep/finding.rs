//! What a sweep's numbers allow to say, and no more.

use super::super::finding::{find, list};
use super::super::html::percent;
use arcsphere_eval::interval::{Proportion, wilson};
use arcsphere_eval::results::{Run, TrainedBy, summarize};
use arcsphere_eval::sweep::{LossSweep, Sweep};

/// A few sentences, plain text, a line a subject: per trainer how the losses compare at the margin that
/// validation chose, how many have a usable range, and how often training collapsed.
pub(super) fn sentence(sweep: &Sweep, losses: &[LossSweep]) -> String {
    if losses.is_empty() {
        return "No run was made.".into();
    }
    let mut trainers: Vec<TrainedBy> = Vec::new();
    for loss in losses {
        if !trainers.contains(&loss.trainer) {
            trainers.push(loss.trainer);
        }
    }
    let mut out = Vec::new();
    for trainer in &trainers {
        let own: Vec<&LossSweep> = losses.iter().filter(|l| l.trainer == *trainer).collect();
        let named = if trainers.len() > 1 { format!("Trainer {trainer}: ") } else { String::new() };
        out.push(capitalized(format!("{named}{} {}", at_best(sweep, &own), ranges(&own))).trim_end().to_owned());
    }
    out.push(collapses(&trainers, losses));
    out.join("\n")
}

fn capitalized(sentence: String) -> String {
    let mut chars = sentence.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// The losses at the margin and learning rate that validation chose.
fn at_best(sweep: &Sweep, losses: &[&LossSweep]) -> String {
    let mut runs: Vec<Run> = Vec::new();
    for loss in losses {
        let Some(best) = loss.best_rate().and_then(|r| r.best_group()) else { continue };
        let cells = sweep.cells.iter().filter(|c| {
            (&c.loss, c.run.trainer, &c.margin_key) == (&loss.loss, loss.trainer, &loss.margin_key)
                && (c.margin, c.rate) == (best.margin, best.rate)
        });
        runs.extend(cells.map(|c| Run { loss: c.loss.clone(), seed: c.seed, ..c.run.clone() }));
    }
    if runs.is_empty() {
        return "no margin has a validation accuracy of every run, and the test set must not choose. No best margin is \
                named."
            .into();
    }
    let found = find(&summarize(&runs)).sentence;
    format!("at the margins and learning rates that did best on validation samples. {found}")
}

/// How many losses have a usable range.
fn ranges(losses: &[&LossSweep]) -> String {
    let chosen: Vec<_> = losses.iter().filter_map(|l| l.best_rate()).collect();
    let known: Vec<_> = chosen.iter().filter_map(|r| r.usable.as_ref().ok()).collect();
    if known.is_empty() {
        let mut why: Vec<String> = Vec::new();
        for none in chosen.iter().filter_map(|r| r.usable.as_ref().err()) {
            if !why.iter().any(|known| known == none.reason()) {
                why.push(none.reason().to_owned());
            }
        }
        return if why.is_empty() {
            String::new()
        } else {
            format!("No usable range can be named ({}).", why.join("; "))
        };
    }
    let all = losses.len();
    let (wide, open) =
        (known.iter().filter(|r| r.margins > 1).count(), known.iter().filter(|r| r.open_low || r.open_high).count());
    let mut out = match all {
        1 if wide == 1 => "Margins beside the best one can be used without a significant loss of accuracy".to_owned(),
        1 => "No margin beside the best one can be used without collapse or a significant loss of accuracy".to_owned(),
        _ => format!(
            "For {wide} of {all} losses margins beside the best one can be used: no collapse, no significant loss of \
             accuracy"
        ),
    };
    if open > 0 {
        out.push_str(&match all {
            1 => "; the range may go on beyond the margins that were tried".to_owned(),
            _ => format!("; of {open} the range may go on beyond the margins that were tried"),
        });
    }
    if let Some(unseen) = known.iter().filter_map(|r| r.unseen).reduce(f64::max) {
        out.push_str(&format!("; with these seeds losses of up to about {} points may go unseen", percent(unseen)));
    }
    out + "."
}

/// Shares of collapsed runs, and whether trainers are told apart by them.
fn collapses(trainers: &[TrainedBy], losses: &[LossSweep]) -> String {
    let shares: Vec<(TrainedBy, Proportion, u64)> = trainers
        .iter()
        .filter_map(|trainer| {
            let own = losses.iter().filter(|l| l.trainer == *trainer);
            let (dead, all) = own.map(LossSweep::collapsed).fold((0, 0), |s, c| (s.0 + c.0, s.1 + c.1));
            Some((*trainer, wilson(dead as u64, all as u64).ok()?, dead as u64))
        })
        .collect();
    let told = shares.iter().map(|(trainer, p, dead)| {
        let of = if trainers.len() > 1 { format!(" ({trainer})") } else { String::new() };
        format!(
            "{dead} of {} runs{of}: {} % (95 % interval {} to {} %)",
            p.n,
            percent(p.value),
            percent(p.low),
            percent(p.high)
        )
    });
    let mut out = format!("Collapsed: {}.", list(&told.collect::<Vec<_>>()));
    if let [(first, a, _), (second, b, _)] = &shares[..] {
        out.push_str(&if a.high < b.low || b.high < a.low {
            let (less, more) = if a.high < b.low { (first, second) } else { (second, first) };
            format!(" Under {less} training collapsed less often than under {more} over these settings.")
        } else {
            " The intervals overlap: these runs do not show that either collapses less often.".to_owned()
        });
    }
    let recovered: usize = losses.iter().flat_map(LossSweep::groups).map(|g| g.recovered.len()).sum();
    if recovered > 0 {
        let (runs, are) = if recovered == 1 { ("run", "does") } else { ("runs", "do") };
        out.push_str(&format!(
            " {recovered} more {runs} began to collapse, recovered, and {are} not count as collapsed."
        ));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::tests::cells;
    use super::*;
    use arcsphere_eval::fixtures::{cell, dead};
    use arcsphere_eval::sweep::analyze;

    fn of(cells: Vec<arcsphere_eval::sweep::Cell>) -> String {
        let sweep = Sweep { cells, ..Sweep::default() };
        let losses = analyze(&sweep, 1).unwrap();
        sentence(&sweep, &losses)
    }

    #[test]
    fn compares_at_the_chosen_margins_and_counts_what_failed() {
        let told = of(cells());
        let start = "At the margins and learning rates that did best on validation samples. Of 2 losses, arcface has the \
                     highest mean test accuracy";
        assert!(told.starts_with(start), "{told}");
        assert!(told.contains("For 1 of 2 losses margins beside the best one can be used"), "{told}");
        assert!(told.contains("of 1 the range may go on"), "{told}");
        assert!(told.contains("losses of up to about 0.27 points may go unseen."), "{told}");
        assert!(told.contains("Collapsed: 4 of 20 runs: 20.00 % (95 % interval 8.07 to 41.60 %)."), "{told}");
        assert!(told.ends_with("3 more runs began to collapse, recovered, and do not count as collapsed."), "{told}");
    }

    #[test]
    fn one_seed_claims_nothing() {
        let told = of(vec![cell("a", 0.1, 0.1, 1, 0.9, 900), cell("a", 0.2, 0.1, 1, 0.95, 950)]);
        assert!(told.contains("No usable range can be named (one seed: no interval, no test)."), "{told}");
        let mut none = cell("a", 0.1, 0.1, 1, 0.9, 900);
        none.run.validation_accuracy = None;
        assert!(of(vec![none]).contains("the test set must not choose"));
    }

    #[test]
    fn trainers_are_told_apart_only_by_intervals_that_do_not_overlap() {
        let naive = |seed| {
            let mut c = dead("a", 0.1, 0.1, seed, "NaN");
            c.run.trainer = TrainedBy::Naive;
            c
        };
        let mut cells: Vec<_> = (0..10).map(|s| cell("a", 0.1, 0.1, s, 0.9, 900 + s)).collect();
        cells.push(naive(0));
        assert!(of(cells.clone()).contains("The intervals overlap"), "{}", of(cells));
        cells.extend((1..10).map(naive));
        let told = of(cells);
        assert!(told.contains("Under default training collapsed less often than under naive"), "{told}");
        assert!(told.contains("Trainer default: at the margins") && told.contains("\nTrainer naive: "), "{told}");
    }
}
