//! What the numbers allow to say, and no more.

use super::html::{name, percent};
use super::measure::Measure;
use crate::interval::{LEVEL, paired_difference};
use crate::results::LossSummary;

/// Where a loss stands against the one with the best mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Highest mean accuracy, or lowest mean EER.
    Best,
    /// Not told apart from the best.
    Tied,
    /// Behind the best by more than chance between seeds explains.
    Behind,
}

/// A sentence about a comparison, and the standing of each loss.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// A few sentences, plain text.
    pub sentence: String,
    /// What ranks the losses; none if no run has an accuracy or an EER.
    pub ranked_by: Option<Measure>,
    /// In the order of the summaries.
    pub standings: Vec<Standing>,
}

/// Compares the loss of highest mean accuracy with each other one; where no loss has
/// an accuracy, as on an open set, that of lowest mean EER. A loss with a run that has
/// no such number is best only if every loss has such a run: the mean of what survived
/// is no match for the mean of all.
///
/// Two losses with at least two seeds in common are compared by the paired
/// Student-t interval of their differences, at the level 1 − 0.05/k for k
/// comparisons (Bonferroni): that the best was picked after the fact is thus paid
/// for. With fewer seeds in common the spread between seeds is unknown and nothing
/// is told apart.
pub fn find(summaries: &[LossSummary]) -> Finding {
    let unranked = |sentence: String| Finding {
        sentence,
        ranked_by: None,
        standings: vec![Standing::Tied; summaries.len()],
    };
    if summaries.is_empty() {
        return unranked("No run was made.".into());
    }
    let Some((measure, best)) = Measure::of(summaries).and_then(|m| Some((m, best(summaries, m)?))) else {
        let none = "No run has an accuracy or an EER: nothing ranks these losses.".to_owned();
        return unranked(none + &lost(summaries, None));
    };
    let level = 1.0 - (1.0 - LEVEL) / (summaries.len() - 1).max(1) as f64;
    let standings: Vec<Standing> = summaries
        .iter()
        .enumerate()
        .map(|(i, s)| match i {
            i if i == best => Standing::Best,
            _ if is_behind(measure, &summaries[best], s, level) => Standing::Behind,
            _ => Standing::Tied,
        })
        .collect();
    Finding { sentence: sentence(summaries, measure, best, &standings), ranked_by: Some(measure), standings }
}

fn best(summaries: &[LossSummary], measure: Measure) -> Option<usize> {
    let key = |s: &LossSummary| measure.mean(s).map(|v| (measure.is_whole(s), measure.merit(v)));
    (0..summaries.len())
        .filter(|i| key(&summaries[*i]).is_some())
        .reduce(|a, b| if key(&summaries[b]) > key(&summaries[a]) { b } else { a })
}

fn is_behind(measure: Measure, best: &LossSummary, other: &LossSummary, level: f64) -> bool {
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for (seed, value) in measure.values(best) {
        if let Some((_, with_same_seed)) = measure.values(other).iter().find(|o| o.0 == *seed) {
            a.push(measure.merit(*value));
            b.push(measure.merit(*with_same_seed));
        }
    }
    paired_difference(&a, &b, level).ok().and_then(|d| d.low).is_some_and(|low| low > 0.0)
}

fn sentence(summaries: &[LossSummary], measure: Measure, best: usize, standings: &[Standing]) -> String {
    let top = &summaries[best];
    let seeds = measure.values(top).len();
    let what = format!(
        "{}{}",
        if seeds > 1 { "mean " } else { "" },
        if measure == Measure::Accuracy { "test accuracy" } else { "EER" }
    );
    let whole = summaries.iter().filter(|s| measure.is_whole(s)).count();
    let among = match whole {
        _ if whole == summaries.len() || whole == 0 => format!("{} losses", summaries.len()),
        1 => format!("{} losses, of which one has an {} of every run", summaries.len(), measure.name()),
        n => format!("the {n} losses with an {} of every run", measure.name()),
    };
    let mut out = match summaries.len() {
        1 if what == "EER" => format!("{} reaches an EER of", name(top, summaries)),
        1 => format!("{} reaches a {what} of", name(top, summaries)),
        _ if whole == 1 => format!("Of {among}, that is {}, its {what}:", name(top, summaries)),
        _ => format!("Of {among}, {} has the {} {what}:", name(top, summaries), measure.best_is()),
    };
    out.push_str(&format!(" {} %", percent(measure.mean(top).unwrap_or(f64::NAN))));
    let mut aside = Vec::new();
    if let Some((low, high)) = measure.interval(top) {
        aside.push(format!("95 % interval {} to {} %", percent(low), percent(high)));
    }
    if seeds > 1 {
        aside.push(format!("{seeds} seeds"));
    }
    if !aside.is_empty() {
        out.push_str(&format!(" ({})", aside.join(", ")));
    }
    out.push('.');
    if measure == Measure::Eer {
        out.push_str(" No test image was classified, so that no accuracy ranks them.");
    }
    let with = |wanted: Standing| -> Vec<String> {
        let pairs = summaries.iter().zip(standings);
        pairs.filter(|(_, s)| **s == wanted).map(|(s, _)| name(s, summaries)).collect()
    };
    let (tied, behind) = (with(Standing::Tied), with(Standing::Behind));
    if summaries.len() > 1 {
        out.push(' ');
        if top.method == Method::Wilson {
            out.push_str("With one seed a loss the spread between seeds is unknown: this ranks nothing.");
        } else if behind.is_empty() {
            out.push_str("No other loss is significantly behind it: these runs show no winner.");
        } else if tied.is_empty() {
            out.push_str("It is significantly ahead of every other loss.");
        } else {
            out.push_str(&format!("It is not significantly ahead of {}; it is of {}.", list(&tied), list(&behind)));
        }
    }
    let collapsed: usize = summaries.iter().map(|s| s.collapsed).sum();
    if collapsed > 0 {
        let all: usize = summaries.iter().map(|s| s.accuracies.len()).sum();
        let verb = if collapsed == 1 { "counts" } else { "count" };
        out.push_str(&format!(" {collapsed} of {all} runs collapsed and {verb} in the means."));
    }
    out
}

/// `a`, `a and b`, `a, b and c`.
fn list(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [front @ .., last] => format!("{} and {last}", front.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::{summarize, tests::run};

    fn of(losses: &[(&str, &[u64])]) -> Finding {
        let runs: Vec<_> = losses
            .iter()
            .flat_map(|(loss, correct)| correct.iter().enumerate().map(|(seed, c)| run(loss, seed as u64, *c)))
            .collect();
        find(&summarize(&runs))
    }

    #[test]
    fn no_winner_from_noise() {
        let f = of(&[("a", &[960, 950, 970]), ("b", &[955, 965, 958])]);
        assert_eq!(f.standings, [Standing::Best, Standing::Tied]);
        assert!(f.sentence.contains("no winner"), "{}", f.sentence);
    }

    #[test]
    fn a_steady_lead_counts_though_the_seeds_spread() {
        let f = of(&[("a", &[910, 950, 970, 930]), ("b", &[901, 940, 961, 920])]);
        assert_eq!(f.standings, [Standing::Best, Standing::Behind]);
        assert!(f.sentence.contains("ahead of every other loss"), "{}", f.sentence);
    }

    #[test]
    fn more_comparisons_ask_for_more() {
        // Paired differences 2, 4, 6, 8 of 1000: the 95 % interval is above 0, the
        // one for six comparisons is not.
        let a: &[u64] = &[960, 962, 964, 966];
        let b: &[u64] = &[958, 958, 958, 958];
        assert_eq!(of(&[("a", a), ("b", b)]).standings[1], Standing::Behind);
        let many = [("a", a), ("b", b), ("c", b), ("d", b), ("e", b), ("f", b), ("g", b)];
        assert_eq!(of(&many).standings[1], Standing::Tied);
    }

    #[test]
    fn one_seed_ranks_nothing() {
        let f = of(&[("a", &[990]), ("b", &[500])]);
        assert_eq!(f.standings, [Standing::Best, Standing::Tied]);
        assert!(f.sentence.contains("this ranks nothing"), "{}", f.sentence);
        let alone = of(&[("a", &[990])]);
        assert!(!alone.sentence.contains("ranks"), "{}", alone.sentence);
        assert_eq!(find(&[]).sentence, "No run was made.");
    }
}
