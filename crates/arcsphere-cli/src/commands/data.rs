//! `arcsphere data`: fetch, describe, check, convert.

use crate::args::{Data, DataCommand, DataTarget, ListArgs, MissingArg};
use crate::left_out::{self, NAMED};
use crate::mistake::mistake;
use crate::out::{name, say};
use crate::settings;
use anyhow::Result;
use arcsphere::config::{Config, Layers, OnBadFile};
use arcsphere_data::OpenOptions;
use arcsphere_data::check::{Part, Summary, check, decode_all, describe};
use arcsphere_data::convert::convert;
use arcsphere_data::fetch::{FetchOptions, fetch};
use arcsphere_data::folder::Decoding;
use arcsphere_data::pairs::{self, MissingImages, PairOptions};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::path::Path;

/// Runs a data subcommand.
pub(crate) fn run(args: &Data) -> Result<()> {
    match &args.command {
        DataCommand::Fetch { name, dir, from } => download(name, dir, from.clone()),
        DataCommand::Info(target) if is_pairs(target) => of_pairs(target, false),
        DataCommand::Check(target) if is_pairs(target) => of_pairs(target, true),
        DataCommand::Info(target) => {
            print_info(&read(target)?);
            Ok(())
        }
        DataCommand::Check(target) => {
            let config = config(target)?;
            // Whatever is done about them, all are named.
            let options = OpenOptions { on_bad_file: OnBadFile::Skip.into(), ..settings::open_options(&config) };
            let summary = check(&target.source, &options)?;
            print_info(&summary);
            left_out::all_lines(&summary.left_out).for_each(|line| say!("{line}"));
            print_bad(&summary);
            verdict(&summary, config.data.on_bad_file)
        }
        DataCommand::Convert { from, to, lists } => {
            let done = convert(from, to, &pair_options(lists, Decoding::default()))?;
            let count = |n: Option<usize>, what: &str| n.map(|n| format!(", {n} {what}")).unwrap_or_default();
            let (classes, pairs) = (count(done.classes, "classes"), count(done.pairs, "pairs"));
            say!("{}: {} images{classes}{pairs}", to.display(), done.images);
            Ok(())
        }
    }
}

fn read(target: &DataTarget) -> Result<Summary> {
    let options = settings::open_options(&config(target)?);
    describe(&target.source, &options).map_err(|error| settings::with_way_out(error, &target.source))
}

fn config(target: &DataTarget) -> Result<Config> {
    if let Some(other) = target.options.text("data.source") {
        return Err(mistake!("{} and --data {other} are two data sets: leave out one of them", target.source));
    }
    Ok(target.options.over(Layers::new())?.build()?)
}

fn print_bad(s: &Summary) {
    for bad in s.bad_files.iter().take(NAMED) {
        say!("cannot be used: {}", name(&bad.error));
    }
    if s.bad_files.len() > NAMED {
        say!("… and {} more that cannot be used", s.bad_files.len() - NAMED);
    }
}

fn is_pairs(target: &DataTarget) -> bool {
    pairs::is_pairs(Path::new(&target.source))
}

fn pair_options(lists: &ListArgs, decoding: Decoding) -> PairOptions {
    let missing = match lists.missing {
        MissingArg::Fail => MissingImages::Fail,
        MissingArg::Reject => MissingImages::Reject,
    };
    PairOptions { images: lists.images.clone(), missing, decoding }
}

/// What a list of pairs holds; `all` to decode every image.
fn of_pairs(target: &DataTarget, all: bool) -> Result<()> {
    let config = config(target)?;
    let set = pairs::open(Path::new(&target.source), &pair_options(&target.lists, config.data.decoding()))?;
    if all {
        decode_all(&set.images)?;
    }
    let (genuine, n) = (set.genuine(), set.pairs.len());
    say!("{}", set.name);
    say!("{} images of {} (channels x height x width)", set.images.len(), set.images.shape());
    let folds = if set.folds > 0 { format!(", {} folds", set.folds) } else { String::new() };
    say!("{n} pairs: {genuine} genuine, {} impostor{folds}", n - genuine);
    if set.has_subjects() {
        say!("{} subjects", set.images.n_classes());
    } else {
        say!("subjects unknown: intervals over these pairs are at best");
    }
    let groups: BTreeSet<String> = (0..set.images.len()).filter_map(|i| set.images.info(i).group).collect();
    if !groups.is_empty() {
        say!("{} groups", groups.len());
    }
    if !set.rejected.is_empty() {
        let named: Vec<&str> = set.missing.iter().take(10).map(String::as_str).collect();
        say!(
            "rejected: {} pairs, as {} images are missing ({})",
            set.rejected.len(),
            set.missing.len(),
            named.join(", ")
        );
    }
    set.warnings.iter().for_each(|warning| say!("warning: {warning}"));
    say!("sha256: {}", set.images.sha256()?);
    if all {
        say!("ok");
    }
    Ok(())
}

fn print_info(s: &Summary) {
    say!("{}", s.name);
    say!(
        "images of {} (channels x height x width){}",
        s.shape,
        if s.open_set { ", split by class (open set)" } else { "" }
    );
    let validation = s.validation.as_ref().map(|part| ("validation", part));
    for (name, part) in [("training", &s.train)].into_iter().chain(validation).chain([("test", &s.test)]) {
        say!("{name}: {} images, {} classes{}", part.images, part.per_class.len(), counts(part));
    }
    s.remarks.iter().for_each(|remark| say!("{remark}"));
    let numbers = |v: &[f32]| v.iter().map(|v| format!("{v:.4}")).collect::<Vec<_>>().join(", ");
    say!("pixels: mean {}, deviation {}", numbers(&s.normalization.mean), numbers(&s.normalization.std));
    say!("sha256: {}", s.sha256);
}

/// Counts per class, in full where they fit on a few lines.
fn counts(part: &Part) -> String {
    let n: Vec<usize> = part.per_class.iter().map(|(_, n)| *n).collect();
    if part.per_class.len() <= 20 {
        let each: Vec<String> = part.per_class.iter().map(|(class, n)| format!("{}: {n}", name(class))).collect();
        return format!(" ({})", each.join(", "));
    }
    let (low, high) = (n.iter().min().copied().unwrap_or(0), n.iter().max().copied().unwrap_or(0));
    format!(" ({low} to {high} images each)")
}

fn verdict(s: &Summary, on_bad_file: OnBadFile) -> Result<()> {
    let empty = s.train.per_class.iter().find(|(_, n)| *n == 0).map(|(name, _)| name);
    if let Some(name) = empty {
        return Err(mistake!("class \"{name}\" has no training image"));
    }
    let found = [
        (s.duplicates_across, "test images are training images too: accuracy on them means little"),
        (s.train.duplicates, "training images are there more than once"),
        (s.train.conflicting_labels, "training images are there under two labels"),
        (s.test.duplicates, "test images are there more than once"),
        (s.test.conflicting_labels, "test images are there under two labels"),
    ];
    for (n, what) in found {
        if n > 0 {
            say!("warning: {n} {what}");
        }
    }
    for pair in &s.alike {
        say!("warning: {} are two classes, and differ only in case, spaces or Unicode form", name(pair));
    }
    let (bad, good) = (s.bad_files.len(), s.images());
    if bad > 0 && on_bad_file == OnBadFile::Error {
        return Err(mistake!(
            "{bad} of {} cannot be used: mend or remove them, or go on without them with --on-bad-file skip",
            bad + good
        ));
    }
    say!("ok{}", if bad > 0 { format!(", without {bad} that cannot be used") } else { String::new() });
    Ok(())
}

fn download(name: &str, dir: &Path, from: Option<String>) -> Result<()> {
    let bar = ProgressBar::new(0);
    if !std::io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {bytes}/{total_bytes}  ETA {eta}") {
        bar.set_style(style);
    }
    let folder = fetch(name, dir, &FetchOptions { from }, &mut |file, done, total| {
        bar.set_message(file.to_owned());
        bar.set_length(total);
        bar.set_position(done);
    })?;
    bar.finish_and_clear();
    say!("{}", folder.display());
    Ok(())
}
