//! Names of folders and files, of any bytes: through opening and checking, to the report and its pictures.

use super::{Parts, Target, choice, fresh, lines, name, part, pgm, spec, write};
use anyhow::Result;
use arcsphere_data::check::{Summary, check};
use arcsphere_data::folder::{self, Decoding};
use arcsphere_data::walk::Walk;
use arcsphere_data::{OpenOptions, Shape};
use arcsphere_eval::results::{DataInfo, Results, Run};
use arcsphere_report::figure::{Features, Theme, to_adaptive_svg, to_png};
use arcsphere_report::report::{Picture, Report};
use std::path::{Path, PathBuf};

pub(super) const TARGET: Target = Target {
    name: "names",
    reads: "names of folders and files of any bytes, to the report",
    seeds,
    tokens: &[
        b"train/",
        b"test/",
        b"/",
        b".",
        b"..",
        b"._",
        b".pgm",
        b"\x1b[31m",
        b"\x07",
        b"\r",
        b"\t",
        b"\x7f",
        b"\xff\xfe",
        b"<b>",
        b"&amp;",
        b"\"",
        b"'",
        b"\xe2\x80\xae",
        b"\xe4\xb8\xad",
        b"\xf0\x9f\x98\x80",
        b"\xed\xa0\x80",
        b"\xcc\x81",
        b"\xc2\x85",
        b"--",
        b"{}",
        b"%s",
        b"\\",
    ],
    run,
};

/// Images of a folder at most.
const IMAGES: usize = 12;

/// Choices: resize, open set, and whether a PNG is drawn now and then. Then a path a line, `/` between folders.
fn seeds() -> Result<Vec<Parts>> {
    let with = |choices: [u8; 3], paths: &str| vec![choices.to_vec(), paths.as_bytes().to_vec()];
    let wide = "x".repeat(160);
    Ok(vec![
        with([0, 0, 1], "ada/1.pgm\nada/2.pgm\ngrace/1.pgm\ngrace/2.pgm"),
        with([1, 1, 0], "a b/1.PGM\na b/2.png\n中/1.pgm\n中/2.pgm\né/1.pgm\ne\u{301}/1.jpg"),
        with([0, 0, 1], &format!("{wide}/1.pgm\n{wide}/2.pgm\n\u{1b}[31mred/1.pgm\n\u{1b}[31mred/\u{202e}.pgm")),
        with([0, 0, 0], "train/a/1.pgm\ntrain/b/1.pgm\ntest/a/1.pgm\ntest/b/1.pgm\ntest/b/._1.pgm\nnotes"),
        with([0, 0, 0], "train/a/1.pgm\ntrain/b/1.pgm\ntest/C/1.pgm\ntest/c/1.pgm"),
    ])
}

/// Makes what can be made: what no file can be called is left out.
fn make(dir: &Path, paths: &[u8]) {
    for (i, path) in lines(paths).take(IMAGES).enumerate() {
        let parts = path.split(|b| *b == b'/').filter(|p| !p.is_empty() && *p != b"." && *p != b"..");
        let path: PathBuf = parts.map(name).collect();
        let path = dir.join(path);
        let _ = path.parent().map(std::fs::create_dir_all);
        let _ = std::fs::write(path, pgm(3, 2, i as u8));
    }
}

fn run(parts: &Parts, place: &Path) -> Result<bool> {
    let dir = fresh(place, "names")?;
    make(&dir, part(parts, 1));
    // As `embed` reads a folder.
    if let Ok(walk) = Walk::below(&dir, usize::MAX)
        && let Ok(set) = folder::files(walk.images, Shape::new(1, 2, 3), &Decoding::default())
    {
        for i in 0..set.len() {
            let _ = (set.image(i), set.info(i));
        }
    }
    let has = |i| choice(parts, 0, i) & 1 == 1;
    // A PNG takes a hundred times as long as all else.
    let draws = has(2) && part(parts, 1).iter().map(|b| u32::from(*b)).sum::<u32>() % 64 == 0;
    let options = OpenOptions {
        resize: has(0).then_some((4, 4)),
        open_set: has(1),
        test_fraction: 0.5,
        ..OpenOptions::default()
    };
    let Ok(summary) = check(spec(&dir)?, &options) else { return Ok(false) };
    report(&summary, draws, place)?;
    Ok(true)
}

/// A page with the names in it, and its picture.
fn report(summary: &Summary, with_png: bool, place: &Path) -> Result<()> {
    let class_names: Vec<String> = summary.test.per_class.iter().map(|(name, _)| name.clone()).collect();
    let n = class_names.len();
    let embeddings: Vec<f32> = (0..n).flat_map(|i| [(i as f32).cos(), (i as f32).sin()]).collect();
    let figure = Features {
        title: &summary.name,
        subtitle: &summary.name,
        embeddings: &embeddings,
        dim: 2,
        labels: &(0..n as u32).collect::<Vec<_>>(),
        prototypes: &embeddings,
        class_names: &class_names,
        max_points: 0,
    };
    let svg = to_adaptive_svg(&figure)?;
    if with_png {
        write(&place.join("picture.png"), &to_png(&figure, Theme::Light)?)?;
    }
    let loss = class_names.first().cloned().unwrap_or_default();
    let results = Results {
        data: DataInfo { name: summary.name.clone(), sha256: summary.sha256.clone(), ..DataInfo::default() },
        runs: vec![Run { loss: loss.clone(), ..Run::default() }.with("accuracy", 0.5)],
        ..Results::default()
    };
    let mut report = Report::new(&summary.name, results);
    report.pictures.push(Picture { loss, caption: class_names.join(", "), svg });
    report.limits.extend(summary.left_out.values().flatten().map(|path| path.display().to_string()));
    Ok(report.write(&place.join("report.html"))?)
}
