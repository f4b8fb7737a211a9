//! Where training collapses: margin against learning rate, a map a loss and trainer.

use plotters_backend::DrawingBackend;

use super::axes::{number, short};
use super::canvas::{Align, Canvas, Font, LABEL, Pen, Point, SUBTITLE, TICK};
use super::theme::Ink;
use super::{Figure, legend};
use arcsphere_eval::error::{EvalError, Result};
use arcsphere_eval::interval::wilson;
use arcsphere_eval::sweep::{Group, LossSweep, describe_margin};

/// Share of collapsed runs by margin and learning rate; a row a loss, its trainers side by
/// side. A cell says how many of how many runs collapsed, of which causes by letter, and
/// how many more were saved.
#[derive(Debug, Clone, Copy)]
pub struct CollapseMap<'a> {
    /// Title.
    pub title: &'a str,
    /// A line below it; what the intervals of the shares are is added.
    pub subtitle: &'a str,
    /// What [`analyze`](arcsphere_eval::sweep::analyze) made.
    pub sweeps: &'a [LossSweep],
}

const LEFT: f64 = 92.0;
const TOP: f64 = 94.0;
const HEAD: f64 = 30.0;
const FOOT: f64 = 62.0;
const GAP: f64 = 78.0;
const CELL: (f64, f64) = (52.0, 34.0);
/// Lines of the key are this far apart.
const KEY: f64 = 23.0;
const SMALL: Font = Font { size: 11.0, ink: Ink::Text, ..TICK };
const DEAD: usize = 2;

/// A loss with one kind of margin, and the axes that its trainers share.
struct Row<'a> {
    name: &'a str,
    key: &'a str,
    margins: Vec<f64>,
    rates: Vec<f64>,
    /// One a trainer of the figure.
    maps: Vec<Option<&'a LossSweep>>,
}

impl<'a> CollapseMap<'a> {
    fn rows(&self) -> Vec<Row<'a>> {
        let trainers = legend::trainers(self.sweeps);
        let mut out: Vec<Row<'a>> = Vec::new();
        for sweep in self.sweeps {
            let (name, key) = (sweep.loss.as_str(), sweep.margin_key.as_str());
            let at = out.iter().position(|r| (r.name, r.key) == (name, key)).unwrap_or_else(|| {
                out.push(Row { name, key, margins: vec![], rates: vec![], maps: vec![None; trainers.len()] });
                out.len() - 1
            });
            let row = &mut out[at];
            if let Some(i) = trainers.iter().position(|t| *t == sweep.trainer.name()) {
                row.maps[i] = Some(sweep);
            }
            row.margins.extend(sweep.groups().map(|g| g.margin));
            row.rates.extend(sweep.rates.iter().map(|r| r.rate));
        }
        for axis in out.iter_mut().flat_map(|r| [&mut r.margins, &mut r.rates]) {
            axis.sort_by(f64::total_cmp);
            axis.dedup();
        }
        out
    }

    /// Of a map: the widest row's, and room for a head.
    fn width(&self) -> f64 {
        CELL.0 * self.rows().iter().map(|r| r.margins.len()).max().unwrap_or(1).max(6) as f64
    }

    /// Causes in the order in which they first appear; each has a letter.
    fn causes(&self) -> Vec<&'a str> {
        let mut out: Vec<&str> = Vec::new();
        for (cause, _) in self.sweeps.iter().flat_map(|s| s.groups()).flat_map(|g| &g.causes) {
            if !out.contains(&cause.as_str()) {
                out.push(cause);
            }
        }
        out
    }

    fn saved(&self) -> bool {
        self.sweeps.iter().flat_map(|s| s.groups()).any(|g| !g.recovered.is_empty())
    }
}

/// A, …, Z, A2, …
fn letter(index: usize) -> String {
    let first = char::from(b'A' + (index % 26) as u8);
    if index < 26 { first.to_string() } else { format!("{first}{}", index / 26 + 1) }
}

impl Figure for CollapseMap<'_> {
    fn size(&self) -> (u32, u32) {
        let columns = legend::trainers(self.sweeps).len().max(1) as f64;
        let width = (LEFT + columns * self.width() + (columns - 1.0) * GAP + 28.0).max(620.0);
        let maps: f64 = self.rows().iter().map(|r| HEAD + CELL.1 * r.rates.len() as f64 + FOOT).sum();
        let key = KEY * (1 + self.causes().len().div_ceil(2) + usize::from(self.saved())) as f64;
        (width as u32, (TOP + maps + key + 18.0) as u32)
    }

    fn description(&self) -> String {
        let (dead, all) = self.sweeps.iter().map(LossSweep::collapsed).fold((0, 0), |s, c| (s.0 + c.0, s.1 + c.1));
        format!("{}: {dead} of {all} runs collapsed, by margin and learning rate", self.title)
    }

    fn draw<B: DrawingBackend>(&self, canvas: &mut Canvas<'_, B>) -> Result<()> {
        let (rows, trainers, causes) = (self.rows(), legend::trainers(self.sweeps), self.causes());
        if rows.is_empty() {
            return Err(EvalError::TooFew { what: "the losses of a sweep", got: 0, needed: 1 });
        }
        legend::head(canvas, self.size(), self.title, &self.subtitle()?)?;
        let mut top = TOP;
        for row in &rows {
            for (i, (map, trainer)) in row.maps.iter().zip(&trainers).enumerate() {
                let left = LEFT + i as f64 * (self.width() + GAP);
                let Some(map) = map else { continue };
                let name = if trainer.is_empty() { row.name.to_owned() } else { format!("{}, {trainer}", row.name) };
                canvas.text((left, top + 8.0), Align::Left, Font { size: 15.0, bold: true, ..LABEL }, &name)?;
                let (dead, all) = map.collapsed();
                let end = left + legend::SLACK * canvas.width(Font { size: 15.0, bold: true, ..LABEL }, &name)? + 8.0;
                let count = Font { size: 12.5, ..SUBTITLE };
                canvas.text((end, top + 8.0), Align::Left, count, &format!("{dead} of {all} collapsed"))?;
                self.map(canvas, (left, top + HEAD), row, map, &causes)?;
            }
            top += HEAD + CELL.1 * row.rates.len() as f64 + FOOT;
        }
        self.key(canvas, top + 2.0, &causes)
    }
}

impl CollapseMap<'_> {
    /// The caller's line, and what "none of n" still allows.
    fn subtitle(&self) -> Result<String> {
        let runs = self.sweeps.iter().flat_map(|s| s.groups()).map(Group::runs);
        let (least, most) = runs.fold((usize::MAX, 0), |(l, m), n| (l.min(n), m.max(n)));
        if most == 0 {
            return Ok(self.subtitle.to_owned());
        }
        let n = if least == most { format!("{most}") } else { format!("{least} to {most}") };
        let bound = number(100.0 * wilson(0, most as u64)?.high, 1.0);
        let told =
            format!("{n} runs a cell: none collapsed of {most} leaves a rate of up to {bound} % open (95 %, Wilson).");
        Ok(if self.subtitle.is_empty() { told } else { format!("{} {told}", self.subtitle) })
    }

    fn map<B: DrawingBackend>(
        &self,
        canvas: &mut Canvas<'_, B>,
        (left, top): Point,
        row: &Row<'_>,
        map: &LossSweep,
        causes: &[&str],
    ) -> Result<()> {
        let bottom = top + CELL.1 * row.rates.len() as f64;
        for (i, rate) in row.rates.iter().enumerate() {
            // Rates rise upwards.
            let y = bottom - CELL.1 * (i + 1) as f64;
            canvas.text((left - 8.0, y + 0.5 * CELL.1), Align::Right, TICK, &rate.to_string())?;
            for (j, margin) in row.margins.iter().enumerate() {
                let from = (left + CELL.0 * j as f64, y);
                match map.groups().find(|g| g.rate == *rate && g.margin == *margin) {
                    Some(group) => cell(canvas, from, group, causes)?,
                    None => hatch(canvas, from)?,
                }
            }
        }
        let (symbol, name, unit) = describe_margin(row.key);
        for (j, margin) in row.margins.iter().enumerate() {
            let x = left + CELL.0 * (j as f64 + 0.5);
            canvas.text((x, bottom + 13.0), Align::Center, TICK, &short(*margin))?;
        }
        let middle = left + 0.5 * CELL.0 * row.margins.len() as f64;
        let label = Font { size: 13.0, ..LABEL };
        canvas.text(
            (middle, bottom + 33.0),
            Align::Center,
            label,
            &format!("{symbol}, {name}{}", unit.replace(' ', ", ")),
        )?;
        let mut widest: f64 = 0.0;
        for rate in &row.rates {
            widest = widest.max(canvas.width(TICK, &rate.to_string())?);
        }
        // A name taller than its map would run into the next.
        if row.rates.len() > 2 {
            canvas.text_up((left - 22.0 - widest, 0.5 * (top + bottom)), Align::Center, label, "learning rate")?;
        } else {
            canvas.text((left - 8.0, top - 12.0), Align::Right, TICK, "learning rate")?;
        }
        Ok(())
    }

    fn key<B: DrawingBackend>(&self, canvas: &mut Canvas<'_, B>, mut y: f64, causes: &[&str]) -> Result<()> {
        let mut x = 22.0;
        for share in [0.0, 0.25, 0.5, 0.75, 1.0] {
            canvas.fill_rect((x, y - 8.0), (x + 44.0, y + 8.0), fill(share))?;
            canvas.text((x + 22.0, y), Align::Center, SMALL, &format!("{} %", 100.0 * share))?;
            x += 44.0;
        }
        canvas.text((x + 10.0, y), Align::Left, SUBTITLE, "of the runs of a cell collapsed; hatched: not trained")?;
        let half = 0.5 * (f64::from(self.size().0) - 44.0);
        for (i, cause) in causes.iter().enumerate() {
            if i % 2 == 0 {
                y += KEY;
            }
            let x = 22.0 + half * (i % 2) as f64;
            canvas.text((x, y), Align::Left, Font { bold: true, ink: Ink::Text, ..SUBTITLE }, &letter(i))?;
            canvas.text((x + 22.0, y), Align::Left, SUBTITLE, cause)?;
        }
        if self.saved() {
            y += KEY;
            canvas.text((22.0, y), Align::Left, Font { bold: true, ink: Ink::Text, ..SUBTITLE }, "+1")?;
            let text = "one more run was rolled back and went on; it does not count as collapsed";
            canvas.text((50.0, y), Align::Left, SUBTITLE, text)?;
        }
        Ok(())
    }
}

/// Never so strong that text on it could not be read, on light or dark paper.
fn fill(share: f64) -> Pen {
    match share > 0.0 {
        true => Pen::new(Ink::Series(DEAD), 1.0).alpha(0.12 + 0.5 * share),
        false => Pen::new(Ink::Grid, 1.0).alpha(0.5),
    }
}

fn cell<B: DrawingBackend>(canvas: &mut Canvas<'_, B>, (x, y): Point, group: &Group, causes: &[&str]) -> Result<()> {
    let (from, to) = ((x + 1.0, y + 1.0), (x + CELL.0 - 1.0, y + CELL.1 - 1.0));
    canvas.fill_rect(from, to, fill(group.collapsed.value))?;
    let count = format!("{}/{}", group.collapsed_seeds.len(), group.runs());
    let mut below: Vec<String> =
        (0..causes.len()).filter(|i| group.causes.iter().any(|(cause, _)| cause == causes[*i])).map(letter).collect();
    // Room for four letters, and one less beside the saved runs.
    let room = if group.recovered.is_empty() { 4 } else { 3 };
    if below.len() > room {
        below.truncate(room - 1);
        below.push("…".into());
    }
    let mut below = below.concat();
    if !group.recovered.is_empty() {
        below.push_str(&format!(" +{}", group.recovered.len()));
    }
    let middle = x + 0.5 * CELL.0;
    let font = Font { ink: Ink::Text, ..TICK };
    if below.is_empty() {
        return canvas.text((middle, y + 0.5 * CELL.1), Align::Center, font, &count);
    }
    canvas.text((middle, y + 11.5), Align::Center, font, &count)?;
    canvas.text((middle, y + 24.5), Align::Center, SMALL, below.trim())
}

fn hatch<B: DrawingBackend>(canvas: &mut Canvas<'_, B>, (x, y): Point) -> Result<()> {
    let pen = Pen::new(Ink::Grid, 1.0);
    let (left, top, right, bottom) = (x + 1.0, y + 1.0, x + CELL.0 - 1.0, y + CELL.1 - 1.0);
    let mut start = left - (bottom - top);
    while start < right {
        // From the lower edge up to the right, cut at the cell's sides.
        let a = start.max(left);
        let b = (start + bottom - top).min(right);
        canvas.line((a, bottom - (a - start)), (b, bottom - (b - start)), pen)?;
        start += 7.0;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::{Theme, to_svg};
    use arcsphere_eval::fixtures::{cell, dead};
    use arcsphere_eval::results::TrainedBy;
    use arcsphere_eval::sweep::{Sweep, analyze};

    #[test]
    fn counts_causes_and_recoveries_are_in_their_cells() {
        let mut cells = Vec::new();
        for seed in 0..2 {
            cells.push(cell("arcface", 0.1, 0.1, seed, 0.9, 900));
            let mut saved = cell("arcface", 0.5, 0.1, seed, 0.9, 900);
            saved.run.recovered = 1;
            cells.push(saved);
            let mut naive = dead("arcface", 0.5, 0.1, seed, if seed == 0 { "NaN" } else { "one class" });
            naive.run.trainer = TrainedBy::Naive;
            cells.push(naive);
        }
        let sweeps = analyze(&Sweep { cells, ..Sweep::default() }, 1).unwrap();
        let f = CollapseMap { title: "t", subtitle: "", sweeps: &sweeps };
        let svg = to_svg(&f, Theme::Light).unwrap();
        for text in [">0/2<", ">2/2<", ">AB<", ">+2<", ">NaN<", ">one class<", ">arcface, naive<", "up to 66 %"] {
            assert!(svg.contains(text), "{text} {svg}");
        }
        // 0.1 was not trained naively.
        assert!(svg.contains("2 of 2 collapsed") || svg.contains("2/2"));
        assert!(f.description().contains("2 of 6 runs"));
        assert!(to_svg(&CollapseMap { sweeps: &[], ..f }, Theme::Dark).is_err());
    }

    #[test]
    fn letters_do_not_run_out() {
        assert_eq!([0, 25, 26, 53].map(letter), ["A", "Z", "A2", "B3"]);
    }
}
