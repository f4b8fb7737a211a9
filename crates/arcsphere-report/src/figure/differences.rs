//! Differences to a baseline with their intervals, a line each.

use plotters_backend::DrawingBackend;

use super::axes::{Axes, Axis, number, short};
use super::canvas::{Align, Canvas, Font, LABEL, Pen, TICK};
use super::theme::Ink;
use super::{Figure, legend};
use arcsphere_eval::error::{EvalError, Result};
use arcsphere_eval::sweep::{RateSweep, SIGNIFICANT, describe_margin};

/// What a test says of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Significantly below the baseline.
    Below,
    /// Significantly above it.
    Above,
    /// Not told apart from it.
    Open,
}

/// One line of a [`Differences`] figure.
#[derive(Debug, Clone, PartialEq)]
pub struct DifferenceRow {
    /// What is compared with the baseline.
    pub label: String,
    /// Mean difference, in the unit of the axis.
    pub value: f64,
    /// Its interval; none with one pair.
    pub interval: Option<(f64, f64)>,
    /// Number of pairs.
    pub n: usize,
    /// What the test says, which corrects for the number of comparisons as the interval
    /// does not.
    pub verdict: Verdict,
}

impl DifferenceRow {
    /// The margins of a loss at one learning rate against its best one, in percentage
    /// points of test accuracy; `key` as in [`Cell::margin_key`](arcsphere_eval::sweep::Cell).
    pub fn of_margins(rate: &RateSweep, key: &str) -> Vec<Self> {
        let (symbol, _, unit) = describe_margin(key);
        let pairs = rate.groups.iter().zip(&rate.differences);
        pairs
            .filter_map(|(group, difference)| {
                let d = (*difference)?;
                let verdict = match d.p_adjusted <= SIGNIFICANT {
                    true if d.mean.value < 0.0 => Verdict::Below,
                    true => Verdict::Above,
                    false => Verdict::Open,
                };
                let collapsed = match group.collapsed_seeds.len() {
                    0 => String::new(),
                    k => format!(" ({k} collapsed)"),
                };
                Some(Self {
                    label: format!("{symbol} = {}{unit}{collapsed}", short(group.margin)),
                    value: 100.0 * d.mean.value,
                    interval: d.mean.low.zip(d.mean.high).map(|(low, high)| (100.0 * low, 100.0 * high)),
                    n: d.mean.n,
                    verdict,
                })
            })
            .collect()
    }
}

/// Paired differences to a baseline, below one another.
#[derive(Debug, Clone, Copy)]
pub struct Differences<'a> {
    /// Title.
    pub title: &'a str,
    /// A line below it: what the intervals are.
    pub subtitle: &'a str,
    /// Name of the axis, with the baseline and the unit.
    pub axis: &'a str,
    /// The lines, from the top.
    pub rows: &'a [DifferenceRow],
}

const WIDTH: u32 = 860;
const ROW: f64 = 27.0;
/// Column of the numbers at the right.
const NUMBERS: f64 = 218.0;
const KEY: [(Verdict, &str); 3] = [
    (Verdict::Below, "significantly below"),
    (Verdict::Above, "significantly above"),
    (Verdict::Open, "not told apart"),
];

fn ink(verdict: Verdict) -> Ink {
    match verdict {
        Verdict::Below => Ink::Series(2),
        Verdict::Above => Ink::Series(0),
        Verdict::Open => Ink::Muted,
    }
}

impl Figure for Differences<'_> {
    fn size(&self) -> (u32, u32) {
        (WIDTH, (196.0 + ROW * self.rows.len() as f64) as u32)
    }

    fn description(&self) -> String {
        format!("{}: {} differences with their intervals", self.title, self.rows.len())
    }

    fn draw<B: DrawingBackend>(&self, canvas: &mut Canvas<'_, B>) -> Result<()> {
        if self.rows.is_empty() {
            return Err(EvalError::TooFew { what: "the differences", got: 0, needed: 1 });
        }
        let (low, high) = self.range()?;
        let size = self.size();
        let top = legend::head(canvas, size, self.title, self.subtitle)?;
        let top = self.key(canvas, top + 8.0)? + 20.0;
        let mut widest: f64 = 0.0;
        for row in self.rows {
            widest = widest.max(legend::SLACK * canvas.width(LABEL, &row.label)?);
        }
        let left = 22.0 + widest.clamp(60.0, 0.36 * f64::from(WIDTH)) + 14.0;
        let axes = Axes {
            left,
            top,
            width: f64::from(WIDTH) - left - NUMBERS,
            height: f64::from(size.1) - top - 58.0,
            x: Axis::linear(low, high, 9, self.axis),
            // Rows from the top.
            y: Axis { ticks: Vec::new(), ..Axis::linear(self.rows.len() as f64, 0.0, 1, "") },
        };
        axes.draw(canvas)?;
        let zero = axes.at(0.0, 0.0).0;
        canvas.line((zero, axes.top), (zero, axes.bottom()), Pen::new(Ink::Text, 1.4))?;
        let numbers = axes.right() + 16.0;
        let head = Font { bold: true, ..TICK };
        canvas.text((numbers, axes.top - 11.0), Align::Left, head, "mean (95 % interval), n")?;
        // A two-hundredth of what the axis spans, or finer.
        let step = 10f64.powf((0.005 * (high - low)).log10().floor());
        for (i, row) in self.rows.iter().enumerate() {
            let y = axes.at(low, i as f64 + 0.5).1;
            canvas.text((left - 12.0, y), Align::Right, LABEL, &row.label)?;
            let ink = ink(row.verdict);
            let mut text = number(row.value, step);
            if let Some((from, to)) = row.interval {
                let ends = [from, to].map(|v| axes.at(v.clamp(low, high), 0.0).0);
                canvas.line((ends[0], y), (ends[1], y), Pen::new(ink, 2.4))?;
                for (end, value) in ends.into_iter().zip([from, to]) {
                    if (low..=high).contains(&value) {
                        canvas.line((end, y - 5.0), (end, y + 5.0), Pen::new(ink, 1.6))?;
                    }
                }
                text.push_str(&format!(" ({} to {})", number(from, step), number(to, step)));
            }
            let x = axes.at(row.value.clamp(low, high), 0.0).0;
            match (low..=high).contains(&row.value) {
                true => canvas.dot((x, y), 4.6, Pen::new(ink, 1.0))?,
                false => {
                    let back = if row.value < low { 11.0 } else { -11.0 };
                    let arrow = [(x, y), (x + back, y - 6.0), (x + back, y + 6.0)];
                    canvas.polygon(&arrow, Pen::new(ink, 1.0))?;
                }
            }
            canvas.text((numbers, y), Align::Left, Font { ink: Ink::Text, ..TICK }, &format!("{text}, {}", row.n))?;
        }
        axes.frame(canvas)
    }
}

impl Differences<'_> {
    /// The range of the axis: that of all means and intervals, cut at five times what a
    /// third of the lines (two at least) stay below, so that a collapsed margin or an
    /// interval of two seeds does not squash the rest to a spot. What is cut has no end, or
    /// an arrow.
    fn range(&self) -> Result<(f64, f64)> {
        let (mut low, mut high) = (0.0f64, 0.0f64);
        let mut sizes: Vec<f64> = Vec::new();
        for (index, row) in self.rows.iter().enumerate() {
            let (from, to) = row.interval.unwrap_or((row.value, row.value));
            if let Some(value) = [row.value, from, to].into_iter().find(|v| !v.is_finite()) {
                return Err(EvalError::NotFinite { what: "a difference", index, value });
            }
            (low, high) = (low.min(from).min(row.value), high.max(to).max(row.value));
            sizes.push(from.abs().max(to.abs()));
        }
        sizes.retain(|size| *size > 0.0);
        sizes.sort_by(f64::total_cmp);
        if let Some(usual) = sizes.get((sizes.len() / 3).max(1)).or(sizes.last()) {
            (low, high) = (low.max(-5.0 * usual), high.min(5.0 * usual));
        }
        let room = if high > low { 0.05 * (high - low) } else { 1.0 };
        Ok((low - room, high + room))
    }

    /// The verdicts that occur; returns the y below them.
    fn key<B: DrawingBackend>(&self, canvas: &mut Canvas<'_, B>, y: f64) -> Result<f64> {
        let mut x = 22.0;
        for (verdict, name) in KEY.iter().filter(|(v, _)| self.rows.iter().any(|r| r.verdict == *v)) {
            canvas.line((x, y), (x + 22.0, y), Pen::new(ink(*verdict), 2.4))?;
            canvas.dot((x + 11.0, y), 4.6, Pen::new(ink(*verdict), 1.0))?;
            canvas.text((x + 29.0, y), Align::Left, LABEL, name)?;
            x += 29.0 + legend::SLACK * canvas.width(LABEL, name)? + 18.0;
        }
        Ok(y + 14.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::{Theme, to_svg};

    fn row(label: &str, value: f64, interval: Option<(f64, f64)>, verdict: Verdict) -> DifferenceRow {
        DifferenceRow { label: label.into(), value, interval, n: 5, verdict }
    }

    #[test]
    fn tells_numbers_and_only_the_verdicts_that_occur() {
        let rows = [
            row("m1 = 0.9", -2.0, Some((-2.8, -1.2)), Verdict::Below),
            row("m1 = 0.3", 0.1, Some((-0.4, 0.6)), Verdict::Open),
        ];
        let f = Differences { title: "arcface", subtitle: "s", axis: "points", rows: &rows };
        let svg = to_svg(&f, Theme::Light).unwrap();
        assert!(svg.contains("−2.00 (−2.80 to −1.20), 5") && svg.contains("not told apart"), "{svg}");
        assert!(!svg.contains("significantly above"));
        assert!(to_svg(&Differences { rows: &[], ..f }, Theme::Light).is_err());
        let broken = [row("a", f64::NAN, None, Verdict::Open)];
        assert!(to_svg(&Differences { rows: &broken, ..f }, Theme::Light).is_err());
    }

    #[test]
    fn margins_become_lines_in_percentage_points() {
        use arcsphere_eval::fixtures::{cell, dead};
        use arcsphere_eval::sweep::{Sweep, analyze};
        let mut cells = Vec::new();
        for seed in 0..4 {
            cells.push(cell("arcface", 0.3, 0.1, seed, 0.96, 960 + seed));
            cells.push(cell("arcface", 0.5, 0.1, seed, 0.95, 950 + seed % 2));
            cells.push(if seed == 0 {
                dead("arcface", 0.9, 0.1, seed, "NaN")
            } else {
                cell("arcface", 0.9, 0.1, seed, 0.9, 955)
            });
        }
        let losses = analyze(&Sweep { cells, ..Sweep::default() }, 1).unwrap();
        let rows = DifferenceRow::of_margins(losses[0].best_rate().unwrap(), "angle_margin");
        let labels: Vec<(&str, Verdict)> = rows.iter().map(|r| (r.label.as_str(), r.verdict)).collect();
        assert_eq!(labels, [("m1 = 0.5 rad", Verdict::Below), ("m1 = 0.9 rad (1 collapsed)", Verdict::Open)]);
        assert!((rows[0].value + 1.1).abs() < 1e-9 && rows[0].n == 4, "{rows:?}");
    }

    #[test]
    fn what_lies_far_off_does_not_squash_the_rest() {
        let rows = [
            row("two seeds", -1.0, Some((-60.0, 58.0)), Verdict::Open),
            row("b", 0.5, Some((0.1, 0.9)), Verdict::Above),
            row("c", 0.2, Some((-0.1, 0.5)), Verdict::Open),
            row("collapsed", -86.0, Some((-87.0, -85.0)), Verdict::Below),
        ];
        let f = Differences { title: "", subtitle: "", axis: "", rows: &rows };
        let (low, high) = f.range().unwrap();
        assert!((-9.0..-1.0).contains(&low) && (0.9..9.0).contains(&high), "{low} {high}");
        let svg = to_svg(&f, Theme::Dark).unwrap();
        assert!(svg.contains("−86.00 (−87.00 to −85.00), 5"), "{svg}");
        let whole = Differences { rows: &rows[1..3], ..f }.range().unwrap();
        assert!(whole.0 < -0.1 && whole.1 > 0.9, "{whole:?}");
        let two =
            [row("a", -3.0, Some((-4.1, -2.0)), Verdict::Below), row("b", -0.3, Some((-0.6, 0.0)), Verdict::Open)];
        assert!(Differences { rows: &two, ..f }.range().unwrap().0 < -4.1);
        let equal = [row("a", 0.0, Some((0.0, 0.0)), Verdict::Open)];
        assert_eq!(Differences { rows: &equal, ..f }.range().unwrap(), (-1.0, 1.0));
    }
}
