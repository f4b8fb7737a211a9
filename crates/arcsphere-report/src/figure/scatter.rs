//! Predicted against actual values, with the density that points would hide.

use plotters_backend::DrawingBackend;

use super::axes::{Axes, Axis, number};
use super::canvas::{Align, Canvas, LABEL, Pen, Point, TICK};
use super::theme::Ink;
use super::{Figure, legend};
use arcsphere_eval::error::Result;
use arcsphere_eval::regression::regression;

/// A regression's predictions: points of a few hundred samples, squares shaded by the
/// logarithm of their count for more. A sample on the dashed line is right.
#[derive(Debug, Clone, Copy)]
pub struct Scatter<'a> {
    /// Title.
    pub title: &'a str,
    /// A line below it; n, MAE and CS are added.
    pub subtitle: &'a str,
    /// What is predicted: `age`, `rotation`.
    pub quantity: &'a str,
    /// Its unit: `years`, `°`.
    pub unit: &'a str,
    /// Predictions, one a sample.
    pub predicted: &'a [f64],
    /// What they should have been.
    pub actual: &'a [f64],
    /// Errors up to this are between two dotted lines, and their share is told.
    pub k: Option<f64>,
}

const SIZE: (u32, u32) = (680, 720);
const SERIES: usize = 0;
/// Up to so many samples are drawn as points.
const POINTS: usize = 600;
/// Squares along each axis.
const BINS: usize = 72;

impl Figure for Scatter<'_> {
    fn size(&self) -> (u32, u32) {
        SIZE
    }

    fn description(&self) -> String {
        format!("{}: predicted {q} against actual {q}", self.title, q = self.quantity)
    }

    fn draw<B: DrawingBackend>(&self, canvas: &mut Canvas<'_, B>) -> Result<()> {
        let top = legend::head(canvas, SIZE, self.title, &self.subtitle()?)?;
        let points: Vec<(f64, f64)> = self.actual.iter().copied().zip(self.predicted.iter().copied()).collect();
        let (low, high) = range(&points);
        let side = (f64::from(SIZE.1) - top - 112.0).min(f64::from(SIZE.0) - 84.0 - 34.0);
        let unit = if self.unit.is_empty() { String::new() } else { format!(", {}", self.unit) };
        let axes = Axes {
            left: 84.0,
            top: top + 4.0,
            width: side,
            height: side,
            x: Axis::linear(low, high, 9, &format!("actual {}{unit}", self.quantity)),
            y: Axis::linear(low, high, 9, &format!("predicted {}{unit}", self.quantity)),
        };
        axes.draw(canvas)?;
        let foot = axes.bottom() + 64.0;
        if points.len() <= POINTS {
            let pen = Pen::new(Ink::Series(SERIES), 1.0).alpha(0.5);
            for (x, y) in points {
                canvas.dot(axes.at(x, y), 2.8, pen)?;
            }
        } else {
            let most = squares(canvas, &axes, &points)?;
            ramp(canvas, (axes.left, foot + 23.0), most)?;
        }
        canvas.dashed(&[axes.at(low, low), axes.at(high, high)], &[6.0, 4.0], Pen::new(Ink::Text, 1.3))?;
        if let Some(k) = self.k.filter(|k| *k < high - low) {
            let dotted = Pen::new(Ink::Text, 1.1);
            canvas.dashed(&[axes.at(low, low + k), axes.at(high - k, high)], &[1.5, 3.5], dotted)?;
            canvas.dashed(&[axes.at(low + k, low), axes.at(high, high - k)], &[1.5, 3.5], dotted)?;
        }
        let mut lines = "dashed: exact".to_owned();
        if let Some(k) = self.k {
            lines.push_str(&format!("; dotted: off by {k}{}", self.suffix()));
        }
        canvas.text((axes.left, foot), Align::Left, LABEL, &lines)?;
        axes.frame(canvas)
    }
}

impl Scatter<'_> {
    /// The unit as it follows a number.
    fn suffix(&self) -> String {
        match self.unit {
            "" => String::new(),
            "°" => "°".to_owned(),
            unit => format!("\u{a0}{unit}"),
        }
    }

    /// The caller's line, then what was measured.
    fn subtitle(&self) -> Result<String> {
        let ks: Vec<f64> = self.k.into_iter().collect();
        let r = regression(self.predicted, self.actual, &ks)?;
        let step = 0.001 * r.mae.value.max(1e-9);
        let show = |v: f64| number(v, step.max(0.01));
        let unit = self.suffix();
        let mut measured = format!("n\u{a0}=\u{a0}{}; MAE {}{unit}", r.mae.n, show(r.mae.value));
        if let (Some(low), Some(high)) = (r.mae.low, r.mae.high) {
            measured.push_str(&format!(" (95\u{a0}% interval {} to {})", show(low), show(high)));
        }
        for cs in &r.cs {
            let p = cs.share;
            let [value, low, high] = [p.value, p.low, p.high].map(|v| number(100.0 * v, 0.1));
            measured.push_str(&format!("; within {}{unit}: {value}\u{a0}% ({low} to\u{a0}{high}\u{a0}%)", cs.k));
        }
        Ok(if self.subtitle.is_empty() { measured } else { format!("{} · {measured}", self.subtitle) })
    }
}

/// The common range of both axes, with a little room.
fn range(points: &[(f64, f64)]) -> (f64, f64) {
    let all = points.iter().flat_map(|p| [p.0, p.1]);
    let (low, high) = all.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
    let room = if high > low { 0.03 * (high - low) } else { 1.0 };
    (low - room, high + room)
}

/// Shade of a square with `count` of at most `most` samples.
fn shade(count: f64, most: f64) -> f64 {
    0.2 + 0.8 * (count.ln() / most.max(2.0).ln()).clamp(0.0, 1.0)
}

/// Draws the counts and returns the largest.
fn squares<B: DrawingBackend>(canvas: &mut Canvas<'_, B>, axes: &Axes, points: &[(f64, f64)]) -> Result<usize> {
    let (low, span) = (axes.x.low, axes.x.high - axes.x.low);
    let bin = |v: f64| (((v - low) / span * BINS as f64) as usize).min(BINS - 1);
    let mut counts = vec![0_usize; BINS * BINS];
    for (x, y) in points {
        counts[bin(*y) * BINS + bin(*x)] += 1;
    }
    let most = counts.iter().copied().max().unwrap_or(0);
    let at = |i: usize| low + span * i as f64 / BINS as f64;
    for (i, count) in counts.iter().enumerate().filter(|(_, c)| **c > 0) {
        let (x, y) = (i % BINS, i / BINS);
        let pen = Pen::new(Ink::Series(SERIES), 1.0).alpha(shade(*count as f64, most as f64));
        canvas.fill_rect(axes.at(at(x), at(y + 1)), axes.at(at(x + 1), at(y)), pen)?;
    }
    Ok(most)
}

/// From one sample a square to the most.
fn ramp<B: DrawingBackend>(canvas: &mut Canvas<'_, B>, (x, y): Point, most: usize) -> Result<()> {
    const STEPS: usize = 24;
    let text = "samples a square, from 1";
    canvas.text((x, y), Align::Left, LABEL, text)?;
    let left = x + legend::SLACK * canvas.width(LABEL, text)? + 8.0;
    for i in 0..STEPS {
        let count = (most.max(2) as f64).powf(i as f64 / (STEPS - 1) as f64);
        let from = left + 5.0 * i as f64;
        let pen = Pen::new(Ink::Series(SERIES), 1.0).alpha(shade(count, most as f64));
        canvas.fill_rect((from, y - 7.0), (from + 5.0, y + 7.0), pen)?;
    }
    let end = left + 5.0 * STEPS as f64 + 8.0;
    canvas.text((end, y), Align::Left, LABEL, &format!("to {most}"))?;
    let end = end + legend::SLACK * canvas.width(LABEL, &format!("to {most}"))? + 8.0;
    canvas.text((end, y), Align::Left, TICK, "(logarithmic)")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::{Theme, to_svg};

    fn figure<'a>(predicted: &'a [f64], actual: &'a [f64]) -> Scatter<'a> {
        let (title, subtitle, quantity, unit) = ("lenet", "", "rotation", "°");
        Scatter { title, subtitle, quantity, unit, predicted, actual, k: Some(10.0) }
    }

    #[test]
    fn few_samples_are_points_and_many_are_squares() {
        let actual: Vec<f64> = (0..700).map(|i| f64::from(i % 360)).collect();
        let predicted: Vec<f64> = actual.iter().map(|a| a + a % 3.0).collect();
        let few = to_svg(&figure(&predicted[..50], &actual[..50]), Theme::Light).unwrap();
        assert_eq!(few.matches("<circle").count(), 50);
        assert!(few.contains("n\u{a0}=\u{a0}50; MAE 0.98°"), "{few}");
        assert!(few.contains("within 10°: 100.0\u{a0}% (92.9 to\u{a0}100.0\u{a0}%)"), "{few}");
        let many = to_svg(&figure(&predicted, &actual), Theme::Dark).unwrap();
        assert!(!many.contains("<circle") && many.contains("samples a square"));
    }

    #[test]
    fn what_cannot_be_compared_is_not_drawn() {
        let (p, a) = ([-2.0, 59.0], [2.0, 61.0]);
        assert!(figure(&p, &a).subtitle().unwrap().starts_with("n\u{a0}=\u{a0}2; MAE 3.00°"));
        assert!(to_svg(&figure(&p, &a[..1]), Theme::Light).is_err());
        assert!(to_svg(&figure(&[], &[]), Theme::Light).is_err());
        assert!(to_svg(&figure(&[5.0], &[5.0]), Theme::Light).is_ok(), "one value has a range too");
    }
}
