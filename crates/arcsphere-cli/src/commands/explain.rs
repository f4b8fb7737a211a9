//! `arcsphere explain`: one loss, on one screen.

use super::pictures::Drawn;
use crate::args::Explain;
use crate::mistake::mistake;
use crate::out::say;
use anyhow::Result;
use arcsphere::losses::fit;
use arcsphere::losses::margin::{Objective, Recipe, ScaleKind};
use arcsphere::losses::ordinal::OrdinalInfo;
use arcsphere::losses::tuple::{Place, TupleInfo};
use arcsphere::losses::{self, Loss, Param};
use std::f64::consts::PI;

/// Prints formula, boundary, defaults, source and a picture of ψ.
pub(crate) fn run(args: &Explain) -> Result<()> {
    let info = match losses::find(&args.loss)? {
        Loss::Margin(info) => info,
        Loss::Tuple(info) => {
            tuple(info);
            return Ok(());
        }
        Loss::Ordinal(info) => {
            ordinal(info);
            return Ok(());
        }
    };
    if args.classes < 2 || args.dim < 2 {
        return Err(mistake!(
            "--classes and --dim must be at least 2: a margin is between two classes, and on a line there are no angles"
        ));
    }
    let fitted = fit::fitted(info, args.classes, args.dim);
    let as_published = Recipe::paper(info, args.classes, args.dim);
    say!("{}: {}", info.name, info.summary);
    if !info.aliases.is_empty() {
        say!("also:      {}", info.aliases.join(", "));
    }
    say!("formula:   {}", info.formula);
    say!("boundary:  {}", info.boundary);
    say!("source:    {}", info.source);
    if info.objective == Objective::OneVsAll {
        say!("objective: binary problems, each class against all others, instead of a softmax");
    }
    let (here_scale, paper_scale) = (fitted.recipe.scale, as_published.scale);
    let paper = Drawn::new(info, as_published);
    let here = Drawn::new(info, fitted.recipe.clone());
    if info.has_margin() {
        say!("paper:     {}", paper.parameters());
        let at = if info.strongest.is_empty() { String::new() } else { format!(", for {}", info.strongest) };
        say!(
            "default:   {} for {} classes in {} dimensions: prototypes can be {:.1}° apart, and this leaves {:.1}° around each{at}",
            here.parameters(),
            args.classes,
            args.dim,
            fitted.nearest_angle.to_degrees(),
            fitted.boundary_angle.to_degrees()
        );
    }
    match info.scale {
        ScaleKind::Fixed => {
            say!("scale:     {here_scale:.1} here, {} in the paper", (10.0 * paper_scale).round() / 10.0)
        }
        ScaleKind::EmbeddingNorm => say!("scale:     the embedding's norm"),
        ScaleKind::Unnormalized => say!("scale:     none, nothing is normalized"),
    }
    for p in info.params {
        let value = (1e4 * fitted.recipe.param(p)).round() / 1e4;
        say!("params:    {} = {value} here, {}; {}", p.name, p.range, p.meaning);
    }
    if info.scale != ScaleKind::Unnormalized {
        say!("\n{}", curve(&here));
    }
    Ok(())
}

/// A loss of embeddings among each other, which has no ψ to draw.
fn tuple(info: &TupleInfo) {
    say!("{}: {}", info.name, info.summary);
    if !info.aliases.is_empty() {
        say!("also:      {}", info.aliases.join(", "));
    }
    say!("formula:   {}", info.formula);
    say!("source:    {}", info.source);
    match info.place {
        Place::Alone => say!("trained:   alone; a class is told by its nearest running mean"),
        Place::BesideSoftmax => say!("trained:   beside softmax"),
    }
    if info.needs_pairs {
        say!("batches:   P classes with K images each (train.classes_per_batch, train.images_per_class)");
    }
    params(info.params);
}

/// A loss of an ordered target, which learns a number.
fn ordinal(info: &OrdinalInfo) {
    say!("{}: {}", info.name, info.summary);
    if !info.aliases.is_empty() {
        say!("also:      {}", info.aliases.join(", "));
    }
    say!("formula:   {}", info.formula);
    say!("told:      {}", info.told);
    say!("source:    {}", info.source);
    say!("for:       an ordered target (--task age): faces with ages, or the stand-in rotated-digits");
    params(info.params);
}

fn params(params: &[Param]) {
    for p in params {
        say!("params:    {} = {} here, {}; {}", p.name, p.default, p.range, p.meaning);
    }
}

/// ψ (#) and cos θ (·) over 0..180°, in text.
fn curve(loss: &Drawn) -> String {
    const WIDTH: usize = 61;
    const HEIGHT: usize = 15;
    let angle = |column: usize| PI * column as f64 / (WIDTH - 1) as f64;
    let low = loss.psi(PI).min(-1.0);
    let row = |value: f64| {
        let t = (1.0 - value) / (1.0 - low);
        (t * (HEIGHT - 1) as f64).round().clamp(0.0, (HEIGHT - 1) as f64) as usize
    };
    let mut grid = vec![vec![' '; WIDTH]; HEIGHT];
    for column in 0..WIDTH {
        grid[row(angle(column).cos())][column] = '·';
    }
    for column in 0..WIDTH {
        grid[row(loss.psi(angle(column)))][column] = '#';
    }
    let mut out = String::from("  ψ(θ) #, cos θ ·\n");
    for (i, line) in grid.iter().enumerate() {
        let value = 1.0 - (1.0 - low) * i as f64 / (HEIGHT - 1) as f64;
        let text: String = line.iter().collect();
        out.push_str(&format!("{value:>6.2} │{}\n", text.trim_end()));
    }
    out.push_str(&format!("       └{}\n", "─".repeat(WIDTH)));
    out.push_str(&format!("        0°{:>28}{:>30}", "90°", "180°"));
    out
}
