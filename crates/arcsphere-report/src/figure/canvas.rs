//! Drawing in CSS pixels on any plotters backend.

use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{
    Color, FontDesc, FontFamily, FontStyle, FontTransform, RGBAColor, RGBColor, ShapeStyle, TextStyle,
};
use plotters_backend::{BackendCoord, DrawingBackend};
use std::borrow::Cow;
use unicode_normalization::UnicodeNormalization;

use super::text;
use super::theme::{Ink, Theme};
use arcsphere_eval::error::{EvalError, Result};
use arcsphere_eval::show::visible;

/// Coordinates in CSS pixels, y downwards.
pub(crate) type Point = (f64, f64);

/// Where a text stands relative to its point; vertically its capitals are
/// centered on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Center,
    Right,
}

/// Readers without the font see a wider one: DejaVu Sans takes an eighth more.
pub(crate) const SLACK: f64 = 1.14;

/// How a text looks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Font {
    /// Em in CSS pixels.
    pub(crate) size: f64,
    pub(crate) bold: bool,
    pub(crate) ink: Ink,
}

/// The sizes that all figures share.
pub(crate) const TITLE: Font = Font { size: 19.0, bold: true, ink: Ink::Text };
pub(crate) const SUBTITLE: Font = Font { size: 13.5, bold: false, ink: Ink::Muted };
pub(crate) const LABEL: Font = Font { size: 14.0, bold: false, ink: Ink::Text };
pub(crate) const TICK: Font = Font { size: 12.5, bold: false, ink: Ink::Muted };

/// How a line or an area looks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pen {
    pub(crate) ink: Ink,
    /// 0 to 1.
    pub(crate) alpha: f64,
    /// Line width in CSS pixels.
    pub(crate) width: f64,
}

impl Pen {
    pub(crate) fn new(ink: Ink, width: f64) -> Self {
        Self { ink, alpha: 1.0, width }
    }

    pub(crate) fn alpha(self, alpha: f64) -> Self {
        Self { alpha, ..self }
    }
}

/// A drawing surface in CSS pixels, handed to [`Figure::draw`](super::Figure::draw).
pub struct Canvas<'a, B: DrawingBackend> {
    backend: &'a mut B,
    /// Backend units a CSS pixel.
    units: f64,
    theme: Theme,
    /// Whether text is drawn here and now, by the embedded font, and not by its viewer.
    is_final: bool,
}

/// From a text to the picture's edge, where it would else leave the picture.
const EDGE: f64 = 3.0;

impl<'a, B: DrawingBackend> Canvas<'a, B> {
    pub(crate) fn new(backend: &'a mut B, units: f64, theme: Theme) -> Self {
        Self { backend, units, theme, is_final: false }
    }

    /// The canvas of a picture whose viewer has no say in fonts.
    pub(crate) fn with_final_text(self) -> Self {
        Self { is_final: true, ..self }
    }

    /// Width and height in CSS pixels.
    pub(crate) fn size(&self) -> (f64, f64) {
        let (w, h) = self.backend.get_size();
        (f64::from(w) / self.units, f64::from(h) / self.units)
    }

    fn at(&self, (x, y): Point) -> BackendCoord {
        // A cast of a float saturates: a point far outside stays far outside.
        ((x * self.units).round() as i32, (y * self.units).round() as i32)
    }

    fn color(&self, ink: Ink, alpha: f64) -> RGBAColor {
        let (r, g, b) = self.theme.rgb(ink);
        RGBColor(r, g, b).mix(alpha)
    }

    fn style(&self, pen: Pen, filled: bool) -> ShapeStyle {
        ShapeStyle {
            color: self.color(pen.ink, pen.alpha),
            filled,
            stroke_width: ((pen.width * self.units).round() as u32).max(1),
        }
    }

    fn done<E: std::fmt::Display>(result: std::result::Result<(), E>) -> Result<()> {
        result.map_err(|e| EvalError::Figure(e.to_string()))
    }

    /// Fills the whole surface with paper.
    pub(crate) fn paper(&mut self, (width, height): (u32, u32)) -> Result<()> {
        let corners = [(0.0, 0.0), (f64::from(width), f64::from(height))];
        self.fill_rect(corners[0], corners[1], Pen::new(Ink::Paper, 1.0))
    }

    pub(crate) fn fill_rect(&mut self, from: Point, to: Point, pen: Pen) -> Result<()> {
        let (from, to, style) = (self.at(from), self.at(to), self.style(pen, true));
        Self::done(self.backend.draw_rect(from, to, &style, true))
    }

    pub(crate) fn polygon(&mut self, points: &[Point], pen: Pen) -> Result<()> {
        if points.len() < 3 {
            return Ok(());
        }
        let style = self.style(pen, true);
        let points: Vec<_> = points.iter().map(|p| self.at(*p)).collect();
        Self::done(self.backend.fill_polygon(points, &style))
    }

    pub(crate) fn line(&mut self, from: Point, to: Point, pen: Pen) -> Result<()> {
        self.path(&[from, to], pen)
    }

    pub(crate) fn path(&mut self, points: &[Point], pen: Pen) -> Result<()> {
        let style = self.style(pen, false);
        // Points closer than a backend unit turn a smooth line into stairs.
        let points = simplify(points, 0.1);
        let mut path: Vec<BackendCoord> = points.iter().map(|p| self.at(*p)).collect();
        // Equal neighbors have no direction, which the rasterizer's joints need.
        path.dedup();
        if path.len() < 2 {
            return Ok(());
        }
        Self::done(self.backend.draw_path(path, &style))
    }

    /// A path in dashes: lengths drawn and left out, in turn. An empty pattern
    /// draws it whole.
    pub(crate) fn dashed(&mut self, points: &[Point], pattern: &[f64], pen: Pen) -> Result<()> {
        if pattern.iter().sum::<f64>() <= 0.0 {
            return self.path(points, pen);
        }
        for dash in dashes(points, pattern) {
            self.path(&dash, pen)?;
        }
        Ok(())
    }

    pub(crate) fn dot(&mut self, center: Point, radius: f64, pen: Pen) -> Result<()> {
        let (center, style) = (self.at(center), self.style(pen, true));
        let radius = ((radius * self.units).round() as u32).max(1);
        Self::done(self.backend.draw_circle(center, radius, &style, true))
    }

    pub(crate) fn text(&mut self, at: Point, align: Align, font: Font, s: &str) -> Result<()> {
        self.put_text(at, align, font, FontTransform::None, s)
    }

    /// Text that reads upwards.
    pub(crate) fn text_up(&mut self, at: Point, align: Align, font: Font, s: &str) -> Result<()> {
        self.put_text(at, align, font, FontTransform::Rotate270, s)
    }

    /// A text as it can be shown here: with control characters made visible, and where only the embedded
    /// font is at hand with what it lacks as code points.
    pub(crate) fn legible<'s>(&self, s: &'s str) -> Cow<'s, str> {
        let s = visible(s, "");
        if self.is_final { text::written(s) } else { s }
    }

    /// Whether a text can be shown as it is, but for accents that are letters of their own.
    pub(crate) fn can_show(&self, s: &str) -> bool {
        !self.is_final || text::covers(&s.nfc().collect::<String>())
    }

    /// A legible text of at most `width`, with … in its middle where there is more.
    pub(crate) fn shorten(&self, font: Font, s: &str, width: f64) -> Result<String> {
        text::shorten(&self.legible(s), width, |s| self.width(font, s))
    }

    /// The text, shortened where it would leave the picture.
    fn inside(&self, at: Point, align: Align, font: Font, turn: &FontTransform, s: &str) -> Result<String> {
        let (w, h) = self.size();
        // How far the text may run on, and how far back.
        let (on, back) = match turn {
            FontTransform::Rotate270 => (at.1, h - at.1),
            _ => (w - at.0, at.0),
        };
        let room = match align {
            Align::Left => on,
            Align::Right => back,
            Align::Center => 2.0 * on.min(back),
        };
        if self.width(font, s)? <= room {
            return Ok(s.to_owned());
        }
        self.shorten(font, s, (room - EDGE) / SLACK)
    }

    fn put_text(&mut self, at: Point, align: Align, font: Font, turn: FontTransform, s: &str) -> Result<()> {
        let s = self.inside(at, align, font, &turn, &self.legible(s))?;
        let (x, y) = at;
        let size = font.size * text::LINE * self.units;
        let h_pos = match align {
            Align::Left => HPos::Left,
            Align::Center => HPos::Center,
            Align::Right => HPos::Right,
        };
        let color = self.color(font.ink, 1.0);
        let style = TextStyle::from(self.font(font, size).transform(turn.clone()))
            .color(&color)
            .pos(Pos::new(h_pos, VPos::Top));
        // plotters puts the baseline half a size below the point it is given; the
        // capitals of the font are 0.727 em high and are to be centered here.
        let drop = 0.5 * 0.727 * font.size - 0.5 * font.size * text::LINE;
        let at = match turn {
            FontTransform::Rotate270 => (x + drop, y),
            _ => (x, y + drop),
        };
        let at = self.at(at);
        Self::done(self.backend.draw_text(&s, &style, at))
    }

    fn font(&self, font: Font, size: f64) -> FontDesc<'static> {
        let weight = if font.bold { FontStyle::Bold } else { FontStyle::Normal };
        FontDesc::new(FontFamily::Name(text::FAMILY), size, weight)
    }

    /// The width of a text in CSS pixels.
    pub(crate) fn width(&self, font: Font, s: &str) -> Result<f64> {
        let legible = self.legible(s);
        let (own, em) = text::apart(&legible);
        // Measured large: plotters gives whole units.
        let desc = self.font(font, font.size * text::LINE * 16.0);
        let (w, _) = desc.box_size(&own).map_err(|e| EvalError::Figure(e.to_string()))?;
        Ok(f64::from(w) / 16.0 + em * font.size)
    }

    /// Breaks a text at its spaces, but not at no-break ones, so that no line is wider than `width`, a single
    /// word apart.
    pub(crate) fn wrap(&self, font: Font, s: &str, width: f64) -> Result<Vec<String>> {
        // An SVG is shown in a font that its viewer has: DejaVu Sans is a tenth wider than the one measured.
        let width = width / 1.1;
        let mut lines: Vec<String> = Vec::new();
        for word in s.split(' ').filter(|w| !w.is_empty()) {
            if let Some(last) = lines.last_mut() {
                let longer = format!("{last} {word}");
                if self.width(font, &longer)? <= width {
                    *last = longer;
                    continue;
                }
            }
            lines.push(word.to_owned());
        }
        Ok(lines)
    }
}

/// The path without the points that lie within `tolerance` of the line that stays
/// (Douglas and Peucker, 1973).
fn simplify(points: &[Point], tolerance: f64) -> Vec<Point> {
    if points.len() < 3 {
        return points.to_vec();
    }
    let mut keep = vec![false; points.len()];
    keep[0] = true;
    keep[points.len() - 1] = true;
    let mut parts = vec![(0, points.len() - 1)];
    while let Some((a, b)) = parts.pop() {
        let (mut far, mut at) = (tolerance, None);
        for (i, p) in points.iter().enumerate().take(b).skip(a + 1) {
            let distance = distance(*p, points[a], points[b]);
            if distance > far {
                (far, at) = (distance, Some(i));
            }
        }
        if let Some(i) = at {
            keep[i] = true;
            parts.extend([(a, i), (i, b)]);
        }
    }
    points.iter().zip(keep).filter(|(_, k)| *k).map(|(p, _)| *p).collect()
}

/// From a point to a segment.
fn distance((x, y): Point, (x0, y0): Point, (x1, y1): Point) -> f64 {
    let (dx, dy) = (x1 - x0, y1 - y0);
    let square = dx * dx + dy * dy;
    let t = if square > 0.0 { (((x - x0) * dx + (y - y0) * dy) / square).clamp(0.0, 1.0) } else { 0.0 };
    (x - x0 - t * dx).hypot(y - y0 - t * dy)
}

/// The drawn parts of a path under a dash pattern.
fn dashes(points: &[Point], pattern: &[f64]) -> Vec<Vec<Point>> {
    let mut out = Vec::new();
    let Some(first) = points.first() else {
        return out;
    };
    let (mut slot, mut left) = (0, pattern[0]);
    let mut current = vec![*first];
    for pair in points.windows(2) {
        let ((mut x, mut y), (x1, y1)) = (pair[0], pair[1]);
        let mut length = (x1 - x).hypot(y1 - y);
        while length > left {
            let t = left / length;
            (x, y) = (x + t * (x1 - x), y + t * (y1 - y));
            length -= left;
            if slot % 2 == 0 {
                current.push((x, y));
                out.push(std::mem::take(&mut current));
            }
            slot = (slot + 1) % pattern.len();
            // A length of zero would never advance.
            left = pattern[slot].max(0.1);
            current = vec![(x, y)];
        }
        left -= length;
        current.push((x1, y1));
    }
    if slot % 2 == 0 && current.len() > 1 {
        out.push(current);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn simplifying_keeps_corners_and_drops_what_is_straight() {
        let mut path: Vec<Point> = (0..100).map(|i| (f64::from(i), 0.04 * f64::from(i % 2))).collect();
        path.extend((0..100).map(|i| (99.0, f64::from(i))));
        path.extend([(50.0, 99.0), (99.0, 99.0)]);
        let short = simplify(&path, 0.1);
        let expected = [(0.0, 0.0), (99.0, 0.0), (99.0, 99.0), (50.0, 99.0), (99.0, 99.0)];
        assert_eq!(short.len(), expected.len(), "{short:?}");
        for (a, b) in short.iter().zip(expected) {
            assert!((a.0 - b.0).hypot(a.1 - b.1) < 0.1, "{short:?}");
        }
    }

    #[test]
    fn dashes_cover_their_share() {
        let parts = dashes(&[(0.0, 0.0), (10.0, 0.0), (10.0, 5.0)], &[4.0, 2.0]);
        let length: f64 =
            parts.iter().flat_map(|p| p.windows(2)).map(|w| (w[1].0 - w[0].0).hypot(w[1].1 - w[0].1)).sum();
        // 15 long: 0–4, 6–10 and 12–15 are drawn.
        assert!((length - 11.0).abs() < 1e-9, "{parts:?}");
        assert_eq!(parts.len(), 3);
        assert!(dashes(&[], &[1.0]).is_empty());
    }
}
