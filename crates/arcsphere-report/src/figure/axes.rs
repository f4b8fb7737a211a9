//! A rectangular plot area with ticks, grid and axis names.

use plotters_backend::DrawingBackend;

use super::canvas::{Align, Canvas, LABEL, Pen, Point, TICK};
use super::theme::Ink;
use arcsphere_eval::error::Result;
use arcsphere_eval::show::typeset;

/// How values map to lengths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scale {
    Linear,
    /// Base 10; the range must be positive.
    Log,
}

/// One axis: its range, its ticks and its name.
#[derive(Debug, Clone)]
pub(crate) struct Axis {
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) scale: Scale,
    pub(crate) ticks: Vec<(f64, String)>,
    pub(crate) name: String,
}

impl Axis {
    /// A linear axis with about `count` ticks at round numbers.
    pub(crate) fn linear(low: f64, high: f64, count: usize, name: &str) -> Self {
        Self { low, high, scale: Scale::Linear, ticks: linear_ticks(low, high, count), name: name.to_owned() }
    }

    /// A linear axis with a tick every `step`.
    pub(crate) fn stepped(low: f64, high: f64, step: f64, unit: &str, name: &str) -> Self {
        let count = ((high - low) / step + 1e-9).floor() as usize;
        let ticks =
            (0..=count).map(|i| low + step * i as f64).map(|v| (v, format!("{}{unit}", number(v, step)))).collect();
        Self { low, high, scale: Scale::Linear, ticks, name: name.to_owned() }
    }

    /// A logarithmic axis; both ends must be positive.
    pub(crate) fn log(low: f64, high: f64, name: &str) -> Self {
        let decades = (high / low).log10();
        let steps: &[f64] = if decades > 3.0 { &[1.0] } else { &[1.0, 2.0, 5.0] };
        let mut ticks = Vec::new();
        for exponent in low.log10().floor() as i32..=high.log10().ceil() as i32 {
            for step in steps {
                let value = step * 10f64.powi(exponent);
                if (low..=high).contains(&value) {
                    ticks.push((value, number(value, value)));
                }
            }
        }
        Self { low, high, scale: Scale::Log, ticks, name: name.to_owned() }
    }

    /// Where a value lies between the two ends, 0 to 1 inside.
    fn share(&self, value: f64) -> f64 {
        match self.scale {
            Scale::Linear => (value - self.low) / (self.high - self.low),
            Scale::Log => (value / self.low).log10() / (self.high / self.low).log10(),
        }
    }
}

/// Two axes around a rectangle of the canvas.
#[derive(Debug, Clone)]
pub(crate) struct Axes {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
    pub(crate) x: Axis,
    pub(crate) y: Axis,
}

impl Axes {
    /// The place of a value pair; outside the range, outside the rectangle.
    pub(crate) fn at(&self, x: f64, y: f64) -> Point {
        (self.left + self.x.share(x) * self.width, self.top + (1.0 - self.y.share(y)) * self.height)
    }

    pub(crate) fn right(&self) -> f64 {
        self.left + self.width
    }

    pub(crate) fn bottom(&self) -> f64 {
        self.top + self.height
    }

    /// Grid, tick labels and axis names; to be drawn before the data.
    pub(crate) fn draw<B: DrawingBackend>(&self, canvas: &mut Canvas<'_, B>) -> Result<()> {
        let grid = Pen::new(Ink::Grid, 1.0);
        let (left, right, top, bottom) = (self.left, self.right(), self.top, self.bottom());
        for (value, label) in &self.x.ticks {
            let x = self.at(*value, self.y.low).0;
            canvas.line((x, top), (x, bottom), grid)?;
            canvas.text((x, bottom + 14.0), Align::Center, TICK, label)?;
        }
        let mut widest: f64 = 0.0;
        for (value, label) in &self.y.ticks {
            let y = self.at(self.x.low, *value).1;
            canvas.line((left, y), (right, y), grid)?;
            canvas.text((left - 8.0, y), Align::Right, TICK, label)?;
            widest = widest.max(canvas.width(TICK, label)?);
        }
        let middle = (0.5 * (left + right), 0.5 * (top + bottom));
        if !self.x.name.is_empty() {
            canvas.text((middle.0, bottom + 36.0), Align::Center, LABEL, &self.x.name)?;
        }
        if !self.y.name.is_empty() {
            let x = left - 8.0 - widest - 16.0;
            canvas.text_up((x, middle.1), Align::Center, LABEL, &self.y.name)?;
        }
        Ok(())
    }

    /// The rectangle's outline; to be drawn after areas that reach its edge.
    pub(crate) fn frame<B: DrawingBackend>(&self, canvas: &mut Canvas<'_, B>) -> Result<()> {
        let (l, r, t, b) = (self.left, self.right(), self.top, self.bottom());
        let outline = [(l, t), (r, t), (r, b), (l, b), (l, t)];
        canvas.path(&outline, Pen::new(Ink::Muted, 1.0))
    }
}

/// About `count` ticks at multiples of 1, 2 or 5 times a power of ten.
fn linear_ticks(low: f64, high: f64, count: usize) -> Vec<(f64, String)> {
    let span = high - low;
    if !(span > 0.0 && span.is_finite()) {
        return Vec::new();
    }
    let raw = span / count.max(1) as f64;
    let power = 10f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * power).find(|s| *s >= raw * 0.999).unwrap_or(10.0 * power);
    let first = (low / step - 1e-9).ceil() as i64;
    let last = (high / step + 1e-9).floor() as i64;
    (first..=last).map(|i| i as f64 * step).map(|v| (v, number(v, step))).collect()
}

/// A number with the decimals that steps of `step` need, and a true minus sign.
pub(crate) fn number(value: f64, step: f64) -> String {
    let decimals = (-(step.abs().max(1e-12)).log10().floor()).clamp(0.0, 6.0) as usize;
    // A step of 2.5 needs one decimal more than its power of ten says.
    let fine = step * 10f64.powi(decimals as i32);
    let decimals = decimals + usize::from((fine - fine.round()).abs() > 1e-6);
    typeset(value, decimals)
}

/// A number with at most three decimals, no zeros at the end, and a true minus sign: for
/// numbers that people set, round or a fraction such as 1/3.
pub(crate) fn short(value: f64) -> String {
    number(value, 0.001).trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_inside() {
        let labels =
            |low, high, count| -> Vec<String> { linear_ticks(low, high, count).into_iter().map(|t| t.1).collect() };
        assert_eq!(labels(0.0, 1.0, 5), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(labels(-1.0, 1.0, 4), ["−1.0", "−0.5", "0.0", "0.5", "1.0"]);
        assert_eq!(labels(0.0, 47.0, 5), ["0", "10", "20", "30", "40"]);
        assert!(labels(1.0, 1.0, 5).is_empty() && labels(f64::NAN, 1.0, 5).is_empty());
    }

    #[test]
    fn values_map_to_the_rectangle() {
        let axes = Axes {
            left: 10.0,
            top: 20.0,
            width: 100.0,
            height: 50.0,
            x: Axis::log(0.1, 10.0, ""),
            y: Axis::stepped(0.0, 90.0, 30.0, "°", ""),
        };
        let (x, y) = axes.at(1.0, 90.0);
        assert!((x - 60.0).abs() < 1e-9 && (y - 20.0).abs() < 1e-9);
        let labels: Vec<&str> = axes.y.ticks.iter().map(|t| t.1.as_str()).collect();
        assert_eq!(labels, ["0°", "30°", "60°", "90°"]);
        let labels: Vec<&str> = axes.x.ticks.iter().map(|t| t.1.as_str()).collect();
        assert_eq!(labels, ["0.1", "0.2", "0.5", "1", "2", "5", "10"]);
    }

    #[test]
    fn numbers_have_the_decimals_they_need() {
        assert_eq!(number(-0.0, 0.1), "0.0");
        assert_eq!(number(2.5, 2.5), "2.5");
        assert_eq!(number(0.25, 0.25), "0.25");
        assert_eq!(number(-20.0, 10.0), "−20");
        assert_eq!([0.5, 1.0 / 3.0, 20.0, 0.0, -0.25].map(short), ["0.5", "0.333", "20", "0", "−0.25"]);
    }
}
