//! The pictures of losses and runs, for reports and for `arcsphere plot`.

use anyhow::Result;
use arcsphere::losses::margin::{Group, Margin, MarginLoss, Recipe, ScaleKind, Unit, strongest_target};
use arcsphere_eval::results::write_atomic;
use arcsphere_eval::show::fixed;
use arcsphere_report::figure::{
    Boundaries, BoundaryPanel, Figure, TargetCurve, TargetCurves, Theme, to_adaptive_svg, to_png, to_svg,
};
use std::f64::consts::PI;
use std::path::Path;

/// A loss with the margins that it is drawn with.
pub(crate) struct LossCurve {
    pub(crate) info: &'static MarginLoss,
    pub(crate) recipe: Recipe,
    margin: Box<dyn Margin>,
}

impl LossCurve {
    /// The very loss that trains.
    pub(crate) fn new(info: &'static MarginLoss, recipe: Recipe) -> Self {
        LossCurve { info, margin: info.build(&recipe), recipe }
    }

    /// ψ(θ), where it is strongest if it depends on more than the angle.
    pub(crate) fn psi(&self, theta: f64) -> f64 {
        strongest_target(&*self.margin, theta).psi
    }

    /// The cosine of another class with which a sample at θ is on the border.
    fn rival(&self, theta: f64) -> f64 {
        self.margin.rival(self.psi(theta))
    }

    /// The margins in a few signs, for titles.
    pub(crate) fn parameters(&self) -> String {
        let value = |unit: &Unit| unit.value(self.recipe.margins);
        // ElasticFace takes two margins and has one; the combined margin shows all that it is.
        let shown = |unit: &Unit| value(unit) != unit.param().default || self.info.kind.group == Group::Family;
        let margins = self.info.kind.takes.iter().filter(|unit| shown(unit));
        let margins = margins.map(|unit| format!("{} = {}", unit.symbol(), fixed(value(unit), 3)));
        let own = self.info.params.iter().filter(|p| p.neutral.is_some());
        let own = own.map(|p| format!("{} = {}", p.symbol(), fixed(self.recipe.param(p), 3)));
        let parts: Vec<String> = margins.chain(own).collect();
        match (self.info.kind.scale, parts.is_empty()) {
            (ScaleKind::Unnormalized, _) => "drawn for equal norms, no bias".to_owned(),
            (_, true) => "no margin".to_owned(),
            _ => parts.join(", "),
        }
    }
}

/// A subtitle that also says at which rows a margin that depends on more than the angle is drawn.
fn with_rows(losses: &[LossCurve], subtitle: &str) -> String {
    let mut out = subtitle.to_owned();
    for info in losses.iter().map(|l| l.info).filter(|info| !info.kind.strongest.is_empty()) {
        out.push_str(&format!("; {}: {}", info.name, info.kind.strongest));
    }
    out
}

/// Hands the figure of the losses' decision boundaries to `use_it`.
pub(crate) fn with_boundaries<T>(
    losses: &[LossCurve],
    subtitle: &str,
    use_it: impl FnOnce(&Boundaries<'_>) -> Result<T>,
) -> Result<T> {
    let subtitle = &with_rows(losses, subtitle);
    let parameters: Vec<String> = losses.iter().map(LossCurve::parameters).collect();
    let functions: Vec<_> = losses.iter().map(|l| move |theta: f64| l.rival(theta)).collect();
    let panels: Vec<BoundaryPanel<'_>> = losses
        .iter()
        .zip(&parameters)
        .zip(&functions)
        .map(|((loss, subtitle), target)| BoundaryPanel { title: loss.info.name, subtitle, target })
        .collect();
    use_it(&Boundaries { title: "Decision boundaries of two classes", subtitle, panels: &panels, max_angle: PI / 2.0 })
}

/// Hands the figure of the losses' target functions to `use_it`.
pub(crate) fn with_targets<T>(
    losses: &[LossCurve],
    subtitle: &str,
    use_it: impl FnOnce(&TargetCurves<'_>) -> Result<T>,
) -> Result<T> {
    let subtitle = &with_rows(losses, subtitle);
    let labels: Vec<String> = losses.iter().map(|l| format!("{} ({})", l.info.name, l.parameters())).collect();
    let functions: Vec<_> = losses.iter().map(|l| move |theta: f64| l.psi(theta)).collect();
    let curves: Vec<TargetCurve<'_>> =
        labels.iter().zip(&functions).map(|(label, target)| TargetCurve { label, target }).collect();
    use_it(&TargetCurves { title: "Target functions ψ(θ)", subtitle, curves: &curves })
}

/// Writes a figure to a file, SVG or PNG by its extension.
pub(crate) fn write<F: Figure>(figure: &F, path: &Path, theme: Theme) -> Result<()> {
    let png = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("png"));
    let bytes = if png { to_png(figure, theme)? } else { to_svg(figure, theme)?.into_bytes() };
    Ok(write_atomic(path, &bytes)?)
}

/// Writes a figure as SVG, and PNG if wanted, and returns it for a page.
pub(crate) fn write_all<F: Figure>(figure: &F, folder: &Path, name: &str, png: bool) -> Result<String> {
    write(figure, &folder.join(format!("{name}.svg")), Theme::Light)?;
    if png {
        write(figure, &folder.join(format!("{name}.png")), Theme::Light)?;
    }
    Ok(to_adaptive_svg(figure)?)
}
