//! `arcsphere bench`: how fast the parts are on this machine.

use super::margin_loss;
use crate::args::{Bench, Subject};
use crate::mistake::mistake;
use crate::out::say;
use crate::{machine, settings};
use anyhow::Result;
use arcsphere::Device;
use arcsphere::bench::{ConvWork, data_step, head_flops, head_step, noise, sgemm_peak};
use arcsphere::config::{AugmentConfig, Config};
use arcsphere::nn::Conv2dSpec;
use arcsphere::optim::margin_schedule::MarginSchedule;
use arcsphere::plan::{self, Plan};
use arcsphere::train::{Flow, Trainer, Watcher};
use arcsphere_data::Shape;
use serde_json::{Value, json};
use std::time::Instant;

/// Times a subject and prints its figures.
pub(crate) fn run(args: &Bench) -> Result<()> {
    if args.repeats == 0 || args.batch == 0 || args.classes < 2 {
        return Err(mistake!("--repeats and --batch must be at least 1, --classes at least 2"));
    }
    let threads = settings::set_threads(args.threads.unwrap_or(0))?;
    let (subject, flops, (mut seconds, mut extra)) = match args.subject {
        Subject::Head => ("head", Some(head_flops(args.classes, head_dim(args), args.batch)), head(args, threads)?),
        Subject::Conv => {
            let work = conv_work(args)?;
            ("conv", Some(work.flops()), conv(args, work))
        }
        Subject::Train => ("train", None, train(args, threads)?),
    };
    // Before the peak's own matrices count.
    let rss = machine::peak_rss_bytes();
    seconds.sort_by(f64::total_cmp);
    let median = seconds[seconds.len() / 2];
    let m = machine::machine(threads, "flex");
    let figures = json!({
        "subject": subject,
        "median_ms": median * 1e3,
        "samples_per_second": args.batch as f64 / median,
        "gflops": flops.map(|f| 1e-9 * f / median),
        "peak_rss_bytes": rss,
        "peak_sgemm_gflops": args.json.then(|| 1e-9 * sgemm_peak()),
        "cpu": m.cpu,
        "threads": threads,
        "isa": m.isa,
        "batch": args.batch,
        "repeats": args.repeats,
    });
    if let (Value::Object(all), Value::Object(more)) = (figures, &mut extra) {
        more.extend(all);
    }
    if args.json {
        say!("{}", serde_json::to_string_pretty(&extra)?);
    } else {
        let rss = rss.map_or(String::new(), |b| format!(", peak memory {} MB", b / 1_000_000));
        say!(
            "{subject}: {:.2} ms a step, {:.0} samples/s{rss}; {} threads, {}, {}",
            median * 1e3,
            args.batch as f64 / median,
            threads,
            m.isa,
            m.cpu
        );
    }
    Ok(())
}

/// Seconds of each timed step after one to warm up.
fn timed(repeats: usize, mut step: impl FnMut()) -> Vec<f64> {
    step();
    (0..repeats)
        .map(|_| {
            let started = Instant::now();
            step();
            started.elapsed().as_secs_f64()
        })
        .collect()
}

fn head_dim(args: &Bench) -> usize {
    args.dim.unwrap_or(512)
}

/// Seconds of each step, and what was timed.
type Timed = (Vec<f64>, Value);

fn head(args: &Bench, threads: usize) -> Result<Timed> {
    let dim = head_dim(args);
    if dim < 2 {
        return Err(mistake!("--dim must be at least 2"));
    }
    let info = margin_loss::find(&args.loss, "for a head to be timed with")?;
    let step = head_step(info.name, args.classes, dim, args.batch, threads)?;
    Ok((timed(args.repeats, step), json!({"classes": args.classes, "dim": dim, "loss": info.name})))
}

/// The convolution that the flags name: padded by half its kernel, depthwise or full.
fn conv_work(args: &Bench) -> Result<ConvWork> {
    let spec = Conv2dSpec {
        in_channels: args.channels,
        out_channels: args.out_channels.unwrap_or(args.channels),
        kernel: args.kernel,
        stride: args.stride,
        padding: args.kernel / 2,
        groups: if args.depthwise { args.channels } else { 1 },
        bias: false,
    };
    ConvWork::new(spec, args.batch, args.size.unwrap_or((14, 14))).ok_or_else(|| {
        mistake!(
            "there is no such convolution: --channels, --kernel and --stride must be at least 1, the kernel must fit the padded --size, and --depthwise needs as many (or a multiple of) --out-channels as --channels"
        )
    })
}

fn conv(args: &Bench, work: ConvWork) -> Timed {
    let (spec, (height, width)) = (work.spec(), work.size());
    let shape = json!({
        "in_channels": spec.in_channels,
        "out_channels": spec.out_channels,
        "kernel": spec.kernel,
        "stride": spec.stride,
        "groups": spec.groups,
        "height": height,
        "width": width,
        "pass": "forward and backward",
    });
    (timed(args.repeats, work.step(&Device::flex())), shape)
}

/// Whole training steps, data included, on the embedded digits or on noise of a given size, with
/// the augmentation that the presets have for such images.
fn train(args: &Bench, threads: usize) -> Result<Timed> {
    struct Clock {
        last: Instant,
        seconds: Vec<f64>,
        wanted: usize,
    }
    impl Watcher for Clock {
        fn step(&mut self, _: &Trainer, _: f64) -> Flow {
            let now = Instant::now();
            self.seconds.push((now - self.last).as_secs_f64());
            self.last = now;
            if self.seconds.len() > self.wanted { Flow::Stop } else { Flow::Continue }
        }
    }
    let info = margin_loss::find(&args.loss, "for a step to be timed with")?;
    let mut config = Config::default();
    config.model.backbone = args.backbone.clone();
    config.model.dim = args.dim.unwrap_or(2);
    config.loss.name = info.name.to_owned();
    config.train.batch = args.batch;
    config.train.threads = threads;
    config.train.epochs = 1_000_000;
    config.data.validation = 0.0;
    config.margin_schedule = MarginSchedule::IMMEDIATE;
    config.data.augment = match args.size {
        Some(_) => AugmentConfig { pad_crop: 4, flip: true, shift: 0 },
        None => AugmentConfig { shift: 2, ..AugmentConfig::default() },
    };
    let source = match args.size {
        Some((height, width)) => noise(Shape::new(3, height, width), args.batch)?,
        None => settings::open(&config)?,
    };
    let splits = plan::split(&config, &source)?;
    let plan = Plan::check(&config, &splits)?;
    let shape = splits.train.shape();
    let mut data = data_step(&plan, &splits);
    data()?;
    let mut data_seconds = Vec::with_capacity(args.repeats);
    for _ in 0..args.repeats {
        let started = Instant::now();
        data()?;
        data_seconds.push(started.elapsed().as_secs_f64());
    }
    data_seconds.sort_by(f64::total_cmp);
    let facts = json!({
        "data_ms": data_seconds[data_seconds.len() / 2] * 1e3,
        "backbone": plan.backbone(),
        "loss": info.name,
        "dim": config.model.dim,
        "data": source.name,
        "channels": shape.channels,
        "height": shape.height,
        "width": shape.width,
    });
    let mut clock = Clock { last: Instant::now(), seconds: Vec::new(), wanted: args.repeats };
    Trainer::new(plan, &Device::flex())?.run(&splits, &mut clock)?;
    // The first step warms up.
    Ok((clock.seconds.split_off(1), facts))
}
