//! `arcsphere list`: what there is.

use crate::args::{List, Listed};
use crate::out::say;
use anyhow::Result;
use arcsphere::backbones::BACKBONES;
use arcsphere::losses::Param;
use arcsphere::losses::margin::{Group, LOSSES};
use arcsphere::losses::ordinal::ORDINALS;
use arcsphere::losses::tuple::TUPLES;
use arcsphere::optim::OPTIMIZERS;
use arcsphere::stability::CAUSES;
use arcsphere_data::catalog::DATASETS;
use serde_json::{Value, json};

/// Prints a registry as a table or JSON.
pub(crate) fn run(args: &List) -> Result<()> {
    let rows: Vec<(String, String, Value)> = match args.what {
        Listed::Losses => LOSSES
            .iter()
            .map(|l| {
                let margins = json!({
                    "angle_multiplier": l.paper.angle_multiplier,
                    "angle_margin": l.paper.angle_margin,
                    "cosine_margin": l.paper.cosine_margin,
                });
                let value = json!({
                    "name": l.name, "group": l.group.name(), "aliases": l.aliases, "summary": l.summary, "formula": l.formula,
                    "boundary": l.boundary, "source": l.source, "paper": margins, "params": params(l.params),
                });
                let also = also(l.aliases);
                let group = if l.group == Group::Relative { "relative: " } else { "" };
                (l.name.to_owned(), format!("{group}{}{also}", l.summary), value)
            })
            .chain(tuples())
            .chain(ordinals())
            .collect(),
        Listed::Datasets => DATASETS
            .iter()
            .map(|d| {
                let text = format!("{}; {} + {} images of {}, {} classes; {}", d.description, d.train, d.test, d.shape, d.classes, d.license);
                let value = json!({
                    "name": d.name, "description": d.description, "format": d.format, "classes": d.classes,
                    "shape": [d.shape.channels, d.shape.height, d.shape.width],
                    "train": d.train, "test": d.test, "license": d.license, "source": d.source,
                });
                (d.name.to_owned(), text, value)
            })
            .collect(),
        Listed::Backbones => BACKBONES
            .iter()
            .map(|b| {
                let value = json!({
                    "name": b.name, "summary": b.summary, "source": b.source, "depths": b.depths, "min_side": b.min_side,
                });
                (b.name.to_owned(), b.summary.to_owned(), value)
            })
            .collect(),
        Listed::Optimizers => OPTIMIZERS
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned(), json!({"name": name, "summary": text})))
            .collect(),
        Listed::Causes => CAUSES
            .iter()
            .map(|c| {
                let value = json!({"name": c.name, "summary": c.summary, "remedy": c.remedy});
                (c.name.to_owned(), format!("{}; remedy: {}", c.summary, c.remedy), value)
            })
            .collect(),
    };
    if args.json {
        let values: Vec<Value> = rows.into_iter().map(|r| r.2).collect();
        say!("{}", serde_json::to_string_pretty(&values)?);
    } else {
        let width = rows.iter().map(|r| r.0.len()).max().unwrap_or(0);
        for (name, text, _) in rows {
            say!("{name:width$}  {text}");
        }
    }
    Ok(())
}

/// What may be set of a loss.
fn params(params: &[Param]) -> Vec<Value> {
    let row =
        |p: &Param| json!({"name": p.name, "default": p.default, "range": p.range.to_string(), "meaning": p.meaning});
    params.iter().map(row).collect()
}

/// The losses of embeddings among each other.
fn tuples() -> impl Iterator<Item = (String, String, Value)> {
    TUPLES.iter().map(|t| {
        let value = json!({
            "name": t.name, "group": "tuple", "aliases": t.aliases, "summary": t.summary, "formula": t.formula,
            "source": t.source, "needs_pairs": t.needs_pairs, "params": params(t.params),
        });
        (t.name.to_owned(), format!("tuple: {}{}", t.summary, also(t.aliases)), value)
    })
}

/// The losses of an ordered target.
fn ordinals() -> impl Iterator<Item = (String, String, Value)> {
    ORDINALS.iter().map(|o| {
        let value = json!({
            "name": o.name, "group": "ordinal", "aliases": o.aliases, "summary": o.summary, "formula": o.formula,
            "told": o.told, "source": o.source, "params": params(o.params),
        });
        (o.name.to_owned(), format!("ordinal: {}{}", o.summary, also(o.aliases)), value)
    })
}

fn also(aliases: &[&str]) -> String {
    if aliases.is_empty() { String::new() } else { format!(" (also {})", aliases.join(", ")) }
}
