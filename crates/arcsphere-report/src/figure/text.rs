//! The font in the repository: PNGs need no font of the system.
//!
//! SVGs name it first and fall back on the reader's own sans-serif.

use std::sync::OnceLock;

use plotters::style::{FontStyle, register_font};

use arcsphere_eval::error::{EvalError, Result};

/// The family under which plotters knows the font.
pub(crate) const FAMILY: &str = "Inter";

/// What SVG text asks for.
pub(crate) const SVG_FAMILY: &str = "Inter,system-ui,-apple-system,Segoe UI,Roboto,sans-serif";

/// Line height over em of the font, by which plotters scales it: (2728 + 680)/2816.
pub(crate) const LINE: f64 = 1.210_227;

static REGULAR: &[u8] = include_bytes!("../../assets/Inter-Regular-subset.otf");
static SEMI_BOLD: &[u8] = include_bytes!("../../assets/Inter-SemiBold-subset.otf");

/// Makes the font known to plotters, once.
pub(crate) fn register() -> Result<()> {
    static DONE: OnceLock<bool> = OnceLock::new();
    let done = *DONE.get_or_init(|| {
        register_font(FAMILY, FontStyle::Normal, REGULAR).is_ok()
            && register_font(FAMILY, FontStyle::Bold, SEMI_BOLD).is_ok()
    });
    if done { Ok(()) } else { Err(EvalError::Figure("the embedded font cannot be read".into())) }
}
