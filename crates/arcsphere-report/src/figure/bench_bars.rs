//! Ratios to another program, a bar each.

use plotters_backend::DrawingBackend;

use super::axes::{Axes, Axis, number};
use super::canvas::{Align, Canvas, Font, LABEL, Pen, Point, TICK};
use super::theme::Ink;
use super::{Figure, legend};
use arcsphere_eval::error::{EvalError, Result};

/// One measured case.
#[derive(Debug, Clone, PartialEq)]
pub struct BenchBar {
    /// The case.
    pub label: String,
    /// The other's time over ours: above 1 ours is faster.
    pub ratio: f64,
    /// Smallest and largest ratio of the rounds; none for one round.
    pub range: Option<(f64, f64)>,
}

/// The cases of one subject.
#[derive(Debug, Clone, PartialEq)]
pub struct BenchGroup {
    /// The subject: `head`, `train`.
    pub name: String,
    /// The ratio aimed at.
    pub target: Option<f64>,
    /// Its cases, from the top.
    pub bars: Vec<BenchBar>,
}

/// Ratios of several subjects on a common axis, which starts at 0.
#[derive(Debug, Clone, Copy)]
pub struct BenchBars<'a> {
    /// Title.
    pub title: &'a str,
    /// A line below it: the machine, the versions, the rounds.
    pub subtitle: &'a str,
    /// Name of the axis.
    pub axis: &'a str,
    /// The subjects, from the top.
    pub groups: &'a [BenchGroup],
}

const WIDTH: u32 = 860;
const ROW: f64 = 25.0;
/// A group's name and the room above it.
const HEAD: f64 = 34.0;
const REACHED: usize = 0;
const FASTER: usize = 9;
const SLOWER: usize = 2;

fn series(ratio: f64, target: Option<f64>) -> usize {
    match target {
        _ if ratio < 1.0 => SLOWER,
        Some(target) if ratio < target => FASTER,
        _ => REACHED,
    }
}

impl BenchBars<'_> {
    fn rows_height(&self) -> f64 {
        self.groups.iter().map(|g| HEAD + ROW * g.bars.len() as f64).sum::<f64>() + 8.0
    }

    fn bars(&self) -> impl Iterator<Item = (&BenchBar, Option<f64>)> {
        self.groups.iter().flat_map(|g| g.bars.iter().map(|b| (b, g.target)))
    }
}

impl Figure for BenchBars<'_> {
    fn size(&self) -> (u32, u32) {
        (WIDTH, (184.0 + self.rows_height()) as u32)
    }

    fn description(&self) -> String {
        let names: Vec<&str> = self.groups.iter().map(|g| g.name.as_str()).collect();
        format!("{}: ratios of {}", self.title, names.join(", "))
    }

    fn draw<B: DrawingBackend>(&self, canvas: &mut Canvas<'_, B>) -> Result<()> {
        let most = self.most()?;
        let size = self.size();
        let top = legend::head(canvas, size, self.title, self.subtitle)?;
        let top = self.key(canvas, top + 8.0)? + 8.0;
        let mut widest: f64 = 0.0;
        for (bar, _) in self.bars() {
            widest = widest.max(legend::SLACK * canvas.width(LABEL, &bar.label)?);
        }
        let left = 22.0 + widest.clamp(60.0, 0.4 * f64::from(WIDTH)) + 14.0;
        let mut x = Axis::linear(0.0, 1.14 * most, 8, self.axis);
        x.ticks.iter_mut().for_each(|t| t.1.push('×'));
        let axes = Axes {
            left,
            top,
            width: f64::from(WIDTH) - left - 30.0,
            height: self.rows_height(),
            x,
            y: Axis { ticks: Vec::new(), ..Axis::linear(0.0, 1.0, 1, "") },
        };
        axes.draw(canvas)?;
        let at = |ratio: f64| axes.at(ratio, 0.0).0;
        let mut y = axes.top;
        let mut values: Vec<(Point, String)> = Vec::new();
        for group in self.groups {
            canvas.text((left - 12.0, y + 20.0), Align::Right, Font { bold: true, ..LABEL }, &group.name)?;
            y += HEAD;
            let first = y;
            for bar in &group.bars {
                let middle = y + 0.5 * ROW;
                canvas.text((left - 12.0, middle), Align::Right, LABEL, &bar.label)?;
                let pen = Pen::new(Ink::Series(series(bar.ratio, group.target)), 1.0);
                canvas.fill_rect((left, middle - 8.0), (at(bar.ratio), middle + 8.0), pen)?;
                let ends = bar.range.map(|(low, high)| (at(low), at(high)));
                let end = ends.map_or(at(bar.ratio), |(_, high)| high.max(at(bar.ratio)));
                whiskers(canvas, ends, middle)?;
                values.push(((end + 8.0, middle), format!("{}×", number(bar.ratio, 0.01))));
                y += ROW;
            }
            if let Some(target) = group.target {
                let x = at(target);
                canvas.dashed(&[(x, first - 24.0), (x, y)], &[5.0, 4.0], Pen::new(Ink::Text, 1.6))?;
                let tenths = (10.0 * target).fract().abs() < 1e-9;
                let text = format!("target {}×", number(target, if tenths { 0.1 } else { 0.01 }));
                canvas.text((x + 7.0, first - 14.0), Align::Left, TICK, &text)?;
            }
        }
        canvas.line((at(1.0), axes.top), (at(1.0), axes.bottom()), Pen::new(Ink::Text, 1.4))?;
        // Last, on a little paper: a target may pass there.
        for ((x, y), text) in values {
            let width = canvas.width(TICK, &text)?;
            canvas.fill_rect((x - 2.0, y - 8.0), (x + width + 2.0, y + 8.0), Pen::new(Ink::Paper, 1.0).alpha(0.8))?;
            canvas.text((x, y), Align::Left, Font { ink: Ink::Text, ..TICK }, &text)?;
        }
        axes.frame(canvas)
    }
}

/// The whiskers of a bar, if it has some, from one place to another.
fn whiskers<B: DrawingBackend>(canvas: &mut Canvas<'_, B>, ends: Option<(f64, f64)>, middle: f64) -> Result<()> {
    let Some((low, high)) = ends else { return Ok(()) };
    let pen = Pen::new(Ink::Text, 1.4);
    canvas.line((low, middle), (high, middle), pen)?;
    for x in [low, high] {
        canvas.line((x, middle - 4.0), (x, middle + 4.0), pen)?;
    }
    Ok(())
}

impl BenchBars<'_> {
    /// The end of the longest bar, whisker or target.
    fn most(&self) -> Result<f64> {
        let mut most: f64 = 1.0;
        let mut bars = 0;
        for (index, (bar, target)) in self.bars().enumerate() {
            let (low, high) = bar.range.unwrap_or((bar.ratio, bar.ratio));
            for value in [bar.ratio, low, high, target.unwrap_or(1.0)] {
                if !(value.is_finite() && value >= 0.0) {
                    return Err(EvalError::NotFinite { what: "a ratio, which must not be negative,", index, value });
                }
                most = most.max(value);
            }
            bars += 1;
        }
        if bars == 0 {
            return Err(EvalError::TooFew { what: "the bars", got: 0, needed: 1 });
        }
        Ok(most)
    }

    fn key<B: DrawingBackend>(&self, canvas: &mut Canvas<'_, B>, y: f64) -> Result<f64> {
        let aims = self.groups.iter().any(|g| g.target.is_some());
        let reached = if aims { "target reached, or faster without one" } else { "faster" };
        let mut x = 22.0;
        for (own, name) in [(REACHED, reached), (FASTER, "faster, short of the target"), (SLOWER, "slower")] {
            if !self.bars().any(|(bar, target)| series(bar.ratio, target) == own) {
                continue;
            }
            canvas.fill_rect((x, y - 7.0), (x + 20.0, y + 7.0), Pen::new(Ink::Series(own), 1.0))?;
            canvas.text((x + 27.0, y), Align::Left, LABEL, name)?;
            x += 27.0 + legend::SLACK * canvas.width(LABEL, name)? + 18.0;
        }
        Ok(y + 14.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::{Theme, to_svg};

    fn group(name: &str, target: Option<f64>, ratios: &[f64]) -> BenchGroup {
        let bar = |r: &f64| BenchBar { label: format!("case {r}"), ratio: *r, range: Some((0.9 * r, 1.1 * r)) };
        BenchGroup { name: name.into(), target, bars: ratios.iter().map(bar).collect() }
    }

    #[test]
    fn a_bar_is_judged_by_its_own_target() {
        assert_eq!((series(0.9, Some(0.5)), series(1.2, Some(1.5))), (SLOWER, FASTER));
        assert_eq!((series(1.2, None), series(1.5, Some(1.5))), (REACHED, REACHED));
        let groups = [group("head", Some(1.5), &[1.25, 3.0]), group("conv", None, &[0.8])];
        let f = BenchBars { title: "t", subtitle: "s", axis: "ratio", groups: &groups };
        let svg = to_svg(&f, Theme::Light).unwrap();
        for text in ["target 1.5×", "1.25×", "3.00×", "0.80×", ">slower<", "short of the target"] {
            assert!(svg.contains(text), "{text} {svg}");
        }
    }

    #[test]
    fn wrong_input_is_named() {
        let of = |groups: &[BenchGroup]| to_svg(&BenchBars { title: "", subtitle: "", axis: "", groups }, Theme::Dark);
        assert!(of(&[]).unwrap_err().to_string().contains("at least 1"));
        assert!(of(&[group("a", None, &[f64::NAN])]).unwrap_err().to_string().contains("ratio"));
        assert!(of(&[group("a", Some(-1.0), &[1.0])]).is_err());
    }
}
