//! Every run that collapsed or was saved.

use std::fmt::Write;

use super::super::super::html::{escape, short};
use super::super::super::lost::{became, causes};
use super::{head, table};
use arcsphere_eval::sweep::{Sweep, describe_margin};

/// A line a run, folded away.
pub(in super::super) fn lost(out: &mut String, sweep: &Sweep) {
    let cells: Vec<_> = sweep.cells.iter().filter(|c| c.run.collapsed || c.run.recovered > 0).collect();
    if cells.is_empty() {
        return;
    }
    let dead = cells.iter().filter(|c| c.run.collapsed).count();
    let _ = write!(
        out,
        "<section>\n<h2>Collapsed and recovered runs</h2>\n<details><summary>{dead} collapsed, {} recovered, of {}</summary>\n",
        cells.len() - dead,
        sweep.cells.len()
    );
    table(
        out,
        &[
            ("loss", true),
            ("margin", true),
            ("learning rate", false),
            ("seed", false),
            ("what became of it", true),
            ("causes", true),
            ("reason", true),
        ],
    );
    for c in cells {
        let (symbol, _, unit) = describe_margin(&c.margin_key);
        let _ = writeln!(
            out,
            "<tr>{}<td class=\"t\">{}\u{a0}=\u{a0}{}{unit}</td>\
             <td>{}</td><td>{}</td>{}<td class=\"t\">{}</td><td class=\"t\">{}</td></tr>",
            head(&c.loss, c.run.trainer),
            escape(symbol),
            short(c.margin),
            c.rate,
            c.seed,
            became(&c.run),
            causes(&c.run),
            escape(&c.run.reason)
        );
    }
    out.push_str("</tbody></table></div>\n</details>\n</section>\n");
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::cells;
    use super::super::tests::of;
    use super::*;

    #[test]
    fn lost_and_saved_runs_are_listed_one_by_one() {
        let (sweep, _) = of(cells());
        let mut html = String::new();
        lost(&mut html, &sweep);
        assert!(html.contains("4 collapsed, 3 recovered, of 20"), "{html}");
        assert!(html.contains("recovered by 2 rollbacks") && html.contains("recovered by 1 rollback<"), "{html}");
        assert_eq!(html.matches("<tr>").count(), 1 + 7);
        let mut none = String::new();
        lost(&mut none, &Sweep::default());
        assert_eq!(none, "");
    }
}
