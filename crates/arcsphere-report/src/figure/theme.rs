//! Colors, light and dark.
//!
//! The ten class colors follow Petroff's accessible cycle (arXiv:2107.02270),
//! chosen to be told apart under the common color-vision deficiencies; a few are
//! lightened on dark paper or deepened on white to keep their contrast.

/// The paper on which a figure is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Theme {
    /// Dark ink on white.
    #[default]
    Light,
    /// Light ink on near-black.
    Dark,
}

/// What a color is for; a figure names the use, the theme gives the color.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ink {
    /// The background.
    Paper,
    /// Text and axes.
    Text,
    /// Secondary text.
    Muted,
    /// Grid lines.
    Grid,
    /// A class or a series; the colors repeat after ten.
    Series(usize),
}

/// Number of series colors.
pub(crate) const SERIES: usize = 10;

type Rgb = (u8, u8, u8);

const LIGHT: [(&str, Rgb); 4 + SERIES] = [
    ("paper", (255, 255, 255)),
    ("text", (31, 35, 40)),
    ("muted", (89, 96, 105)),
    ("grid", (222, 226, 231)),
    ("c0", (43, 127, 209)),
    ("c1", (240, 150, 0)),
    ("c2", (189, 31, 1)),
    ("c3", (127, 141, 138)),
    ("c4", (131, 45, 182)),
    ("c5", (150, 85, 66)),
    ("c6", (231, 99, 0)),
    ("c7", (160, 149, 66)),
    ("c8", (78, 84, 100)),
    ("c9", (62, 178, 184)),
];

const DARK: [(&str, Rgb); 4 + SERIES] = [
    ("paper", (16, 20, 26)),
    ("text", (230, 235, 241)),
    ("muted", (159, 168, 179)),
    ("grid", (48, 56, 66)),
    ("c0", (84, 163, 235)),
    ("c1", (255, 180, 46)),
    ("c2", (232, 84, 62)),
    ("c3", (163, 176, 174)),
    ("c4", (184, 118, 228)),
    ("c5", (196, 135, 117)),
    ("c6", (255, 136, 60)),
    ("c7", (201, 190, 122)),
    ("c8", (134, 143, 166)),
    ("c9", (146, 218, 221)),
];

fn slot(ink: Ink) -> usize {
    match ink {
        Ink::Paper => 0,
        Ink::Text => 1,
        Ink::Muted => 2,
        Ink::Grid => 3,
        Ink::Series(i) => 4 + i % SERIES,
    }
}

impl Theme {
    pub(crate) fn rgb(self, ink: Ink) -> Rgb {
        match self {
            Self::Light => LIGHT[slot(ink)].1,
            Self::Dark => DARK[slot(ink)].1,
        }
    }

    /// The declarations that [`to_adaptive_svg`](super::to_adaptive_svg) needs,
    /// without a selector: `--fig-paper:#ffffff;--fig-text:…`.
    pub fn variables(self) -> String {
        let table = match self {
            Self::Light => &LIGHT,
            Self::Dark => &DARK,
        };
        table.iter().map(|(name, (r, g, b))| format!("--fig-{name}:#{r:02x}{g:02x}{b:02x};")).collect()
    }
}

/// A style sheet that sets the figures' colors: light, dark where the reader's
/// system asks for it, and either where `data-theme` on the root element says so.
pub fn css_variables() -> String {
    let (light, dark) = (Theme::Light.variables(), Theme::Dark.variables());
    format!(
        ":root{{{light}}}\n\
         @media (prefers-color-scheme:dark){{:root{{{dark}}}}}\n\
         :root[data-theme=light]{{{light}}}\n\
         :root[data-theme=dark]{{{dark}}}\n"
    )
}

/// The name of the variable that holds a light color.
pub(crate) fn variable_of(rgb: Rgb) -> Option<&'static str> {
    LIGHT.iter().find(|(_, c)| *c == rgb).map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance and contrast as WCAG 2.1 defines them.
    fn contrast(a: Rgb, b: Rgb) -> f64 {
        let luminance = |(r, g, b): Rgb| {
            let channel = |v: u8| {
                let v = f64::from(v) / 255.0;
                if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
            };
            0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b)
        };
        let (x, y) = (luminance(a), luminance(b));
        (x.max(y) + 0.05) / (x.min(y) + 0.05)
    }

    #[test]
    fn text_and_series_stand_out_on_their_paper() {
        for theme in [Theme::Light, Theme::Dark] {
            let paper = theme.rgb(Ink::Paper);
            assert!(contrast(theme.rgb(Ink::Text), paper) > 12.0);
            assert!(contrast(theme.rgb(Ink::Muted), paper) > 5.5);
            for i in 0..SERIES {
                let c = contrast(theme.rgb(Ink::Series(i)), paper);
                assert!(c > 2.2, "{theme:?} {i}: {c:.2}");
            }
        }
    }

    #[test]
    fn light_colors_are_distinct_so_that_each_names_its_variable() {
        for (name, rgb) in LIGHT {
            assert_eq!(variable_of(rgb), Some(name));
        }
        assert_eq!(Theme::Light.rgb(Ink::Series(13)), Theme::Light.rgb(Ink::Series(3)));
    }
}
