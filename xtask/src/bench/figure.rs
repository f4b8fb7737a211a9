//! `bench/results.svg`: every ratio that was measured, a bar each.

use super::cases::Subject;
use crate::mistake::mistake;
use crate::svg;
use anyhow::{Context, Result, bail};
use arcsphere_report::figure::{BenchBar, BenchBars, BenchGroup};
use serde_json::Value;
use std::path::Path;

/// Its name, beside the README.
pub(super) const FILE: &str = "results.svg";

/// Every results file of a folder, in the subjects' order.
pub(super) fn documents(folder: &Path) -> Result<Vec<Value>> {
    let mut documents = Vec::new();
    for subject in Subject::ALL {
        let path = folder.join(format!("{}.json", subject.name()));
        match std::fs::read_to_string(&path) {
            Ok(json) => documents.push(serde_json::from_str(&json).with_context(|| path.display().to_string())?),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            Err(e) => bail!("cannot read {}: {e}", path.display()),
        }
    }
    Ok(documents)
}

/// Draws the ratios of all results.
pub(super) fn draw(path: &Path, documents: &[Value]) -> Result<()> {
    let groups = groups(documents);
    if groups.is_empty() {
        return Err(mistake!("bench: no result has a ratio to draw yet; run cargo xtask bench {}", Subject::known()));
    }
    let figure = BenchBars {
        title: "PyTorch's time over arcsphere's",
        subtitle: &subtitle(documents),
        axis: "ratio of times, above 1 arcsphere is faster",
        groups: &groups,
    };
    svg::write(path, &figure)
}

fn groups(documents: &[Value]) -> Vec<BenchGroup> {
    let mut groups = Vec::new();
    for document in documents {
        let name = document["subject"].as_str().unwrap_or_default();
        let bars: Vec<BenchBar> = document["cases"].as_array().into_iter().flatten().filter_map(bar).collect();
        if !bars.is_empty() {
            let target = Subject::find(name).and_then(Subject::target);
            groups.push(BenchGroup { name: name.to_owned(), target, bars });
        }
    }
    groups
}

/// A case's ratio; nothing where PyTorch did not run.
fn bar(case: &Value) -> Option<BenchBar> {
    let rounds = |side: &Value| -> Vec<f64> {
        side["rounds_ms"].as_array().into_iter().flatten().filter_map(Value::as_f64).collect()
    };
    let peer = &case["pytorch"][case["fastest"].as_str()?];
    // Sides of one round stood the same disturbances.
    let ratios = rounds(peer).into_iter().zip(rounds(&case["arcsphere"])).map(|(peer, own)| peer / own);
    let ratios: Vec<f64> = ratios.filter(|ratio| ratio.is_finite()).collect();
    let ends = ratios.iter().copied().reduce(f64::min).zip(ratios.iter().copied().reduce(f64::max));
    Some(BenchBar {
        label: label(case["case"].as_str()?),
        ratio: case["ratio"].as_f64()?,
        range: ends.filter(|_| ratios.len() > 1),
    })
}

/// A case's name without what its group or every case of it says.
fn label(case: &str) -> String {
    let name = ["head, ", "convolution ", "training ", "compare, "].iter().find_map(|own| case.strip_prefix(own));
    let name = name.unwrap_or(case);
    name.strip_suffix(", both gradients").unwrap_or(name).to_owned()
}

/// What all results have in common of the machine and PyTorch's version.
fn subtitle(documents: &[Value]) -> String {
    let common = |fact: &dyn Fn(&Value) -> Option<String>| {
        let mut all = documents.iter().map(fact);
        let first = all.next().flatten()?;
        all.all(|other| other.as_ref() == Some(&first)).then_some(first)
    };
    let text = |key: &'static str| move |d: &Value| d["machine"][key].as_str().map(str::to_owned);
    let facts = [
        common(&text("cpu")),
        common(&text("isa")),
        common(&|d| Some(format!("{} threads", d["machine"]["threads"].as_u64()?))),
        common(&|d| Some(format!("PyTorch {}, its fastest way", d["torch"].as_str()?))),
    ];
    let mut facts: Vec<String> = facts.into_iter().flatten().collect();
    facts.push("whiskers: extremes of the rounds".to_owned());
    facts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::super::results::{document, tests::example};
    use super::*;
    use serde_json::json;

    fn result() -> Value {
        document(Subject::Head, &[example()], &[json!({"torch": "2.0"})], &None)
    }

    #[test]
    fn a_bar_has_the_ratio_and_the_rounds_extremes() {
        let groups = groups(&[result()]);
        assert_eq!((groups[0].name.as_str(), groups[0].target), ("head", Some(3.0)));
        let bar = &groups[0].bars[0];
        // Rounds of 60, 50 and 70 ms against 20, 10 and 90.
        assert_eq!((bar.ratio, bar.range), (3.0, Some((70.0 / 90.0, 5.0))));
    }

    #[test]
    fn labels_are_short_and_differ() {
        let mut labels: Vec<String> =
            Subject::ALL.into_iter().flat_map(super::super::cases::of).map(|c| label(&c.name)).collect();
        assert!(labels.iter().all(|label| label.chars().count() < 45), "{labels:?}");
        let count = labels.len();
        labels.sort();
        labels.dedup();
        assert_eq!(labels.len(), count);
    }

    #[test]
    fn the_subtitle_says_what_is_common() {
        let mut other = result();
        assert_eq!(
            subtitle(&[result()]),
            "a CPU, avx512, 2 threads, PyTorch 2.0, its fastest way, whiskers: extremes of the rounds"
        );
        other["machine"]["cpu"] = json!("another");
        assert!(subtitle(&[result(), other]).starts_with("avx512, 2 threads, PyTorch 2.0"));
    }

    #[test]
    fn a_figure_is_written_where_there_is_something_to_draw() {
        let folder = std::env::temp_dir().join(format!("xtask-bench-figure-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join(FILE);
        draw(&path, &[result()]).unwrap();
        let svg = std::fs::read_to_string(&path).unwrap();
        assert!(svg.contains(">C = 10<") && svg.contains("target 3.0×"), "{svg}");
        let mut without = example();
        without.peers.clear();
        let without = document(Subject::Head, &[without], &[], &None);
        assert!(draw(&path, &[without]).unwrap_err().is::<crate::mistake::Mistake>());
        assert!(documents(&folder).unwrap().is_empty());
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
