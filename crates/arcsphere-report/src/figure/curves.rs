//! Training loss and validation accuracy by epoch, side by side.

use plotters_backend::DrawingBackend;

use super::axes::{Axes, Axis, Scale};
use super::canvas::{Canvas, Pen, Point};
use super::theme::Ink;
use super::{Figure, legend};
use arcsphere_eval::error::{EvalError, Result};

/// One run of a [`Curves`] figure.
#[derive(Debug, Clone, Copy)]
pub struct Curve<'a> {
    /// Runs with the same label, such as the seeds of a loss, share a color.
    pub label: &'a str,
    /// Mean training loss of each epoch; what is not finite is left out.
    pub training_loss: &'a [f64],
    /// Validation accuracy after each epoch, in [0, 1]; what is not finite is left
    /// out.
    pub validation_accuracy: &'a [f64],
}

/// The course of several trainings.
#[derive(Debug, Clone, Copy)]
pub struct Curves<'a> {
    /// Title.
    pub title: &'a str,
    /// A line below it.
    pub subtitle: &'a str,
    /// The runs.
    pub curves: &'a [Curve<'a>],
}

const SIZE: (u32, u32) = (1040, 520);

impl Curves<'_> {
    fn labels(&self) -> Vec<&str> {
        let mut labels: Vec<&str> = Vec::new();
        for curve in self.curves {
            if !labels.contains(&curve.label) {
                labels.push(curve.label);
            }
        }
        labels
    }
}

/// The finite values of all series, least and largest.
fn range<'a>(series: impl Iterator<Item = &'a [f64]>) -> Option<(f64, f64)> {
    series
        .flatten()
        .copied()
        .filter(|v| v.is_finite())
        .fold(None, |r, v| Some(r.map_or((v, v), |(a, b): (f64, f64)| (a.min(v), b.max(v)))))
}

fn loss_axis(curves: &[Curve<'_>]) -> Axis {
    const NAME: &str = "training loss";
    let (low, high) = range(curves.iter().map(|c| c.training_loss)).unwrap_or((0.0, 1.0));
    // Losses at different scales differ by powers of ten; a linear axis would show
    // the largest only.
    if low > 0.0 && high / low > 30.0 {
        return Axis::log(low / 1.2, high * 1.2, &format!("{NAME} (logarithmic)"));
    }
    let high = if high > 0.0 { 1.06 * high } else { 1.0 };
    Axis::linear(low.min(0.0), high, 6, NAME)
}

fn accuracy_axis(curves: &[Curve<'_>]) -> Axis {
    let (low, _) = range(curves.iter().map(|c| c.validation_accuracy)).unwrap_or((0.0, 1.0));
    let low = ((low * 20.0).floor() * 5.0).clamp(0.0, 95.0);
    Axis::linear(low, 100.5, 6, "validation accuracy, %")
}

impl Figure for Curves<'_> {
    fn size(&self) -> (u32, u32) {
        SIZE
    }

    fn description(&self) -> String {
        format!("Training loss and validation accuracy by epoch: {}", self.labels().join(", "))
    }

    fn draw<B: DrawingBackend>(&self, canvas: &mut Canvas<'_, B>) -> Result<()> {
        let epochs =
            self.curves.iter().map(|c| c.training_loss.len().max(c.validation_accuracy.len())).max().unwrap_or(0);
        if epochs == 0 {
            return Err(EvalError::TooFew { what: "the training curves", got: 0, needed: 1 });
        }
        let top = legend::head(canvas, SIZE, self.title, self.subtitle)?;
        let labels = self.labels();
        let entries: Vec<legend::Entry<'_>> =
            labels.iter().enumerate().map(|(series, name)| legend::Entry { name, series, dash: Some(&[]) }).collect();
        let width = f64::from(SIZE.0) - 44.0;
        let used = legend::rows(canvas, (22.0, top + 10.0), width, &entries)?;

        let top = top + used + 10.0;
        let panel = |left: f64, y: Axis| Axes {
            left,
            top,
            width: 412.0,
            height: f64::from(SIZE.1) - top - 60.0,
            x: epoch_axis(epochs),
            y,
        };
        let loss = panel(84.0, loss_axis(self.curves));
        let accuracy = panel(604.0, accuracy_axis(self.curves));
        loss.draw(canvas)?;
        accuracy.draw(canvas)?;
        let alone = labels.len() == self.curves.len();
        let (line, alpha) = if alone { (2.4, 1.0) } else { (1.5, 0.75) };
        for curve in self.curves {
            let series = labels.iter().position(|l| *l == curve.label).unwrap_or(0);
            let pen = Pen::new(Ink::Series(series), line).alpha(alpha);
            let percent: Vec<f64> = curve.validation_accuracy.iter().map(|v| 100.0 * v).collect();
            for (axes, values) in [(&loss, curve.training_loss), (&accuracy, &percent)] {
                for piece in pieces(axes, values) {
                    canvas.path(&piece, pen)?;
                    if epochs <= 12 || piece.len() == 1 {
                        for point in piece {
                            canvas.dot(point, line, pen)?;
                        }
                    }
                }
            }
        }
        loss.frame(canvas)?;
        accuracy.frame(canvas)
    }
}

/// Epochs from 1, with a little room at both ends and ticks at whole numbers.
fn epoch_axis(epochs: usize) -> Axis {
    let room = 0.03 * epochs as f64;
    let mut axis = Axis::linear(1.0 - room, epochs as f64 + room, 8.min(epochs), "epoch");
    axis.ticks.retain(|(v, _)| v.fract() == 0.0 && *v >= 1.0);
    for (value, label) in &mut axis.ticks {
        *label = format!("{value:.0}");
    }
    axis
}

/// The runs of finite values that a scale can show, as points.
fn pieces(axes: &Axes, values: &[f64]) -> Vec<Vec<Point>> {
    let fits = |v: f64| v.is_finite() && (axes.y.scale == Scale::Linear || v > 0.0);
    let indexed: Vec<(usize, f64)> = values.iter().copied().enumerate().collect();
    indexed
        .split(|(_, v)| !fits(*v))
        .filter(|piece| !piece.is_empty())
        .map(|piece| piece.iter().map(|(i, v)| axes.at(*i as f64 + 1.0, *v)).collect())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::{Theme, to_svg};

    #[test]
    fn seeds_share_a_legend_line_and_gaps_stay_gaps() {
        let loss = [2.0, f64::NAN, 1.0, 0.5];
        let accuracy = [0.3, 0.5, 0.8, 0.9];
        let run = Curve { label: "arcface", training_loss: &loss, validation_accuracy: &accuracy };
        let curves = [run, run, Curve { label: "softmax", ..run }];
        let f = Curves { title: "t", subtitle: "s", curves: &curves };
        let svg = to_svg(&f, Theme::Light).unwrap();
        assert_eq!(svg.matches(">arcface</text>").count(), 1);
        let axes = Axes { left: 0.0, top: 0.0, width: 10.0, height: 10.0, x: epoch_axis(4), y: loss_axis(&curves) };
        let lengths: Vec<usize> = pieces(&axes, &loss).iter().map(Vec::len).collect();
        assert_eq!(lengths, [1, 2]);
        let labels: Vec<&str> = axes.x.ticks.iter().map(|t| t.1.as_str()).collect();
        assert_eq!(labels, ["1", "2", "3", "4"]);
        assert!(to_svg(&Curves { curves: &[], ..f }, Theme::Light).is_err());
    }

    #[test]
    fn a_wide_range_of_losses_is_logarithmic() {
        let of = |v: &'static [f64]| Curve { label: "", training_loss: v, validation_accuracy: &[] };
        assert_eq!(loss_axis(&[of(&[20.0, 0.01])]).scale, Scale::Log);
        assert_eq!(loss_axis(&[of(&[2.0, 0.5])]).scale, Scale::Linear);
        assert_eq!(loss_axis(&[of(&[2.0, 0.0])]).scale, Scale::Linear);
    }
}
