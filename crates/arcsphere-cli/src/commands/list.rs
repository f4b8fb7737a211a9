//! `arcsphere list`: what there is.

use crate::args::{List, Listed};
use crate::out::say;
use anyhow::Result;
use arcsphere::backbones::BACKBONES;
use arcsphere::losses::margin::Group;
use arcsphere::losses::{self, Kind, Loss, Param};
use arcsphere::optim::OPTIMIZERS;
use arcsphere::stability::CAUSES;
use arcsphere_data::catalog::DATASETS;
use serde_json::{Value, json};

/// Prints a registry as a table or JSON.
pub(crate) fn run(args: &List) -> Result<()> {
    let rows: Vec<(String, String, Value)> = match args.what {
        Listed::Losses => losses::all().map(|loss| row(&loss)).collect(),
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

/// The name, the line and the JSON of a loss.
fn row(loss: &Loss) -> (String, String, Value) {
    let param =
        |p: &Param| json!({"name": p.name, "default": p.default, "range": p.range.to_string(), "meaning": p.meaning});
    let params: Vec<Value> = loss.params.iter().map(param).collect();
    let group = loss.margin().map_or(loss.kind.name(), |margin| margin.kind.group.name());
    let mut value = json!({
        "name": loss.name, "group": group, "aliases": loss.aliases, "summary": loss.summary, "formula": loss.formula,
        "source": loss.source, "params": params,
    });
    match loss.kind {
        Kind::Margin(margin) => {
            value["boundary"] = margin.kind.boundary.into();
            value["paper"] = json!(margin.kind.paper);
        }
        Kind::Tuple(tuple) => value["needs_pairs"] = tuple.kind.needs_pairs.into(),
        Kind::Ordinal(ordinal) => value["predicts"] = ordinal.kind.predicts.into(),
        _ => {}
    }
    let group = if group == Group::Family.name() { String::new() } else { format!("{group}: ") };
    let also = if loss.aliases.is_empty() { String::new() } else { format!(" (also {})", loss.aliases.join(", ")) };
    (loss.name.to_owned(), format!("{group}{}{also}", loss.summary), value)
}
