//! The cells as a flat table: where a cell stands, then its run as in `results.csv`.

use super::Sweep;
use crate::results::Run;
use crate::results::csv::{Column, Keys, columns, table};
use crate::show::exact;

impl Sweep {
    /// One line a cell under a line of names, as
    /// [`Results::to_csv`](crate::results::Results::to_csv) with `margin_key`, `margin`,
    /// `boundary_cost` and `rate` before.
    pub fn to_csv(&self) -> String {
        let results = self.results();
        let keys = Keys::of(results.runs.iter());
        let line = |place: [(&str, String); 4], run: &Run| -> Vec<Column> {
            let mut line: Vec<Column> = place.map(|(name, value)| (name.to_owned(), value)).into();
            line.extend(columns(run, &keys));
            line
        };
        let place = |key: &str, numbers: [f64; 3]| {
            let [margin, cost, rate] = numbers.map(exact);
            [("margin_key", key.to_owned()), ("margin", margin), ("boundary_cost", cost), ("rate", rate)]
        };
        let head = line(place("", [0.0; 3]), &Run::default());
        let cells = self.cells.iter().zip(&results.runs);
        table(&head, cells.map(|(c, run)| line(place(&c.margin_key, [c.margin, c.boundary_cost, c.rate]), run)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::cell;

    #[test]
    fn a_line_a_cell() {
        let cells = vec![cell("arcface", 0.5, 0.1, 1, 0.95, 950), cell("a,b", 0.25, 1e-3, 2, 0.9, 900)];
        let csv = Sweep { cells, ..Sweep::default() }.to_csv();
        let lines: Vec<&str> = csv.split("\r\n").collect();
        assert!(lines[0].starts_with("margin_key,margin,boundary_cost,rate,loss,m0,"), "{csv}");
        assert!(lines[1].starts_with("angle_margin,0.5,0.5,0.1,arcface,1,0.5,"), "{csv}");
        assert!(lines[2].starts_with("angle_margin,0.25,0.25,0.001,\"a,b\",1,0.25,"), "{csv}");
        assert_eq!((lines.len(), lines[3]), (4, ""));
    }
}
