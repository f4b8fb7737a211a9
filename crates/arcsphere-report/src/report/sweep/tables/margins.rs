//! A section a loss: its margins one by one.

use std::fmt::Write;

use super::super::super::html::{escape, maybe, percent};
use super::super::super::sections::picture;
use super::super::super::tables::whisker_floor;
use super::{accuracy, causes, margin, share, table};
use crate::report::Picture;
use arcsphere_eval::results::TrainedBy;
use arcsphere_eval::sweep::{Difference, LossSweep, RateSweep, describe_margin};

/// A section a loss: its pictures, and its margins at the chosen learning rate.
pub(in super::super) fn margins(out: &mut String, losses: &[LossSweep], pictures: &[Picture]) {
    if losses.is_empty() {
        return;
    }
    out.push_str("<section>\n<h2>Margin by margin</h2>\n");
    let mut shown: Vec<&str> = Vec::new();
    for loss in losses {
        let Some(rate) = loss.best_rate().or(loss.rates.first()) else { continue };
        let by = match loss.trainer {
            TrainedBy::Unnamed => String::new(),
            named => format!(", {named}"),
        };
        let name = describe_margin(&loss.margin_key).1;
        let _ = writeln!(
            out,
            "<article>\n<h3>{}{by}: {}, learning rate {}</h3>",
            escape(&loss.loss),
            escape(name),
            rate.rate
        );
        one_rate(out, rate, &loss.margin_key);
        // The trainers of a loss share its pictures; the last of them shows them.
        let last = losses.iter().rfind(|l| l.loss == loss.loss).is_some_and(|l| std::ptr::eq(l, loss));
        if last && !shown.contains(&loss.loss.as_str()) {
            shown.push(&loss.loss);
            out.push_str("<div class=\"pair\">\n");
            for p in pictures.iter().filter(|p| p.loss == loss.loss) {
                picture(out, p);
            }
            out.push_str("</div>\n");
        }
        out.push_str("</article>\n");
    }
    out.push_str(
        "<p class=\"note\">▲ best on validation, ● usable. Differences are to the best margin on the same seeds. Of few \
         values the bootstrap interval is too narrow; the t-test decides. A sign-flip p cannot be below 2/2ⁿ for n \
         seeds: with five or fewer never below 0.05, whatever the differences.</p>\n</section>\n",
    );
}

fn one_rate(out: &mut String, rate: &RateSweep, key: &str) {
    table(
        out,
        &[
            ("margin", true),
            ("validation, %", false),
            ("test accuracy, %", false),
            ("95 % interval", true),
            ("difference, points", false),
            ("95 % (t)", false),
            ("95 % (bootstrap)", false),
            ("p (t, Holm)", false),
            ("p (sign flip, Holm)", false),
            ("collapsed", false),
            ("causes", true),
        ],
    );
    // A collapsed run would squash all whiskers to the end of their axis.
    let whole = rate.groups.iter().filter(|g| g.collapsed_seeds.is_empty());
    let floor = whisker_floor(whole.filter_map(|g| g.accuracy?.low));
    for (i, (group, difference)) in rate.groups.iter().zip(&rate.differences).enumerate() {
        let usable = rate
            .usable
            .as_ref()
            .is_ok_and(|r| (r.low..=r.high).contains(&group.margin) || r.apart.contains(&group.margin));
        let sign = match (rate.best == Some(i), usable) {
            (true, _) => "▲ ",
            (_, true) => "● ",
            _ => "",
        };
        let _ = write!(
            out,
            "<tr{}><th class=\"t\" scope=\"row\">{sign}{}</th><td>{}</td>{}",
            if rate.best == Some(i) { " class=\"best\"" } else { "" },
            margin(key, group.margin, group.boundary_cost),
            maybe(group.validation, percent),
            accuracy(group.accuracy.as_ref(), floor)
        );
        match difference {
            Some(d) => out.push_str(&against_best(d)),
            None => {
                let why = if rate.best == Some(i) { "the best" } else { "fewer than two seeds in common" };
                let _ = write!(out, "<td colspan=\"5\">{why}</td>");
            }
        }
        let collapsed = share(&group.collapsed, group.collapsed_seeds.len(), group.recovered.len());
        let _ = writeln!(out, "{collapsed}<td class=\"t w\">{}</td></tr>", causes(std::iter::once(group)));
    }
    out.push_str("</tbody></table></div>\n");
}

/// The cells of a difference to the best margin.
fn against_best(d: &Difference) -> String {
    // Adding 0 makes −0 a 0.
    let points = |v: f64| format!("{:+.2}", (10_000.0 * v).round() / 100.0 + 0.0).replace('-', "−");
    let ends = |low: f64, high: f64| format!("{} to {}", points(low), points(high));
    let class = if d.is_below() { " class=\"bad\"" } else { "" };
    format!(
        "<td{class}>{}</td><td>{}</td><td>{}</td><td{class}>{}</td><td>{}</td>",
        points(d.mean.value),
        d.mean.low.zip(d.mean.high).map_or_else(|| "–".to_owned(), |(low, high)| ends(low, high)),
        ends(d.bootstrap.low, d.bootstrap.high),
        p_value(d.p_adjusted),
        p_value(d.p_sign_flip_adjusted)
    )
}

/// Two significant digits; what rounding hides is a bound.
fn p_value(p: f64) -> String {
    match p {
        p if p < 1e-4 => "&lt; 0.0001".into(),
        p if p < 0.01 => format!("{p:.4}"),
        p => format!("{p:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::cells;
    use super::super::tests::of;
    use super::*;
    use arcsphere_eval::fixtures::cell;

    #[test]
    fn a_margin_is_told_with_its_difference_or_why_not() {
        let mut own = cells();
        own.push(cell("arcface", 0.3, 0.1, 0, 0.9, 950));
        let (_, sweeps) = of(own);
        let mut html = String::new();
        margins(&mut html, &sweeps, &[]);
        assert!(html.contains("▲ m1\u{a0}=\u{a0}0.2 rad") && html.contains("● m1\u{a0}=\u{a0}0.4 rad"), "{html}");
        assert!(html.contains("fewer than two seeds in common") && html.contains(">the best</td>"), "{html}");
        assert!(html.contains("<td class=\"bad\">−1.50</td>"), "{html}");
    }

    #[test]
    fn what_rounding_hides_is_a_bound() {
        assert_eq!([0.000_01, 0.004, 0.25].map(p_value), ["&lt; 0.0001", "0.0040", "0.25"]);
    }
}
