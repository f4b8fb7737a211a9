//! The runs that collapsed or were saved from it: of what, and what was done.

use std::fmt::Write;

use super::html::escape;
use arcsphere_eval::results::{Results, Run, TrainedBy};

/// A line a run; nothing where all went well.
pub(crate) fn table(out: &mut String, results: &Results) {
    let runs: Vec<&Run> = results.runs.iter().filter(|r| is_worth_a_line(r)).collect();
    if runs.is_empty() {
        return;
    }
    let dead = runs.iter().filter(|r| r.collapsed).count();
    let saved = runs.iter().filter(|r| !r.collapsed && r.recovered > 0).count();
    let _ = write!(
        out,
        "<section>\n<h2>Collapsed and recovered runs</h2>\n<p>{dead} collapsed, {saved} recovered, of {}.</p>\n\
         <div class=\"scroll\"><table>\n<thead><tr><th class=\"t\">loss</th><th>seed</th>\
         <th class=\"t\">what became of it</th><th class=\"t\">causes</th><th class=\"t\">what was done</th></tr></thead>\n<tbody>\n",
        results.runs.len()
    );
    for run in runs {
        let _ = writeln!(
            out,
            "<tr><th class=\"t\" scope=\"row\">{}{}</th><td>{}</td>{}<td class=\"t\">{}</td><td class=\"t\">{}</td></tr>",
            escape(&run.loss),
            trainer(run.trainer),
            run.seed,
            became(run),
            causes(run),
            done(run)
        );
    }
    out.push_str(
        "</tbody></table></div>\n<p class=\"note\">A recovered run went back to its last good step and on, softened, to \
         its end; its numbers are in all tables, as are those of a collapsed one. <code>arcsphere list causes</code> says what \
         each cause is.</p>\n</section>\n",
    );
}

/// Whether something happened to a run. A trainer that ignores a cause goes on, and is told of too.
fn is_worth_a_line(run: &Run) -> bool {
    run.collapsed || run.recovered > 0 || !run.causes.is_empty()
}

/// Who trained it, below the loss.
pub(crate) fn trainer(by: TrainedBy) -> String {
    if by == TrainedBy::Unnamed { String::new() } else { format!("<small>{by}</small>") }
}

/// What became of a run, as a cell.
pub(crate) fn became(run: &Run) -> String {
    let times = match run.recovered {
        0 => String::new(),
        1 => "1 rollback".to_owned(),
        n => format!("{n} rollbacks"),
    };
    match (run.collapsed, times.as_str()) {
        (true, "") => "<td class=\"t bad\">collapsed</td>".to_owned(),
        (true, times) => format!("<td class=\"t bad\">collapsed after {times}</td>"),
        (false, "") => "<td class=\"t\">went on</td>".to_owned(),
        (false, times) => format!("<td class=\"t\">recovered by {times}</td>"),
    }
}

/// The names of its causes.
pub(crate) fn causes(run: &Run) -> String {
    if run.causes.is_empty() { "–".to_owned() } else { escape(&run.causes.join(", ")) }
}

/// Each rollback in a sentence, and how it ended where it ended badly.
fn done(run: &Run) -> String {
    let ends = Some(&run.reason).filter(|reason| run.collapsed && !reason.is_empty());
    let lines: Vec<String> = run.recoveries.iter().chain(ends).map(|line| escape(line)).collect();
    if lines.is_empty() { "–".to_owned() } else { lines.join("<br>") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::page::tests::assert_whole;
    use arcsphere_eval::fixtures::run;

    #[test]
    fn what_happened_is_told_with_its_cause_and_its_remedy() {
        let mut saved = run("arcface", 1, 970);
        (saved.recovered, saved.causes, saved.trainer) = (2, vec!["origin".into(), "a<b".into()], TrainedBy::Default);
        saved.recoveries = vec!["first: rate × 0.5".into(), "second: x < y".into()];
        let mut dead = run("softmax", 3, 100);
        (dead.recovered, dead.collapsed, dead.reason) = (1, true, "at chance, after one recovery".into());
        let mut ignored = run("cosface", 2, 900);
        (ignored.causes, ignored.trainer) = (vec!["origin".into()], TrainedBy::Naive);
        let well = run("sphereface", 1, 960);
        let mut html = String::new();
        table(&mut html, &Results { runs: vec![saved, dead, ignored, well.clone()], ..Results::default() });
        for part in [
            "1 collapsed, 1 recovered, of 4.",
            "arcface<small>default</small></th><td>1</td><td class=\"t\">recovered by 2 rollbacks</td>",
            "<td class=\"t\">origin, a&lt;b</td><td class=\"t\">first: rate × 0.5<br>second: x &lt; y</td>",
            "collapsed after 1 rollback</td><td class=\"t\">–</td><td class=\"t\">at chance, after one recovery</td>",
            "cosface<small>naive</small></th><td>2</td><td class=\"t\">went on</td><td class=\"t\">origin</td><td class=\"t\">–</td>",
        ] {
            assert!(html.contains(part), "{part} is not in {html}");
        }
        assert!(!html.contains("sphereface"), "{html}");
        assert_whole(&html);
        let mut none = String::new();
        table(&mut none, &Results { runs: vec![well], ..Results::default() });
        assert_eq!(none, "");
    }
}
