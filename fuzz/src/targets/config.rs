//! A configuration in TOML with `--set key=value` over it.

use super::{Parts, Target, part, squares};
use anyhow::{Result, ensure};
use arcsphere::config::{Config, ConfigError, Layers, PRESETS, to_toml};
use arcsphere::plan::{self, Plan};
use arcsphere_data::Source;
use std::path::Path;
use std::sync::OnceLock;

pub(super) const TARGET: Target = Target {
    name: "config",
    reads: "a configuration in TOML, and `--set key=value`",
    seeds,
    tokens: &[
        b"[optim]",
        b"[loss]",
        b"[train]",
        b"[data]",
        b"[model]",
        b"[eval]",
        b"[margin_schedule]",
        b"rate",
        b"kind",
        b"name",
        b"=",
        b"inf",
        b"nan",
        b"\"",
        b"[[",
        b"]]",
        b"{",
        b"}",
        b".",
        b"\n",
        b"'''",
        b"arcface",
        b"circle",
        b"softmax",
        b"true",
        b"loss.params.t=",
        b"a.b.c.d=",
        b"1979-05-27T07:32:00Z",
        b"0x",
        b"[",
        b"resize",
        b"batch",
        b"classes_per_batch",
        b"images_per_class",
        b"optim.kind=adamw",
    ],
    run,
};

/// The text, and a line an assignment.
fn seeds() -> Result<Vec<Parts>> {
    let with = |text: &str, lines: &str| vec![text.as_bytes().to_vec(), lines.as_bytes().to_vec()];
    let mut seeds = vec![
        with("", ""),
        with(&to_toml(&Config::default())?, "optim.rate=0.05\nloss.name=cosface\neval.fmr=[0.01, 0.001]"),
        with(
            "[optim]\nrate = 0.5\n[optim.schedule.decay]\nkind = \"step\"\nmilestones = [0.5]\nfactor = 0.1\n",
            "optim.kind=adamw\ndata.resize=[12,14]",
        ),
        with("[train]\nnaive = true\nbatch = 8\nepochs = 3\n", "optim.schedule.decay.kind=cosine"),
        with("[loss]\nname = \"curricularface\"\n[loss.params]\nt = 0.5\n", "model.dim=8"),
    ];
    seeds.extend(PRESETS.iter().map(|preset| with(preset.text, "")));
    // A preset is for images of its own; all that matters of it here is its text.
    seeds.retain(|parts| run(parts, Path::new("")).unwrap_or(false));
    Ok(seeds)
}

/// Ten classes of six images.
fn source() -> Result<&'static Source> {
    static SOURCE: OnceLock<Source> = OnceLock::new();
    match SOURCE.get() {
        Some(source) => Ok(source),
        None => {
            let made = squares(28, 60, 20)?;
            Ok(SOURCE.get_or_init(|| made))
        }
    }
}

fn run(parts: &Parts, _place: &Path) -> Result<bool> {
    let (text, lines) = (String::from_utf8_lossy(part(parts, 0)), String::from_utf8_lossy(part(parts, 1)));
    let config = || -> Result<Config, ConfigError> {
        let layers = Layers::new().text(&text, "the file")?;
        lines.lines().filter(|l| !l.is_empty()).try_fold(layers, Layers::assignment)?.build()
    };
    let Ok(config) = config() else { return Ok(false) };
    let _ = plan::source(&config);
    let Ok(splits) = plan::split(&config, source()?) else { return Ok(false) };
    let Ok(plan) = Plan::check(&config, &splits) else { return Ok(false) };
    let effective = plan.config();
    let again = Layers::new().text(&to_toml(effective)?, "the effective configuration")?.build()?;
    ensure!(again == *effective, "the effective configuration reads back as another");
    Ok(true)
}
