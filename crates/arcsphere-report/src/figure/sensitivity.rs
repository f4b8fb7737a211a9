//! Accuracy against the margin, a panel a loss.

use plotters_backend::DrawingBackend;

use super::axes::{Axes, Axis, number, short};
use super::canvas::{Align, Canvas, Font, LABEL, Pen, Point, SUBTITLE};
use super::theme::Ink;
use super::{Figure, legend};
use arcsphere_eval::error::{EvalError, Result};
use arcsphere_eval::interval::Mean;
use arcsphere_eval::sweep::{Group, LossSweep, RateSweep, describe_margin};

mod key;

/// What the margins of a [`Sensitivity`] figure are measured in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarginAxis {
    /// Each margin's own unit.
    Own,
    /// What it takes at the boundary, in degrees: one axis for all losses.
    Boundary,
}

/// Mean test accuracy of each margin, at the learning rate that validation chose for its
/// loss and trainer: 95 % bands over the seeds, margins with collapsed runs (×), the usable
/// range. The accuracy axis reaches at most three times as far below the best mean as a
/// quarter of the means does.
#[derive(Debug, Clone, Copy)]
pub struct Sensitivity<'a> {
    /// Title.
    pub title: &'a str,
    /// A line below it.
    pub subtitle: &'a str,
    /// What [`analyze`](arcsphere_eval::sweep::analyze) made; losses without a chosen margin show
    /// their first learning rate.
    pub sweeps: &'a [LossSweep],
    /// Unit of the x axes.
    pub axis: MarginAxis,
}

/// A loss with one kind of margin.
struct Panel<'a> {
    name: String,
    key: &'a str,
    lines: Vec<Line<'a>>,
}

struct Line<'a> {
    /// Index of the trainer: its color.
    series: usize,
    trainer: &'a str,
    rate: &'a RateSweep,
}

const GAP: f64 = 62.0;
const LEFT: f64 = 86.0;
const TOP: f64 = 84.0;
/// Between the lines of a panel's head and of the key.
const TEXT: f64 = 18.0;
/// Below a panel: ticks and the axis' name.
const FOOT: f64 = 56.0;
/// A trainer's line at the lower edge of a panel.
const STRIP: f64 = 17.0;
/// Colors of the trainers; the second is what shows best beside the first.
const COLORS: [usize; 4] = [0, 6, 4, 8];
const SMALL: Font = Font { size: 12.5, ..SUBTITLE };

fn color(series: usize) -> Ink {
    Ink::Series(COLORS[series % COLORS.len()])
}

impl<'a> Sensitivity<'a> {
    fn panels(&self) -> Vec<Panel<'a>> {
        let trainers = legend::trainers(self.sweeps);
        let mut out: Vec<(&LossSweep, Panel<'a>)> = Vec::new();
        for sweep in self.sweeps {
            let Some(rate) = sweep.best_rate().or(sweep.rates.first()) else { continue };
            let series = trainers.iter().position(|t| *t == sweep.trainer.name()).unwrap_or(0);
            let line = Line { series, trainer: sweep.trainer.name(), rate };
            let same = |s: &LossSweep| (&s.loss, &s.margin_key) == (&sweep.loss, &sweep.margin_key);
            if let Some((_, panel)) = out.iter_mut().find(|(s, _)| same(s)) {
                panel.lines.push(line);
                continue;
            }
            // The combined loss may be swept over several of its margins.
            let several = self.sweeps.iter().any(|s| s.loss == sweep.loss && s.margin_key != sweep.margin_key);
            let symbol = describe_margin(&sweep.margin_key).0;
            let name = if several { format!("{}, {symbol}", sweep.loss) } else { sweep.loss.clone() };
            out.push((sweep, Panel { name, key: &sweep.margin_key, lines: vec![line] }));
        }
        out.into_iter().map(|p| p.1).collect()
    }

    fn columns(&self) -> usize {
        match self.panels().len() {
            n @ 0..=3 => n.max(1),
            4 => 2,
            _ => 3,
        }
    }

    /// Of a panel: width and height.
    fn side(&self) -> (f64, f64) {
        if self.columns() == 1 { (620.0, 360.0) } else { (312.0, 220.0) }
    }

    /// Above a panel: its name, and a line a trainer.
    fn head(&self) -> f64 {
        34.0 + TEXT * legend::trainers(self.sweeps).len() as f64
    }

    fn row(&self) -> f64 {
        self.head() + self.side().1 + FOOT
    }
}

impl Figure for Sensitivity<'_> {
    fn size(&self) -> (u32, u32) {
        let columns = self.columns() as f64;
        let rows = self.panels().len().div_ceil(self.columns()) as f64;
        let width = LEFT + columns * self.side().0 + (columns - 1.0) * GAP + 26.0;
        (width.max(620.0) as u32, (TOP + rows * self.row() + 2.0 * 23.0 + 22.0) as u32)
    }

    fn description(&self) -> String {
        let names: Vec<String> = self.panels().into_iter().map(|p| p.name).collect();
        format!("{}: accuracy against the margin: {}", self.title, names.join(", "))
    }

    fn draw<B: DrawingBackend>(&self, canvas: &mut Canvas<'_, B>) -> Result<()> {
        let panels = self.panels();
        if panels.is_empty() {
            return Err(EvalError::TooFew { what: "the losses of a sweep", got: 0, needed: 1 });
        }
        let size = self.size();
        legend::head(canvas, size, self.title, self.subtitle)?;
        let accuracy = accuracy_axis(&panels);
        let (width, height) = self.side();
        for (i, panel) in panels.iter().enumerate() {
            let (row, column) = (i / self.columns(), i % self.columns());
            let (left, top) = (LEFT + column as f64 * (width + GAP), TOP + row as f64 * self.row());
            let mut y = accuracy.clone();
            if column > 0 {
                y.name.clear();
            }
            // The strips take the lower end of the accuracy axis.
            let strips = STRIP * legend::trainers(self.sweeps).len() as f64;
            y.low -= (y.high - y.low) * strips / (height - strips);
            let axes = Axes { left, top: top + self.head(), width, height, x: self.margins(&panels, panel), y };
            self.panel(canvas, panel, &axes, top, accuracy.low)?;
        }
        key::draw(canvas, (LEFT - 40.0, f64::from(size.1) - 22.0 - 23.0), f64::from(size.0) - 16.0)
    }
}

impl Sensitivity<'_> {
    fn value(&self, margin: f64, cost: f64) -> f64 {
        match self.axis {
            MarginAxis::Own => margin,
            MarginAxis::Boundary => cost.to_degrees(),
        }
    }

    fn at(&self, group: &Group) -> f64 {
        self.value(group.margin, group.boundary_cost)
    }

    fn margins(&self, all: &[Panel<'_>], own: &Panel<'_>) -> Axis {
        let (symbol, name, unit) = describe_margin(own.key);
        let (panels, name) = match self.axis {
            MarginAxis::Own => (std::slice::from_ref(own), format!("{symbol}, {name}{}", unit.replace(' ', ", "))),
            MarginAxis::Boundary => (all, "margin at the boundary, degrees".to_owned()),
        };
        let values = panels.iter().flat_map(|p| &p.lines).flat_map(|l| &l.rate.groups).map(|g| self.at(g));
        let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        let room = if high > low { 0.05 * (high - low) } else { 0.5 * low.abs().max(0.1) };
        Axis::linear(low - room, high + room, 6, &name)
    }

    fn panel<B: DrawingBackend>(
        &self,
        canvas: &mut Canvas<'_, B>,
        panel: &Panel<'_>,
        axes: &Axes,
        top: f64,
        low: f64,
    ) -> Result<()> {
        canvas.text((axes.left, top + 10.0), Align::Left, Font { size: 15.0, bold: true, ..LABEL }, &panel.name)?;
        for (i, line) in panel.lines.iter().enumerate() {
            let y = top + 31.0 + TEXT * i as f64;
            canvas.dot((axes.left + 5.0, y), 4.5, Pen::new(color(line.series), 1.0))?;
            let unit = describe_margin(panel.key).2;
            canvas.text((axes.left + 16.0, y), Align::Left, SMALL, &self.summary(line, unit))?;
        }
        axes.draw(canvas)?;
        let floor = axes.at(0.0, low).1;
        canvas.line((axes.left, floor), (axes.right(), floor), Pen::new(Ink::Muted, 1.0))?;
        // Bands below, so that no line is hidden.
        for line in &panel.lines {
            self.shade(canvas, axes, line, low)?;
        }
        for line in &panel.lines {
            self.line(canvas, axes, line, low)?;
            self.strip(canvas, axes, line, floor + STRIP * (line.series as f64 + 0.5))?;
        }
        axes.frame(canvas)
    }

    /// What a line's usable range is, in words.
    fn summary(&self, line: &Line<'_>, unit: &str) -> String {
        let trainer = if line.trainer.is_empty() { String::new() } else { format!("{}, ", line.trainer) };
        let by = format!("{trainer}rate {}", line.rate.rate);
        match &line.rate.usable {
            Err(none) => format!("{by}: {}", none.reason()),
            Ok(r) => {
                let [low, high] = [(r.low, r.cost_low), (r.high, r.cost_high)].map(|(m, c)| self.value(m, c));
                let (low, high, unit) = match self.axis {
                    MarginAxis::Own => (short(low), short(high), unit),
                    MarginAxis::Boundary => (number(low, 0.1), number(high, 0.1), "°"),
                };
                let range = if low == high { low } else { format!("{low} to {high}") };
                format!("{by}: usable {range}{unit}, {} seeds", r.seeds)
            }
        }
    }

    /// The band of the intervals of margins that never collapsed: with one run of five at
    /// chance an interval spans the panel and tells nothing.
    fn shade<B: DrawingBackend>(
        &self,
        canvas: &mut Canvas<'_, B>,
        axes: &Axes,
        line: &Line<'_>,
        low: f64,
    ) -> Result<()> {
        let ink = Pen::new(color(line.series), 1.0);
        if let Some((left, right)) = self.range(axes, line) {
            let floor = axes.at(0.0, low).1;
            canvas.fill_rect((left, axes.top), (right, floor), ink.alpha(0.08))?;
        }
        for piece in pieces(&line.rate.groups, |g| {
            whole(g) && g.accuracy.is_some_and(|m| m.low.is_some() && 100.0 * m.value >= low)
        }) {
            let edge = |g: &Group, end: fn(&Mean) -> Option<f64>| {
                let share = g.accuracy.as_ref().and_then(end).unwrap_or(0.0);
                axes.at(self.at(g), (100.0 * share).clamp(low, axes.y.high))
            };
            let mut band: Vec<Point> = piece.iter().map(|g| edge(g, |m| m.low)).collect();
            band.extend(piece.iter().rev().map(|g| edge(g, |m| m.high)));
            canvas.polygon(&band, ink.alpha(0.22))?;
            if let [one] = piece {
                // A band of one margin has no area.
                canvas.line(edge(one, |m| m.low), edge(one, |m| m.high), Pen { width: 3.0, ..ink.alpha(0.35) })?;
            }
        }
        Ok(())
    }

    /// The ends of the usable range on the canvas; one margin is a range too.
    fn range(&self, axes: &Axes, line: &Line<'_>) -> Option<(f64, f64)> {
        let r = line.rate.usable.as_ref().ok()?;
        let [left, right] = [(r.low, r.cost_low), (r.high, r.cost_high)].map(|(m, c)| axes.at(self.value(m, c), 0.0).0);
        Some(if right - left < 6.0 { (left - 3.0, right + 3.0) } else { (left, right) })
    }

    /// A trainer's line below the plot: the usable range as a bar, with an arrow where no
    /// margin beyond was tried, and the margins with collapsed runs.
    fn strip<B: DrawingBackend>(&self, canvas: &mut Canvas<'_, B>, axes: &Axes, line: &Line<'_>, y: f64) -> Result<()> {
        let ink = Pen::new(color(line.series), 2.0);
        if let (Some((left, right)), Ok(r)) = (self.range(axes, line), &line.rate.usable) {
            canvas.fill_rect((left, y - 2.5), (right, y + 2.5), ink)?;
            for (open, x, way) in [(r.open_low, left, -1.0), (r.open_high, right, 1.0)] {
                if open {
                    canvas.polygon(&[(x, y - 5.5), (x + 8.0 * way, y), (x, y + 5.5)], ink)?;
                }
            }
        }
        for group in line.rate.groups.iter().filter(|g| !whole(g)) {
            key::cross(canvas, (axes.at(self.at(group), 0.0).0, y), ink)?;
        }
        Ok(())
    }

    fn line<B: DrawingBackend>(
        &self,
        canvas: &mut Canvas<'_, B>,
        axes: &Axes,
        line: &Line<'_>,
        low: f64,
    ) -> Result<()> {
        let ink = Pen::new(color(line.series), 2.2);
        let mean = |g: &Group| g.accuracy.map_or(f64::NAN, |m| 100.0 * m.value);
        for piece in pieces(&line.rate.groups, |g| whole(g) && g.accuracy.is_some()) {
            for pair in piece.windows(2) {
                let ends = [&pair[0], &pair[1]].map(|g| (self.at(g), mean(g)));
                if let Some([a, b]) = above(ends, low) {
                    canvas.line(axes.at(a.0, a.1), axes.at(b.0, b.1), ink)?;
                }
            }
        }
        for (i, group) in line.rate.groups.iter().enumerate().filter(|(_, g)| g.accuracy.is_some()) {
            let (x, y) = axes.at(self.at(group), mean(group).max(low));
            match (mean(group) >= low, whole(group)) {
                (true, true) => {
                    canvas.dot((x, y), 3.8, ink)?;
                    if line.rate.best == Some(i) {
                        canvas.dot((x, y), 6.4, ink)?;
                        canvas.dot((x, y), 3.8, Pen::new(Ink::Paper, 1.0))?;
                    }
                }
                (true, false) => key::cross(canvas, (x, y), Pen { width: 2.0, ..ink })?,
                (false, true) => canvas.polygon(&[(x - 5.5, y - 9.0), (x + 5.5, y - 9.0), (x, y - 1.0)], ink)?,
                // Its cross is in the strip.
                (false, false) => {}
            }
        }
        Ok(())
    }
}

/// From the least mean without a collapse, unless it lies so far off that the others
/// could not be told apart.
fn accuracy_axis(panels: &[Panel<'_>]) -> Axis {
    let groups = panels.iter().flat_map(|p| &p.lines).flat_map(|l| &l.rate.groups).filter(|g| whole(g));
    let mut means: Vec<f64> = groups.filter_map(|g| Some(100.0 * g.accuracy?.value)).collect();
    means.sort_by(f64::total_cmp);
    let (Some(least), Some(most)) = (means.first(), means.last()) else {
        return Axis::linear(0.0, 100.0, 6, "test accuracy, %");
    };
    let quarter = means[means.len() / 4];
    let low = least.max(most - 3.0 * (most - quarter));
    let span = (most - low).max(1.0);
    let low = (low - 0.18 * span).max(0.0);
    Axis::linear(low, (most + 0.15 * span).min(100.4), 6, "test accuracy, %")
}

/// Whether no run collapsed.
fn whole(group: &Group) -> bool {
    group.collapsed_seeds.is_empty()
}

/// The groups next to one another of which `has` holds.
fn pieces(groups: &[Group], has: impl Fn(&Group) -> bool) -> Vec<&[Group]> {
    groups.split(|g| !has(g)).filter(|piece| !piece.is_empty()).collect()
}

/// The part of a segment with y ≥ `low`.
fn above([a, b]: [Point; 2], low: f64) -> Option<[Point; 2]> {
    let cut = |inside: Point, outside: Point| {
        let t = (low - inside.1) / (outside.1 - inside.1);
        (inside.0 + t * (outside.0 - inside.0), low)
    };
    match (a.1 >= low, b.1 >= low) {
        (true, true) => Some([a, b]),
        (true, false) => Some([a, cut(a, b)]),
        (false, true) => Some([cut(b, a), b]),
        (false, false) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::{Theme, to_svg};
    use arcsphere_eval::fixtures::{cell, dead};
    use arcsphere_eval::sweep::{Sweep, analyze};

    fn sweeps() -> Vec<LossSweep> {
        let mut cells = Vec::new();
        for seed in 0..3 {
            for (margin, correct) in [(0.0, 940), (0.2, 955), (0.4, 950)] {
                cells.push(cell("arcface", margin, 0.1, seed, correct as f64 / 1000.0, correct + seed * 2));
            }
            cells.push(dead("arcface", 0.8, 0.1, seed, "NaN"));
            cells.push(cell("cosface", 0.2, 0.1, seed, 0.95, 950 + seed));
        }
        analyze(&Sweep { cells, ..Sweep::default() }, 1).unwrap()
    }

    #[test]
    fn a_panel_a_loss_in_its_unit_or_in_degrees() {
        let sweeps = sweeps();
        let f = Sensitivity { title: "t", subtitle: "s", sweeps: &sweeps, axis: MarginAxis::Own };
        let svg = to_svg(&f, Theme::Light).unwrap();
        assert!(svg.contains(">arcface</text>") && svg.contains(">cosface</text>"));
        assert!(svg.contains("m1, angle margin, rad"), "{svg}");
        assert!(svg.contains("default, rate 0.1: usable 0 to 0.4 rad, 3 seeds"), "{svg}");
        let degrees = to_svg(&Sensitivity { axis: MarginAxis::Boundary, ..f }, Theme::Dark).unwrap();
        assert!(degrees.contains("usable 0.0 to 22.9°") && degrees.contains("boundary, degrees"), "{degrees}");
        assert!(to_svg(&Sensitivity { sweeps: &[], ..f }, Theme::Light).is_err());
    }

    #[test]
    fn collapsed_margins_do_not_stretch_the_axis() {
        let sweeps = sweeps();
        let f = Sensitivity { title: "", subtitle: "", sweeps: &sweeps, axis: MarginAxis::Own };
        let axis = accuracy_axis(&f.panels());
        assert!(axis.low > 90.0 && axis.high < 97.0, "{axis:?}");
        let mut odd = sweeps.clone();
        if let Some(mean) = &mut odd[0].rates[0].groups[1].accuracy {
            mean.value = 0.4;
        }
        let f = Sensitivity { sweeps: &odd, ..f };
        assert!(accuracy_axis(&f.panels()).low > 90.0);
        assert!(to_svg(&f, Theme::Light).is_ok());
        assert_eq!(above([(0.0, 10.0), (1.0, 0.0)], 5.0), Some([(0.0, 10.0), (0.5, 5.0)]));
        assert_eq!(above([(0.0, 1.0), (1.0, 0.0)], 5.0), None);
    }
}
