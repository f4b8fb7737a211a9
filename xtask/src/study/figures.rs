//! The figures of the report, below `study/figures`.

use super::measure::Measure;
use crate::svg;
use anyhow::{Context, Result};
use arcsphere_eval::sweep::LossSweep;
use arcsphere_report::figure::{CollapseMap, DifferenceRow, Differences, Figure, MarginAxis, Sensitivity};
use std::path::{Path, PathBuf};

/// Where figures are drawn to, and how the report names them.
#[derive(Debug)]
pub(super) struct Figures {
    folder: PathBuf,
}

impl Figures {
    /// Below the checkout's `study`.
    pub(super) fn of(root: &Path) -> Result<Self> {
        let folder = root.join("study/figures");
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(Figures { folder })
    }

    /// Accuracy over what each margin takes at the boundary.
    pub(super) fn sensitivity(&self, name: &str, group: &str, budget: &str, losses: &[LossSweep]) -> Result<String> {
        let figure = Sensitivity {
            title: &format!("{group}: accuracy against the margin"),
            subtitle: &format!("{budget}."),
            sweeps: losses,
            axis: MarginAxis::Boundary,
        };
        self.draw(name, figure.title, &figure)
    }

    /// The same over each margin in its own unit, for the page of all margins.
    pub(super) fn margins(&self, name: &str, group: &str, budget: &str, losses: &[LossSweep]) -> Result<String> {
        let figure = Sensitivity {
            title: &format!("{group}: accuracy against the margin in its own unit"),
            subtitle: &format!("{budget}."),
            sweeps: losses,
            axis: MarginAxis::Own,
        };
        Ok(self.draw(&format!("{name}-own-unit"), figure.title, &figure)?.replace("(figures/", "(../figures/"))
    }

    /// Collapsed runs by margin and learning rate.
    pub(super) fn collapse(&self, name: &str, group: &str, budget: &str, losses: &[LossSweep]) -> Result<String> {
        let title = format!("{group}: where training collapses");
        self.draw(name, &title, &CollapseMap { title: &title, subtitle: &format!("{budget}."), sweeps: losses })
    }

    /// Differences of a measure to a baseline; nothing where there is none to draw.
    pub(super) fn differences(
        &self,
        name: &str,
        group: &str,
        budget: &str,
        measure: Measure,
        (baseline, rows): &(String, Vec<DifferenceRow>),
    ) -> Result<String> {
        if rows.is_empty() {
            return Ok(String::new());
        }
        let unit = match measure.difference_unit() {
            "" => String::new(),
            "points" => ", percentage points".to_owned(),
            unit => format!(", {unit}"),
        };
        let figure = Differences {
            title: &format!("{group}: {} against {baseline}", measure.name()),
            subtitle: &format!("{budget}. Intervals: 95 %, each alone; marks: at 5 % by Holm over all rows."),
            axis: &format!("difference of {}{unit}", measure.name()),
            rows,
        };
        self.draw(name, figure.title, &figure)
    }

    /// Draws, and answers what shows it in the report.
    fn draw<F: Figure>(&self, name: &str, title: &str, figure: &F) -> Result<String> {
        svg::write(&self.folder.join(format!("{name}.svg")), figure)?;
        Ok(format!("![{}](figures/{name}.svg)", title.replace(['[', ']', '\n'], " ")))
    }
}

#[cfg(test)]
mod tests {
    use super::super::sensitivity::{analyze, tests::cell};
    use super::*;
    use arcsphere_eval::sweep::Sweep;

    #[test]
    fn a_figure_is_a_file_and_a_link() {
        let root = std::env::temp_dir().join(format!("xtask-figures-{}", std::process::id()));
        let figures = Figures::of(&root).unwrap();
        let cells = (0..3).flat_map(|seed| [0.0, 0.2].map(|m| cell("arcface", m, seed, 0.9 + 0.01 * m)));
        let losses = analyze(&Sweep { cells: cells.collect(), ..Sweep::default() }).unwrap();
        let link = figures.sensitivity("a", "MNIST", "3 epochs", &losses).unwrap();
        assert!(link.starts_with("![MNIST: accuracy") && link.ends_with("](figures/a.svg)"), "{link}");
        assert!(figures.margins("a", "MNIST", "", &losses).unwrap().ends_with("](../figures/a-own-unit.svg)"));
        figures.collapse("b", "MNIST", "3 epochs", &losses).unwrap();
        let none = figures.differences("c", "MNIST", "", Measure::Accuracy, &(String::new(), Vec::new())).unwrap();
        assert_eq!(none, "");
        let files = std::fs::read_dir(root.join("study/figures")).unwrap();
        assert_eq!(files.count(), 3);
        let svg = std::fs::read_to_string(root.join("study/figures/a.svg")).unwrap();
        assert!(svg.contains("3 epochs") && svg.contains("prefers-color-scheme:dark"), "{svg}");
        std::fs::remove_dir_all(&root).unwrap();
    }
}
