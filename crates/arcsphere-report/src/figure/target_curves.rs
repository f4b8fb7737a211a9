//! ψ(θ) of several losses over [0, π].

use std::f64::consts::PI;

use plotters_backend::DrawingBackend;

use super::axes::{Axes, Axis};
use super::canvas::{Canvas, LABEL, Pen, Point};
use super::theme::Ink;
use super::{Figure, legend};
use arcsphere_eval::error::{EvalError, Result};

/// One loss of a [`TargetCurves`] figure.
#[derive(Clone, Copy)]
pub struct TargetCurve<'a> {
    /// The loss and its margins.
    pub label: &'a str,
    /// ψ over [0, π] in radians.
    pub target: &'a dyn Fn(f64) -> f64,
}

/// The target functions of several losses on common axes.
#[derive(Clone, Copy)]
pub struct TargetCurves<'a> {
    /// Title.
    pub title: &'a str,
    /// A line below it.
    pub subtitle: &'a str,
    /// The curves.
    pub curves: &'a [TargetCurve<'a>],
}

const SIZE: (u32, u32) = (920, 540);
const SAMPLES: usize = 360;
/// Below this the axis is cut: A-Softmax with m0 = 4 goes down to −7.
const LOWEST: f64 = -4.0;
/// Curves that coincide show through one another's gaps.
const DASHES: [&[f64]; 4] = [&[], &[9.0, 5.0], &[2.5, 4.0], &[14.0, 4.0, 3.0, 4.0]];

impl Figure for TargetCurves<'_> {
    fn size(&self) -> (u32, u32) {
        SIZE
    }

    fn description(&self) -> String {
        let names: Vec<&str> = self.curves.iter().map(|c| c.label).collect();
        format!("Target functions over the angle: {}", names.join(", "))
    }

    fn draw<B: DrawingBackend>(&self, canvas: &mut Canvas<'_, B>) -> Result<()> {
        let values = self.values()?;
        let least = values.iter().flatten().copied().fold(-1.0, f64::min);
        let most = values.iter().flatten().copied().fold(1.0, f64::max);
        let low = if least < LOWEST { LOWEST } else { least - 0.1 };

        let top = legend::head(canvas, SIZE, self.title, &self.said(least))?;
        let mut widest: f64 = 0.0;
        for curve in self.curves {
            widest = widest.max(legend::SLACK * canvas.width(LABEL, curve.label)?);
        }
        let names = widest.min(250.0) + 2.0;
        let axes = Axes {
            left: 84.0,
            top: top + 6.0,
            width: f64::from(SIZE.0) - 84.0 - 22.0 - 34.0 - names - 14.0,
            height: f64::from(SIZE.1) - top - 66.0,
            x: Axis::stepped(0.0, 180.0, 30.0, "°", "θ, angle between embedding and prototype"),
            y: Axis::linear(low, most + 0.1, 8, "ψ(θ), target logit over the scale"),
        };
        axes.draw(canvas)?;
        let pi_half = axes.at(90.0, 0.0);
        let axis = Pen::new(Ink::Muted, 1.0);
        canvas.line((axes.left, pi_half.1), (axes.right(), pi_half.1), axis)?;
        for (series, v) in values.iter().enumerate() {
            let mut points: Vec<Point> = Vec::new();
            for (i, psi) in v.iter().enumerate() {
                if *psi < low {
                    break;
                }
                points.push(axes.at(theta(i).to_degrees(), *psi));
            }
            let dash = DASHES[series % DASHES.len()];
            canvas.dashed(&points, dash, Pen::new(Ink::Series(series), 2.6))?;
        }
        axes.frame(canvas)?;

        let entries = self.legend(&values);
        legend::column(canvas, (axes.right() + 22.0, axes.top + 14.0), names, &entries)
    }
}

/// The angle of a sample of a curve.
fn theta(i: usize) -> f64 {
    PI * i as f64 / SAMPLES as f64
}

impl TargetCurves<'_> {
    /// The curves, sampled.
    fn values(&self) -> Result<Vec<Vec<f64>>> {
        if self.curves.is_empty() {
            return Err(EvalError::TooFew { what: "the target curves", got: 0, needed: 1 });
        }
        let sampled = |curve: &TargetCurve<'_>| {
            let v: Vec<f64> = (0..=SAMPLES).map(|i| (curve.target)(theta(i))).collect();
            match v.iter().position(|p| !p.is_finite()) {
                Some(index) => {
                    Err(EvalError::NotFinite { what: "the target function, sampled", index, value: v[index] })
                }
                None => Ok(v),
            }
        };
        self.curves.iter().map(sampled).collect()
    }

    /// The subtitle, with what is not drawn of the lowest curve, which ends at `least`.
    fn said(&self, least: f64) -> String {
        if least >= LOWEST {
            return self.subtitle.to_owned();
        }
        let ends = super::axes::number(least, 0.1);
        let cut = format!("The axis is cut at −4; the lowest curve ends at {ends}.");
        match self.subtitle.trim_end() {
            "" => cut,
            own if own.ends_with(['.', '!', '?', ':']) => format!("{own} {cut}"),
            own => format!("{own}. {cut}"),
        }
    }

    /// The legend follows the curves from top to bottom.
    fn legend(&self, values: &[Vec<f64>]) -> Vec<legend::Entry<'_>> {
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_by(|a, b| values[*b][SAMPLES / 2].total_cmp(&values[*a][SAMPLES / 2]));
        let dash = |series: usize| Some(DASHES[series % DASHES.len()]);
        let entry = |series: usize| legend::Entry { name: self.curves[series].label, series, dash: dash(series) };
        order.into_iter().map(entry).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::{Theme, to_svg};

    #[test]
    fn a_deep_curve_cuts_the_axis_and_says_so() {
        let deep = |t: f64| -2.0 * t - 0.7;
        let curves =
            [TargetCurve { label: "softmax", target: &f64::cos }, TargetCurve { label: "deep", target: &deep }];
        let f = TargetCurves { title: "ψ", subtitle: "Monotone.", curves: &curves };
        let svg = to_svg(&f, Theme::Light).unwrap();
        assert!(svg.contains("Monotone. The axis is cut at −4; the lowest curve ends at −7.0."), "{svg}");
        let said = |subtitle| TargetCurves { subtitle, ..f }.said(-7.0);
        assert!(said("margins as trained; 10 classes").starts_with("margins as trained; 10 classes. The axis"));
        assert!(said("").starts_with("The axis") && f.said(-3.9) == "Monotone.");
        let f = TargetCurves { curves: &curves[..1], ..f };
        assert!(!to_svg(&f, Theme::Light).unwrap().contains("ends at"));
        assert!(to_svg(&TargetCurves { curves: &[], ..f }, Theme::Light).is_err());
        let nan = |_: f64| f64::NAN;
        let curves = [TargetCurve { label: "", target: &nan }];
        assert!(to_svg(&TargetCurves { curves: &curves, ..f }, Theme::Light).is_err());
    }
}
