//! `study/README.md`: made anew, between its markers, from the results that are there. The papers'
//! schedules have a page of their own, `study/papers.md`.

use super::claim::{self, Judged};
use super::collapse;
use super::comparison::{self, Group};
use super::figures::Figures;
use super::job::result_path;
use super::parts::{self, Job, PAPERS, PARTS, Part, Shows};
use super::sensitivity;
use super::words;
use crate::markers::between;
use anyhow::{Context, Result};
use arcsphere_eval::results::{Results, write_atomic};
use arcsphere_eval::sweep::{Sweep, evidence};
use std::path::Path;

const README: &str = "study/README.md";
const PAPERS_PAGE: &str = "study/papers.md";
/// Pages of what is too long for the report, beside it.
const PAGES: &str = "study/tables";

/// What one part has to show.
#[derive(Debug, Default)]
struct Shown {
    findings: Vec<String>,
    /// A section a group.
    groups: String,
}

/// What `arcsphere advise` holds its margins against.
const EVIDENCE: &str = "crates/arcsphere/src/advise/study.json";

/// Draws every figure and writes every table anew, and what is built into the program.
pub(super) fn refresh(root: &Path) -> Result<()> {
    let (study, papers) = parts::read(root)?;
    let readme = root.join(README);
    let mut text = std::fs::read_to_string(&readme).with_context(|| format!("cannot read {README}"))?;
    let mut put = |name: &str, body: &str| -> Result<()> {
        let (begin, end) = (format!("<!-- {name} -->"), format!("<!-- end of {name} -->"));
        text = between(&text, &begin, &end, body).context(README)?;
        Ok(())
    };
    put("state", &state(root, &study)?)?;
    let body = |part: &Part| section(root, part).with_context(|| format!("part {}", part.id));
    for part in &study {
        put(&format!("part {}", part.id), &body(part)?)?;
    }
    write_atomic(&readme, text.as_bytes())?;
    let page = papers.iter().map(body).collect::<Result<Vec<_>>>()?.join("\n");
    write_atomic(&root.join(PAPERS_PAGE), page.as_bytes())?;
    Ok(write_atomic(&root.join(EVIDENCE), known(root, &study)?.as_bytes())?)
}

/// What the sweeps over margins say, as JSON, a line a loss.
fn known(root: &Path, study: &[Part]) -> Result<String> {
    // Of resamples: a report is the same each time.
    const SEED: u64 = 0;
    let mut lines = Vec::new();
    for job in study.iter().filter(|part| part.shows == Shows::Sensitivity).flat_map(|part| &part.jobs) {
        let Some(sweep) = sweep(root, job)? else { continue };
        for one in evidence(&sweep, &format!("study, {}", job.name), SEED)? {
            lines.push(serde_json::to_string(&one)?);
        }
    }
    Ok(format!("[\n{}\n]\n", lines.join(",\n")))
}

/// A line a part: what it costs and how far it is.
fn state(root: &Path, study: &[Part]) -> Result<String> {
    let head = ["part", "budget", "jobs with a result"].map(str::to_owned);
    let mut rows = Vec::new();
    let mut total = 0.0;
    for part in study {
        let done = part.jobs.iter().filter(|job| result_path(root, job).is_file()).count();
        total += part.minutes();
        rows.push(vec![
            format!("{}. {}", part.id, part.title),
            words::duration(part.minutes()),
            format!("{done} of {}", part.jobs.len()),
        ]);
    }
    let left: f64 = study.iter().flat_map(|p| &p.jobs).filter(|j| !j.waits_for.is_empty()).map(|j| j.minutes).sum();
    let mut text = words::table(&head, &rows);
    text += &format!("\nTogether {} on two cores", words::duration(total));
    if left > 0.0 {
        text += &format!(", and {} more for what waits for data", words::duration(left));
    }
    Ok(text + ".")
}

/// A part: its question, its findings, what it costs, and a section a group.
fn section(root: &Path, part: &Part) -> Result<String> {
    let (shown, reading) = match part.shows {
        Shows::Comparison => (comparisons(root, part)?, comparison::READING),
        Shows::Sensitivity => (sweeps(root, part)?, sensitivity::READING),
        Shows::Collapse => (collapses(root, part)?, collapse::READING),
    };
    let papers = part.id == "papers";
    let title = if papers { format!("# {}", part.title) } else { format!("## {}. {}", part.id, part.title) };
    let mut text = format!("{title}\n\n**Question.** {}\n\n", part.question);
    if !part.stand_in.is_empty() {
        text += &format!("**Stand-in.** {}\n\n", part.stand_in);
    }
    text += "**Findings.**\n\n";
    shown.findings.iter().chain(&missing(root, part)).for_each(|finding| text += &format!("* {finding}\n"));
    let file = if papers { PAPERS } else { PARTS }.trim_start_matches("study/");
    text += &format!(
        "\n**Budget.** {} on two cores{}. `cargo xtask study {}` runs what [{file}]({file}) lists:\n\n",
        words::duration(part.minutes()),
        if papers { ", roughly, and no part of the study's twelve hours" } else { "" },
        part.id,
    );
    let head = ["job", "each training", "budget"].map(str::to_owned);
    let link = |job: &Job| match result_path(root, job).is_file() {
        true => format!("[{0}](results/{0}.json)", job.name),
        false => job.name.clone(),
    };
    // Jobs of one table and one budget have one line.
    let alike = |a: &Job, b: &Job| (&a.group, &a.budget) == (&b.group, &b.budget);
    let rows = part.jobs.chunk_by(alike).map(|jobs| {
        let minutes = jobs.iter().map(|job| job.minutes).sum();
        vec![jobs.iter().map(link).collect::<Vec<_>>().join(", "), jobs[0].budget.clone(), words::duration(minutes)]
    });
    text += &words::table(&head, &rows.collect::<Vec<_>>());
    part.notes.iter().for_each(|note| text += &format!("\n{note}\n"));
    if !shown.groups.is_empty() {
        text += &format!("\n**Tables.** {reading}\n{}", shown.groups);
    }
    Ok(text)
}

/// What has no result, those that wait for something by themselves.
fn missing(root: &Path, part: &Part) -> Vec<String> {
    let without = || part.jobs.iter().filter(|job| !result_path(root, job).is_file());
    let (waiting, rest): (Vec<&Job>, Vec<&Job>) = without().partition(|job| !job.waits_for.is_empty());
    let rest: Vec<String> = rest.iter().map(|job| job.name.clone()).collect();
    let mut out: Vec<String> =
        (!rest.is_empty()).then(|| format!("Not run yet: {}.", words::list(&rest))).into_iter().collect();
    out.extend(waiting.iter().map(|job| format!("Not run yet: {}, waiting for {}.", job.name, job.waits_for)));
    out
}

fn comparisons(root: &Path, part: &Part) -> Result<Shown> {
    let figures = Figures::of(root)?;
    let mut shown = Shown::default();
    for (name, jobs) in part.groups() {
        let found = jobs.iter().map(|job| Ok((*job, results(root, job)?))).collect::<Result<Vec<_>>>()?;
        let Some(group) = Group::of(name, part, &found) else { continue };
        let mut links = String::new();
        for (i, measure) in part.judged.iter().enumerate() {
            let rows = group.differences_figure(*measure)?;
            let file = if i == 0 { jobs[0].name.clone() } else { format!("{}-{i}", jobs[0].name) };
            let link = figures.differences(&file, name, &group.budget(), *measure, &rows)?;
            links += &if link.is_empty() { link } else { format!("\n{link}\n") };
        }
        page(root, &jobs, &format!("{}\n{}\n\n{}\n", group.full_table(part)?, group.caption(), comparison::READING))?;
        shown.group(name, &group.short_table(part)?, &group.caption(), ("All measures", jobs[0]), &links);
        shown.findings.extend(group.findings(part)?);
    }
    Ok(shown)
}

fn sweeps(root: &Path, part: &Part) -> Result<Shown> {
    let figures = Figures::of(root)?;
    let mut shown = Shown::default();
    let mut judged: Vec<(&str, Vec<Judged>)> = Vec::new();
    for job in &part.jobs {
        let Some(sweep) = sweep(root, job)? else { continue };
        let losses = sensitivity::analyze(&sweep)?;
        let link = figures.sensitivity(&job.name, &job.group, &sweep.budget, &losses)?;
        let own = figures.margins(&job.name, &job.group, &sweep.budget, &losses)?;
        let caption = sensitivity::caption(&sweep);
        page(root, &[job], &format!("{caption}\n\n{own}\n\n{}", sensitivity::margins(&losses)))?;
        let table = sensitivity::ranges(&losses);
        shown.group(&job.group, &table, &caption, ("All margins", job), &format!("\n{link}\n"));
        shown.findings.push(sensitivity::finding(&job.group, &losses));
        if let Some(claim) = &part.claim {
            let new = claim::judge(claim, &job.group, &sweep)?;
            match judged.iter_mut().find(|(variant, _)| *variant == job.variant) {
                Some((_, all)) => all.extend(new),
                None => judged.push((&job.variant, new)),
            }
        }
    }
    if let Some(claim) = part.claim.as_ref().filter(|_| !judged.is_empty()) {
        let verdicts = judged.iter().map(|(variant, judged)| claim::finding(claim, variant, judged));
        shown.findings.splice(0..0, verdicts);
        let judged: Vec<Judged> = judged.into_iter().flat_map(|(_, judged)| judged).collect();
        shown.groups += &format!(
            "\n### Ranges against each other\n\nSeed by seed: the stretch of margins around the one that did best on that \
             seed's validation images that loses at most {} % of the test images to it and did not collapse, by what it takes \
             at the boundary; between margins of the grid the accuracy is taken to fall in a line. `≥`: a seed's range may go \
             on. p by Holm's rule over the comparisons of a sweep.\n\n{}",
            words::short(100.0 * claim.tolerance),
            claim::table(claim, &judged)
        );
    }
    Ok(shown)
}

fn collapses(root: &Path, part: &Part) -> Result<Shown> {
    let figures = Figures::of(root)?;
    let mut shown = Shown::default();
    for (name, jobs) in part.groups() {
        let found = jobs.iter().map(|job| Ok(sweep(root, job)?.map(|s| (job.variant.as_str(), s))));
        let found: Vec<(&str, Sweep)> = found.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect();
        if found.is_empty() {
            continue;
        }
        let sweep = collapse::joined(&found);
        let losses = sensitivity::analyze(&sweep)?;
        let link = figures.collapse(&jobs[0].name, name, &sweep.budget, &losses)?;
        let caption = sensitivity::caption(&sweep);
        page(root, &jobs, &format!("{caption} {}\n\n{}", collapse::READING, collapse::cells(&sweep, &losses)))?;
        shown.group(name, &collapse::table(&losses), &caption, ("All cells", jobs[0]), &format!("\n{link}\n"));
        shown.findings.extend(collapse::findings(name, &sweep)?);
    }
    Ok(shown)
}

impl Shown {
    /// Adds a table, what it is of, its page and its figures.
    fn group(&mut self, name: &str, table: &str, caption: &str, (page, job): (&str, &Job), figures: &str) {
        self.groups += &format!("\n### {name}\n\n{table}\n{caption} [{page}](tables/{}.md).\n{figures}", job.name);
    }
}

/// A page of tables beside the report.
fn page(root: &Path, jobs: &[&Job], body: &str) -> Result<()> {
    let folder = root.join(PAGES);
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let mut text = format!("# {}\n\nWritten by `cargo xtask study report` from the results of\n\n", jobs[0].group);
    for job in jobs {
        text += &format!("* [{0}](../results/{0}.json): `arcsphere {1}`\n", job.name, job.run);
    }
    Ok(write_atomic(&folder.join(format!("{}.md", jobs[0].name)), format!("{text}\n{body}").as_bytes())?)
}

fn results(root: &Path, job: &Job) -> Result<Option<Results>> {
    let path = result_path(root, job);
    Ok(if path.is_file() { Some(Results::read_json(&path)?) } else { None })
}

fn sweep(root: &Path, job: &Job) -> Result<Option<Sweep>> {
    let path = result_path(root, job);
    Ok(if path.is_file() { Some(Sweep::read_json(&path)?) } else { None })
}

#[cfg(test)]
mod tests {
    use super::super::parts::tests::{comparison, sweeps as sweep_part};
    use super::super::sensitivity::tests::cell;
    use super::*;
    use arcsphere_eval::measures::Estimate;
    use arcsphere_eval::results::Run;
    use std::path::PathBuf;

    fn root(name: &str) -> PathBuf {
        let root = std::env::temp_dir().join(format!("xtask-report-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&root);
        std::fs::create_dir_all(root.join("study/results")).unwrap();
        root
    }

    #[test]
    fn what_has_no_result_is_not_run_yet() {
        let root = root("missing");
        let mut part = comparison();
        part.stand_in = "a digit for a face".into();
        let text = section(&root, &part).unwrap();
        assert!(text.contains("* Not run yet: a.\n"), "{text}");
        assert!(text.contains("**Stand-in.** a digit for a face") && text.contains("**Question.** q"), "{text}");
        assert!(text.contains("| a | b | 3 min |") && text.contains("`cargo xtask study 1`"), "{text}");
        part.jobs[0].waits_for = "CIFAR-100's files".into();
        assert!(section(&root, &part).unwrap().contains("* Not run yet: a, waiting for CIFAR-100's files."));
        let state = state(&root, &[part]).unwrap();
        assert!(state.contains("| 1. t | 0 min | 0 of 1 |") && state.contains("3 min more for what waits"), "{state}");
        std::fs::remove_dir_all(&root).unwrap();
    }

    #[test]
    fn a_comparison_has_table_figure_and_finding() {
        let root = root("comparison");
        let part = comparison();
        let run = |loss: &str, seed, accuracy: f64| {
            Run { loss: loss.into(), seed, ..Run::default() }.with("accuracy", Estimate::new(accuracy).over(10))
        };
        let runs = vec![run("softmax", 0, 0.9), run("softmax", 1, 0.8), run("arcface", 0, 0.9), run("arcface", 1, 0.9)];
        Results { runs, ..Results::default() }.write_json(&result_path(&root, &part.jobs[0])).unwrap();
        let text = section(&root, &part).unwrap();
        for part in ["[a](results/a.json)", "\n### g\n\n| loss |", "not told apart: arcface.", "](figures/a.svg)"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(root.join("study/figures/a.svg").is_file());
        let page = std::fs::read_to_string(root.join("study/tables/a.md")).unwrap();
        assert!(
            page.contains("(../results/a.json): `arcsphere compare --dim 2`") && page.contains("| loss | margin |"),
            "{page}"
        );
        std::fs::remove_dir_all(&root).unwrap();
    }

    #[test]
    fn a_sweep_has_a_page_of_its_own() {
        let root = root("sweep");
        let cells: Vec<_> =
            (0..3).flat_map(|seed| [0.0, 0.2].map(|m| cell("arcface", m, seed, 0.9 + 0.01 * m))).collect();
        let sweep = Sweep { cells, ..Sweep::default() };
        for (shows, word) in [("sensitivity", "usable margins: arcface"), ("collapse", "0 of 6")] {
            let part = sweep_part(shows);
            sweep.write_json(&result_path(&root, &part.jobs[0])).unwrap();
            let text = section(&root, &part).unwrap();
            assert!(
                text.contains(word) && text.contains("(tables/a.md)") && text.contains("(figures/a.svg)"),
                "{text}"
            );
            assert!(std::fs::read_to_string(root.join("study/tables/a.md")).unwrap().starts_with("# g\n"));
        }
        std::fs::remove_dir_all(&root).unwrap();
    }

    #[test]
    fn the_readme_of_this_checkout_has_a_place_for_every_part() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let text = std::fs::read_to_string(root.join(README)).unwrap();
        let (study, papers) = parts::read(root).unwrap();
        let names = study.iter().map(|part| format!("part {}", part.id));
        for name in names.chain(["state".to_owned()]) {
            assert!(
                between(&text, &format!("<!-- {name} -->"), &format!("<!-- end of {name} -->"), "x").is_ok(),
                "{name}"
            );
        }
        let page = std::fs::read_to_string(root.join(PAPERS_PAGE)).unwrap();
        for part in &papers {
            assert!(page.contains(&format!("# {}\n", part.title)) && text.contains("(papers.md)"), "{}", part.id);
        }
    }
}
