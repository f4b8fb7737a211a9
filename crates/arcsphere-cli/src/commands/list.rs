//! `arcsphere list`: what there is.

use crate::args::{Flag, List, Listed, all_flags};
use crate::out::say;
use anyhow::Result;
use arcsphere::backbones::{BACKBONES, BackboneInfo};
use arcsphere::collapse::{CAUSES, CauseInfo};
use arcsphere::losses::margin::Group;
use arcsphere::losses::{self, Kind, Loss, Param};
use arcsphere::optim::OPTIMIZERS;
use arcsphere_data::catalog::{DATASETS, DatasetInfo};
use arcsphere_eval::measures::{MEASURES, Measure};
use arcsphere_eval::protocols::{PROTOCOLS, Protocol};
use serde_json::{Value, json};

/// A name, its line, and the same as JSON.
type Row = (String, String, Value);

/// Prints a registry as a table or JSON.
pub(crate) fn run(args: &List) -> Result<()> {
    let rows: Vec<Row> = match args.what {
        Listed::Losses => losses::all().map(|loss| of_loss(&loss)).collect(),
        Listed::Datasets => DATASETS.iter().map(of_dataset).collect(),
        Listed::Backbones => BACKBONES.iter().map(of_backbone).collect(),
        Listed::Optimizers => OPTIMIZERS
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned(), json!({"name": name, "summary": text})))
            .collect(),
        Listed::Causes => CAUSES.iter().map(of_cause).collect(),
        Listed::Measures => {
            MEASURES.iter().map(|m| of_measure(m)).chain(PROTOCOLS.iter().map(|p| of_protocol(p))).collect()
        }
        Listed::Flags => all_flags().map(of_flag).collect(),
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

fn of_dataset(d: &DatasetInfo) -> Row {
    let text = format!(
        "{}; {} + {} images of {}, {} classes; {}",
        d.description, d.train, d.test, d.shape, d.classes, d.license
    );
    let value = json!({
        "name": d.name, "description": d.description, "format": d.format, "classes": d.classes,
        "shape": [d.shape.channels, d.shape.height, d.shape.width],
        "train": d.train, "test": d.test, "license": d.license, "source": d.source,
    });
    (d.name.to_owned(), text, value)
}

fn of_measure(m: &Measure) -> Row {
    let limit = m.limit.map(|l| format!("; left out above {:.0e} operations ({})", l.most, l.formula));
    let by: Vec<&str> = PROTOCOLS.iter().filter(|p| p.gives.contains(&m.from())).map(|p| p.name).collect();
    let value = json!({ "name": m.key, "summary": m.summary, "protocols": by });
    (m.key.to_owned(), format!("{}{}", m.summary, limit.unwrap_or_default()), value)
}

fn of_protocol(p: &Protocol) -> Row {
    let asked = if p.always { "" } else { "; where it is named" };
    let of = MEASURES.iter().filter(|m| p.gives.contains(&m.from())).map(|m| m.key).collect::<Vec<_>>();
    let value = json!({ "name": p.name, "summary": p.summary, "measures": of });
    (p.name.to_owned(), format!("protocol: {} ({}){asked}", p.summary, of.join(", ")), value)
}

fn of_backbone(b: &BackboneInfo) -> Row {
    let value = json!({
        "name": b.name, "summary": b.summary, "source": b.source, "depths": b.depths, "min_side": b.min_side,
    });
    (b.name.to_owned(), b.summary.to_owned(), value)
}

fn of_cause(c: &CauseInfo) -> Row {
    let value = json!({"name": c.name, "summary": c.summary, "remedy": c.remedy});
    (c.name.to_owned(), format!("{}; remedy: {}", c.summary, c.remedy), value)
}

/// A flag, the key that it sets, and what is allowed there.
fn of_flag(f: &Flag) -> Row {
    let range = arcsphere::plan::range_of(f.key).map(|range| range.to_string());
    let value = json!({"name": f.long, "alias": f.alias, "key": f.key, "range": range, "help": f.help});
    let also = f.alias.map_or(String::new(), |alias| format!(" (also --{alias})"));
    (f.long.to_owned(), format!("{}: {}{also}", f.key, f.help()), value)
}

/// The name, the line and the JSON of a loss.
fn of_loss(loss: &Loss) -> Row {
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
