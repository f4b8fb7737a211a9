//! Binary decision regions in the (θ₁, θ₂) plane, a panel a loss.
//!
//! A sample of class 1 satisfies its loss where ψ(θ₁) > cos θ₂, one of class 2
//! where ψ(θ₂) > cos θ₁. Where neither holds lies the margin.

use std::f64::consts::PI;

use plotters_backend::DrawingBackend;

use super::axes::{Axes, Axis};
use super::canvas::{Align, Canvas, Font, LABEL, Pen, Point, SUBTITLE};
use super::theme::Ink;
use super::{Figure, legend};
use arcsphere_eval::error::{EvalError, Result};

/// One loss of a [`Boundaries`] figure.
#[derive(Clone, Copy)]
pub struct BoundaryPanel<'a> {
    /// The loss.
    pub title: &'a str,
    /// Its margins, or what the panel takes for granted (softmax: equal norms, no
    /// bias).
    pub subtitle: &'a str,
    /// The target function ψ over [0, π] in radians; for a plain softmax cos θ.
    pub target: &'a dyn Fn(f64) -> f64,
}

/// Decision regions and margin bands of several losses.
#[derive(Clone, Copy)]
pub struct Boundaries<'a> {
    /// Title.
    pub title: &'a str,
    /// A line below it.
    pub subtitle: &'a str,
    /// One panel a loss.
    pub panels: &'a [BoundaryPanel<'a>],
    /// Both axes run from 0 to this angle, in (0, π].
    pub max_angle: f64,
}

const GAP: f64 = 44.0;
const LEFT: f64 = 86.0;
/// Above a panel: its title and subtitle.
const HEAD: f64 = 48.0;
/// Between the lines of the key.
const KEY: f64 = 24.0;
const TOP: f64 = 84.0;
const CLASS_1: usize = 0;
const CLASS_2: usize = 6;

impl Boundaries<'_> {
    fn columns(&self) -> usize {
        match self.panels.len() {
            n @ 0..=3 => n.max(1),
            4 => 2,
            5 | 6 => 3,
            _ => 4,
        }
    }

    /// Of a panel's square; a single one has the room of four.
    fn side(&self) -> f64 {
        if self.columns() == 1 { 440.0 } else { 212.0 }
    }

    fn row(&self) -> f64 {
        HEAD + self.side() + 36.0
    }

    /// Lines of the key: four entries do not fit below two panels.
    fn key_lines(&self) -> f64 {
        if self.columns() < 4 { 2.0 } else { 1.0 }
    }

    fn rows(&self) -> usize {
        self.panels.len().div_ceil(self.columns())
    }
}

impl Figure for Boundaries<'_> {
    fn size(&self) -> (u32, u32) {
        let columns = self.columns() as f64;
        let width = LEFT + columns * self.side() + (columns - 1.0) * GAP + 24.0;
        (width as u32, (TOP + self.rows() as f64 * self.row() + 40.0 + KEY * self.key_lines()) as u32)
    }

    fn description(&self) -> String {
        let names: Vec<&str> = self.panels.iter().map(|p| p.title).collect();
        format!("Decision regions and margins over the two angles: {}", names.join(", "))
    }

    fn draw<B: DrawingBackend>(&self, canvas: &mut Canvas<'_, B>) -> Result<()> {
        if !(self.max_angle > 0.0 && self.max_angle <= PI + 1e-9) {
            return Err(EvalError::Range {
                what: "the largest angle of the boundaries",
                value: self.max_angle,
                expected: "an angle in (0, π]",
            });
        }
        if self.panels.is_empty() {
            return Err(EvalError::TooFew { what: "the boundaries", got: 0, needed: 1 });
        }
        legend::head(canvas, self.size(), self.title, self.subtitle)?;
        let columns = self.columns();
        for (i, panel) in self.panels.iter().enumerate() {
            let (row, column) = (i / columns, i % columns);
            let left = LEFT + column as f64 * (self.side() + GAP);
            let top = TOP + row as f64 * self.row();
            let last = i + columns >= self.panels.len();
            self.panel(canvas, (left, top), panel, (column == 0, last))?;
        }
        let y = f64::from(self.size().1) - 22.0 - KEY * (self.key_lines() - 1.0);
        self.key(canvas, y)
    }
}

impl Boundaries<'_> {
    fn panel<B: DrawingBackend>(
        &self,
        canvas: &mut Canvas<'_, B>,
        (left, top): Point,
        panel: &BoundaryPanel<'_>,
        (names_y, names_x): (bool, bool),
    ) -> Result<()> {
        let title = Font { size: 15.0, bold: true, ..LABEL };
        canvas.text((left, top + 10.0), Align::Left, title, panel.title)?;
        let small = Font { size: 12.5, ..SUBTITLE };
        canvas.text((left, top + 31.0), Align::Left, small, panel.subtitle)?;

        let max = self.max_angle.to_degrees();
        let step = if max > 100.0 { 45.0 } else { 30.0 };
        let axis = |name: &str| Axis::stepped(0.0, max, step, "°", name);
        let axes = Axes {
            left,
            top: top + HEAD,
            width: self.side(),
            height: self.side(),
            x: axis(if names_x { "θ₁, angle to class 1" } else { "" }),
            y: axis(if names_y { "θ₂, angle to class 2" } else { "" }),
        };
        axes.draw(canvas)?;

        let regions = Regions::new(panel.target, self.max_angle)?;
        let degrees = |p: &[(f64, f64)]| -> Vec<Point> {
            p.iter().map(|(x, y)| axes.at(x.to_degrees(), y.to_degrees())).collect()
        };
        let mirror = |p: &[(f64, f64)]| -> Vec<(f64, f64)> { p.iter().map(|(x, y)| (*y, *x)).collect() };

        let hatch = Pen::new(Ink::Muted, 1.0).alpha(0.65);
        for piece in regions.hatch() {
            canvas.path(&degrees(&piece), hatch)?;
        }
        let area = regions.class_1();
        for (series, area) in [(CLASS_1, area.clone()), (CLASS_2, mirror(&area))] {
            canvas.polygon(&degrees(&area), Pen::new(Ink::Series(series), 1.0).alpha(0.32))?;
        }
        for (series, flip) in [(CLASS_1, false), (CLASS_2, true)] {
            for piece in regions.boundary() {
                let piece = if flip { mirror(&piece) } else { piece };
                canvas.path(&degrees(&piece), Pen::new(Ink::Series(series), 2.4))?;
            }
        }
        let diagonal = [axes.at(0.0, 0.0), axes.at(max, max)];
        canvas.dashed(&diagonal, &[5.0, 4.0], Pen::new(Ink::Text, 1.3))?;
        axes.frame(canvas)?;
        let class = Font { size: 13.0, bold: true, ..LABEL };
        canvas.text(axes.at(0.06 * max, 0.92 * max), Align::Left, class, "class 1")?;
        canvas.text(axes.at(0.96 * max, 0.07 * max), Align::Right, class, "class 2")
    }

    fn key<B: DrawingBackend>(&self, canvas: &mut Canvas<'_, B>, mut y: f64) -> Result<()> {
        let mut x = LEFT;
        for (i, name) in
            ["class 1: ψ(θ₁) > cos θ₂", "class 2: ψ(θ₂) > cos θ₁", "margin: neither", "θ₁ = θ₂"].into_iter().enumerate()
        {
            if i == 2 && self.key_lines() > 1.0 {
                (x, y) = (LEFT, y + KEY);
            }
            let (from, to) = ((x, y - 7.0), (x + 22.0, y + 7.0));
            match i {
                0 | 1 => {
                    let series = if i == 0 { CLASS_1 } else { CLASS_2 };
                    canvas.fill_rect(from, to, Pen::new(Ink::Series(series), 1.0).alpha(0.32))?;
                }
                2 => {
                    for x in [x, x + 5.0, x + 10.0, x + 15.0] {
                        let pen = Pen::new(Ink::Muted, 1.0).alpha(0.65);
                        canvas.line((x, y - 7.0), (x + 7.0, y + 7.0), pen)?;
                    }
                }
                _ => {
                    let line = [(x, y), (x + 22.0, y)];
                    canvas.dashed(&line, &[5.0, 4.0], Pen::new(Ink::Text, 1.3))?;
                }
            }
            canvas.text((x + 29.0, y), Align::Left, SUBTITLE, name)?;
            x += 29.0 + legend::SLACK * canvas.width(SUBTITLE, name)? + 16.0;
        }
        Ok(())
    }
}

/// The boundary of class 1, θ₂ = g(θ₁) = arccos ψ(θ₁), from ψ sampled over [0, max].
struct Regions<'a> {
    target: &'a dyn Fn(f64) -> f64,
    max: f64,
    psi: Vec<f64>,
}

const SAMPLES: usize = 360;

impl<'a> Regions<'a> {
    fn new(target: &'a dyn Fn(f64) -> f64, max: f64) -> Result<Self> {
        let mut psi = Vec::with_capacity(SAMPLES + 1);
        for i in 0..=SAMPLES {
            let value = target(max * i as f64 / SAMPLES as f64);
            if !value.is_finite() {
                return Err(EvalError::NotFinite { what: "the target function, sampled", index: i, value });
            }
            psi.push(value);
        }
        Ok(Self { target, max, psi })
    }

    /// The boundary's height at a sample. Below cos max no θ₂ of the panel lets
    /// class 1 win: the boundary then lies on the rim.
    fn g(&self, i: usize) -> f64 {
        if self.psi[i] <= self.max.cos() { self.max } else { self.psi[i].min(1.0).acos() }
    }

    fn theta(&self, i: usize) -> f64 {
        self.max * i as f64 / SAMPLES as f64
    }

    /// The outline of {θ₂ > g(θ₁)}.
    fn class_1(&self) -> Vec<(f64, f64)> {
        let mut area: Vec<(f64, f64)> = (0..=SAMPLES).map(|i| (self.theta(i), self.g(i))).collect();
        area.push((self.max, self.max));
        area.push((0.0, self.max));
        area
    }

    /// The boundary where it runs inside the panel.
    fn boundary(&self) -> Vec<Vec<(f64, f64)>> {
        let rim = self.max.cos();
        let mut pieces = Vec::new();
        let mut piece = Vec::new();
        for (i, psi) in self.psi.iter().enumerate() {
            if *psi >= rim {
                piece.push((self.theta(i), self.g(i)));
            } else if !piece.is_empty() {
                // On to the rim, which it crosses before this sample.
                let (mut inside, mut beyond) = (self.theta(i - 1), self.theta(i));
                for _ in 0..40 {
                    let middle = 0.5 * (inside + beyond);
                    if (self.target)(middle) >= rim { inside = middle } else { beyond = middle }
                }
                piece.push((inside, self.max));
                pieces.push(std::mem::take(&mut piece));
            }
        }
        pieces.push(piece);
        pieces
    }

    /// Strokes across the diagonal where neither class wins.
    fn hatch(&self) -> Vec<Vec<(f64, f64)>> {
        const STROKES: usize = 44;
        const STEPS: usize = 400;
        let margin = |a: f64, b: f64| (self.target)(a) <= b.cos() && (self.target)(b) <= a.cos();
        let mut out = Vec::new();
        for k in 1..STROKES {
            let sum = 2.0 * self.max * k as f64 / STROKES as f64;
            let mut piece: Vec<(f64, f64)> = Vec::new();
            for i in 0..=STEPS {
                let a = self.max * i as f64 / STEPS as f64;
                let b = sum - a;
                if (0.0..=self.max).contains(&b) && margin(a, b) {
                    piece.push((a, b));
                } else if !piece.is_empty() {
                    out.push(std::mem::take(&mut piece));
                }
            }
            out.push(piece);
        }
        // A straight stroke needs its ends only; a single point is the diagonal of
        // a loss without a margin.
        out.into_iter().filter(|p| p.len() > 1).map(|p| vec![p[0], p[p.len() - 1]]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::{Theme, to_svg};

    #[test]
    fn without_a_margin_there_is_no_band() {
        let r = Regions::new(&f64::cos, PI).unwrap();
        assert!(r.hatch().is_empty());
        for (x, y) in r.boundary().concat() {
            assert!((x - y).abs() < 1e-7, "the boundary is the diagonal");
        }
    }

    #[test]
    fn an_angle_margin_shifts_the_boundary_by_itself() {
        let psi = |t: f64| if t + 0.5 <= PI { (t + 0.5).cos() } else { -(t + 0.5).cos() - 2.0 };
        let r = Regions::new(&psi, PI).unwrap();
        for (x, y) in r.boundary().concat() {
            assert!((y - x - 0.5).abs() < 1e-6, "{x} {y}");
        }
        assert!(!r.hatch().is_empty());
        for stroke in r.hatch() {
            for (x, y) in stroke {
                assert!((x - y).abs() <= 0.5 + 1e-9, "{x} {y} lies outside the margin");
            }
        }
    }

    #[test]
    fn panels_and_wrong_input() {
        let panel = BoundaryPanel { title: "softmax", subtitle: "equal norms", target: &f64::cos };
        let panels = [panel; 7];
        let mut f = Boundaries { title: "t", subtitle: "s", panels: &panels, max_angle: PI };
        let svg = to_svg(&f, Theme::Light).unwrap();
        assert_eq!(svg.matches(">softmax</text>").count(), 7);
        f.max_angle = 4.0;
        assert!(to_svg(&f, Theme::Light).unwrap_err().to_string().contains("(0, π]"));
        f.max_angle = 1.0;
        f.panels = &[];
        assert!(to_svg(&f, Theme::Light).is_err());
        let nan = |_: f64| f64::NAN;
        let panels = [BoundaryPanel { target: &nan, ..panel }];
        f.panels = &panels;
        assert!(to_svg(&f, Theme::Light).is_err());
    }
}
