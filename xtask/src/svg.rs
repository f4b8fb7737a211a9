//! Figures as files that a page shows by a link.

use anyhow::{Context, Result};
use arcsphere_eval::results::write_atomic;
use arcsphere_report::figure::{Figure, Theme, to_svg};
use std::path::Path;

/// Writes a figure that is light, and dark where the reader's system asks for it.
pub(crate) fn write<F: Figure>(path: &Path, figure: &F) -> Result<()> {
    let svg = to_svg(figure, Theme::Light).with_context(|| format!("cannot draw {}", path.display()))?;
    Ok(write_atomic(path, adaptive(&svg).as_bytes())?)
}

/// A light picture with a style sheet that makes it dark. Colors stay in the elements' attributes, which a
/// rule overrides: a viewer without style sheets shows the light picture, and not a black one.
fn adaptive(svg: &str) -> String {
    let colors = |theme: Theme| -> Vec<(String, String)> {
        let text = theme.variables();
        let pairs = text.split(';').filter_map(|declaration| declaration.split_once(':'));
        pairs.map(|(name, color)| (name.to_owned(), color.to_owned())).collect()
    };
    let (light, dark) = (colors(Theme::Light), colors(Theme::Dark));
    let mut rules = String::new();
    for (name, from) in &light {
        // The sheet is written once a figure: only the colors that it has.
        if !svg.contains(&format!("\"{from}\"")) {
            continue;
        }
        if let Some((_, to)) = dark.iter().find(|(other, _)| other == name) {
            rules += &format!("[fill=\"{from}\"]{{fill:{to}}}[stroke=\"{from}\"]{{stroke:{to}}}");
        }
    }
    let style = format!("<style>@media (prefers-color-scheme:dark){{{rules}}}</style>\n");
    match svg.split_once("</title>\n") {
        Some((head, body)) => format!("{head}</title>\n{style}{body}"),
        None => svg.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arcsphere_report::figure::{TargetCurve, TargetCurves};

    #[test]
    fn every_color_has_its_dark_one_and_keeps_its_own() {
        let curves = [TargetCurve { label: "softmax", target: &f64::cos }];
        let light = to_svg(&TargetCurves { title: "t", subtitle: "", curves: &curves }, Theme::Light).unwrap();
        let both = adaptive(&light);
        assert!(both.contains("[fill=\"#ffffff\"]{fill:#10141a}"), "{both}");
        assert!(both.contains("fill=\"#ffffff\"/>"), "{both}");
        let (head, rest) = both.split_once("<style>").unwrap();
        let (_, body) = rest.split_once("</style>\n").unwrap();
        assert_eq!(format!("{head}{body}"), light);
        for color in light.split("=\"#").skip(1).map(|rest| &rest[..6]) {
            assert!(rest.contains(&format!("=\"#{color}\"]")), "{color}");
        }
    }
}
