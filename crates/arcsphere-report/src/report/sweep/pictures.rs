//! The pictures of a sweep's report, and their files.

use std::path::Path;

use crate::figure::{
    CollapseMap, DifferenceRow, Differences, Figure, MarginAxis, Sensitivity, Theme, to_adaptive_svg, to_png, to_svg,
};
use crate::report::Picture;
use arcsphere_eval::error::Result;
use arcsphere_eval::results::{TrainedBy, write_atomic};
use arcsphere_eval::sweep::{LossSweep, describe_margin};

/// Accuracy against the margin, in its own unit and at the boundary; where training
/// collapses; each loss' margins against its best one. With a `folder`, each is also
/// written there in the light theme as `NAME.svg` and `NAME.png`: `sensitivity`,
/// `sensitivity-boundary`, `collapse`, `differences-LOSS-…`.
///
/// # Errors
/// As [`Figure::draw`], and [`EvalError::Io`](arcsphere_eval::EvalError::Io).
pub fn sweep_pictures(losses: &[LossSweep], folder: Option<&Path>) -> Result<Vec<Picture>> {
    let mut out = Vec::new();
    if losses.is_empty() {
        return Ok(out);
    }
    let sensitivity = |axis| Sensitivity {
        title: "Accuracy against the margin",
        subtitle: "Test accuracy at the learning rate that did best on validation samples.",
        sweeps: losses,
        axis,
    };
    let reading = "Dots are means over seeds, bands their 95 % Student-t intervals. Shaded: the usable range, the margins \
                   around the best one of which no run collapsed and whose accuracy is not significantly below the best.";
    out.push(Picture {
        loss: String::new(),
        caption: format!("{reading} Each margin in its own unit."),
        svg: draw(&sensitivity(MarginAxis::Own), folder, "sensitivity")?,
    });
    out.push(Picture {
        loss: String::new(),
        caption: "The same over what each margin takes at the boundary between two classes: one axis for all losses."
            .into(),
        svg: draw(&sensitivity(MarginAxis::Boundary), folder, "sensitivity-boundary")?,
    });
    let map = CollapseMap { title: "Where training collapses", subtitle: "", sweeps: losses };
    out.push(Picture {
        loss: String::new(),
        caption: "Collapsed runs of all runs of a margin and learning rate, with the letters of their causes.".into(),
        svg: draw(&map, folder, "collapse")?,
    });
    for loss in losses {
        out.extend(differences(loss, folder)?);
    }
    Ok(out)
}

/// A loss's margins against its best one; none where there is nothing to compare.
fn differences(loss: &LossSweep, folder: Option<&Path>) -> Result<Option<Picture>> {
    let Some((rate, best)) = loss.best_rate().and_then(|r| Some((r, r.best_group()?))) else { return Ok(None) };
    let rows = DifferenceRow::of_margins(rate, &loss.margin_key);
    if rows.is_empty() {
        return Ok(None);
    }
    let (symbol, _, unit) = describe_margin(&loss.margin_key);
    let trainer = match loss.trainer {
        TrainedBy::Unnamed => String::new(),
        named => format!(", {named}"),
    };
    let figure = Differences {
        title: &format!("{}{trainer}: margins against {symbol} = {}{unit}", loss.loss, best.margin),
        subtitle: &format!(
            "Test accuracy with the same seeds at learning rate {}. Lines: 95 % Student-t intervals. Colors: paired \
             t-test at 5 %, corrected by Holm's rule for {} comparisons.",
            rate.rate,
            rows.len()
        ),
        axis: "difference of test accuracy, percentage points",
        rows: &rows,
    };
    let parts = [loss.loss.as_str(), &loss.margin_key, loss.trainer.name()];
    let name = parts.iter().filter(|p| !p.is_empty()).fold("differences".to_owned(), |n, p| n + "-" + p);
    Ok(Some(Picture {
        loss: loss.loss.clone(),
        caption: format!("Each margin minus the best one{}.", trainer.replacen(", ", " of ", 1)),
        svg: draw(&figure, folder, &name)?,
    }))
}

fn draw<F: Figure>(figure: &F, folder: Option<&Path>, name: &str) -> Result<String> {
    if let Some(folder) = folder {
        write_atomic(&folder.join(format!("{name}.svg")), to_svg(figure, Theme::Light)?.as_bytes())?;
        write_atomic(&folder.join(format!("{name}.png")), &to_png(figure, Theme::Light)?)?;
    }
    to_adaptive_svg(figure)
}

#[cfg(test)]
mod tests {
    use super::super::tests::cells;
    use super::*;
    use arcsphere_eval::sweep::{Sweep, analyze};

    #[test]
    fn every_picture_is_a_file_too() {
        let losses = analyze(&Sweep { cells: cells(), ..Sweep::default() }, 1).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let pictures = sweep_pictures(&losses, Some(dir.path())).unwrap();
        let of: Vec<&str> = pictures.iter().map(|p| p.loss.as_str()).collect();
        // cosface has one margin: nothing to compare.
        assert_eq!(of, ["", "", "", "arcface"]);
        let mut names: Vec<_> =
            std::fs::read_dir(dir.path()).unwrap().map(|f| f.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        assert_eq!(names.len(), 8);
        assert_eq!(names[2], "differences-arcface-angle_margin-default.png");
        assert!(sweep_pictures(&[], None).unwrap().is_empty());
    }
}
