//! `study/parts.toml`: what the study asks, and the trainings that answer it.

use super::command::Command;
use super::measure::Measure;
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::path::Path;

/// The parts in the order of the report.
pub(super) const PARTS: &str = "study/parts.toml";
/// The papers' own schedules, for whoever has the machine.
pub(super) const PAPERS: &str = "study/papers.toml";

/// One question.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Part {
    /// As the command line names it: `1`.
    pub(super) id: String,
    pub(super) title: String,
    pub(super) question: String,
    /// What the results are made into.
    pub(super) shows: Shows,
    /// What stands for what, where the real thing could not be had.
    #[serde(default)]
    pub(super) stand_in: String,
    /// How the trainings were chosen, and what to know to read them.
    #[serde(default)]
    pub(super) notes: Vec<String>,
    /// Columns of a comparison's tables.
    #[serde(default)]
    pub(super) measures: Vec<Measure>,
    /// Those of them in which rows are tested against the baseline.
    #[serde(default)]
    pub(super) judged: Vec<Measure>,
    /// The loss that a comparison's other rows are held against.
    #[serde(default)]
    pub(super) baseline: String,
    /// A statement about the losses of sweeps that is to be tested.
    pub(super) claim: Option<Claim>,
    #[serde(rename = "job")]
    pub(super) jobs: Vec<Job>,
}

/// What results are made into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Shows {
    /// Losses side by side, each against a baseline.
    Comparison,
    /// Accuracy over the margin, and the range that can be used.
    Sensitivity,
    /// How often training dies, by trainer.
    Collapse,
}

/// That one loss has the narrower range of margins.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Claim {
    pub(super) narrower: String,
    pub(super) than: Vec<String>,
    /// Accuracy, in [0, 1], by which a margin may lie behind its seed's best and still be in the range.
    pub(super) tolerance: f64,
}

/// One run of the program.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Job {
    /// Of its folder and files.
    pub(super) name: String,
    /// The table that its rows are in; jobs next to one another may share one.
    pub(super) group: String,
    pub(super) run: Command,
    /// On two cores.
    pub(super) minutes: f64,
    /// What each training is given.
    pub(super) budget: String,
    /// What tells its rows from those of the same loss in another job.
    #[serde(default)]
    pub(super) variant: String,
    /// The loss that its group's rows are held against, where it is not the part's.
    #[serde(default)]
    pub(super) baseline: String,
    /// What is missing for it to run.
    #[serde(default)]
    pub(super) waits_for: String,
    pub(super) target: Option<Target>,
}

/// What a group's mean accuracy is to reach.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Target {
    /// In [0, 1].
    pub(super) accuracy: f64,
    /// By one of these losses at least; empty for any.
    #[serde(default)]
    pub(super) of: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    part: Vec<Part>,
}

/// All parts of the checkout: those of the study, then the papers'.
pub(super) fn read(root: &Path) -> Result<(Vec<Part>, Vec<Part>)> {
    let one = |path: &str| -> Result<Vec<Part>> {
        let text = std::fs::read_to_string(root.join(path)).with_context(|| format!("cannot read {path}"))?;
        parse(&text).with_context(|| path.to_owned())
    };
    let (study, papers) = (one(PARTS)?, one(PAPERS)?);
    unique(study.iter().chain(&papers))?;
    Ok((study, papers))
}

fn parse(text: &str) -> Result<Vec<Part>> {
    let file: File = toml::from_str(text)?;
    file.part.iter().try_for_each(Part::check)?;
    unique(file.part.iter())?;
    Ok(file.part)
}

impl Part {
    fn check(&self) -> Result<()> {
        let id = &self.id;
        let sweeps = self.shows != Shows::Comparison;
        for job in &self.jobs {
            let name = &job.name;
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            if name.is_empty() || !name.chars().all(plain) {
                bail!("part {id}: job `{name}`: a name is of a-z, 0-9 and -, for it becomes a file's");
            }
            if job.run.is_sweep() != sweeps {
                bail!(
                    "part {id}: job `{name}`: {:?} is made of {}",
                    self.shows,
                    if sweeps { "sweeps" } else { "compare" }
                );
            }
            if !(job.minutes > 0.0 && job.minutes.is_finite()) {
                bail!("part {id}: job `{name}`: minutes must be above 0");
            }
        }
        if !sweeps && (self.measures.is_empty() || self.baseline.is_empty()) {
            bail!("part {id}: a comparison needs measures and a baseline");
        }
        if let Some(other) = self.judged.iter().find(|m| !self.measures.contains(m)) {
            bail!("part {id}: {other:?} is judged, and no measure of its tables");
        }
        Ok(())
    }

    /// Minutes of all jobs, without those that wait.
    pub(super) fn minutes(&self) -> f64 {
        self.jobs.iter().filter(|job| job.waits_for.is_empty()).map(|job| job.minutes).sum()
    }

    /// The groups in order, with their jobs.
    pub(super) fn groups(&self) -> Vec<(&str, Vec<&Job>)> {
        let mut groups: Vec<(&str, Vec<&Job>)> = Vec::new();
        for job in &self.jobs {
            match groups.iter_mut().find(|(name, _)| *name == job.group) {
                Some((_, jobs)) => jobs.push(job),
                None => groups.push((&job.group, vec![job])),
            }
        }
        groups
    }
}

fn unique<'a>(parts: impl Iterator<Item = &'a Part> + Clone) -> Result<()> {
    let twice = |mut names: Vec<&'a str>| {
        names.sort_unstable();
        names.windows(2).find(|w| w[0] == w[1]).map(|w| w[0])
    };
    if let Some(id) = twice(parts.clone().map(|p| p.id.as_str()).collect()) {
        bail!("two parts have the id `{id}`");
    }
    if let Some(name) = twice(parts.flat_map(|p| p.jobs.iter().map(|j| j.name.as_str())).collect()) {
        bail!("two jobs have the name `{name}`");
    }
    Ok(())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    const PART: &str = "[[part]]\nid = \"1\"\ntitle = \"t\"\nquestion = \"q\"\nshows = \"comparison\"\n\
                        measures = [\"accuracy\", \"eer\"]\njudged = [\"accuracy\"]\nbaseline = \"softmax\"\n";
    const JOB: &str =
        "[[part.job]]\nname = \"a\"\ngroup = \"g\"\nrun = \"compare --dim 2\"\nminutes = 3\nbudget = \"b\"\n";

    /// A part of one comparison.
    pub(in super::super) fn comparison() -> Part {
        parse(&format!("{PART}{JOB}")).unwrap().remove(0)
    }

    /// A part of one sweep that is shown as `shows`.
    pub(in super::super) fn sweeps(shows: &str) -> Part {
        let text = format!("{PART}{JOB}").replace("comparison", shows).replace("compare --dim 2", "sweep --dim 2");
        parse(&text).unwrap().remove(0)
    }

    #[test]
    fn a_part_and_its_jobs_are_read() {
        let part = comparison();
        assert_eq!((part.id.as_str(), part.jobs.len(), part.minutes()), ("1", 1, 3.0));
        assert_eq!(part.groups()[0].0, "g");
        assert_eq!(part.judged, [Measure::Accuracy]);
        let waiting = parse(&format!("{PART}{JOB}waits_for = \"x\"\n")).unwrap().remove(0);
        assert_eq!(waiting.minutes(), 0.0);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let says = |text: String| format!("{:#}", parse(&text).unwrap_err());
        let whole = format!("{PART}{JOB}");
        for (from, to, word) in [
            ("name = \"a\"", "name = \"A b\"", "becomes a file's"),
            ("compare --dim 2", "sweep --loss arcface", "made of compare"),
            ("compare --dim 2", "compare --out x", "--out"),
            ("minutes = 3", "minutes = -1", "above 0"),
            ("[\"accuracy\"]", "[\"mae\"]", "judged"),
            ("title", "tilte", "tilte"),
            ("\"comparison\"", "\"curves\"", "curves"),
            ("[\"accuracy\", \"eer\"]", "[\"speed\"]", "speed"),
        ] {
            let error = says(whole.replace(from, to));
            assert!(error.contains(word), "{word}: {error}");
        }
        assert!(says(format!("{whole}{JOB}")).contains("name `a`"));
        assert!(says(format!("{whole}{}", whole.replace("name = \"a\"", "name = \"b\""))).contains("id `1`"));
    }

    #[test]
    fn the_study_of_this_checkout_fits_into_twelve_hours() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let (study, papers) = read(root).unwrap();
        let waiting = study.iter().flat_map(|p| &p.jobs).filter(|j| !j.waits_for.is_empty());
        let minutes: f64 = study.iter().map(Part::minutes).chain(waiting.map(|j| j.minutes)).sum();
        assert!(minutes <= 12.0 * 60.0, "{minutes} minutes");
        assert_eq!(study.iter().map(|p| p.id.as_str()).collect::<Vec<_>>(), ["1", "2", "3", "4", "5"]);
        assert_eq!(papers.iter().map(|p| p.id.as_str()).collect::<Vec<_>>(), ["papers"]);
    }
}
