//! The font in the repository: PNGs need no font of the system.
//!
//! SVGs name it first and fall back on the reader's own sans-serif, so that they show any script. A PNG shows Latin
//! and Greek; of what else a name has it shows the code point, and never the box of a missing glyph. Fonts of the
//! system are not looked for: a picture would differ from machine to machine, and scripts that join their letters
//! need shaping.

use std::borrow::Cow;
use std::sync::OnceLock;

use ab_glyph::{Font, FontRef, GlyphId};
use plotters::style::{FontStyle, register_font};
use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

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

/// Whether the font has a glyph for every character.
pub(crate) fn covers(text: &str) -> bool {
    static FONT: OnceLock<Option<FontRef<'static>>> = OnceLock::new();
    let font = FONT.get_or_init(|| FontRef::try_from_slice(REGULAR).ok());
    let has = |c: char| font.as_ref().is_some_and(|f| f.glyph_id(c) != GlyphId(0));
    text.chars().all(has)
}

/// The text as the font can write it: letters with their accents in one, and a run of what it lacks as the
/// code point that the run begins with, `[U+732B]`, `[U+732B…]`.
pub(crate) fn written(text: Cow<'_, str>) -> Cow<'_, str> {
    if covers(&text) {
        return text;
    }
    let composed: String = text.nfc().collect();
    let mut out = String::new();
    let mut missing: Vec<&str> = Vec::new();
    for part in composed.graphemes(true) {
        if covers(part) {
            push_code(&mut out, &mut missing);
            out.push_str(part);
        } else {
            missing.push(part);
        }
    }
    push_code(&mut out, &mut missing);
    Cow::Owned(out)
}

fn push_code(out: &mut String, missing: &mut Vec<&str>) {
    if let Some(first) = missing.first().and_then(|part| part.chars().next()) {
        let more = if missing.len() > 1 { "…" } else { "" };
        out.push_str(&format!("[U+{:04X}{more}]", u32::from(first)));
    }
    missing.clear();
}

/// What of a text the font has, and the width in em of the rest as a viewer's fonts have it, rather too wide than
/// too narrow.
pub(crate) fn apart(text: &str) -> (Cow<'_, str>, f64) {
    if covers(text) {
        return (Cow::Borrowed(text), 0.0);
    }
    let (mut own, mut em) = (String::new(), 0.0);
    for part in text.graphemes(true) {
        match part.width() {
            _ if covers(part) => own.push_str(part),
            0 => {}
            1 => em += 0.8,
            // Emoji are wider than the square of an ideograph.
            _ if part.chars().any(|c| matches!(c, '\u{2300}'..='\u{27bf}' | '\u{1f000}'..='\u{1faff}')) => em += 1.4,
            columns => em += 0.53 * columns as f64,
        }
    }
    (Cow::Owned(own), em)
}

/// The parts of a text, and whether each is from a letter of a script that is written from the right to the last
/// such letter with no letter of another between them.
pub(crate) fn directions(text: &str) -> Vec<(&str, bool)> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find(is_from_the_right) {
        let run = &rest[start..];
        let other = run.find(|c: char| c.is_alphabetic() && !is_from_the_right(c)).unwrap_or(run.len());
        let last =
            run[..other].char_indices().rfind(|(_, c)| is_from_the_right(*c)).map_or(0, |(i, c)| i + c.len_utf8());
        out.extend([(&rest[..start], false), (&run[..last], true)].into_iter().filter(|part| !part.0.is_empty()));
        rest = &run[last..];
    }
    if !rest.is_empty() {
        out.push((rest, false));
    }
    out
}

/// Hebrew, Arabic and the other scripts of the blocks that Unicode keeps for this direction.
fn is_from_the_right(c: char) -> bool {
    matches!(c, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}' | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}')
}

/// A text as its parts with the middle left out, `kept` of them in all.
fn without_middle(parts: &[&str], kept: usize) -> String {
    let head = kept.div_ceil(2);
    let tail = parts.len() - (kept - head);
    format!("{}…{}", parts[..head].concat(), parts[tail..].concat())
}

/// The text, or as much of its two ends as `width` measures to be at most `most`, with … between.
pub(crate) fn shorten(text: &str, most: f64, width: impl Fn(&str) -> Result<f64>) -> Result<String> {
    if width(text)? <= most {
        return Ok(text.to_owned());
    }
    let parts: Vec<&str> = text.graphemes(true).collect();
    let (mut low, mut high) = (0, parts.len().saturating_sub(1));
    while low < high {
        let middle = (low + high).div_ceil(2);
        if width(&without_middle(&parts, middle))? <= most {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    Ok(without_middle(&parts, low))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_weights_have_the_same_characters_and_those_that_we_write() {
        let [regular, bold] = [REGULAR, SEMI_BOLD].map(|bytes| FontRef::try_from_slice(bytes).unwrap());
        for c in '\0'..=char::MAX {
            assert_eq!(regular.glyph_id(c) == GlyphId(0), bold.glyph_id(c) == GlyphId(0), "{c:?}");
        }
        assert!(covers("Ångström ψ(θ₁) ≥ −4 · 1,5 % … × [U+0123456789ABCDEF]†"));
        assert!(!covers("猫") && !covers("кот") && !covers("\u{1b}") && !covers("a\u{301}"));
    }

    #[test]
    fn what_the_font_lacks_is_its_code_point() {
        let of = |text: &'static str| written(Cow::Borrowed(text)).into_owned();
        assert_eq!(
            [of("cat"), of("a猫b"), of("猫と犬 2"), of("👨‍👩‍👧")],
            ["cat", "a[U+732B]b", "[U+732B…] 2", "[U+1F468]"]
        );
        // As macOS writes the names of folders.
        assert_eq!(of("cafe\u{301}"), "café");
        assert!(covers(&of("قطة кот 🐱\u{200d}x")));
    }

    #[test]
    fn parts_from_the_right_end_where_they_do() {
        assert_eq!(directions("cat 12"), [("cat 12", false)]);
        assert_eq!(directions("test of قطة 12, EER"), [("test of ", false), ("قطة", true), (" 12, EER", false)]);
        assert_eq!(directions("קטה 3 כלב"), [("קטה 3 כלב", true)]);
        assert_eq!(directions("א b ג"), [("א", true), (" b ", false), ("ג", true)]);
        assert!(directions("").is_empty());
    }

    #[test]
    fn the_middle_is_left_out_between_whole_signs() {
        // A unit a grapheme.
        let width = |text: &str| Ok(text.graphemes(true).count() as f64);
        let of = |text: &str, most: f64| shorten(text, most, width).unwrap();
        assert_eq!([of("abcdef", 6.0), of("abcdef", 5.0), of("abcdef", 4.0)], ["abcdef", "ab…ef", "ab…f"]);
        assert_eq!([of("👨‍👩‍👧e\u{301}xy", 3.0), of("abc", 1.0), of("abc", 0.0)], ["👨‍👩‍👧…y", "…", "…"]);
    }
}
