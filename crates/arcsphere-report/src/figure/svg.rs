//! A compact SVG backend for plotters.
//!
//! plotters' own writes whole units and every attribute of every element. A
//! scatter of thousands of points wants tenths of a pixel and its style once a
//! class; a page in two themes wants colors as variables.

use std::convert::Infallible;
use std::fmt::Write;

use plotters_backend::text_anchor::HPos;
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind, FontStyle,
    FontTransform,
};

use super::text;
use super::theme::variable_of;
use arcsphere_eval::show::visible;

/// Backend units a CSS pixel.
pub(crate) const UNITS: f64 = 10.0;

/// How colors are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Paint {
    /// As they are.
    Fixed,
    /// The light theme's as `var(--fig-…)`.
    Variables,
}

type Drawn = Result<(), DrawingErrorKind<Infallible>>;

pub(crate) struct SvgBackend {
    out: String,
    size: (u32, u32),
    paint: Paint,
    /// The attributes of the open `<g>` of circles.
    group: Option<String>,
}

impl SvgBackend {
    pub(crate) fn new(size: (u32, u32), paint: Paint, description: &str) -> Self {
        let (w, h) = size;
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w}\" height=\"{h}\" \
             viewBox=\"0 0 {w} {h}\" role=\"img\" font-family=\"{}\"><title>",
            text::SVG_FAMILY
        );
        push_escaped(&mut out, description);
        out.push_str("</title>\n");
        Self { out, size, paint, group: None }
    }

    pub(crate) fn finish(mut self) -> String {
        self.close_group();
        self.out.push_str("</svg>\n");
        self.out
    }

    fn close_group(&mut self) {
        if self.group.take().is_some() {
            self.out.push_str("</g>\n");
        }
    }

    /// `name="color"` with its opacity where it is not 1.
    fn color(&self, name: &str, color: BackendColor) -> String {
        let (r, g, b) = color.rgb;
        let value = match (self.paint, variable_of(color.rgb)) {
            (Paint::Variables, Some(variable)) => format!("var(--fig-{variable})"),
            _ => format!("#{r:02x}{g:02x}{b:02x}"),
        };
        if color.alpha < 1.0 {
            let alpha = (color.alpha * 100.0).round() / 100.0;
            format!("{name}=\"{value}\" {name}-opacity=\"{alpha}\"")
        } else {
            format!("{name}=\"{value}\"")
        }
    }

    fn element(&mut self, element: &str) -> Drawn {
        self.close_group();
        self.out.push_str(element);
        self.out.push('\n');
        Ok(())
    }
}

/// Units as pixels: tenths where there are any.
fn px(units: i32) -> f64 {
    f64::from(units) / UNITS
}

/// Points as absolute path data, less the command of the first.
fn path_data(points: impl IntoIterator<Item = BackendCoord>) -> String {
    let mut data = String::new();
    let mut last = None;
    for (x, y) in points {
        if last == Some((x, y)) {
            continue;
        }
        last = Some((x, y));
        // Writing to a String cannot fail.
        let _ = write!(data, "{}{},{}", if data.is_empty() { "M" } else { " " }, px(x), px(y));
    }
    data
}

/// Escapes text for XML; characters that XML 1.0 forbids, or that hide, are written out ([`visible`]).
pub(crate) fn push_escaped(out: &mut String, text: &str) {
    for c in visible(text, "\t\n\r").chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
}

impl DrawingBackend for SvgBackend {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        (self.size.0 * UNITS as u32, self.size.1 * UNITS as u32)
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, (x, y): BackendCoord, color: BackendColor) -> Drawn {
        let fill = self.color("fill", color);
        let side = 1.0 / UNITS;
        self.element(&format!("<rect x=\"{}\" y=\"{}\" width=\"{side}\" height=\"{side}\" {fill}/>", px(x), px(y)))
    }

    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, s: &S) -> Drawn {
        self.draw_path([from, to], s)
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        (x0, y0): BackendCoord,
        (x1, y1): BackendCoord,
        style: &S,
        fill: bool,
    ) -> Drawn {
        let paint = if fill {
            self.color("fill", style.color())
        } else {
            let width = f64::from(style.stroke_width()) / UNITS;
            let stroke = self.color("stroke", style.color());
            format!("fill=\"none\" {stroke} stroke-width=\"{width}\"")
        };
        self.element(&format!(
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" {paint}/>",
            px(x0),
            px(y0),
            px(x1 - x0),
            px(y1 - y0)
        ))
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, path: I, style: &S) -> Drawn {
        let width = f64::from(style.stroke_width()) / UNITS;
        let stroke = self.color("stroke", style.color());
        let data = path_data(path);
        self.element(&format!(
            "<path d=\"{data}\" fill=\"none\" {stroke} stroke-width=\"{width}\" \
             stroke-linejoin=\"round\"/>"
        ))
    }

    fn draw_circle<S: BackendStyle>(&mut self, (x, y): BackendCoord, radius: u32, style: &S, fill: bool) -> Drawn {
        let attributes = if fill {
            self.color("fill", style.color())
        } else {
            let width = f64::from(style.stroke_width()) / UNITS;
            let stroke = self.color("stroke", style.color());
            format!("fill=\"none\" {stroke} stroke-width=\"{width}\"")
        };
        if self.group.as_ref() != Some(&attributes) {
            self.close_group();
            let _ = writeln!(self.out, "<g {attributes}>");
            self.group = Some(attributes);
        }
        let r = f64::from(radius) / UNITS;
        let _ = writeln!(self.out, "<circle cx=\"{}\" cy=\"{}\" r=\"{r}\"/>", px(x), px(y));
        Ok(())
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, vertices: I, style: &S) -> Drawn {
        let fill = self.color("fill", style.color());
        let data = path_data(vertices);
        self.element(&format!("<path d=\"{data}Z\" {fill}/>"))
    }

    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, (x, y): BackendCoord) -> Drawn {
        // The canvas hands over the top of plotters' box, half the font's size
        // above the baseline in the direction of the text.
        let half = style.size() / 2.0 / UNITS;
        let (x, y) = (px(x), px(y));
        let (x, y, turn) = match style.transform() {
            FontTransform::Rotate270 => (x + half, y, -90),
            FontTransform::Rotate90 => (x - half, y, 90),
            FontTransform::Rotate180 => (x, y - half, 180),
            FontTransform::None => (x, y + half, 0),
        };
        let size = style.size() / text::LINE / UNITS;
        let (x, y) = ((x * 10.0).round() / 10.0, (y * 10.0).round() / 10.0);
        let mut element = format!(
            "<text x=\"{x}\" y=\"{y}\" font-size=\"{}\" {}",
            (size * 10.0).round() / 10.0,
            self.color("fill", style.color())
        );
        match style.anchor().h_pos {
            HPos::Left => {}
            HPos::Center => element.push_str(" text-anchor=\"middle\""),
            HPos::Right => element.push_str(" text-anchor=\"end\""),
        }
        if matches!(style.style(), FontStyle::Bold) {
            element.push_str(" font-weight=\"600\"");
        }
        if turn != 0 {
            let _ = write!(element, " transform=\"rotate({turn} {x} {y})\"");
        }
        element.push('>');
        for (part, is_right_to_left) in text::directions(text) {
            // Isolated, so that numbers beside it stay where they are.
            let (open, close) = if is_right_to_left { ("\u{2068}", "\u{2069}") } else { ("", "") };
            element.push_str(open);
            push_escaped(&mut element, part);
            element.push_str(close);
        }
        element.push_str("</text>");
        self.element(&element)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::canvas::{Align, Canvas, LABEL, Pen};
    use crate::figure::{Ink, Theme};

    fn draw(f: impl FnOnce(&mut Canvas<'_, SvgBackend>)) -> String {
        text::register().unwrap();
        let mut backend = SvgBackend::new((100, 50), Paint::Fixed, "a\u{1} \"b\"");
        f(&mut Canvas::new(&mut backend, UNITS, Theme::Light));
        backend.finish()
    }

    #[test]
    fn circles_of_one_style_share_a_group() {
        let svg = draw(|c| {
            let pen = Pen::new(Ink::Series(0), 1.0).alpha(0.5);
            for x in [1.04, 2.0, 3.25] {
                c.dot((x, 4.0), 1.5, pen).unwrap();
            }
            c.dot((5.0, 4.0), 1.5, Pen::new(Ink::Series(1), 1.0)).unwrap();
            c.line((0.0, 0.0), (1.0, 1.0), pen).unwrap();
        });
        assert_eq!((svg.matches("<g ").count(), svg.matches("</g>").count()), (2, 2));
        assert!(svg.contains("<circle cx=\"1\" cy=\"4\" r=\"1.5\"/>"), "{svg}");
        assert!(svg.contains("cx=\"3.3\"") && svg.contains("fill-opacity=\"0.5\""), "{svg}");
        assert!(svg.ends_with("</svg>\n") && svg.contains("<title>a\\u0001 &quot;b&quot;</title>"));
    }

    #[test]
    fn text_stands_with_its_capitals_centered_on_its_point() {
        let svg = draw(|c| {
            c.text((10.0, 20.0), Align::Center, LABEL, "θ").unwrap();
            c.text_up((30.0, 20.0), Align::Left, LABEL, "ψ").unwrap();
        });
        // Half of 0.727 · 14 below the point; turned, to its right.
        assert!(svg.contains("x=\"10\" y=\"25.1\"") && svg.contains("middle"), "{svg}");
        assert!(svg.contains("x=\"35.1\" y=\"20\"") && svg.contains("rotate(-90 35.1 20)"));
    }
}
