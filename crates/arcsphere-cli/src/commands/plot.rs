//! `arcsphere plot`: one picture, in a file.

use super::eval::headline;
use super::pictures::{self, LossCurve};
use super::{margin_loss, run_dir};
use crate::args::{Picture, Plot};
use crate::mistake::mistake;
use crate::out::say;
use crate::settings;
use anyhow::Result;
use arcsphere::config::Layers;
use arcsphere::evaluate::{evaluate, protocols};
use arcsphere::losses::fit;
use arcsphere::losses::margin::{self, Group, MarginLoss, Margins, Recipe, Unit};
use arcsphere::plan::{self, Plan};
use arcsphere_report::figure::{Features, Theme};

/// Draws and writes a picture.
pub(crate) fn run(args: &Plot) -> Result<()> {
    let extension = args.out.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default();
    if extension != "svg" && extension != "png" {
        return Err(mistake!("--out {} must end in .svg or .png", args.out.display()));
    }
    settings::free_to_write(&args.out, args.force)?;
    let theme = if args.dark { Theme::Dark } else { Theme::Light };
    match args.picture {
        Picture::Boundaries => {
            let (drawn, subtitle) = chosen(args)?;
            pictures::with_boundaries(&drawn, &subtitle, |f| pictures::write(f, &args.out, theme))?;
        }
        Picture::Target => {
            let (drawn, subtitle) = chosen(args)?;
            pictures::with_targets(&drawn, &subtitle, |f| pictures::write(f, &args.out, theme))?;
        }
        Picture::Features => features(args, theme)?,
    }
    say!("{}", args.out.display());
    Ok(())
}

/// The losses to draw, and where their margins come from.
fn chosen(args: &Plot) -> Result<(Vec<LossCurve>, String)> {
    if !args.margins.is_empty() {
        if !args.losses.is_empty() {
            return Err(mistake!(
                "--angle-multiplier, --angle-margin and --cosine-margin draw a margin of their own; leave out --loss"
            ));
        }
        let given = args.margins.over(Layers::new())?.build()?.loss;
        let mut margins = Margins::NONE;
        for unit in Unit::ALL {
            *unit.value_mut(&mut margins) = given.margin(unit).unwrap_or(unit.param().default);
        }
        plan::check_range(margins)?;
        let combined = margin::find("combined")?;
        let recipe = Recipe { margins, ..Recipe::paper(combined, USUAL.0, USUAL.1) };
        return Ok((vec![LossCurve::new(combined, recipe)], "margins as given".to_owned()));
    }
    let chosen: Vec<&'static MarginLoss> = if args.losses.is_empty() {
        margin::group(Group::Family).collect()
    } else {
        args.losses.iter().map(|name| margin_loss::find(name, "to draw")).collect::<Result<_>>()?
    };
    let fitted_to = match (args.classes, args.dim) {
        (Some(c), Some(d)) if c >= 2 && d >= 2 => Some((c, d)),
        (Some(_), _) => return Err(mistake!("--classes and --dim must be at least 2")),
        _ => None,
    };
    let recipe = |l: &MarginLoss| match fitted_to {
        Some((c, d)) => fit::fitted(l, c, d).recipe,
        None => Recipe::paper(l, USUAL.0, USUAL.1),
    };
    let subtitle = match fitted_to {
        Some((c, d)) => format!("margins fitted to {c} classes in {d} dimensions"),
        None => "the papers' margins".to_owned(),
    };
    Ok((chosen.into_iter().map(|l| LossCurve::new(l, recipe(l))).collect(), subtitle))
}

/// Classes and dimensions where none are named; no paper's margin depends on them.
const USUAL: (usize, usize) = (10, 2);

fn features(args: &Plot, theme: Theme) -> Result<()> {
    let path = args
        .run
        .as_deref()
        .ok_or_else(|| mistake!("plot features needs a run: arcsphere plot features RUN --out f.svg"))?;
    let checkpoint = run_dir::read(path)?;
    let config = checkpoint.config.clone();
    settings::set_threads(config.train.threads)?;
    let source = settings::open(&config)?;
    let splits = plan::split(&config, &source)?;
    let plan = Plan::check(&config, &splits)?;
    let trainer = checkpoint.restore(plan, &settings::device("flex")?)?;
    let measures = protocols(&config.eval, config.data.split_seed)?;
    let evaluation = evaluate(&trainer, &splits, &measures, &|_, _| {})?;
    let subtitle = format!("test set of {}, {}", source.name, headline(&evaluation.run));
    let figure = Features {
        title: trainer.plan.name(),
        subtitle: &subtitle,
        embeddings: &evaluation.embeddings,
        dim: config.model.dim,
        labels: splits.test.labels(),
        prototypes: &evaluation.prototypes,
        class_names: splits.test.classes(),
        max_points: 0,
    };
    pictures::write(&figure, &args.out, theme)
}
