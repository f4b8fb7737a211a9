//! The pictures of losses and runs, for reports and for `arcsphere plot`.

use anyhow::Result;
use arcsphere::losses::margin::{Extension, LossInfo, Margin, Margins, ScaleKind};
use arcsphere_eval::figure::{
    Boundaries, BoundaryPanel, Figure, TargetCurve, TargetCurves, Theme, to_adaptive_svg, to_png, to_svg,
};
use arcsphere_eval::results::write_atomic;
use std::f64::consts::PI;
use std::path::Path;

/// A loss with the margins that it is drawn with.
pub(crate) struct Drawn {
    pub(crate) info: &'static LossInfo,
    pub(crate) margins: Margins,
    margin: Box<dyn Margin>,
}

impl Drawn {
    /// The very target function that trains.
    pub(crate) fn new(info: &'static LossInfo, margins: Margins, extension: Extension) -> Self {
        Drawn { info, margins, margin: (info.build)(margins, extension) }
    }

    /// ψ(θ).
    pub(crate) fn psi(&self, theta: f64) -> f64 {
        self.margin.target(theta.cos(), theta.sin().max(0.0), 1.0, 1.0).psi
    }

    /// The margins in a few signs, for titles.
    pub(crate) fn parameters(&self) -> String {
        let (takes, m) = (self.info.takes, self.margins);
        let parts = [
            (takes.angle_multiplier, "m0", m.angle_multiplier),
            (takes.angle_margin, "m1", m.angle_margin),
            (takes.cosine_margin, "m2", m.cosine_margin),
        ];
        let parts: Vec<String> = parts.iter().filter(|p| p.0).map(|(_, name, v)| format!("{name} = {v:.3}")).collect();
        match (self.info.scale, parts.is_empty()) {
            (ScaleKind::Unnormalized, _) => "drawn for equal norms, no bias".to_owned(),
            (_, true) => "no margin".to_owned(),
            _ => parts.join(", "),
        }
    }
}

/// Hands the figure of the losses' decision boundaries to `use_it`.
pub(crate) fn with_boundaries<T>(
    losses: &[Drawn],
    subtitle: &str,
    use_it: impl FnOnce(&Boundaries<'_>) -> Result<T>,
) -> Result<T> {
    let parameters: Vec<String> = losses.iter().map(Drawn::parameters).collect();
    let functions: Vec<_> = losses.iter().map(|l| move |theta: f64| l.psi(theta)).collect();
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
    losses: &[Drawn],
    subtitle: &str,
    use_it: impl FnOnce(&TargetCurves<'_>) -> Result<T>,
) -> Result<T> {
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
