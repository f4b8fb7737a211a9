//! `arcsphere train`: one loss, one run.

use super::run_dir;
use crate::args::Train;
use crate::mistake::mistake;
use crate::out::{note, say};
use crate::{settings, watch};
use anyhow::Result;
use arcsphere::checkpoint::{self, Checkpoint};
use arcsphere::evaluate::{evaluate, protocols};
use arcsphere::plan::{self, Plan};

/// Trains or resumes a run, and measures it.
pub(crate) fn run(args: &Train) -> Result<()> {
    watch::catch_interrupts()?;
    let device = settings::device(&args.training.device)?;
    let (config, folder) = match &args.resume {
        Some(folder) => {
            if !folder.join(checkpoint::FILE_NAME).is_file() {
                return Err(mistake!(
                    "{} has no {}, so there is nothing to resume",
                    folder.display(),
                    checkpoint::FILE_NAME
                ));
            }
            (resumed(args, folder)?, folder.clone())
        }
        None => {
            let config = fresh(args)?;
            let name = arcsphere::losses::find(&config.loss.name)?.name;
            // The plan is checked before the folder is made, so that a mistake leaves nothing behind.
            (config, args.out.clone().unwrap_or_else(|| format!("runs/{name}-{}", settings::timestamp()).into()))
        }
    };
    settings::set_threads(config.train.threads)?;
    let is_given = args.resume.is_none() || args.data.get("data.source").is_some();
    let source = settings::open_again(&config, is_given)?;
    let splits = plan::split(&config, &source)?;
    let plan = settings::understood(&source, Plan::check(&config, &splits).map_err(Into::into))?;
    if args.resume.is_none() {
        settings::output_folder(Some(&folder), "")?;
    }
    let said = format!("{} on {}: {}", plan.name(), source.name, plan.reason());
    let trainer = run_dir::begin(&folder, plan, &splits, &device)?;
    settings::notes(&source);
    note!("{said}");
    let bar = watch::bar(trainer.plan.steps());
    run_dir::label(&bar, trainer.plan.name());
    let resume = format!("arcsphere train --resume {}", folder.display());
    let trainer = run_dir::train(trainer, &folder, &splits, &source.name, &bar, &resume)?;
    let config = trainer.plan.config();
    let measures = protocols(&config.eval, config.data.split_seed)?;
    let evaluation = evaluate(&trainer, &splits, &measures, &watch::measuring(&bar))?;
    bar.finish_and_clear();
    run_dir::write_result(&folder, &evaluation.run)?;
    say!("{}", super::eval::summary(&evaluation.run));
    say!("{}", folder.display());
    Ok(())
}

fn fresh(args: &Train) -> Result<arcsphere::config::Config> {
    let layers = settings::layers(args.config.as_deref(), &args.data, &args.training)?;
    Ok(args.loss.over(args.margins.over(layers)?)?.build()?)
}

/// A resumed run's configuration is its own; flags may repeat it, not change it, and say where the images are.
fn resumed(args: &Train, folder: &std::path::Path) -> Result<arcsphere::config::Config> {
    let own = Checkpoint::read(folder)?.config;
    let mut layers =
        arcsphere::config::Layers::new().text(&arcsphere::config::to_toml(&own)?, "the run's configuration")?;
    if let Some(path) = &args.config {
        layers = layers.file(path)?;
    }
    layers = settings::flags(layers, &args.data, &args.training)?;
    let wanted = args.loss.over(args.margins.over(layers)?)?.build()?;
    checkpoint::same_config(&own, &wanted)?;
    Ok(wanted)
}
