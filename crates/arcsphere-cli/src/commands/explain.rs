//! `arcsphere explain`: one loss, on one screen.

use super::pictures::LossCurve;
use crate::args::Explain;
use crate::mistake::mistake;
use crate::out::say;
use anyhow::Result;
use arcsphere::losses::fit::{self, Fit};
use arcsphere::losses::margin::{MarginLoss, Objective, Recipe, ScaleKind};
use arcsphere::losses::tuple::Role;
use arcsphere::losses::{self, Kind};
use std::f64::consts::PI;

/// Prints formula, boundary, defaults, source and a picture of ψ.
pub(crate) fn run(args: &Explain) -> Result<()> {
    let loss = losses::find(&args.loss)?;
    if args.classes < 2 || args.dim < 2 {
        return Err(mistake!(
            "--classes and --dim must be at least 2: a margin is between two classes, and on a line there are no angles"
        ));
    }
    say!("{}: {}", loss.name, loss.summary);
    if !loss.aliases.is_empty() {
        say!("also:      {}", loss.aliases.join(", "));
    }
    say!("formula:   {}", loss.formula);
    if let Some(margin) = loss.margin() {
        say!("boundary:  {}", margin.kind.boundary);
    }
    say!("source:    {}", loss.source);
    let mut curve_of = None;
    match loss.kind {
        Kind::Margin(info) => {
            let fitted = fit::fitted(info, args.classes, args.dim);
            let here = LossCurve::new(info, fitted.recipe.clone());
            margin(info, &fitted, &here, args);
            curve_of = (info.kind.scale != ScaleKind::Unnormalized).then_some(here);
        }
        Kind::Tuple(info) => {
            match info.kind.role {
                Role::Alone => say!("trained:   alone; a class is told by its nearest running mean"),
                Role::BesideSoftmax => say!("trained:   beside softmax"),
            }
            if info.kind.needs_pairs {
                say!("batches:   P classes with K images each (train.classes_per_batch, train.images_per_class)");
            }
        }
        Kind::Ordinal(info) => {
            say!("predicts:  {}", info.kind.predicts);
            say!("for:       an ordered target (--task age): faces with ages, or the stand-in rotated-digits");
        }
        _ => {
            say!(
                "trained:   beside a loss with prototypes on a sphere: loss.energy_weight, loss.energy_power, loss.energy_half_space"
            );
        }
    }
    let values = curve_of.as_ref().map(|drawn| &drawn.recipe.params);
    for p in loss.params {
        let value = values.map_or(p.default, |values| p.of(values));
        say!("params:    {} = {} here, {}; {}", p.name, (1e4 * value).round() / 1e4, p.range, p.meaning);
    }
    if let Some(drawn) = curve_of {
        say!("\n{}", curve(&drawn));
    }
    Ok(())
}

/// What only a margin loss has: the paper's margins and those fitted to C and D, and the scale.
fn margin(info: &MarginLoss, fitted: &Fit, here: &LossCurve, args: &Explain) {
    if info.kind.objective == Objective::OneVsAll {
        say!("objective: binary problems, each class against all others, instead of a softmax");
    }
    let paper = Recipe::paper(info, args.classes, args.dim);
    let paper_scale = paper.scale;
    if info.has_margin() {
        say!("paper:     {}", LossCurve::new(here.info, paper).parameters());
        let at = if info.kind.strongest.is_empty() { String::new() } else { format!(", for {}", info.kind.strongest) };
        say!(
            "default:   {} for {} classes in {} dimensions: prototypes can be {:.1}° apart, and this leaves {:.1}° around each{at}",
            here.parameters(),
            args.classes,
            args.dim,
            fitted.nearest_angle.to_degrees(),
            fitted.boundary_angle.to_degrees()
        );
    }
    match info.kind.scale {
        ScaleKind::Fixed => {
            say!("scale:     {:.1} here, {} in the paper", fitted.recipe.scale, (10.0 * paper_scale).round() / 10.0)
        }
        ScaleKind::EmbeddingNorm => say!("scale:     the embedding's norm"),
        ScaleKind::Unnormalized => say!("scale:     none, nothing is normalized"),
    }
}

/// ψ (#) and cos θ (·) over 0..180°, in text.
fn curve(loss: &LossCurve) -> String {
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
