//! The grid of a sweep: loss × margin × rate × scale × seed.

use super::margins::{self, Axis, MOST_CELLS, no_twice};
use crate::args;
use crate::commands::command_line::Line;
use crate::commands::margin_loss::takes_extension;
use crate::mistake::mistake;
use crate::settings;
use anyhow::Result;
use arcsphere::config::Config;
use arcsphere::losses::fit::{boundary_cost, nearest_angle_bound};
use arcsphere::losses::margin::{self, Extension, MarginLoss, ScaleKind, Unit};
use arcsphere::plan::{Plan, Splits};
use serde::{Deserialize, Serialize};

/// All that a sweep trains, without the images.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Grid {
    /// The losses and their margins.
    pub(super) axes: Vec<Axis>,
    /// Peak learning rates.
    pub(super) rates: Vec<f64>,
    /// Fixed scales; empty for the one that fits the data.
    pub(super) scales: Vec<f64>,
    /// The first seed.
    pub(super) seed: u64,
    /// How many.
    pub(super) seeds: u64,
    /// Everything else. Its own rate, scale and seed are those of no cell.
    pub(super) config: Config,
}

/// One training to be done, checked.
#[derive(Clone, Debug)]
pub(super) struct Point {
    /// The margin's unit.
    pub(super) unit: Unit,
    /// The margin.
    pub(super) margin: f64,
    /// What it costs at the boundary, in radians.
    pub(super) boundary_cost: f64,
    /// The rest.
    pub(super) plan: Plan,
}

/// The grid that the arguments ask for.
pub(super) fn asked(args: &args::Sweep) -> Result<Grid> {
    let axes = margins::axes(&args.loss, &args.margin)?;
    let mut config = settings::layers(None, &args.data, &without_rates(args))?.build()?;
    let l = &config.loss;
    if Unit::ALL.iter().any(|unit| l.margin(*unit).is_some()) {
        return Err(mistake!("the margin is what a sweep goes over: give it by --margin, not by --set"));
    }
    let names: Vec<String> = axes.iter().map(|a| a.loss.clone()).collect();
    takes_extension(&names, l.extension)?;
    let (seed, seeds) = settings::seeds(args.series.seed, args.series.seeds)?;
    let rates = args.training.settings.numbers("optim.rate");
    let rates = if rates.is_empty() { vec![config.optim.rate] } else { rates };
    let scales = if args.scale.is_empty() { config.loss.scale.into_iter().collect() } else { args.scale.clone() };
    // A cell has one thread whatever the machine has, so that its bits are the same on any.
    config.train.threads = 1;
    let grid = Grid { axes, rates, scales, seed, seeds, config };
    let fixed = |a: &Axis| margin::find(&a.loss).is_ok_and(has_scale);
    if !grid.scales.is_empty() && !grid.axes.iter().any(fixed) {
        return Err(mistake!(
            "--scale is for losses of fixed scale, and {} has the embedding's norm: use fnorm_sphereface, or leave it out",
            names.join(" nor ")
        ));
    }
    grid.check()?;
    Ok(grid)
}

/// The training's flags without its rates, which are an axis.
pub(super) fn without_rates(args: &args::Sweep) -> args::TrainingArgs {
    let settings = args.training.settings.clone().without("optim.rate");
    args::TrainingArgs { settings, ..args.training.clone() }
}

fn has_scale(info: &MarginLoss) -> bool {
    info.kind.scale == ScaleKind::Fixed
}

impl Grid {
    /// The scales of a loss: none for one of free norm, and none where it is fitted.
    fn scales_of(&self, loss: &str) -> Vec<Option<f64>> {
        if self.scales.is_empty() || !margin::find(loss).is_ok_and(has_scale) {
            return vec![None];
        }
        self.scales.iter().copied().map(Some).collect()
    }

    /// Refuses more than can be trained, and what stands twice; what is read is bounded as what is typed.
    pub(super) fn check(&self) -> Result<()> {
        settings::seeds(Some(self.seed), Some(self.seeds))?;
        no_twice("--rate", &self.rates)?;
        no_twice("--scale", &self.scales)?;
        self.axes.iter().try_for_each(|axis| no_twice("--margin", &axis.margins))?;
        let points: usize = self.axes.iter().map(|a| a.margins.len() * self.scales_of(&a.loss).len()).sum();
        let cells = points.saturating_mul(self.rates.len()).saturating_mul(self.seeds as usize);
        match cells {
            0 => Err(mistake!("the grid has no cells: give a loss, a margin and a rate")),
            1..=MOST_CELLS => Ok(()),
            _ => Err(mistake!("the grid has {cells} cells; at most {MOST_CELLS}: take a larger step or fewer seeds")),
        }
    }

    /// Every training, in the grid's order: the seeds of a point are neighbors.
    pub(super) fn points(&self, splits: &Splits) -> Result<Vec<Point>> {
        let mut points = Vec::new();
        for axis in &self.axes {
            let info = margin::find(&axis.loss)?;
            let unit = margins::unit(info)?;
            for &margin in &axis.margins {
                for &rate in &self.rates {
                    for scale in self.scales_of(&axis.loss) {
                        let mut config = self.config.clone();
                        config.loss.name = axis.loss.clone();
                        config.loss.set_margin(unit, Some(margin));
                        config.loss.scale = scale;
                        if !info.kind.takes_extension {
                            config.loss.extension = Extension::default();
                        }
                        config.optim.rate = rate;
                        let plan = Plan::check(&config, splits)?;
                        let boundary_cost =
                            boundary_cost(plan.margins(), nearest_angle_bound(plan.classes(), plan.dim()));
                        for seed in self.seed..self.seed + self.seeds {
                            let plan = plan.clone().with_seed(seed);
                            points.push(Point { unit, margin, boundary_cost, plan });
                        }
                    }
                }
            }
        }
        Ok(points)
    }

    /// The command that repeats the sweep.
    pub(super) fn command_line(&self, device: &str) -> Result<String> {
        let list = |values: &[f64]| values.iter().map(f64::to_string).collect::<Vec<_>>().join(",");
        let mut line = Line::new("arcsphere sweep");
        let names: Vec<&str> = self.axes.iter().map(|a| a.loss.as_str()).collect();
        line.flag("--loss", &names.join(","));
        for axis in &self.axes {
            line.flag("--margin", &format!("{}={}", axis.loss, list(&axis.margins)));
        }
        line.flag("--rate", &list(&self.rates));
        if !self.scales.is_empty() {
            line.flag("--scale", &list(&self.scales));
        }
        line.flag("--seeds", &self.seeds.to_string());
        line.flag("--seed", &self.seed.to_string());
        line.settings(&self.config)?;
        if device != "flex" {
            line.flag("--device", device);
        }
        Ok(line.into())
    }
}

impl Point {
    /// A name of its own among the points of a grid, for its file.
    pub(super) fn name(&self) -> String {
        let c = self.plan.config();
        let scale = c.loss.scale.map_or(String::new(), |s| format!("-s{s}"));
        let (loss, symbol) = (self.plan.name(), self.unit.symbol());
        format!("{loss}-{symbol}_{}-lr{}{scale}-seed{}", self.margin, c.optim.rate, c.train.seed)
    }
}
