//! One self-contained HTML page about a comparison ([`Report`]) or a sweep
//! ([`SweepReport`]): light and dark, no external resource, readable on a phone.
//!
//! Everything that comes from outside is escaped; the pictures are the crate's own
//! ([`to_adaptive_svg`](crate::figure::to_adaptive_svg)) and are set in as they are.

use std::path::Path;

use arcsphere_eval::error::Result;
use arcsphere_eval::results::{Results, summarize, write_atomic};

mod html;

mod page;

mod finding;

mod lost;

mod ordered;

mod sections;

mod sweep;

mod tables;

pub use finding::{Finding, Standing, find};
pub use html::margins;
pub use sweep::{SweepReport, sweep_pictures};

/// A picture of a report.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// The loss it belongs to; empty for one that shows all losses.
    pub loss: String,
    /// What it shows and how to read it.
    pub caption: String,
    /// An `<svg>` element made by
    /// [`to_adaptive_svg`](crate::figure::to_adaptive_svg). It is not escaped.
    pub svg: String,
}

/// What a report is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The page's title.
    pub title: String,
    /// The measured numbers.
    pub results: Results,
    /// Pictures; those of all losses come first, then one section a loss.
    pub pictures: Vec<Picture>,
    /// The effective configuration, TOML.
    pub configuration: String,
    /// Shell commands that repeat the comparison, one a line.
    pub reproduce: String,
    /// What this comparison does not show, beyond what is true of any.
    pub limits: Vec<String>,
}

impl Report {
    /// A page of numbers alone: no picture, no configuration, no limits beyond those of any comparison.
    ///
    /// ```
    /// use arcsphere_eval::results::{Results, Run};
    /// use arcsphere_report::report::Report;
    /// let run = Run { loss: "arcface".into(), ..Run::default() }.with("accuracy", 0.97);
    /// let html = Report::new("One loss", Results { runs: vec![run], ..Results::default() }).to_html();
    /// assert!(html.starts_with("<!doctype html>") && html.contains("arcface reaches a test accuracy of 97.00 %."));
    /// ```
    pub fn new(title: &str, results: Results) -> Self {
        let title = title.to_owned();
        Self {
            title,
            results,
            pictures: vec![],
            configuration: String::new(),
            reproduce: String::new(),
            limits: vec![],
        }
    }

    /// The page.
    pub fn to_html(&self) -> String {
        let summaries = summarize(&self.results.runs);
        let finding = find(&summaries);
        page::page(&self.title, &finding.sentence, |out| {
            sections::facts(out, &self.results, "");
            tables::summary(out, &summaries, &finding);
            ordered::table(out, &self.results);
            sections::overview(out, "All losses", &self.pictures);
            lost::table(out, &self.results);
            sections::losses(out, &summaries, &self.results, &self.pictures);
            tables::runs(out, &self.results);
            sections::not_measured(out, &self.results);
            sections::limits(out, &self.limits, &sections::limits_of(&summaries));
            sections::provenance(out, &self.results, &self.reproduce, &self.configuration);
        })
    }

    /// Writes [`Report::to_html`] to `path`, whole or not at all.
    ///
    /// # Errors
    /// [`EvalError::Io`](arcsphere_eval::EvalError::Io).
    pub fn write(&self, path: &Path) -> Result<()> {
        write_atomic(path, self.to_html().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arcsphere_eval::fixtures::run;

    fn report() -> Report {
        let mut dead = run("<b>evil</b>", 2, 100);
        dead.margin_reason = "\u{1b}[2J\u{0}\u{202e}".into();
        dead.collapsed = true;
        dead.reason = "loss \"NaN\" & more".into();
        Report {
            title: "A & B".into(),
            results: Results {
                command: "arcsphere compare --losses 'a,b' > x".into(),
                runs: vec![run("arcface", 1, 970), run("arcface", 2, 960), dead],
                ..Results::default()
            },
            pictures: vec![Picture {
                loss: "arcface".into(),
                caption: "points < 3".into(),
                svg: "<svg id=\"own\"></svg>".into(),
            }],
            configuration: "seed = 1 # <tag>".into(),
            reproduce: "cargo run && echo".into(),
            limits: vec!["nothing about <faces>".into()],
        }
    }

    #[test]
    fn everything_from_outside_is_escaped() {
        let html = report().to_html();
        assert!(!html.contains("<b>evil") && html.contains("&lt;b&gt;evil&lt;/b&gt;"));
        for escaped in [
            "<title>A &amp; B</title>",
            "loss &quot;NaN&quot; &amp; more",
            "points &lt; 3",
            "seed = 1 # &lt;tag&gt;",
            "cargo run &amp;&amp; echo",
            "nothing about &lt;faces&gt;",
        ] {
            assert!(html.contains(escaped), "{escaped}");
        }
        assert!(html.contains("<svg id=\"own\"></svg>"));
        assert!(html.contains(r"Why these: \u001b[2J\u0000\u202e"), "{html}");
        assert!(!html.chars().any(|c| c.is_control() && c != '\n'));
    }

    #[test]
    fn nothing_is_loaded_from_elsewhere_and_tags_balance() {
        let html = report().to_html();
        page::tests::assert_whole(&html);
    }

    #[test]
    fn an_empty_comparison_is_a_page_too() {
        let html = Report { results: Results::default(), pictures: vec![], ..report() }.to_html();
        assert!(html.contains("No run was made"));
    }

    #[test]
    fn written_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("report.html");
        report().write(&path).unwrap();
        assert_eq!(std::fs::read_to_string(path).unwrap(), report().to_html());
    }
}
