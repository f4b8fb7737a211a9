//! Text and numbers as a page shows them.

use crate::figure::escape_markup;
use arcsphere_eval::measures::{Measure, Unit};
use arcsphere_eval::results::{LossSummary, TrainedBy};
use arcsphere_eval::show;

/// Text with markup characters replaced.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    escape_markup(&mut out, text);
    out
}

/// A share as percent: `97.31`.
pub(crate) fn percent(share: f64) -> String {
    show::percent(share)
}

/// A number of a measure in the unit that a reader sees, which stands beside it or in the head.
pub(crate) fn number(measure: &Measure, value: f64) -> String {
    match measure.unit {
        Unit::Share => percent(value),
        Unit::Angle => degrees(value),
        _ => short(value),
    }
}

/// What a head says of the unit: `, %`, `, years`; nothing where each number carries its own.
pub(crate) fn unit_of_head(measure: &Measure, target_unit: &str) -> String {
    match measure.unit {
        Unit::Share => ", %".to_owned(),
        Unit::Target if !target_unit.is_empty() => format!(", {}", escape(target_unit)),
        _ => String::new(),
    }
}

/// What follows a number in a sentence: ` %`, `°`, ` years`; an angle has its sign already.
pub(crate) fn unit(measure: &Measure, target_unit: &str) -> String {
    match (measure.unit, target_unit) {
        (Unit::Share, _) => " %".to_owned(),
        (Unit::Target, "°") => "°".to_owned(),
        (Unit::Target, unit) if !unit.is_empty() => format!(" {unit}"),
        _ => String::new(),
    }
}

/// Something that may be missing: an en dash then.
pub(crate) fn maybe(value: Option<f64>, show: impl Fn(f64) -> String) -> String {
    value.filter(|v| v.is_finite()).map_or_else(|| "–".to_owned(), show)
}

/// Radians as degrees: `12.3°`.
pub(crate) fn degrees(radians: f64) -> String {
    format!("{}°", show::fixed(radians.to_degrees(), 1))
}

/// At most four significant digits, no zeros at the end: `0.35`, `16`, `1.5`.
pub(crate) fn short(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return format!("{}", value + 0.0);
    }
    let decimals = (3.0 - value.abs().log10().floor()).clamp(0.0, 8.0) as usize;
    let text = show::fixed(value, decimals);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// A duration: `8.4 s`, `3 min 20 s`, `1 h 5 min`.
pub(crate) fn duration(seconds: f64) -> String {
    if seconds < 100.0 {
        return format!("{} s", show::fixed(seconds, 1));
    }
    let whole = seconds.round() as u64;
    if whole < 3600 {
        format!("{} min {} s", whole / 60, whole % 60)
    } else {
        format!("{} h {} min", whole / 3600, whole % 3600 / 60)
    }
}

/// A count with thin spaces between thousands.
pub(crate) fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(c);
    }
    out
}

/// The margins of a loss that differ from none (m0 = 1, m1 = 0, m2 = 0), as people
/// read them: `m1 = 0.5 (28.6°), m2 = 0.1`, or `none`. The spaces inside a part do
/// not break.
pub fn margins(m0: Option<f64>, m1: Option<f64>, m2: Option<f64>) -> String {
    let mut parts = Vec::new();
    if let Some(m) = m0.filter(|m| *m != 1.0) {
        parts.push(format!("m0\u{a0}=\u{a0}{}", short(m)));
    }
    if let Some(m) = m1.filter(|m| *m != 0.0) {
        parts.push(format!("m1\u{a0}=\u{a0}{}\u{a0}({})", short(m), degrees(m)));
    }
    if let Some(m) = m2.filter(|m| *m != 0.0) {
        parts.push(format!("m2\u{a0}=\u{a0}{}", short(m)));
    }
    if parts.is_empty() { "none".to_owned() } else { parts.join(", ") }
}

/// The scale of a loss: a number, or that the embedding keeps its norm.
pub(crate) fn scale(scale: Option<f64>) -> String {
    scale.map_or_else(|| "free".to_owned(), short)
}

/// The name of a loss; with its settings where another line has the same name.
pub(crate) fn name(own: &LossSummary, all: &[LossSummary]) -> String {
    if all.iter().filter(|s| s.loss == own.loss).count() < 2 {
        let several = own.trainer != TrainedBy::Unnamed && all.iter().any(|s| s.trainer != own.trainer);
        return if several { format!("{} ({})", own.loss, own.trainer) } else { own.loss.clone() };
    }
    format!(
        "{} ({}{}; s = {}; {}, {}-D)",
        own.loss,
        if own.trainer == TrainedBy::Unnamed { String::new() } else { format!("{}; ", own.trainer) },
        margins(own.m0, own.m1, own.m2),
        scale(own.scale),
        own.backbone,
        own.dim
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_people_write_them() {
        let shorts = [0.35, 16.0, 1.5, 0.0, 1234.5, 0.000_123_4, 64.0].map(short);
        assert_eq!(shorts, ["0.35", "16", "1.5", "0", "1234", "0.0001234", "64"]);
        assert_eq!([8.44, 200.4, 3900.0].map(duration), ["8.4 s", "3 min 20 s", "1 h 5 min"]);
        assert_eq!(thousands(60_000).replace('\u{202f}', " "), "60 000");
        assert_eq!(thousands(7), "7");
        let spaced = |m: String| m.replace('\u{a0}', " ");
        assert_eq!(spaced(margins(Some(1.0), Some(0.5), Some(0.0))), "m1 = 0.5 (28.6°)");
        let all = margins(Some(4.0), Some(0.1), Some(0.2));
        assert_eq!(spaced(all), "m0 = 4, m1 = 0.1 (5.7°), m2 = 0.2");
        assert_eq!(margins(None, None, None), "none");
        assert_eq!(scale(None), "free");
        assert_eq!(maybe(Some(f64::NAN), percent), "–");
    }
}
