//! Everything of the page that is neither table nor finding.

use std::fmt::Write;

use super::Picture;
use super::html::{degrees, escape, margins, maybe, name, percent, scale, thousands};
use arcsphere_eval::results::{LossSummary, Results, TrainedBy};

fn pair(out: &mut String, term: &str, value: &str) {
    if !value.is_empty() {
        let _ = write!(out, "<div><dt>{term}</dt><dd>{}</dd></div>", escape(value));
    }
}

/// Different values of a field over the runs, joined.
fn distinct<T: PartialEq + ToString>(values: impl Iterator<Item = T>) -> String {
    let mut seen: Vec<T> = Vec::new();
    for value in values {
        if !seen.contains(&value) {
            seen.push(value);
        }
    }
    seen.iter().map(T::to_string).collect::<Vec<_>>().join(", ")
}

/// What was compared, at a glance; `budget` in words where there is one.
pub(crate) fn facts(out: &mut String, results: &Results, budget: &str) {
    let data = &results.data;
    out.push_str("<dl class=\"facts\">");
    pair(out, "data", &data.name);
    let mut samples = format!("{} training", thousands(data.n_train));
    if data.n_validation > 0 {
        samples.push_str(&format!(", {} validation", thousands(data.n_validation)));
    }
    pair(out, "samples", &format!("{samples}, {} test", thousands(data.n_test)));
    if data.n_bad > 0 {
        pair(out, "left out", &format!("{} that cannot be used", thousands(data.n_bad)));
    }
    if data.classes > 0 {
        pair(out, "classes", &thousands(data.classes));
    }
    pair(out, "backbone", &distinct(results.runs.iter().map(|r| r.backbone.clone())));
    let dims = distinct(results.runs.iter().map(|r| r.dim).filter(|d| *d > 0));
    pair(out, "embedding dimension", &dims);
    pair(out, "trainer", &distinct(results.runs.iter().map(|r| r.trainer).filter(|t| *t != TrainedBy::Unnamed)));
    pair(out, "epochs", &distinct(results.runs.iter().map(|r| r.epochs)));
    pair(out, "budget of a training", budget);
    pair(out, "random seeds", &distinct(results.runs.iter().map(|r| format!("#{}", r.seed))));
    out.push_str("</dl>\n");
}

pub(crate) fn picture(out: &mut String, picture: &Picture) {
    let _ = writeln!(
        out,
        "<figure><div class=\"picture\">{}</div><figcaption>{}</figcaption></figure>",
        picture.svg,
        escape(&picture.caption)
    );
}

/// Pictures of all losses.
pub(crate) fn overview(out: &mut String, title: &str, pictures: &[Picture]) {
    let mut own = pictures.iter().filter(|p| p.loss.is_empty()).peekable();
    if own.peek().is_none() {
        return;
    }
    let _ = writeln!(out, "<section>\n<h2>{title}</h2>");
    for p in own {
        picture(out, p);
    }
    out.push_str("</section>\n");
}

/// A section a loss: its margins and why, its pictures.
pub(crate) fn losses(out: &mut String, summaries: &[LossSummary], results: &Results, pictures: &[Picture]) {
    if summaries.is_empty() {
        return;
    }
    out.push_str("<section>\n<h2>Loss by loss</h2>\n");
    let mut shown: Vec<&str> = Vec::new();
    for s in summaries {
        let _ = writeln!(out, "<article>\n<h3>{}</h3>", escape(&name(s, summaries)));
        let _ = write!(
            out,
            "<p>Margin: {}. Scale: {}. Test accuracy {}",
            margins(s.m0, s.m1, s.m2),
            scale(s.scale),
            maybe(s.get("accuracy"), |v| percent(v) + "\u{a0}%")
        );
        if let (None, Some(eer)) = (s.get("accuracy"), s.measures.get("eer").map(|m| m.estimate)) {
            let _ = write!(out, "; EER {}\u{a0}%{}", percent(eer.value), eer.mark());
        }
        if let Some(angle) = s.get("target_angle@mean") {
            let _ = write!(out, "; mean target angle {}", degrees(angle));
        }
        out.push_str(".</p>\n");
        let why = results
            .runs
            .iter()
            .find(|r| r.loss == s.loss && (r.m0, r.m1, r.m2, r.scale) == (s.m0, s.m1, s.m2, s.scale))
            .map_or("", |r| r.margin_reason.as_str());
        if !why.is_empty() {
            let _ = writeln!(out, "<p class=\"why\">Why these: {}</p>", escape(why));
        }
        // Two settings of one loss share its pictures; the first shows them.
        if !shown.contains(&s.loss.as_str()) {
            shown.push(&s.loss);
            out.push_str("<div class=\"pair\">\n");
            for p in pictures.iter().filter(|p| p.loss == s.loss) {
                picture(out, p);
            }
            out.push_str("</div>\n");
        }
        out.push_str("</article>\n");
    }
    out.push_str("</section>\n");
}

/// What the page does not show: `own` limits, then what is true of any of its kind.
pub(crate) fn limits(out: &mut String, own: &[String], any: &[&str]) {
    out.push_str("<section>\n<h2>What this does not show</h2>\n<ul>\n");
    for text in own.iter().map(String::as_str).chain(any.iter().copied()) {
        let _ = writeln!(out, "<li>{}</li>", escape(text));
    }
    out.push_str("</ul>\n</section>\n");
}

/// What no comparison shows.
pub(crate) fn limits_of(summaries: &[LossSummary]) -> Vec<&'static str> {
    let mut out = vec![
        "Other data, backbones and dimensions: a loss that leads here may trail there. The margins \
         were chosen by rule, not searched for; each loss may do better with its own search.",
    ];
    if summaries.iter().any(|s| s.runs > 1) {
        out.push(
            "Other test samples: the intervals over seeds hold for this test set only. “Significant” \
             means that a paired Student-t interval of the difference excludes zero at 95 %, \
             corrected for the number of comparisons (Bonferroni); with few seeds real differences \
             go unseen.",
        );
    }
    if summaries.iter().any(|s| s.runs == 1) {
        out.push("The spread between seeds: one seed a loss was trained. Run more with --seeds.");
    }
    out.push(ELSEWHERE);
    out
}

/// True of any page with times on it.
pub(crate) const ELSEWHERE: &str = "Speed elsewhere: times are those of this machine, with whatever else it was doing.";

/// What was not measured of which losses, and why; nothing where all was.
pub(crate) fn not_measured(out: &mut String, results: &Results) {
    let lines = results.not_measured();
    if lines.is_empty() {
        return;
    }
    out.push_str("<section>\n<h2>Not measured</h2>\n<ul>\n");
    for (missing, losses) in lines {
        let _ = writeln!(out, "<li>{} ({})</li>", escape(&missing), escape(&losses.join(", ")));
    }
    out.push_str("</ul>\n</section>\n");
}

/// Configuration, machine and how to repeat it.
pub(crate) fn provenance(out: &mut String, results: &Results, reproduce: &str, configuration: &str) {
    out.push_str("<section>\n<h2>How to repeat it</h2>\n");
    let commands = if reproduce.is_empty() { &results.command } else { reproduce };
    let _ = writeln!(out, "<pre>{}</pre>", escape(commands));
    out.push_str("<dl class=\"facts\">");
    pair(out, "version", &results.version);
    pair(out, "command", &results.command);
    pair(out, "processor", &results.machine.cpu);
    if results.machine.threads > 0 {
        pair(out, "threads", &results.machine.threads.to_string());
    }
    pair(out, "instruction set", &results.machine.isa);
    pair(out, "device", &results.machine.device);
    pair(out, "SHA-256 of the data", &results.data.sha256);
    out.push_str("</dl>\n");
    if !configuration.is_empty() {
        let _ = writeln!(
            out,
            "<details><summary>Effective configuration</summary>\n<pre>{}</pre></details>",
            escape(configuration)
        );
    }
    out.push_str("</section>\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use arcsphere_eval::fixtures::{run, unclassified};
    use arcsphere_eval::protocols::NotMeasured;
    use arcsphere_eval::results::{Run, summarize};

    #[test]
    fn a_loss_with_two_settings_shows_its_pictures_once() {
        let mut other = run("arcface", 1, 900);
        other.m1 = Some(0.3);
        other.margin_reason = "asked for".into();
        let results = Results { runs: vec![run("arcface", 1, 970), other], ..Results::default() };
        let summaries = summarize(&results.runs);
        let p = Picture { loss: "arcface".into(), caption: "c".into(), svg: "<svg/>".into() };
        let mut html = String::new();
        losses(&mut html, &summaries, &results, &[p]);
        assert_eq!(html.matches("<svg/>").count(), 1);
        assert_eq!(html.matches("<article>").count(), 2);
        assert!(html.contains("Why these: asked for"));
        assert!(html.contains("m1\u{a0}=\u{a0}0.3\u{a0}(17.2°)"));
        assert!(html.contains("Test accuracy 97.00\u{a0}%; mean"), "{html}");
    }

    #[test]
    fn what_is_missing_is_said_once_with_its_losses() {
        let missing = NotMeasured { protocol: "p".into(), measures: vec!["nmi".into()], reason: "a < b".into() };
        let lost = |loss| Run { not_measured: vec![missing.clone()], ..run(loss, 1, 900) };
        let mut html = String::new();
        not_measured(&mut html, &Results { runs: vec![lost("a"), lost("a"), lost("b")], ..Results::default() });
        assert!(html.contains("<li>nmi: a &lt; b (a, b)</li>"), "{html}");
        let mut none = String::new();
        not_measured(&mut none, &Results { runs: vec![run("a", 1, 900)], ..Results::default() });
        assert_eq!(none, "");
    }

    #[test]
    fn without_an_accuracy_the_eer_is_told() {
        let results = Results { runs: vec![unclassified("arcface", 1, 0.125)], ..Results::default() };
        let mut html = String::new();
        losses(&mut html, &summarize(&results.runs), &results, &[]);
        assert!(html.contains("Test accuracy –; EER 12.50\u{a0}%."), "{html}");
    }
}
