//! Losses side by side: a table, a figure and a sentence a group.

use super::measure::Measure;
use super::paired::{Difference, Series, against};
use super::parts::{Job, Part, Target};
use super::words;
use anyhow::Result;
use arcsphere_eval::results::{Results, Run};
use arcsphere_report::figure::{DifferenceRow, Verdict};

mod table;

pub(super) use table::READING;

/// The results of the jobs that share a table.
#[derive(Debug)]
pub(super) struct Group<'a> {
    pub(super) name: &'a str,
    rows: Vec<Row>,
    /// Index of the row that the others are held against.
    baseline: Option<usize>,
    targets: Vec<&'a Target>,
    /// Of the first result: data, machine, version.
    results: Vec<Results>,
}

/// A loss, in one of its variants, over its seeds.
#[derive(Debug)]
struct Row {
    label: String,
    loss: String,
    runs: Vec<Run>,
}

impl<'a> Group<'a> {
    /// Of the jobs that have a result; none without one.
    pub(super) fn of(name: &'a str, part: &Part, jobs: &[(&'a Job, Option<Results>)]) -> Option<Self> {
        let mut rows: Vec<Row> = Vec::new();
        for (job, results) in jobs {
            for run in results.iter().flat_map(|r| &r.runs) {
                let variant = if job.variant.is_empty() { String::new() } else { format!(", {}", job.variant) };
                let label = format!("{}{variant}", run.loss);
                match rows.iter_mut().find(|row| row.label == label) {
                    Some(row) => row.runs.push(run.clone()),
                    None => rows.push(Row { label, loss: run.loss.clone(), runs: vec![run.clone()] }),
                }
            }
        }
        if rows.is_empty() {
            return None;
        }
        let wanted =
            jobs.iter().map(|(job, _)| job.baseline.as_str()).find(|b| !b.is_empty()).unwrap_or(&part.baseline);
        Some(Group {
            name,
            baseline: rows.iter().position(|row| row.loss == wanted),
            rows,
            targets: jobs.iter().filter_map(|(job, _)| job.target.as_ref()).collect(),
            results: jobs.iter().filter_map(|(_, results)| results.clone()).collect(),
        })
    }

    /// What each training was given, by the results themselves.
    pub(super) fn budget(&self) -> String {
        let (run, data) = (&self.rows[0].runs[0], &self.results[0].data);
        let (epochs, images) = (words::count(run.epochs as usize, "epoch"), words::thousands(data.n_train));
        format!("{epochs} of {images} images, {} in {} dimensions", run.backbone, run.dim)
    }

    /// Rows of a figure of differences to the baseline, in the unit that a reader sees.
    pub(super) fn differences_figure(&self, measure: Measure) -> Result<(String, Vec<DifferenceRow>)> {
        let Some(baseline) = self.baseline else { return Ok((String::new(), Vec::new())) };
        let all = self.differences(measure, baseline)?;
        let rows = self.rows.iter().zip(&all).enumerate().filter(|(i, _)| *i != baseline);
        let rows = rows.filter_map(|(_, (row, d))| {
            let d = (*d)?;
            let lost = match row.runs.iter().filter(|run| run.collapsed).count() {
                0 => String::new(),
                n => format!(" ({n} collapsed)"),
            };
            Some(DifferenceRow {
                label: format!("{}{lost}", row.label),
                value: measure.shown(d.mean.value),
                interval: d.mean.low.zip(d.mean.high).map(|(l, h)| (measure.shown(l), measure.shown(h))),
                n: d.mean.n,
                verdict: d.verdict(),
            })
        });
        Ok((self.rows[baseline].label.clone(), rows.collect()))
    }

    /// What the intervals allow to say of each judged measure, and of the targets.
    pub(super) fn findings(&self, part: &Part) -> Result<Vec<String>> {
        let mut out = Vec::new();
        for measure in &part.judged {
            out.extend(self.finding(*measure)?);
        }
        out.extend(self.targets.iter().map(|target| self.reached(target)));
        let runs = || self.rows.iter().flat_map(|row| &row.runs);
        let (dead, saved) =
            (runs().filter(|r| r.collapsed).count(), runs().filter(|r| r.recovered > 0 && !r.collapsed).count());
        if dead + saved > 0 {
            let all = runs().count();
            out.push(format!("{}: {dead} of {all} runs collapsed; of the others a rollback saved {saved}.", self.name));
        }
        Ok(out)
    }

    fn finding(&self, measure: Measure) -> Result<Option<String>> {
        let Some(baseline) = self.baseline else { return Ok(None) };
        let Some(base) = measure.mean(&self.rows[baseline].runs) else { return Ok(None) };
        let all = self.differences(measure, baseline)?;
        let named = |wanted: Said| -> Vec<String> {
            let rows = self.rows.iter().zip(&all).enumerate().filter(|(i, _)| *i != baseline);
            let rows = rows.filter(|(_, (_, d))| Said::of(d.as_ref()) == wanted);
            rows.map(|(_, (row, d))| match d {
                Some(d) if wanted != Said::Open => format!("{} ({})", row.label, span(measure, d)),
                _ => row.label.clone(),
            })
            .collect()
        };
        let show = |v| words::number(measure.shown(v));
        let unit = if measure.unit() == "%" { " %" } else { measure.unit() };
        let sense = if measure.less_is_better() { ", less is better" } else { "" };
        let mut out = format!(
            "{}, {}{sense}: against {} ({}{unit}, {})",
            self.name,
            measure.name(),
            self.rows[baseline].label,
            words::mean(&base, show),
            words::count(base.n, "seed"),
        );
        let mut said = Vec::new();
        for (wanted, word) in [
            (Said::Higher, "significantly higher"),
            (Said::Lower, "significantly lower"),
            (Said::Alone, "not significant among so many, though each interval by itself leaves out 0"),
            (Said::Open, "not told apart"),
            (Said::TooFew, "too few common seeds to tell"),
        ] {
            let names = named(wanted);
            if !names.is_empty() {
                said.push(format!("{word}: {}", words::list(&names)));
            }
        }
        if said.is_empty() {
            return Ok(None);
        }
        out += &format!(" {}.", said.join("; "));
        Ok(Some(out))
    }

    /// Whether a loss reaches a target by its mean.
    fn reached(&self, target: &Target) -> String {
        let wanted = |row: &&Row| target.of.is_empty() || target.of.contains(&row.loss);
        let means = self.rows.iter().filter(wanted).filter_map(|row| {
            let m = Measure::Accuracy.mean(&row.runs)?;
            Some((row, m))
        });
        let best = means.reduce(|a, b| if b.1.value > a.1.value { b } else { a });
        let who = match target.of.as_slice() {
            [] => "some loss".to_owned(),
            [one] => one.clone(),
            several => format!("one of {}", several.join(", ")),
        };
        let goal = format!("{}, target of {:.1} % mean accuracy by {who}", self.name, 100.0 * target.accuracy);
        match best {
            None => format!("{goal}: not run yet."),
            Some((row, m)) => {
                let word = if m.value >= target.accuracy { "reached" } else { "missed, best" };
                let shown = words::mean(&m, |v| words::number(100.0 * v));
                format!("{goal}: {word} by {} with {shown} % ({}).", row.label, words::count(m.n, "seed"))
            }
        }
    }

    /// Each row against the baseline; the baseline itself has none.
    fn differences(&self, measure: Measure, baseline: usize) -> Result<Vec<Option<Difference>>> {
        let all: Vec<Series> = self.rows.iter().map(|row| measure.values(&row.runs)).collect();
        let others: Vec<&Series> = (0..all.len()).filter(|i| *i != baseline).map(|i| &all[i]).collect();
        let mut out = against(&all[baseline], &others)?;
        out.insert(baseline, None);
        Ok(out)
    }
}

/// What may be said of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    Higher,
    Lower,
    /// Its own interval leaves out 0; by Holm's rule over all rows it is not significant.
    Alone,
    Open,
    TooFew,
}

impl Said {
    fn of(difference: Option<&Difference>) -> Self {
        let Some(d) = difference else { return Said::TooFew };
        match d.verdict() {
            Verdict::Above => Said::Higher,
            Verdict::Below => Said::Lower,
            Verdict::Open if d.mean.low > Some(0.0) || d.mean.high.is_some_and(|high| high < 0.0) => Said::Alone,
            Verdict::Open => Said::Open,
        }
    }
}

/// `+0.31 [+0.10, +0.52]`
fn span(measure: Measure, d: &Difference) -> String {
    words::mean(&d.mean, |v| words::signed(words::number(measure.shown(v))))
}

/// The images of a result.
pub(super) fn data(d: &arcsphere_eval::results::DataInfo) -> String {
    format!(
        "{} training images of {}, {} for validation, {} for the test",
        words::thousands(d.n_train),
        d.name,
        words::thousands(d.n_validation),
        words::thousands(d.n_test)
    )
}

/// Where and by what a result was made.
pub(super) fn machine(m: &arcsphere_eval::results::Machine, version: &str) -> String {
    format!("{}, {}, arcsphere {version}", m.cpu.trim(), m.isa)
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::parts::tests::comparison;
    use super::*;
    use arcsphere_eval::measures::Estimate;

    fn run(loss: &str, seed: u64, accuracy: f64) -> Run {
        Run { loss: loss.into(), seed, ..Run::default() }.with("accuracy", Estimate::new(accuracy).over(1000))
    }

    fn results(runs: Vec<Run>) -> Results {
        Results { version: "1".into(), runs, ..Results::default() }
    }

    /// Softmax and arcface with three seeds each, arcface two points ahead; cosface with one.
    pub(super) fn example() -> Results {
        let mut runs = Vec::new();
        for (seed, noise) in [0.0, 0.002, -0.001].into_iter().enumerate() {
            runs.push(run("softmax", seed as u64, 0.95 + noise));
            runs.push(run("arcface", seed as u64, 0.97 + 0.9 * noise));
        }
        runs.push(run("cosface", 0, 0.96));
        runs[1].recovered = 2;
        results(runs)
    }

    pub(super) fn group<'a>(part: &'a Part, results: Results) -> Group<'a> {
        Group::of("MNIST", part, &[(&part.jobs[0], Some(results))]).unwrap()
    }

    #[test]
    fn a_finding_says_what_the_tests_allow() {
        let part = comparison();
        let found = group(&part, example()).findings(&part).unwrap();
        assert_eq!(found.len(), 2, "{found:?}");
        let first = &found[0];
        assert!(first.starts_with("MNIST, accuracy: against softmax (95.03 [94.65, 95.41] %, 3 seeds)"), "{first}");
        assert!(first.contains("significantly higher: arcface (+2.00 ["), "{first}");
        assert!(first.ends_with("too few common seeds to tell: cosface."), "{first}");
        assert_eq!(found[1], "MNIST: 0 of 7 runs collapsed; of the others a rollback saved 1.");
    }

    #[test]
    fn what_many_comparisons_hide_is_said() {
        let part = comparison();
        let mut runs = Vec::new();
        for (seed, noise) in [0.0, 0.002, -0.001].into_iter().enumerate() {
            runs.push(run("softmax", seed as u64, 0.95));
            // Paired differences 0.010, 0.012, 0.009: p = 0.007 alone, 0.042 of six.
            for loss in ["a", "b", "c", "d", "e", "f", "g", "h"] {
                runs.push(run(loss, seed as u64, 0.96 + noise));
            }
        }
        let found = group(&part, results(runs)).findings(&part).unwrap();
        assert!(found[0].contains("though each interval by itself leaves out 0: a (+1.03 ["), "{found:?}");
        assert!(!found[0].contains("not told apart"), "{found:?}");
    }

    #[test]
    fn a_target_is_reached_or_missed_by_a_mean() {
        let part = comparison();
        let group = group(&part, example());
        let says = |accuracy, of: &[&str]| {
            group.reached(&Target { accuracy, of: of.iter().map(|l| (*l).to_owned()).collect() })
        };
        assert!(says(0.97, &[]).contains("by some loss: reached by arcface with 97.03 ["), "{}", says(0.97, &[]));
        assert!(
            says(0.97, &["softmax"]).contains("by softmax: missed, best by softmax with 95.03"),
            "{}",
            says(0.97, &["softmax"])
        );
        assert!(says(0.97, &["sphereface"]).ends_with("not run yet."));
    }

    #[test]
    fn jobs_of_a_group_share_a_table_and_variants_stay_apart() {
        let part = comparison();
        let mut other = part.jobs[0].clone();
        other.variant = "a = 1".to_owned();
        let both = [(&part.jobs[0], Some(example())), (&other, Some(results(vec![run("arcface", 0, 0.9)])))];
        let group = Group::of("g", &part, &both).unwrap();
        let labels: Vec<&str> = group.rows.iter().map(|row| row.label.as_str()).collect();
        assert_eq!((labels, group.baseline), (vec!["softmax", "arcface", "cosface", "arcface, a = 1"], Some(0)));
        assert!(Group::of("g", &part, &[(&part.jobs[0], None)]).is_none());
        let (base, rows) = group.differences_figure(Measure::Accuracy).unwrap();
        assert_eq!((base.as_str(), rows.len(), rows[0].label.as_str()), ("softmax", 1, "arcface"));
        assert!((rows[0].value - 2.0).abs() < 0.1);
    }
}
