//! The tables of a sweep's report.

use std::fmt::Write;

use super::super::html::{degrees, escape, maybe, percent, short};
use super::super::lost::trainer;
use super::super::tables::{whisker, whisker_floor};
use arcsphere_eval::interval::{Mean, Proportion, wilson};
use arcsphere_eval::results::TrainedBy;
use arcsphere_eval::show::fixed;
use arcsphere_eval::sweep::{Group, LossSweep, RateSweep, UsableRange, describe_margin};

mod lost;

mod margins;

pub(super) use lost::lost;
pub(super) use margins::margins;

/// A margin in its own unit, and at the boundary.
fn margin(key: &str, value: f64, cost: f64) -> String {
    let (symbol, _, unit) = describe_margin(key);
    format!("{}\u{a0}=\u{a0}{}{}<small>{} at the boundary</small>", escape(symbol), short(value), unit, degrees(cost))
}

/// The head of a line: the loss, and below it who trained it.
fn head(loss: &str, by: TrainedBy) -> String {
    format!("<th class=\"t\" scope=\"row\">{}{}</th>", escape(loss), trainer(by))
}

/// `3 of 10`, and below it the interval of the share and the runs that were saved.
fn share(p: &Proportion, count: usize, recovered: usize) -> String {
    let class = if count > 0 { " class=\"bad\"" } else { "" };
    let saved = if recovered > 0 { format!("<small>{recovered} recovered</small>") } else { String::new() };
    let percent = |v: f64| fixed(100.0 * v, 1);
    format!("<td{class}>{count} of {}<small>{} to {} %</small>{saved}</td>", p.n, percent(p.low), percent(p.high))
}

/// Dot, whiskers and number of seeds; without an interval the value alone.
fn accuracy(mean: Option<&Mean>, floor: f64) -> String {
    let Some(m) = mean else { return "<td>–</td><td class=\"t\">–</td>".into() };
    let interval = match (m.low, m.high) {
        (Some(low), Some(high)) => format!("{}<small>{} seeds</small>", whisker(m.value, (low, high), floor), m.n),
        _ => "one seed: no interval".to_owned(),
    };
    format!("<td class=\"strong\">{}</td><td class=\"t whisker\">{interval}</td>", percent(m.value))
}

/// A usable range in the margin's own unit with what is open about it, its width, and what
/// may go unseen; or why there is none.
fn range(rate: &RateSweep, key: &str) -> String {
    let r = match &rate.usable {
        Ok(range) => range,
        Err(none) => return format!("<td class=\"t\" colspan=\"3\">none: {}</td>", none.reason()),
    };
    let unit = describe_margin(key).2;
    let at_least = if r.open_low || r.open_high { "≥\u{a0}" } else { "" };
    format!(
        "<td class=\"t\">{}</td><td>{at_least}{}{unit}<small>{}\u{a0}rad, {}</small></td><td>{}</td>",
        ends(r, unit),
        short(r.width()),
        short(r.cost_width()),
        degrees(r.cost_width()),
        maybe(r.unseen, percent)
    )
}

fn ends(r: &UsableRange, unit: &str) -> String {
    let mut out = if r.margins == 1 {
        format!("{}{unit} alone", short(r.low))
    } else {
        format!("{} to {}{unit}", short(r.low), short(r.high))
    };
    let _ = write!(out, "<small>{} of the margins, {} seeds", r.margins, r.seeds);
    match (r.open_low, r.open_high) {
        (true, true) => out.push_str("; open at both ends"),
        (true, false) => out.push_str("; open below"),
        (false, true) => out.push_str("; open above"),
        (false, false) => {}
    }
    if !r.apart.is_empty() {
        let apart: Vec<String> = r.apart.iter().map(|m| short(*m)).collect();
        let _ = write!(out, "; apart: {}", apart.join(", "));
    }
    out + "</small>"
}

/// The causes of some groups with the number of runs that named each.
fn causes<'a>(groups: impl Iterator<Item = &'a Group>) -> String {
    let mut sums: Vec<(&str, usize)> = Vec::new();
    for (cause, count) in groups.flat_map(|g| &g.causes) {
        match sums.iter_mut().find(|s| s.0 == cause) {
            Some(sum) => sum.1 += count,
            None => sums.push((cause, *count)),
        }
    }
    let told: Vec<String> = sums.iter().map(|(cause, n)| format!("{} ({n})", escape(cause))).collect();
    if told.is_empty() { "–".to_owned() } else { told.join(", ") }
}

fn table(out: &mut String, heads: &[(&str, bool)]) {
    out.push_str("<div class=\"scroll\"><table>\n<thead><tr>");
    for (head, text) in heads {
        let class = if *text { " class=\"t\"" } else { "" };
        let _ = write!(out, "<th{class}>{head}</th>");
    }
    out.push_str("</tr></thead>\n<tbody>\n");
}

const RANGE: [(&str, bool); 3] =
    [("usable range", true), ("width, and at the boundary", false), ("unseen, points", false)];

/// One line a loss and trainer: the best margin, the usable range, what collapsed.
pub(super) fn losses(out: &mut String, losses: &[LossSweep]) {
    if losses.is_empty() {
        return;
    }
    out.push_str("<section>\n<h2>Best margins and usable ranges</h2>\n");
    let mut heads = vec![
        ("loss", true),
        ("best margin", true),
        ("learning rate", false),
        ("test accuracy, %", false),
        ("95 % interval", true),
    ];
    heads.extend(RANGE);
    heads.extend([("collapsed", false), ("causes", true)]);
    table(out, &heads);
    let best = |l: &LossSweep| l.best_rate().and_then(RateSweep::best_group).cloned();
    let floor = whisker_floor(losses.iter().filter_map(|l| best(l)?.accuracy?.low));
    for loss in losses {
        let _ = write!(out, "<tr>{}", head(&loss.loss, loss.trainer));
        match (loss.best_rate(), best(loss)) {
            (Some(rate), Some(group)) => {
                let _ = write!(
                    out,
                    "<td class=\"t\">{}</td><td>{}</td>{}{}",
                    margin(&loss.margin_key, group.margin, group.boundary_cost),
                    rate.rate,
                    accuracy(group.accuracy.as_ref(), floor),
                    range(rate, &loss.margin_key)
                );
            }
            _ => out.push_str(
                "<td class=\"t\" colspan=\"7\">none chosen: no margin has a validation accuracy of every run</td>",
            ),
        }
        let (dead, all) = loss.collapsed();
        let recovered = loss.groups().map(|g| g.recovered.len()).sum();
        let collapsed =
            wilson(dead as u64, all as u64).map_or_else(|_| "<td>–</td>".into(), |p| share(&p, dead, recovered));
        let _ = writeln!(out, "{collapsed}<td class=\"t w\">{}</td></tr>", causes(loss.groups()));
    }
    out.push_str(
        "</tbody></table></div>\n<p class=\"note\">The best margin and learning rate are those of highest mean \
         validation accuracy; the test accuracy is only reported. Usable: the margins next to one another around the \
         best, at its learning rate, of which no run collapsed and whose test accuracy is not significantly below the \
         best (paired t-test over seeds, 5 %, Holm). “≥”: the sweep ends there. Unseen: the largest half-width of the \
         intervals of the differences, in percentage points; a margin may be that much worse and still be in. \
         Collapsed and recovered: over all margins and learning rates, with Wilson intervals; a recovered run is not a \
         collapsed one.</p>\n</section>\n",
    );
}

/// Every learning rate of every loss, folded away.
pub(super) fn rates(out: &mut String, losses: &[LossSweep]) {
    if losses.iter().all(|l| l.rates.len() < 2) {
        return;
    }
    out.push_str("<section>\n<h2>Other learning rates</h2>\n<details><summary>Best margins and ranges at every learning rate</summary>\n");
    let mut heads = vec![
        ("loss", true),
        ("learning rate", false),
        ("best margin", true),
        ("test accuracy, %", false),
        ("95 % interval", true),
    ];
    heads.extend(RANGE);
    heads.push(("collapsed", false));
    table(out, &heads);
    let all = || losses.iter().flat_map(|l| l.rates.iter().map(move |r| (l, r)));
    let floor = whisker_floor(all().filter_map(|(_, r)| r.best_group()?.accuracy?.low));
    for (loss, rate) in all() {
        let _ = write!(out, "<tr>{}<td>{}</td>", head(&loss.loss, loss.trainer), rate.rate);
        match rate.best_group() {
            Some(group) => {
                let _ = write!(
                    out,
                    "<td class=\"t\">{}</td>{}{}",
                    margin(&loss.margin_key, group.margin, group.boundary_cost),
                    accuracy(group.accuracy.as_ref(), floor),
                    range(rate, &loss.margin_key)
                );
            }
            None => out.push_str("<td class=\"t\" colspan=\"6\">none chosen</td>"),
        }
        let (dead, runs) = rate.groups.iter().fold((0, 0), |(d, n), g| (d + g.collapsed_seeds.len(), n + g.runs()));
        let recovered = rate.groups.iter().map(|g| g.recovered.len()).sum();
        let collapsed =
            wilson(dead as u64, runs as u64).map_or_else(|_| "<td>–</td>".into(), |p| share(&p, dead, recovered));
        let _ = writeln!(out, "{collapsed}</tr>");
    }
    out.push_str("</tbody></table></div>\n</details>\n</section>\n");
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::tests::cells;
    use super::*;
    use arcsphere_eval::fixtures::cell;
    use arcsphere_eval::sweep::{Sweep, analyze};

    pub(super) fn of(cells: Vec<arcsphere_eval::sweep::Cell>) -> (Sweep, Vec<LossSweep>) {
        let sweep = Sweep { cells, ..Sweep::default() };
        let losses = analyze(&sweep, 1).unwrap();
        (sweep, losses)
    }

    #[test]
    fn a_line_a_loss_with_its_range_and_its_losses() {
        let (_, sweeps) = of(cells());
        let mut html = String::new();
        losses(&mut html, &sweeps);
        assert!(html.contains("m1\u{a0}=\u{a0}0.2 rad<small>11.5° at the boundary</small>"), "{html}");
        assert!(html.contains("0.2 to 0.4 rad<small>2 of the margins, 4 seeds</small>"), "{html}");
        assert!(html.contains("<td>0.2 rad<small>0.2\u{a0}rad, 11.5°</small></td><td>0.27</td>"), "{html}");
        assert!(html.contains("<td class=\"bad\">4 of 16<small>") && html.contains("loss &lt;NaN&gt; (4)"), "{html}");
        assert!(html.contains("0.2 rad alone<small>1 of the margins, 4 seeds; open at both ends"), "{html}");
    }

    #[test]
    fn other_rates_are_told_where_there_are_some() {
        let mut html = String::new();
        rates(&mut html, &of(cells()).1);
        assert_eq!(html, "");
        let two = vec![cell("a", 0.1, 0.1, 1, 0.9, 900), cell("a", 0.1, 0.01, 1, 0.9, 900)];
        rates(&mut html, &of(two).1);
        assert_eq!(html.matches("none: one seed: no interval, no test").count(), 2, "{html}");
    }
}
