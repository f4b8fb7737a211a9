//! How far embeddings stand from their own prototype and from the others.

use plotters_backend::DrawingBackend;

use super::axes::{Axes, Axis};
use super::canvas::{Align, Canvas, Font, LABEL, Pen, Point, TICK};
use super::theme::Ink;
use super::{Figure, legend};
use arcsphere_eval::angles::{BINS, bin, summarize};
use arcsphere_eval::error::{EvalError, Result};
use arcsphere_eval::show::typeset;

/// Histograms of target and non-target angles, one above the other: a shared angle
/// axis, each its own density, as the target's peak would flatten the rest.
#[derive(Debug, Clone, Copy)]
pub struct AngleHistogram<'a> {
    /// Title, usually the loss.
    pub title: &'a str,
    /// A line below it; the number of samples is added.
    pub subtitle: &'a str,
    /// Angle with the own prototype, in radians, one a sample.
    pub target: &'a [f64],
    /// Smallest non-target angle, in radians, one a sample.
    pub nearest_nontarget: &'a [f64],
    /// All non-target angles by whole degree, [`BINS`] entries.
    pub nontarget_counts: &'a [u64],
}

const SIZE: (u32, u32) = (780, 580);
const TARGET: usize = 0;
const NONTARGET: usize = 3;
const NEAREST: usize = 6;

/// Percent of all per degree.
fn density(counts: &[u64]) -> Vec<f64> {
    let total: u64 = counts.iter().sum();
    counts.iter().map(|c| 100.0 * *c as f64 / (total.max(1)) as f64).collect()
}

fn degrees(radians: f64) -> String {
    format!("{}°", typeset(radians.to_degrees(), 1))
}

fn count(angles: &[f64]) -> Vec<u64> {
    let mut counts = vec![0; BINS];
    for theta in angles {
        counts[bin(*theta)] += 1;
    }
    counts
}

/// The outline of bars of one degree, from the first that is not empty to the last.
fn steps(axes: &Axes, density: &[f64]) -> Vec<Point> {
    let first = density.iter().position(|d| *d > 0.0).unwrap_or(0);
    let last = density.iter().rposition(|d| *d > 0.0).unwrap_or(0);
    let mut out = vec![axes.at(first as f64, 0.0)];
    for (i, d) in density.iter().enumerate().take(last + 1).skip(first) {
        out.push(axes.at(i as f64, *d));
        out.push(axes.at(i as f64 + 1.0, *d));
    }
    out.push(axes.at(last as f64 + 1.0, 0.0));
    out
}

impl Figure for AngleHistogram<'_> {
    fn size(&self) -> (u32, u32) {
        SIZE
    }

    fn description(&self) -> String {
        format!("{}: histograms of target and non-target angles", self.title)
    }

    fn draw<B: DrawingBackend>(&self, canvas: &mut Canvas<'_, B>) -> Result<()> {
        if self.nontarget_counts.len() != BINS {
            return Err(EvalError::Length {
                what: "the histogram of non-target angles",
                got: self.nontarget_counts.len(),
                expected: BINS,
            });
        }
        let target = summarize(self.target)?;
        let nearest = summarize(self.nearest_nontarget)?;
        let samples = format!("{} samples", self.target.len());
        let subtitle = if self.subtitle.is_empty() { samples } else { format!("{} · {samples}", self.subtitle) };
        let top = legend::head(canvas, SIZE, self.title, &subtitle)?;
        let half = (f64::from(SIZE.1) - top - 102.0) / 2.0;
        let panel = |index: f64, peak: f64, name: &str| Axes {
            left: 84.0,
            top: top + 8.0 + index * (half + 40.0),
            width: f64::from(SIZE.0) - 84.0 - 26.0,
            height: half,
            x: Axis::stepped(0.0, 180.0, 30.0, "°", name),
            y: Axis::linear(0.0, 1.14 * peak.max(0.1), 4, "% per degree"),
        };
        let peak = |d: &[f64]| d.iter().copied().fold(0.0, f64::max);

        let own = density(&count(self.target));
        let axes = panel(0.0, peak(&own), "");
        axes.draw(canvas)?;
        let outline = steps(&axes, &own);
        canvas.polygon(&outline, Pen::new(Ink::Series(TARGET), 1.0).alpha(0.5))?;
        canvas.path(&outline, Pen::new(Ink::Series(TARGET), 1.4))?;
        axes.frame(canvas)?;
        let text = format!("mean {}, sd {}", degrees(target.mean), degrees(target.sd));
        mark(canvas, &axes, target.mean, TARGET, &text)?;
        name(canvas, &axes, 0.0, TARGET, "to the own prototype (target)")?;

        let all = density(self.nontarget_counts);
        let near = density(&count(self.nearest_nontarget));
        let axes = panel(1.0, peak(&all).max(peak(&near)), "angle between embedding and prototype");
        axes.draw(canvas)?;
        let outline = steps(&axes, &all);
        canvas.polygon(&outline, Pen::new(Ink::Series(NONTARGET), 1.0).alpha(0.5))?;
        canvas.path(&steps(&axes, &near), Pen::new(Ink::Series(NEAREST), 1.8))?;
        axes.frame(canvas)?;
        let text = format!("mean {}", degrees(nearest.mean));
        mark(canvas, &axes, nearest.mean, NEAREST, &text)?;
        name(canvas, &axes, 0.0, NEAREST, "to the nearest other prototype")?;
        name(canvas, &axes, 1.0, NONTARGET, "to every other prototype")
    }
}

/// A dashed line at a mean, its value beside it on the side that has room.
fn mark<B: DrawingBackend>(
    canvas: &mut Canvas<'_, B>,
    axes: &Axes,
    mean: f64,
    series: usize,
    text: &str,
) -> Result<()> {
    let degrees = mean.to_degrees();
    let (x, top) = axes.at(degrees, axes.y.high);
    let ink = Pen::new(Ink::Series(series), 1.6);
    canvas.dashed(&[(x, top), (x, axes.bottom())], &[5.0, 4.0], ink)?;
    let font = Font { ink: Ink::Text, ..TICK };
    let (at, align) = if degrees < 90.0 { (x + 6.0, Align::Left) } else { (x - 6.0, Align::Right) };
    canvas.text((at, top + 12.0), align, font, text)
}

/// A legend line at the panel's right edge.
fn name<B: DrawingBackend>(
    canvas: &mut Canvas<'_, B>,
    axes: &Axes,
    line: f64,
    series: usize,
    text: &str,
) -> Result<()> {
    let (x, y) = (axes.right() - 12.0, axes.top + 16.0 + 21.0 * line);
    let width = legend::SLACK * canvas.width(LABEL, text)?;
    let back = Pen::new(Ink::Paper, 1.0).alpha(0.75);
    canvas.fill_rect((x - width - 24.0, y - 10.0), (x + 4.0, y + 10.0), back)?;
    canvas.text((x - width, y), Align::Left, LABEL, text)?;
    canvas.dot((x - width - 13.0, y), 5.5, Pen::new(Ink::Series(series), 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::{Theme, to_svg};

    #[test]
    fn densities_are_percent_per_degree() {
        let d = density(&count(&[0.5f64.to_radians(), 0.7f64.to_radians(), 90.2f64.to_radians()]));
        assert!((d[0] - 66.67).abs() < 0.01 && (d[90] - 33.33).abs() < 0.01);
        assert_eq!(density(&[0, 0]), [0.0, 0.0]);
    }

    #[test]
    fn marks_the_means_and_refuses_wrong_input() {
        let counts = vec![1; BINS];
        let f = AngleHistogram {
            title: "t",
            subtitle: "",
            target: &[0.1, 0.3],
            nearest_nontarget: &[1.0, 1.2],
            nontarget_counts: &counts,
        };
        let svg = to_svg(&f, Theme::Light).unwrap();
        assert!(svg.contains("mean 11.5°, sd 8.1°") && svg.contains("mean 63.0°"), "{svg}");
        assert!(to_svg(&AngleHistogram { target: &[], ..f }, Theme::Light).is_err());
        let short = AngleHistogram { nontarget_counts: &[1], ..f };
        assert!(to_svg(&short, Theme::Light).unwrap_err().to_string().contains("expected 180"));
    }
}
