//! The table in `bench/README.md`, made anew from all results.

use super::figure;
use super::results::Measured;
use crate::markers::between;
use anyhow::{Context, Result};
use arcsphere_eval::results::write_atomic;
use serde_json::Value;
use std::path::Path;

const BEGIN: &str = "<!-- results: written by `cargo xtask bench` -->";
const END: &str = "<!-- end of results -->";

/// Puts the figure and the table of all results between the markers of the README.
pub(super) fn refresh(readme: &Path, documents: &[Value]) -> Result<()> {
    let text = std::fs::read_to_string(readme).with_context(|| format!("cannot read {}", readme.display()))?;
    let new = between(&text, BEGIN, END, &render(documents)).with_context(|| readme.display().to_string())?;
    Ok(write_atomic(readme, new.as_bytes())?)
}

/// All results as Markdown: the machines, then a line a case.
fn render(documents: &[Value]) -> String {
    if documents.is_empty() {
        return "No results yet.".to_owned();
    }
    let mut text = String::new();
    let cases = || documents.iter().flat_map(|d| d["cases"].as_array().into_iter().flatten());
    if cases().any(|case| case["ratio"].is_number()) {
        text += &format!("![PyTorch's time over arcsphere's, a bar a case]({})\n\n", figure::FILE);
    }
    text += "| work | PyTorch, fastest | arcsphere | ratio | arcsphere's GFLOP/s | memory: PyTorch, arcsphere |\n";
    text += "| --- | --- | --- | --- | --- | --- |\n";
    cases().for_each(|case| text += &row(case));
    text += "\nMeasured on:\n\n";
    for document in documents {
        let m = &document["machine"];
        text += &format!(
            "* {}: {}, {}, {} threads; SGEMM 2048³ {} GFLOP/s (PyTorch), {} (arcsphere); triad {} GB/s; PyTorch {}; commit {}\n",
            string(&document["subject"]),
            string(&m["cpu"]),
            string(&m["isa"]),
            m["threads"],
            number(&m["sgemm_gflops"]["pytorch"], 0),
            number(&m["sgemm_gflops"]["arcsphere"], 0),
            number(&m["triad_gb_per_second"], 0),
            string(&document["torch"]),
            string(&document["commit"]),
        );
    }
    text
}

fn row(case: &Value) -> String {
    let fastest = string(&case["fastest"]);
    let peer = &case["pytorch"][&fastest];
    format!(
        "| {} | {} ({fastest}) | {} | {}× | {} | {}, {} |\n",
        string(&case["case"]),
        time(&peer["median_ms"]),
        time(&case["arcsphere"]["median_ms"]),
        number(&case["ratio"], 2),
        number(&case["arcsphere"]["gflops"], 0),
        megabytes(&peer["peak_rss_bytes"]),
        megabytes(&case["arcsphere"]["peak_rss_bytes"]),
    )
}

/// A case's line on the terminal.
pub(super) fn line(case: &Measured) -> String {
    let Some((fastest, ratio)) = case.fastest().zip(case.ratio()) else {
        return format!("{}: PyTorch did not run", case.name);
    };
    let shown = |ms: Option<f64>| ms.map_or_else(|| "–".to_owned(), |ms| time(&ms.into()));
    format!(
        "{}: PyTorch {} ({}), arcsphere {}, ratio {ratio:.2}",
        case.name,
        shown(fastest.median_ms()),
        fastest.mode,
        shown(case.own.median_ms()),
    )
}

fn string(value: &Value) -> String {
    value.as_str().unwrap_or("–").to_owned()
}

fn number(value: &Value, digits: usize) -> String {
    value.as_f64().map_or_else(|| "–".to_owned(), |v| format!("{v:.digits$}"))
}

fn time(ms: &Value) -> String {
    match ms.as_f64() {
        None => "–".to_owned(),
        Some(ms) if ms >= 10_000.0 => format!("{:.1} s", ms / 1e3),
        Some(ms) if ms >= 100.0 => format!("{ms:.0} ms"),
        Some(ms) => format!("{ms:.1} ms"),
    }
}

fn megabytes(bytes: &Value) -> String {
    bytes.as_f64().map_or_else(|| "–".to_owned(), |b| format!("{:.0} MB", b / 1e6))
}

#[cfg(test)]
mod tests {
    use super::super::cases::Subject;
    use super::super::results::{document, tests::example};
    use super::*;
    use serde_json::json;

    #[test]
    fn a_case_is_a_row() {
        let machine = [json!({"sgemm_gflops": 205.4, "triad_gb_per_second": 30.0, "torch": "2.0"})];
        let text = render(&[document(Subject::Head, &[example()], &machine, &Some("abc".to_owned()))]);
        assert!(
            text.starts_with("![PyTorch's time over arcsphere's, a bar a case](results.svg)\n\n| work |"),
            "{text}"
        );
        assert!(text.contains("| head, C = 10 | 60.0 ms (compile) | 20.0 ms | 3.00× | 150 | 0 MB, 0 MB |"), "{text}");
        assert!(text.contains("* head: a CPU, avx512, 2 threads; SGEMM 2048³ 205 GFLOP/s (PyTorch), – (arcsphere); triad 30 GB/s; PyTorch 2.0; commit abc"), "{text}");
        assert_eq!(line(&example()), "head, C = 10: PyTorch 60.0 ms (compile), arcsphere 20.0 ms, ratio 3.00");
    }

    #[test]
    fn what_was_not_measured_is_a_dash() {
        let mut case = example();
        case.peers.clear();
        let text = render(&[document(Subject::Head, &[case], &[], &None)]);
        assert!(!text.contains("results.svg"), "{text}");
        assert!(text.contains("| – (–) | 20.0 ms | –× | – |"), "{text}");
        assert_eq!(render(&[]), "No results yet.");
        assert_eq!(time(&json!(123_456.0)), "123.5 s");
    }

    #[test]
    fn the_readme_of_this_checkout_has_the_markers() {
        let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/../bench/README.md");
        let text = std::fs::read_to_string(readme).unwrap();
        assert!(between(&text, BEGIN, END, "x").is_ok());
    }
}
