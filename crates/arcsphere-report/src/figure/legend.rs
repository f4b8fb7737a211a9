//! Heads and legends that figures share.

use plotters_backend::DrawingBackend;

use arcsphere_eval::sweep::LossSweep;

use super::canvas::{Align, Canvas, LABEL, Pen, SUBTITLE, TITLE};
use super::theme::Ink;
use arcsphere_eval::error::Result;

/// Distance between the lines of a subtitle.
const LINE: f64 = 18.0;

/// Paper, title and the subtitle's lines; returns the y at which the plot may start.
pub(crate) fn head<B: DrawingBackend>(
    canvas: &mut Canvas<'_, B>,
    size: (u32, u32),
    title: &str,
    subtitle: &str,
) -> Result<f64> {
    const LEFT: f64 = 22.0;
    canvas.paper(size)?;
    canvas.text((LEFT, 26.0), Align::Left, TITLE, title)?;
    let mut y = 51.0;
    let width = f64::from(size.0) - 2.0 * LEFT;
    for line in canvas.wrap(SUBTITLE, subtitle, width)? {
        canvas.text((LEFT, y), Align::Left, SUBTITLE, &line)?;
        y += LINE;
    }
    Ok(y + 4.0)
}

/// A line of a legend: its name, and its color with a dash pattern.
pub(crate) struct Entry<'a> {
    pub(crate) name: &'a str,
    pub(crate) series: usize,
    /// `None` is a dot, an empty pattern a whole line.
    pub(crate) dash: Option<&'a [f64]>,
}

pub(crate) use super::canvas::SLACK;

/// Lines of a name in a column, at most.
const LINES: usize = 4;

/// Entries below one another from `(x, y)`, names broken into lines of at most
/// `width`.
pub(crate) fn column<B: DrawingBackend>(
    canvas: &mut Canvas<'_, B>,
    (x, mut y): (f64, f64),
    width: f64,
    entries: &[Entry<'_>],
) -> Result<()> {
    let broken = |canvas: &Canvas<'_, B>, most: usize| -> Result<Vec<Vec<String>>> {
        entries.iter().map(|e| lines(canvas, e.name, width / SLACK, most)).collect()
    };
    let mut names = broken(canvas, LINES)?;
    let height = |names: &[Vec<String>]| names.iter().map(|n| 5.0 + LINE * n.len() as f64).sum::<f64>();
    if y + height(&names) > canvas.size().1 {
        names = broken(canvas, 1)?;
    }
    for (entry, name) in entries.iter().zip(&names) {
        let end = swatch(canvas, (x, y), entry)?;
        for (i, line) in name.iter().enumerate() {
            y += if i > 0 { LINE } else { 0.0 };
            canvas.text((end, y), Align::Left, LABEL, line)?;
        }
        y += 23.0;
    }
    Ok(())
}

/// A name in at most so many lines of `width`, shortened where it takes more.
fn lines<B: DrawingBackend>(canvas: &Canvas<'_, B>, name: &str, width: f64, most: usize) -> Result<Vec<String>> {
    let broken = canvas.wrap(LABEL, name, width)?;
    if broken.len() <= most {
        return broken.iter().map(|line| canvas.shorten(LABEL, line, width)).collect();
    }
    Ok(vec![canvas.shorten(LABEL, name, width)?])
}

/// Entries side by side in rows of at most `width`; returns the height they take.
pub(crate) fn rows<B: DrawingBackend>(
    canvas: &mut Canvas<'_, B>,
    (left, top): (f64, f64),
    width: f64,
    entries: &[Entry<'_>],
) -> Result<f64> {
    let (mut x, mut y) = (left, top);
    for entry in entries {
        let name = canvas.shorten(LABEL, entry.name, (width - 34.0) / SLACK)?;
        let own = 34.0 + SLACK * canvas.width(LABEL, &name)?;
        if x > left && x + own > left + width {
            (x, y) = (left, y + 23.0);
        }
        let end = swatch(canvas, (x, y), entry)?;
        canvas.text((end, y), Align::Left, LABEL, &name)?;
        x += own + 20.0;
    }
    Ok(y + 23.0 - top)
}

fn swatch<B: DrawingBackend>(canvas: &mut Canvas<'_, B>, (x, y): (f64, f64), entry: &Entry<'_>) -> Result<f64> {
    let ink = Ink::Series(entry.series);
    match entry.dash {
        None => {
            canvas.dot((x + 6.0, y), 5.5, Pen::new(ink, 1.0))?;
            Ok(x + 19.0)
        }
        Some(pattern) => {
            canvas.dashed(&[(x, y), (x + 26.0, y)], pattern, Pen::new(ink, 2.5))?;
            Ok(x + 34.0)
        }
    }
}

/// The trainers of some sweeps, in their order.
pub(super) fn trainers(sweeps: &[LossSweep]) -> Vec<&'static str> {
    let mut out: Vec<&str> = Vec::new();
    for sweep in sweeps {
        if !out.contains(&sweep.trainer.name()) {
            out.push(sweep.trainer.name());
        }
    }
    out
}
