//! The tables of a comparison: a short one for the report, all measures for a page of their own.

use super::super::measure::Measure;
use super::super::paired::Difference;
use super::super::parts::Part;
use super::super::words::{self, NONE};
use super::{Group, data, machine, span};
use anyhow::Result;
use arcsphere_eval::results::Run;
use arcsphere_report::figure::Verdict;
use arcsphere_report::report::margins;

/// What the brackets of the tables are, once a part.
pub(in super::super) const READING: &str = "In brackets: 95 %, Student's t over the seeds, on one and the same test set; \
    with one seed Wilson's over the test images for an accuracy, and nothing for the rest. Differences are over the same \
    seeds and batches; their intervals are of each alone; p is of the paired t-test, by Holm's rule over the rows of its table; ▲ and ▼: significant at 5 %.";

impl Group<'_> {
    /// A line a row: the judged measures, the difference in the first of them, and what became of the runs.
    pub(in super::super) fn short_table(&self, part: &Part) -> Result<String> {
        self.table(&part.judged, &part.judged[..part.judged.len().min(1)], false)
    }

    /// A line a row with every measure and every difference.
    pub(in super::super) fn full_table(&self, part: &Part) -> Result<String> {
        self.table(&part.measures, &part.judged, true)
    }

    fn table(&self, measures: &[Measure], judged: &[Measure], settings: bool) -> Result<String> {
        let has = |m: &Measure| self.rows.iter().any(|row| m.mean(&row.runs).is_some());
        let measures: Vec<Measure> = measures.iter().copied().filter(has).collect();
        let mut differences = Vec::new();
        if let Some(baseline) = self.baseline {
            for m in judged.iter().filter(|m| measures.contains(m)) {
                let head = format!("{} against {}{}", m.name(), self.rows[baseline].label, comma(m.difference_unit()));
                differences.push((*m, head, self.differences(*m, baseline)?));
            }
        }
        let mut head = vec!["loss".to_owned()];
        if settings {
            head.push("margin".to_owned());
        }
        head.push("seeds".to_owned());
        head.extend(measures.iter().map(|m| format!("{}{}", m.name(), comma(m.unit()))));
        head.extend(differences.iter().map(|(_, head, _)| head.clone()));
        head.extend(["collapsed", "recovered"].map(str::to_owned));
        let lines: Vec<Vec<String>> = self
            .rows
            .iter()
            .enumerate()
            .map(|(i, row)| {
                let mut line = vec![row.label.clone()];
                if settings {
                    let run = &row.runs[0];
                    line.push(margins(run.m0, run.m1, run.m2));
                }
                line.push(row.runs.len().to_string());
                line.extend(measures.iter().map(|m| cell(*m, &row.runs)));
                line.extend(
                    differences
                        .iter()
                        .map(|(m, _, all)| all[i].as_ref().map_or(NONE.to_owned(), |d| difference(*m, d))),
                );
                line.push(row.runs.iter().filter(|run| run.collapsed).count().to_string());
                line.push(row.runs.iter().filter(|run| run.recovered > 0 && !run.collapsed).count().to_string());
                line
            })
            .collect();
        Ok(words::table(&head, &lines))
    }

    /// What the table's numbers are of.
    pub(in super::super) fn caption(&self) -> String {
        let r = &self.results[0];
        format!("n: {}; each training: {}. {}.", data(&r.data), self.budget(), machine(&r.machine, &r.version))
    }
}

/// A mean with its interval, and how many of the runs have it where not all do.
fn cell(measure: Measure, runs: &[Run]) -> String {
    let Some(m) = measure.mean(runs) else { return NONE.to_owned() };
    let shown = words::mean(&m, |v| words::number(measure.shown(v)));
    if m.n == runs.len() { shown } else { format!("{shown} ({} of {})", m.n, runs.len()) }
}

fn difference(measure: Measure, d: &Difference) -> String {
    let sign = match d.verdict() {
        Verdict::Above => " ▲",
        Verdict::Below => " ▼",
        Verdict::Open => "",
    };
    format!("{}, {}{sign}", span(measure, d), words::p_value(d.p))
}

fn comma(unit: &str) -> String {
    if unit.is_empty() { String::new() } else { format!(", {unit}") }
}

#[cfg(test)]
mod tests {
    use super::super::super::parts::tests::comparison;
    use super::super::tests::{example, group};

    #[test]
    fn a_row_has_its_seeds_its_intervals_and_its_difference() {
        let part = comparison();
        let table = group(&part, example()).short_table(&part).unwrap();
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(
            lines[0],
            "| loss | seeds | accuracy, % | accuracy against softmax, points | collapsed | recovered |"
        );
        assert_eq!(lines[2], "| softmax | 3 | 95.03 [94.65, 95.41] | – | 0 | 0 |");
        assert!(lines[3].starts_with("| arcface | 3 | 97.03 [96.69, 97.37] | +2.00 ["), "{table}");
        assert!(lines[3].ends_with("p < 0.001 ▲ | 0 | 1 |"), "{table}");
        // One seed: the test images' interval, and no difference.
        assert_eq!(lines[4], "| cosface | 1 | 96.00 [94.60, 97.05] | – | 0 | 0 |");
    }

    #[test]
    fn the_full_table_has_every_measure_that_a_run_has() {
        let part = comparison();
        let mut results = example();
        results.runs[0] = results.runs[0].clone().with("eer", 0.02);
        let group = group(&part, results);
        let table = group.full_table(&part).unwrap();
        assert!(table.starts_with("| loss | margin | seeds | accuracy, % | EER, % | accuracy against"), "{table}");
        assert!(table.contains("| 2.00 (1 of 3) |"), "{table}");
        assert!(
            group.caption().starts_with("n: 0 training images of , 0 for validation, 0 for the test; each training: ")
        );
    }
}
