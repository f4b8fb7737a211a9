//! What the numbers allow to say, and no more.

use super::html::{name, percent, unit};
use arcsphere_eval::interval::{LEVEL, paired_difference};
use arcsphere_eval::measures::{Better, Measure, Unit};
use arcsphere_eval::results::{LossSummary, ranking};
use arcsphere_eval::show::fixed;

/// Where a loss stands against the one with the best mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Highest mean accuracy, or lowest mean MAE or EER.
    Best,
    /// Not told apart from the best.
    Tied,
    /// Behind the best by more than chance between seeds explains.
    Behind,
}

/// A sentence about a comparison, and the standing of each loss.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Finding {
    /// A few sentences, plain text.
    pub sentence: String,
    /// What ranks the losses; none if no run has an MAE, an accuracy or an EER.
    pub ranked_by: Option<&'static Measure>,
    /// In the order of the summaries.
    pub standings: Vec<Standing>,
}

/// Compares the loss of highest mean accuracy with each other one; on an ordered target that of
/// lowest mean MAE, and where no loss has an accuracy, as on an open set, that of lowest mean EER. A loss with a run that has
/// no such number is best only if every loss has such a run: the mean of what survived
/// is no match for the mean of all.
///
/// Two losses with at least two seeds in common are compared by the paired
/// Student-t interval of their differences, at the level 1 − 0.05/k for k
/// comparisons (Bonferroni): that the best was picked after the fact is thus paid
/// for. With fewer seeds in common the spread between seeds is unknown and nothing
/// is told apart.
///
/// ```
/// use arcsphere_eval::results::{Run, summarize};
/// use arcsphere_report::report::find;
/// let run = |loss: &str, eer| Run { loss: loss.into(), ..Run::default() }.with("eer", eer);
/// let found = find(&summarize(&[run("arcface", 0.02), run("softmax", 0.05)]));
/// assert!(found.sentence.starts_with("Of 2 losses, arcface has the lowest EER: 2.00 %."));
/// assert!(found.sentence.ends_with("this ranks nothing."));
/// ```
pub fn find(summaries: &[LossSummary]) -> Finding {
    let unranked =
        |sentence: String| Finding { sentence, ranked_by: None, standings: vec![Standing::Tied; summaries.len()] };
    if summaries.is_empty() {
        return unranked("No run was made.".into());
    }
    let Some((measure, best)) = ranking(summaries).and_then(|m| Some((m, best(summaries, m)?))) else {
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

fn best(summaries: &[LossSummary], measure: &Measure) -> Option<usize> {
    let key = |s: &LossSummary| s.of(measure).map(|v| (s.is_whole(measure), measure.merit(v.estimate.value)));
    (0..summaries.len())
        .filter(|i| key(&summaries[*i]).is_some())
        .reduce(|a, b| if key(&summaries[b]) > key(&summaries[a]) { b } else { a })
}

/// Seeds and values of the runs that have one.
fn values<'a>(s: &'a LossSummary, measure: &Measure) -> &'a [(u64, f64)] {
    s.of(measure).map_or(&[], |own| &own.values)
}

fn is_behind(measure: &Measure, best: &LossSummary, other: &LossSummary, level: f64) -> bool {
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for (seed, value) in values(best, measure) {
        if let Some((_, with_same_seed)) = values(other, measure).iter().find(|o| o.0 == *seed) {
            a.push(measure.merit(*value));
            b.push(measure.merit(*with_same_seed));
        }
    }
    paired_difference(&a, &b, level).ok().and_then(|d| d.low).is_some_and(|low| low > 0.0)
}

/// The end of a measure's scale that is best.
pub(super) fn best_is(measure: &Measure) -> &'static str {
    if measure.better == Better::Lower { "lowest" } else { "highest" }
}

fn sentence(summaries: &[LossSummary], measure: &Measure, best: usize, standings: &[Standing]) -> String {
    let top = &summaries[best];
    let seeds = values(top, measure).len();
    let (all, whole) = (summaries.len(), summaries.iter().filter(|s| s.is_whole(measure)).count());
    let mut out = lead(summaries, measure, best, all, whole);
    out.push_str(&reached(top, measure, seeds));
    if measure.key == "eer" {
        out.push_str(" No test sample was classified: there is no accuracy.");
    }
    if all > 1 {
        out.push(' ');
        out.push_str(&against_others(summaries, standings, seeds, top.runs));
    }
    out + &lost(summaries, Some(measure))
}

/// Which loss it is about.
fn lead(summaries: &[LossSummary], measure: &Measure, best: usize, all: usize, whole: usize) -> String {
    let mean = if values(&summaries[best], measure).len() > 1 { "mean " } else { "" };
    let test = if measure.key == "accuracy" { "test " } else { "" };
    let measured = format!("{mean}{test}{}", measure.name);
    let own = name(&summaries[best], summaries);
    match all {
        1 => format!("{own} reaches {} {measured} of", if measured.starts_with(['E', 'M']) { "an" } else { "a" }),
        _ if whole == all || whole == 0 => format!("Of {all} losses, {own} has the {} {measured}:", best_is(measure)),
        _ => format!(
            "Among the losses with an {} of every run ({whole} of {all}), {own} has the {} {measured}:",
            measure.name,
            best_is(measure)
        ),
    }
}

/// A value of a loss without its unit.
fn number(measure: &Measure, value: f64) -> String {
    if measure.unit == Unit::Share { percent(value) } else { fixed(value, 2) }
}

/// Its number, with the interval and the seeds.
fn reached(top: &LossSummary, measure: &Measure, seeds: usize) -> String {
    let unit = unit(measure, &top.target_unit);
    let estimate = top.of(measure).map(|s| s.estimate);
    let mut out = format!(" {}{unit}", number(measure, estimate.map_or(f64::NAN, |e| e.value)));
    let mut aside = Vec::new();
    // One MAE's own interval is over its samples, and says nothing of other seeds.
    let ends = estimate.and_then(|e| e.low.zip(e.high)).filter(|_| seeds > 1 || measure.unit == Unit::Share);
    if let Some((low, high)) = ends {
        aside.push(format!("95 % interval {} to {}{unit}", number(measure, low), number(measure, high)));
    }
    if seeds > 1 {
        aside.push(format!("{seeds} seeds"));
    }
    if !aside.is_empty() {
        out.push_str(&format!(" ({})", aside.join(", ")));
    }
    let few = estimate.is_some_and(|e| e.few_errors.is_some());
    out + if few { ". It rests on fewer than 30 errors." } else { "." }
}

/// What may be said of the other losses.
fn against_others(summaries: &[LossSummary], standings: &[Standing], seeds: usize, runs: usize) -> String {
    let with = |wanted: Standing| -> Vec<String> {
        let pairs = summaries.iter().zip(standings);
        pairs.filter(|(_, s)| **s == wanted).map(|(s, _)| name(s, summaries)).collect()
    };
    let (tied, behind) = (with(Standing::Tied), with(Standing::Behind));
    if seeds < 2 {
        let one = if runs > 1 { "With one seed measured" } else { "With one seed a loss" };
        format!("{one} the spread between seeds is unknown: this ranks nothing.")
    } else if behind.is_empty() {
        "No other loss is significantly behind it: these runs show no winner.".to_owned()
    } else if tied.is_empty() {
        "It is significantly ahead of every other loss.".to_owned()
    } else {
        format!("It is not significantly ahead of {}; it is of {}.", list(&tied), list(&behind))
    }
}

/// The runs that collapsed, and those that a mean leaves out.
fn lost(summaries: &[LossSummary], measure: Option<&Measure>) -> String {
    let all: usize = summaries.iter().map(|s| s.runs).sum();
    let collapsed: usize = summaries.iter().map(|s| s.collapsed).sum();
    let missing: usize =
        measure.map_or(0, |m| summaries.iter().map(|s| s.runs.saturating_sub(values(s, m).len())).sum());
    let (count, have, are) = (
        if collapsed == 1 { "counts" } else { "count" },
        if missing == 1 { "has" } else { "have" },
        if missing == 1 { "is" } else { "are" },
    );
    let mut out = String::new();
    if collapsed > 0 {
        out.push_str(&format!(" {collapsed} of {all} runs collapsed"));
        out.push_str(&if measure.is_some() && missing == 0 {
            format!(" and {count} in the means.")
        } else {
            ".".into()
        });
    }
    if let Some(measure) = measure.filter(|_| missing > 0) {
        out.push_str(&format!(" {missing} of {all} runs {have} no {} and {are} in no mean.", measure.name));
    }
    out
}

/// `a`, `a and b`, `a, b and c`.
pub(super) fn list(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [front @ .., last] => format!("{} and {last}", front.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arcsphere_eval::fixtures::{run, unclassified};
    use arcsphere_eval::results::{Run, summarize};

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

    fn open(losses: &[(&str, &[f64])]) -> Finding {
        let of = |loss, seed: usize, eer: f64| {
            let mut run = unclassified(loss, seed as u64, eer);
            run.collapsed = eer.is_nan();
            run
        };
        let each = losses.iter().flat_map(|(loss, eers)| eers.iter().enumerate().map(|(s, e)| of(*loss, s, *e)));
        find(&summarize(&each.collect::<Vec<_>>()))
    }

    #[test]
    fn an_open_set_is_ranked_by_eer() {
        let f = open(&[("a", &[0.20, 0.16, 0.18]), ("b", &[0.10, 0.06, 0.081]), ("c", &[0.10, 0.09, 0.07])]);
        assert_eq!(f.standings, [Standing::Behind, Standing::Best, Standing::Tied]);
        assert_eq!(f.ranked_by.map(|m| m.key), Some("eer"));
        let start = "Of 3 losses, b has the lowest mean EER: 8.03 % (95 % interval ";
        assert!(f.sentence.starts_with(start) && f.sentence.contains("no accuracy"), "{}", f.sentence);
        let one = open(&[("a", &[0.2]), ("b", &[0.1])]);
        assert!(one.sentence.starts_with("Of 2 losses, b has the lowest EER: 10.00 %. No"), "{}", one.sentence);
        assert!(one.sentence.contains("this ranks nothing"), "{}", one.sentence);
        let alone = open(&[("a", &[0.2])]).sentence;
        assert!(alone.starts_with("a reaches an EER of 20.00 %."), "{alone}");
    }

    #[test]
    fn an_ordered_target_is_ranked_by_mae() {
        let of = |loss: &str, seed: u64, mae: f64| {
            let run = run(loss, seed, 500 + (10.0 * mae) as u64).with("mae", mae);
            Run { target_unit: "years".into(), ..run }
        };
        // The accuracies say the contrary.
        let runs = [("a", [6.0, 6.5, 6.1]), ("b", [5.0, 5.3, 5.2])];
        let all = runs.iter().flat_map(|(loss, maes)| maes.iter().enumerate().map(|(s, m)| of(loss, s as u64, *m)));
        let f = find(&summarize(&all.collect::<Vec<_>>()));
        assert_eq!(
            (f.ranked_by.map(|m| m.key), &f.standings[..]),
            (Some("mae"), &[Standing::Behind, Standing::Best][..])
        );
        let start = "Of 2 losses, b has the lowest mean MAE: 5.17 years (95 % interval 4.79 to 5.55 years, 3 seeds).";
        assert!(f.sentence.starts_with(start), "{}", f.sentence);
        let alone = find(&summarize(&[of("a", 0, 6.0)])).sentence;
        assert!(alone.starts_with("a reaches an MAE of 6.00 years."), "{alone}");
    }

    #[test]
    fn a_loss_is_not_best_for_what_survived() {
        let f = open(&[("a", &[0.05, f64::NAN]), ("b", &[0.10, 0.12]), ("c", &[0.3, 0.3])]);
        assert_eq!(f.standings[1], Standing::Best);
        let start = "Among the losses with an EER of every run (2 of 3), b has the lowest mean EER: 11.00 %";
        assert!(f.sentence.starts_with(start), "{}", f.sentence);
        let end = "1 of 6 runs collapsed. 1 of 6 runs has no EER and is in no mean.";
        assert!(f.sentence.ends_with(end), "{}", f.sentence);
    }

    #[test]
    fn nothing_measured_ranks_nothing() {
        let f = open(&[("a", &[f64::NAN]), ("b", &[f64::NAN])]);
        assert_eq!((f.ranked_by.map(|m| m.key), &f.standings[..]), (None, &[Standing::Tied; 2][..]));
        let said = "No run has an accuracy or an EER: nothing ranks these losses. 2 of 2 runs collapsed.";
        assert_eq!(f.sentence, said);
    }
}
