//! Numbers and names as tables, pages, pictures and terminals write them: one way for all.

use std::borrow::Cow;
use std::fmt::Write;

/// Text from outside with what a reader must not be fooled by made visible: control characters (escape sequences
/// of terminals, line ends in names) but those in `keep`, and characters that turn the direction of the text
/// around them, as `\u001b`: what JSON has for them, so that a line of JSON stays one.
///
/// ```
/// use arcsphere_eval::show::visible;
/// assert_eq!(visible("a\u{1b}[2Jb\n", "\n"), "a\\u001b[2Jb\n");
/// assert_eq!(visible("cat\u{202e}gpj", ""), "cat\\u202egpj");
/// assert_eq!(visible("קטה 猫", ""), "קטה 猫");
/// ```
pub fn visible<'a>(text: &'a str, keep: &str) -> Cow<'a, str> {
    let is_hidden = |c: char| {
        let turns =
            matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        // XML has no way to write these, not even escaped.
        let forbidden = matches!(c, '\u{fffe}' | '\u{ffff}');
        (c.is_control() || turns || forbidden) && !keep.contains(c)
    };
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_hidden(c) {
            // Writing to a String cannot fail.
            let _ = write!(out, "\\u{:04x}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// `value` with so many decimals. What rounds to zero has no sign: a reader of "−0.00" looks for a
/// number below zero, and there is none to see.
///
/// ```
/// use arcsphere_eval::show::fixed;
/// assert_eq!([fixed(-0.004, 2), fixed(-0.006, 2), fixed(-0.0, 0)], ["0.00", "-0.01", "0"]);
/// ```
pub fn fixed(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    match text.strip_prefix('-') {
        Some(rest) if rest.chars().all(|c| c == '0' || c == '.') => rest.to_owned(),
        _ => text,
    }
}

/// [`fixed`] with a true minus sign, U+2212, for pictures and prose.
///
/// ```
/// assert_eq!(arcsphere_eval::show::typeset(-1.5, 1), "\u{2212}1.5");
/// ```
pub fn typeset(value: f64, decimals: usize) -> String {
    let text = fixed(value, decimals);
    match text.strip_prefix('-') {
        Some(rest) => format!("−{rest}"),
        None => text,
    }
}

/// Stands behind a number that rests on fewer than 30 errors ([`Estimate::mark`](crate::interval::Estimate::mark)).
pub const MARK: &str = "†";

/// What [`MARK`] says, for wherever it is seen.
pub const MARK_NOTE: &str =
    "† rests on fewer than 30 errors: the rate of errors behind it may be off by 30 % of itself and more";

/// A share as percent with two decimals, without the sign of percent.
///
/// ```
/// assert_eq!(arcsphere_eval::show::percent(0.97306), "97.31");
/// ```
pub fn percent(share: f64) -> String {
    fixed(100.0 * share, 2)
}

/// As many digits as the number has, for machines; nothing where it is not finite.
///
/// ```
/// use arcsphere_eval::show::exact;
/// assert_eq!([exact(0.1), exact(-0.0), exact(f64::NAN)], ["0.1", "0", ""]);
/// ```
pub fn exact(value: f64) -> String {
    // Adding 0.0 takes the sign of a zero.
    if value.is_finite() { (value + 0.0).to_string() } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_steers_a_terminal_is_spelled() {
        assert_eq!(visible("a\u{1b}[31mb\r\u{9b}\u{7f}", "\n"), "a\\u001b[31mb\\u000d\\u009b\\u007f");
        assert_eq!(visible("\u{202e}gnp.exe", ""), "\\u202egnp.exe");
        // Lines, letters and what joins them are not.
        for text in ["a\n\tb", "größer 猫 \u{1f469}\u{200d}\u{1f4bb} e\u{301}"] {
            assert_eq!(visible(text, "\n\t"), text);
        }
        assert_eq!(visible("a\nb", ""), "a\\u000ab");
    }

    proptest! {
        #[test]
        fn a_sign_stands_only_before_a_digit_that_is_not_zero(value in -2.0..2.0f64, decimals in 0usize..5) {
            for text in [fixed(value, decimals), typeset(value, decimals)] {
                let signed = text.starts_with(['-', '−']);
                let zero = text.parse::<f64>().is_ok_and(|v| v == 0.0);
                prop_assert!(!(signed && zero), "{}", text);
                // What is shown is the number to half a unit of the last decimal.
                let shown: f64 = text.replace('−', "-").parse().unwrap();
                prop_assert!((shown - value).abs() <= 0.5001 * 10f64.powi(-(decimals as i32)), "{} {}", text, value);
            }
        }
    }
}
