//! One self-contained HTML page about a sweep.

use std::path::Path;

use super::{Picture, page, sections};
use arcsphere_eval::error::Result;
use arcsphere_eval::results::write_atomic;
use arcsphere_eval::sweep::{LossSweep, Sweep};

mod finding;

mod pictures;

mod tables;

pub use pictures::sweep_pictures;

/// What the report of a sweep is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct SweepReport {
    /// The page's title.
    pub title: String,
    /// The measured numbers.
    pub sweep: Sweep,
    /// What [`analyze`](arcsphere_eval::sweep::analyze) made of them.
    pub losses: Vec<LossSweep>,
    /// Pictures, as of [`sweep_pictures`]; those of all losses come first.
    pub pictures: Vec<Picture>,
    /// The effective configuration, TOML.
    pub configuration: String,
    /// Shell commands that repeat the sweep, one a line.
    pub reproduce: String,
    /// What this sweep does not show, beyond what is true of any.
    pub limits: Vec<String>,
}

impl SweepReport {
    /// The sentences at the head of the page: what the intervals allow to say, no more.
    pub fn finding(&self) -> String {
        finding::sentence(&self.sweep, &self.losses)
    }

    /// The page.
    pub fn to_html(&self) -> String {
        let results = self.sweep.results();
        page::page(&self.title, &self.finding(), |out| {
            sections::facts(out, &results, &self.sweep.budget);
            tables::losses(out, &self.losses);
            sections::overview(out, "All losses", &self.pictures);
            tables::margins(out, &self.losses, &self.pictures);
            tables::rates(out, &self.losses);
            tables::lost(out, &self.sweep);
            sections::not_measured(out, &results);
            sections::limits(out, &self.limits, &limits(&self.losses));
            sections::provenance(out, &results, &self.reproduce, &self.configuration);
        })
    }

    /// Writes [`SweepReport::to_html`] to `path`, whole or not at all.
    ///
    /// # Errors
    /// [`EvalError::Io`](arcsphere_eval::EvalError::Io).
    pub fn write(&self, path: &Path) -> Result<()> {
        write_atomic(path, self.to_html().as_bytes())
    }
}

/// What no sweep shows.
fn limits(losses: &[LossSweep]) -> Vec<&'static str> {
    let mut out = vec![
        "Other data, backbones, dimensions and budgets: a margin that can be used here may be too much \
         there, and a longer training may stand more.",
        "Margins between those that were tried and beyond them. A range's ends are margins of the sweep.",
    ];
    let runs = || losses.iter().flat_map(LossSweep::groups).map(|g| g.runs());
    if runs().any(|n| n > 1) {
        out.push(
            "That a usable margin is as good as the best one: its accuracy was not significantly below \
             (paired t-test over seeds, 5 %, Holm's rule over the margins of a loss at one learning \
             rate), and with few seeds real differences go unseen. How large they may be is in the \
             column “unseen”.",
        );
        out.push(
            "Other test samples: intervals over seeds hold for this test set only. The best margin was \
             chosen on validation samples, so that its test accuracy is not flattered by the choice.",
        );
    }
    if runs().any(|n| n == 1) {
        out.push("The spread between seeds, where a margin was trained with one: no interval, no test.");
    }
    out.push(
        "How often training collapses elsewhere: a rate over many settings is one of these settings; \
         its interval takes runs for independent.",
    );
    out.push(sections::ELSEWHERE);
    out
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::report::page::tests::assert_whole;
    use arcsphere_eval::fixtures::{cell, dead};
    use arcsphere_eval::sweep::{Cell, analyze};

    pub(crate) fn cells() -> Vec<Cell> {
        let mut cells = Vec::new();
        for seed in 0..4 {
            for (margin, correct) in
                [(0.0, [940, 944, 941, 946]), (0.2, [955, 958, 957, 961]), (0.4, [953, 955, 957, 957])]
            {
                let validation = 0.95 - (margin - 0.2f64).abs() / 100.0;
                cells.push(cell("arcface", margin, 0.1, seed, validation, correct[seed as usize]));
            }
            cells.push(dead("arcface", 0.8, 0.1, seed, "loss <NaN>"));
            let mut saved = cell("cosface", 0.2, 0.1, seed, 0.95, 950 + seed);
            saved.run.recovered = seed;
            cells.push(saved);
        }
        cells
    }

    fn report(cells: Vec<Cell>) -> SweepReport {
        let sweep = Sweep { cells, budget: "3 epochs & more".into(), ..Sweep::default() };
        let losses = analyze(&sweep, 1).unwrap();
        let pictures = sweep_pictures(&losses, None).unwrap();
        SweepReport {
            title: "A & B".into(),
            sweep,
            losses,
            pictures,
            configuration: "seed = 1 # <tag>".into(),
            reproduce: "arcsphere sweep".into(),
            limits: vec!["nothing about <faces>".into()],
        }
    }

    #[test]
    fn a_whole_page_with_everything_escaped() {
        let html = report(cells()).to_html();
        assert_whole(&html);
        for text in ["3 epochs &amp; more", "loss &lt;NaN&gt;", "nothing about &lt;faces&gt;", "# &lt;tag&gt;"] {
            assert!(html.contains(text), "{text}");
        }
        assert!(!html.contains("<NaN>") && html.contains("<svg"));
    }

    #[test]
    fn an_empty_sweep_is_a_page_too() {
        let html = report(vec![]).to_html();
        assert_whole(&html);
        assert!(html.contains("No run was made"));
    }

    #[test]
    fn written_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("report.html");
        let report = report(cells());
        report.write(&path).unwrap();
        assert_eq!(std::fs::read_to_string(path).unwrap(), report.to_html());
    }
}
