//! What the signs of a sensitivity figure mean.

use plotters_backend::DrawingBackend;

use super::SMALL;
use crate::figure::canvas::{Align, Canvas, Pen, Point};
use crate::figure::legend;
use crate::figure::theme::Ink;
use arcsphere_eval::error::Result;

/// From `(left, top)` to the right edge at most, in as many lines as it takes.
pub(super) fn draw<B: DrawingBackend>(canvas: &mut Canvas<'_, B>, (left, top): Point, right: f64) -> Result<()> {
    let ink = Pen::new(Ink::Muted, 2.2);
    let (mut x, mut y) = (left, top);
    let entries = [
        "mean over seeds, 95 % band",
        "best on validation",
        "some runs collapsed",
        "below the axis",
        "usable range",
        "no margin beyond was tried",
    ];
    for (i, name) in entries.into_iter().enumerate() {
        let own = 28.0 + legend::SLACK * canvas.width(SMALL, name)? + 16.0;
        if x > left && x + own > right {
            (x, y) = (left, y + 23.0);
        }
        let at = (x + 10.0, y);
        match i {
            0 => {
                canvas.fill_rect((x, y - 7.0), (x + 20.0, y + 7.0), ink.alpha(0.25))?;
                canvas.line((x, y), (x + 20.0, y), ink)?;
                canvas.dot(at, 3.8, ink)?;
            }
            1 => {
                canvas.dot(at, 6.4, ink)?;
                canvas.dot(at, 3.8, Pen::new(Ink::Paper, 1.0))?;
            }
            2 => cross(canvas, at, ink)?,
            3 => canvas.polygon(&[(x + 4.5, y - 4.0), (x + 15.5, y - 4.0), (x + 10.0, y + 4.0)], ink)?,
            4 => {
                canvas.fill_rect((x, y - 7.0), (x + 20.0, y + 7.0), ink.alpha(0.12))?;
                canvas.fill_rect((x, y + 2.0), (x + 20.0, y + 7.0), ink)?;
            }
            _ => {
                canvas.fill_rect((x, y - 2.5), (x + 12.0, y + 2.5), ink)?;
                canvas.polygon(&[(x + 12.0, y - 5.5), (x + 20.0, y), (x + 12.0, y + 5.5)], ink)?;
            }
        }
        canvas.text((x + 28.0, y), Align::Left, SMALL, name)?;
        x += own;
    }
    Ok(())
}

/// A margin with collapsed runs.
pub(super) fn cross<B: DrawingBackend>(canvas: &mut Canvas<'_, B>, (x, y): Point, pen: Pen) -> Result<()> {
    canvas.line((x - 5.0, y - 5.0), (x + 5.0, y + 5.0), pen)?;
    canvas.line((x - 5.0, y + 5.0), (x + 5.0, y - 5.0), pen)
}
