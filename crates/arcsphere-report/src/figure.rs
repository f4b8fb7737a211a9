//! Figures, each drawn by one piece of code into SVG and PNG.
//!
//! A figure is a plain struct of borrowed numbers that implements [`Figure`].
//!
//! | figure | what it shows |
//! | --- | --- |
//! | [`Features`] | embeddings in the plane, prototypes as rays |
//! | [`Boundaries`] | decision regions and margin bands in the (θ₁, θ₂) plane |
//! | [`TargetCurves`] | ψ(θ) over [0, π] |
//! | [`AngleHistogram`] | target and non-target angles |
//! | [`Curves`] | training loss and validation accuracy by epoch |
//! | [`Sensitivity`] | accuracy against the margin, with the usable range |
//! | [`CollapseMap`] | share of collapsed runs by margin and learning rate |
//! | [`Differences`] | paired differences to a baseline |
//! | [`Scatter`] | predicted against actual values |
//! | [`BenchBars`] | ratios of speed |

use plotters::prelude::{BitMapBackend, DrawingBackend};

use arcsphere_eval::error::{EvalError, Result};

mod theme;

mod text;

mod svg;

mod canvas;

mod axes;

mod legend;

mod png;

mod angle_histogram;

mod bench_bars;

mod boundaries;

mod collapse_map;

mod curves;

mod differences;

mod features;

mod scatter;

mod sensitivity;

mod target_curves;

pub use angle_histogram::AngleHistogram;
pub use bench_bars::{BenchBar, BenchBars, BenchGroup};
pub use boundaries::{Boundaries, BoundaryPanel};
pub use canvas::Canvas;
pub use collapse_map::CollapseMap;
pub use curves::{Curve, Curves};
pub use differences::{DifferenceRow, Differences, Verdict};
pub use features::Features;
pub use scatter::Scatter;
pub use sensitivity::{MarginAxis, Sensitivity};
pub(crate) use svg::push_escaped as escape_markup;
pub use target_curves::{TargetCurve, TargetCurves};
#[cfg(test)]
use theme::Ink;
pub use theme::{Theme, css_variables};

/// Something that can be drawn.
pub trait Figure {
    /// Width and height in CSS pixels.
    fn size(&self) -> (u32, u32);

    /// What a reader who cannot see the picture should hear.
    fn description(&self) -> String;

    /// Draws onto a canvas of [`Figure::size`].
    ///
    /// # Errors
    /// [`EvalError`] where the figure's numbers do not fit together.
    fn draw<B: DrawingBackend>(&self, canvas: &mut Canvas<'_, B>) -> Result<()>;
}

/// A standalone SVG document.
///
/// # Errors
/// As [`Figure::draw`].
///
/// ```
/// use arcsphere_report::figure::{TargetCurve, TargetCurves, Theme, to_svg};
/// let curves = [TargetCurve { label: "softmax", target: &f64::cos }];
/// let svg = to_svg(&TargetCurves { title: "ψ(θ)", subtitle: "", curves: &curves }, Theme::Dark)?;
/// assert!(svg.starts_with("<svg") && svg.contains("softmax"));
/// # Ok::<(), arcsphere_eval::EvalError>(())
/// ```
pub fn to_svg<F: Figure>(figure: &F, theme: Theme) -> Result<String> {
    draw_svg(figure, svg::Paint::Fixed, theme)
}

/// An `<svg>` element for a page that defines [`css_variables`]: one copy follows
/// the page from light to dark.
///
/// # Errors
/// As [`Figure::draw`].
///
/// ```
/// use arcsphere_report::figure::{TargetCurve, TargetCurves, css_variables, to_adaptive_svg};
/// let curves = [TargetCurve { label: "softmax", target: &f64::cos }];
/// let svg = to_adaptive_svg(&TargetCurves { title: "ψ(θ)", subtitle: "", curves: &curves })?;
/// assert!(svg.contains("var(--fig-c0)") && css_variables().contains("--fig-c0:"));
/// # Ok::<(), arcsphere_eval::EvalError>(())
/// ```
pub fn to_adaptive_svg<F: Figure>(figure: &F) -> Result<String> {
    draw_svg(figure, svg::Paint::Variables, Theme::Light)
}

fn draw_svg<F: Figure>(figure: &F, paint: svg::Paint, theme: Theme) -> Result<String> {
    text::register()?;
    let mut backend = svg::SvgBackend::new(figure.size(), paint, &figure.description());
    figure.draw(&mut Canvas::new(&mut backend, svg::UNITS, theme))?;
    Ok(backend.finish())
}

/// A PNG file of twice the figure's [`Figure::size`], as high-density screens and
/// print want. Its text is drawn in the embedded font, which has Latin and Greek letters; a name with others is shown
/// by its number or code points, and whole in the SVG.
///
/// # Errors
/// As [`Figure::draw`].
///
/// ```
/// use arcsphere_report::figure::{Curve, Curves, Theme, to_png};
/// let curve = Curve { label: "arcface", training_loss: &[2.0, 1.0], validation_accuracy: &[0.8, 0.9] };
/// let png = to_png(&Curves { title: "Training", subtitle: "", curves: &[curve] }, Theme::Light)?;
/// assert!(png.starts_with(b"\x89PNG"));
/// # Ok::<(), arcsphere_eval::EvalError>(())
/// ```
pub fn to_png<F: Figure>(figure: &F, theme: Theme) -> Result<Vec<u8>> {
    text::register()?;
    // Drawn at four times the size and averaged down: plotters smooths text and
    // thin lines, but not the edges of polygons.
    let (width, height) = figure.size();
    let (w, h) = (width * 4, height * 4);
    let mut pixels = vec![0; (w * h * 3) as usize];
    {
        let mut backend = BitMapBackend::with_buffer(&mut pixels, (w, h));
        figure.draw(&mut Canvas::new(&mut backend, 4.0, theme).with_final_text())?;
        backend.present().map_err(|e| EvalError::Figure(e.to_string()))?;
    }
    png::encode_halved(&pixels, w, h)
}

#[cfg(test)]
mod names;

#[cfg(test)]
mod tests {
    use super::*;

    fn figure() -> TargetCurves<'static> {
        TargetCurves {
            title: "a < b & c",
            subtitle: "s",
            curves: &[TargetCurve { label: "softmax", target: &f64::cos }],
        }
    }

    #[test]
    fn an_adaptive_picture_names_its_colors_and_a_standalone_one_fixes_them() {
        let adaptive = to_adaptive_svg(&figure()).unwrap();
        assert!(adaptive.contains("var(--fig-c0)") && !adaptive.contains("\"#"), "{adaptive}");
        let dark = to_svg(&figure(), Theme::Dark).unwrap();
        assert!(!dark.contains("var(") && dark.contains("#10141a"), "{dark}");
        let css = css_variables();
        for (i, _) in adaptive.match_indices("var(") {
            let name = &adaptive[i + 4..][..adaptive[i + 4..].find(')').unwrap()];
            assert!(css.contains(&format!("{name}:")), "{name}");
        }
    }

    #[test]
    fn the_same_figure_twice_is_the_same_file() {
        let svg = to_svg(&figure(), Theme::Light).unwrap();
        assert_eq!(svg, to_svg(&figure(), Theme::Light).unwrap());
        let png = to_png(&figure(), Theme::Light).unwrap();
        assert_eq!(png, to_png(&figure(), Theme::Light).unwrap());
    }

    #[test]
    fn a_png_has_twice_the_size_and_shows_text() {
        let png = image::load_from_memory(&to_png(&figure(), Theme::Light).unwrap()).unwrap();
        let (w, h) = figure().size();
        assert_eq!((png.width(), png.height()), (2 * w, 2 * h));
        // The title's line: without the font it would be paper only.
        let title = png.to_luma8();
        let ink = (0..w).flat_map(|x| (36..70).map(move |y| (x, y)));
        assert!(ink.filter(|(x, y)| title.get_pixel(*x, *y)[0] < 128).count() > 300);
    }
}
