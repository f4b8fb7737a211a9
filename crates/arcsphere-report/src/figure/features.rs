//! Embeddings in the plane: a color a class, prototypes as rays from the origin.

use plotters_backend::DrawingBackend;

use super::axes::{Axes, Axis};
use super::canvas::{Align, Canvas, Font, Pen, Point};
use super::theme::{Ink, SERIES};
use super::{Figure, legend};
use arcsphere_eval::angles::check_labels;
use arcsphere_eval::error::{EvalError, Result, rows};
use arcsphere_eval::pca::Pca;
use arcsphere_eval::show::fixed;

/// A scatter of embeddings with the prototypes' directions.
///
/// Of two dimensions the embeddings are drawn as they are. Of more, they are
/// projected onto their first two principal axes, without moving the origin, and
/// the axes say so; a ray is then as long as its prototype's share in that plane.
#[derive(Debug, Clone, Copy)]
pub struct Features<'a> {
    /// Title, usually the loss.
    pub title: &'a str,
    /// A line below it; the number of points is added.
    pub subtitle: &'a str,
    /// Embeddings `[N, dim]`.
    pub embeddings: &'a [f32],
    /// Embedding dimension, at least 2.
    pub dim: usize,
    /// Labels `[N]`, each below the number of class names.
    pub labels: &'a [u32],
    /// Prototypes `[C, dim]`, or empty to draw no rays.
    pub prototypes: &'a [f32],
    /// Names of the C classes.
    pub class_names: &'a [String],
    /// At most this many points are drawn, evenly spread over the N; 0 for all.
    pub max_points: usize,
}

const SIZE: (u32, u32) = (780, 680);
/// Of the square plot.
const SIDE: f64 = 532.0;
/// Where a prototype's ray ends, in radii of the data.
const TIP: f64 = 1.06;
const NAME: Font = Font { size: 13.5, bold: true, ink: Ink::Text };
/// The longest name at a ray's end, in pixels.
const LONGEST: f64 = 150.0;
/// Above this many classes names would cover the plot.
const NAMED: usize = 20;

struct Plane {
    points: Vec<[f64; 2]>,
    rays: Vec<[f64; 2]>,
    names: [String; 2],
}

impl Features<'_> {
    /// The number of points, where all fits together.
    fn check(&self) -> Result<usize> {
        let n = rows("the embeddings", self.embeddings, self.dim)?;
        if n == 0 {
            return Err(EvalError::TooFew { what: "the embeddings", got: 0, needed: 1 });
        }
        let classes = self.class_names.len();
        check_labels(self.labels, n, classes)?;
        let prototypes = rows("the prototypes", self.prototypes, self.dim)?;
        if prototypes != 0 && prototypes != classes {
            return Err(EvalError::Length { what: "the list of prototypes", got: prototypes, expected: classes });
        }
        Ok(n)
    }

    /// The subtitle, with what is not drawn.
    fn said(&self, n: usize, shown: usize, beyond: usize, unnamed: bool) -> String {
        let classes = self.class_names.len();
        let mut out = String::from(self.subtitle);
        if !out.is_empty() {
            out.push_str(" · ");
        }
        out.push_str(&if shown == n { format!("{n} points") } else { format!("{shown} of {n} points drawn") });
        if beyond > 0 {
            out.push_str(&format!(" · {beyond} beyond the frame"));
        }
        if classes > NAMED {
            out.push_str(&format!(" · {classes} classes, colors repeat every {SERIES}"));
        }
        if unnamed {
            out.push_str(" · classes with a number only are named in the SVG");
        }
        out
    }

    fn plane(&self) -> Result<Plane> {
        if self.dim == 2 {
            let pairs = |v: &[f32]| -> Vec<[f64; 2]> {
                v.chunks_exact(2).map(|p| [f64::from(p[0]), f64::from(p[1])]).collect()
            };
            return Ok(Plane {
                points: pairs(self.embeddings),
                rays: pairs(self.prototypes).into_iter().map(unit).collect(),
                names: ["x₁".to_owned(), "x₂".to_owned()],
            });
        }
        let pca = Pca::fit(self.embeddings, self.dim)?;
        let name = |k: usize| format!("PC{} ({} % of the variance)", k + 1, fixed(100.0 * pca.explained[k], 0));
        let mut rays = pca.project(self.prototypes)?;
        for (ray, prototype) in rays.iter_mut().zip(self.prototypes.chunks_exact(self.dim)) {
            let norm = arcsphere_eval::angles::norm(prototype);
            if norm > 0.0 {
                *ray = [ray[0] / norm, ray[1] / norm];
            }
        }
        // The longest ray reaches the rim; the others keep their proportion.
        let longest = rays.iter().map(|r| r[0].hypot(r[1])).fold(0.0, f64::max);
        if longest > 0.0 {
            for ray in &mut rays {
                *ray = [ray[0] / longest, ray[1] / longest];
            }
        }
        Ok(Plane { points: pca.project(self.embeddings)?, rays, names: [name(0), name(1)] })
    }
}

/// The radius of most points: a few far ones must not squeeze all others into the middle.
fn radius(points: &[[f64; 2]]) -> f64 {
    let mut radii: Vec<f64> = points.iter().map(|p| p[0].hypot(p[1])).collect();
    radii.sort_unstable_by(f64::total_cmp);
    let n = radii.len();
    let most = radii[((n - 1) * 995).div_ceil(1000)];
    let largest = radii[n - 1];
    let radius = if largest > 1.5 * most && most > 0.0 { 1.1 * most } else { largest };
    if radius > 0.0 { radius } else { 1.0 }
}

fn unit([x, y]: [f64; 2]) -> [f64; 2] {
    let norm = x.hypot(y);
    if norm > 0.0 { [x / norm, y / norm] } else { [0.0, 0.0] }
}

impl Figure for Features<'_> {
    fn size(&self) -> (u32, u32) {
        SIZE
    }

    fn description(&self) -> String {
        let what = format!("{}: test embeddings in the plane, a color a class, prototypes as rays", self.title);
        // Whole, where the picture itself may have room for a part of a name only.
        if self.class_names.len() > NAMED { what } else { format!("{what}; {}", self.class_names.join(", ")) }
    }

    fn draw<B: DrawingBackend>(&self, canvas: &mut Canvas<'_, B>) -> Result<()> {
        let n = self.check()?;
        let classes = self.class_names.len();
        let plane = self.plane()?;
        let radius = radius(&plane.points);
        let named = classes <= NAMED;
        let names = self.names(canvas);
        let tips = names.iter().map(|name| canvas.shorten(NAME, name, LONGEST)).collect::<Result<Vec<_>>>()?;
        let room = if named { room(canvas, &plane.rays, &tips)? } else { 1.1 };
        let reach = room * radius;

        let step = if self.max_points == 0 { 1 } else { n.div_ceil(self.max_points).max(1) };
        let shown: Vec<usize> = (0..n).step_by(step).collect();
        let beyond = shown.iter().filter(|i| outside(plane.points[**i], reach)).count();
        let unnamed = named && names.iter().zip(self.class_names).any(|(shown, own)| shown != own);
        let subtitle = self.said(n, shown.len(), beyond, unnamed);
        let top = legend::head(canvas, SIZE, self.title, &subtitle)?;

        let axes = Axes {
            left: 84.0,
            top: top + 4.0,
            width: SIDE,
            height: SIDE,
            x: Axis::linear(-reach, reach, 6, &plane.names[0]),
            y: Axis::linear(-reach, reach, 6, &plane.names[1]),
        };
        axes.draw(canvas)?;
        let axis = Pen::new(Ink::Muted, 1.0);
        canvas.line(axes.at(-reach, 0.0), axes.at(reach, 0.0), axis)?;
        canvas.line(axes.at(0.0, -reach), axes.at(0.0, reach), axis)?;

        let (size, alpha) = match shown.len() {
            0..=400 => (3.2, 0.7),
            401..=1500 => (2.6, 0.5),
            1501..=4000 => (2.1, 0.4),
            _ => (1.7, 0.3),
        };
        // In a few rounds over the classes, so that none lies on top of all others.
        const ROUNDS: usize = 4;
        for round in 0..ROUNDS {
            for class in 0..classes {
                let pen = Pen::new(Ink::Series(class), 1.0).alpha(alpha);
                for &i in shown.iter().skip(round).step_by(ROUNDS) {
                    let [x, y] = plane.points[i];
                    if self.labels[i] as usize == class && !outside([x, y], reach) {
                        canvas.dot(axes.at(x, y), size, pen)?;
                    }
                }
            }
        }
        self.draw_rays(canvas, &axes, &plane.rays, TIP * radius, if named { &tips } else { &[] })?;
        axes.frame(canvas)?;
        if named {
            let entries: Vec<legend::Entry<'_>> =
                names.iter().enumerate().map(|(series, name)| legend::Entry { name, series, dash: None }).collect();
            let at = (axes.right() + 18.0, axes.top + 12.0);
            legend::column(canvas, at, 124.0, &entries)?;
        }
        Ok(())
    }
}

impl Features<'_> {
    fn draw_rays<B: DrawingBackend>(
        &self,
        canvas: &mut Canvas<'_, B>,
        axes: &Axes,
        rays: &[[f64; 2]],
        length: f64,
        names: &[String],
    ) -> Result<()> {
        let origin = axes.at(0.0, 0.0);
        let tips: Vec<Point> = rays.iter().map(|r| axes.at(r[0] * length, r[1] * length)).collect();
        for (class, tip) in tips.iter().enumerate() {
            canvas.line(origin, *tip, Pen::new(Ink::Paper, 4.5).alpha(0.6))?;
            canvas.line(origin, *tip, Pen::new(Ink::Series(class), 2.2))?;
        }
        draw_names(canvas, axes, rays, length, names)?;
        for (class, tip) in tips.iter().enumerate() {
            canvas.dot(*tip, 3.6, Pen::new(Ink::Series(class), 1.0))?;
        }
        Ok(())
    }

    /// The classes' names, or their numbers where a name cannot be shown here.
    fn names<B: DrawingBackend>(&self, canvas: &Canvas<'_, B>) -> Vec<String> {
        let shown = |(class, name): (usize, &String)| {
            if canvas.can_show(name) { name.clone() } else { format!("class {class}") }
        };
        self.class_names.iter().enumerate().map(shown).collect()
    }
}

/// Half the plot's side in radii of the data: enough for the names at the tips.
fn room<B: DrawingBackend>(canvas: &Canvas<'_, B>, rays: &[[f64; 2]], names: &[String]) -> Result<f64> {
    let mut radius = 0.5 * SIDE / 1.24;
    for (ray, name) in rays.iter().zip(names) {
        let cos = unit(*ray)[0].abs();
        let width = canvas.width(NAME, name)?;
        let free = 0.5 * SIDE - 6.0 - 15.0 * cos - 0.5 * width * (1.0 + cos);
        radius = radius.min(free / (TIP * ray[0].abs().max(0.01)));
    }
    // A long name may leave the frame, but not squeeze the data to a spot.
    Ok(0.5 * SIDE / radius.max(0.5 * SIDE / 1.75))
}

/// The names at the ends of their rays; none where there are none.
fn draw_names<B: DrawingBackend>(
    canvas: &mut Canvas<'_, B>,
    axes: &Axes,
    rays: &[[f64; 2]],
    length: f64,
    names: &[String],
) -> Result<()> {
    let origin = axes.at(0.0, 0.0);
    let pixels = length / (axes.x.high - axes.x.low) * axes.width;
    for (class, angle) in spread(rays, 17.0 / pixels) {
        let Some(name) = names.get(class) else { continue };
        let (sin, cos) = angle.sin_cos();
        let reach = rays[class][0].hypot(rays[class][1]) * pixels + 9.0 + 6.0 * sin.abs();
        let (x, y) = (origin.0 + cos * reach, origin.1 - sin * reach);
        let width = canvas.width(NAME, name)?;
        // The text's box touches the ray's end, from whatever side it comes, and stays in the picture.
        let left = (x - 0.5 * width * (1.0 - cos)).min(f64::from(SIZE.0) - legend::SLACK * width - 4.0).max(4.0);
        canvas.fill_rect((left - 2.0, y - 8.0), (left + width + 2.0, y + 8.0), Pen::new(Ink::Paper, 1.0).alpha(0.7))?;
        canvas.text((left, y), Align::Left, NAME, name)?;
    }
    Ok(())
}

fn outside([x, y]: [f64; 2], reach: f64) -> bool {
    x.abs() > reach || y.abs() > reach
}

/// The angles at which the rays' names stand: pushed apart to at least `gap` where
/// the circle has room for it.
fn spread(rays: &[[f64; 2]], gap: f64) -> Vec<(usize, f64)> {
    let mut out: Vec<(usize, f64)> = rays.iter().enumerate().map(|(i, r)| (i, r[1].atan2(r[0]))).collect();
    let n = out.len();
    if n < 2 || gap * n as f64 > std::f64::consts::TAU {
        return out;
    }
    out.sort_by(|a, b| a.1.total_cmp(&b.1));
    for _ in 0..50 {
        for i in 0..n {
            let j = (i + 1) % n;
            let turn = if j == 0 { std::f64::consts::TAU } else { 0.0 };
            let short = gap - (out[j].1 + turn - out[i].1);
            if short > 1e-9 {
                out[i].1 -= 0.5 * short;
                out[j].1 += 0.5 * short;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::{Theme, to_svg};

    fn figure<'a>(x: &'a [f32], dim: usize, labels: &'a [u32], names: &'a [String]) -> Features<'a> {
        Features {
            title: "arcface <m1>",
            subtitle: "",
            embeddings: x,
            dim,
            labels,
            prototypes: &[],
            class_names: names,
            max_points: 2,
        }
    }

    #[test]
    fn says_what_it_leaves_out_and_projects() {
        let names = ["a".to_owned(), "b & c".to_owned()];
        let x = [1.0, 0.0, 0.0, 0.0, 2.0, 0.0, 3.0, 3.0, 0.1, 1.0, 1.0, 0.0];
        let f = figure(&x, 3, &[0, 1, 0, 1], &names);
        let svg = to_svg(&f, Theme::Light).unwrap();
        assert!(svg.contains("2 of 4 points drawn"), "{svg}");
        assert!(svg.contains("PC1 (") && svg.contains("% of the variance)"));
        assert!(svg.contains("b &amp; c") && svg.contains("arcface &lt;m1&gt;"));
        assert_eq!(svg.matches("r=\"3.2\"").count(), 2, "a circle a point drawn");
    }

    #[test]
    fn names_move_apart() {
        let ray = |a: f64| [a.cos(), a.sin()];
        let angles = spread(&[ray(0.0), ray(0.01), ray(2.0)], 0.2);
        let find = |c: usize| angles.iter().find(|a| a.0 == c).unwrap().1;
        assert!(find(1) - find(0) > 0.2 - 1e-6);
        assert!((find(2) - 2.0).abs() < 1e-9);
    }

    #[test]
    fn wrong_input_is_named() {
        let names = ["a".to_owned()];
        assert!(to_svg(&figure(&[1.0, 2.0], 2, &[1], &names), Theme::Light).is_err());
        assert!(to_svg(&figure(&[], 2, &[], &names), Theme::Light).is_err());
        assert!(to_svg(&figure(&[f32::NAN, 1.0], 2, &[0], &names), Theme::Dark).is_err());
        let mut f = figure(&[0.0, 0.0], 2, &[0], &names);
        assert!(to_svg(&f, Theme::Light).is_ok(), "all at the origin is no fault");
        f.prototypes = &[1.0, 0.0, 0.0, 1.0];
        assert!(to_svg(&f, Theme::Light).unwrap_err().to_string().contains("expected 1"));
    }
}
