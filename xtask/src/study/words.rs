//! Numbers and lists as a reader sees them.

use arcsphere_eval::interval::{Mean, Proportion};
use arcsphere_eval::show::{fixed, typeset};

/// What was not measured.
pub(super) const NONE: &str = "–";

/// Two decimals and a true minus sign.
pub(super) fn number(value: f64) -> String {
    typeset(value, 2)
}

/// Radians as degrees, one decimal.
pub(super) fn degrees(radians: f64) -> String {
    typeset(radians.to_degrees(), 1)
}

/// What `number` or `degrees` wrote, with a sign also above 0.
pub(super) fn signed(text: String) -> String {
    let positive = !text.starts_with('−') && text.chars().any(|c| ('1'..='9').contains(&c));
    if positive { format!("+{text}") } else { text }
}

/// At most four decimals, without zeros at the end: a margin or a rate.
pub(super) fn short(value: f64) -> String {
    let text = fixed(value, 4);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// `97.31 [96.80, 97.82]`, each number by `show`; the mean alone where there is no interval.
pub(super) fn mean(m: &Mean, show: impl Fn(f64) -> String) -> String {
    match m.low.zip(m.high) {
        Some((low, high)) => format!("{} [{}, {}]", show(m.value), show(low), show(high)),
        None => show(m.value),
    }
}

/// `3 of 60: 5.00 % [1.71, 13.70]`.
pub(super) fn share(p: &Proportion) -> String {
    let count = (p.value * p.n as f64).round();
    let [value, low, high] = [p.value, p.low, p.high].map(|v| number(100.0 * v));
    format!("{count} of {}: {value} % [{low}, {high}]", p.n)
}

/// A p-value.
pub(super) fn p_value(p: f64) -> String {
    if p < 0.001 { "p < 0.001".to_owned() } else { format!("p = {p:.3}") }
}

/// `a`, `a and b`, `a, b and c`.
pub(super) fn list(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [front @ .., last] => format!("{} and {last}", front.join(", ")),
    }
}

/// A count with commas between thousands.
pub(super) fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// `35 min`, `4 h 5 min`.
pub(super) fn duration(minutes: f64) -> String {
    let whole = minutes.round() as u64;
    match (whole / 60, whole % 60) {
        (0, m) => format!("{m} min"),
        (h, 0) => format!("{h} h"),
        (h, m) => format!("{h} h {m} min"),
    }
}

/// `1 seed`, `3 seeds`.
pub(super) fn count(n: usize, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{n} {noun}s") }
}

/// A Markdown table; columns of numbers stand to the right, but for the first, which names its row.
pub(super) fn table(head: &[String], rows: &[Vec<String>]) -> String {
    let line = |cells: &[String]| {
        let cells: Vec<String> = cells.iter().map(|c| c.replace('|', "\\|").replace('\n', " ")).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let numeric = |cell: &String| cell == NONE || cell.starts_with(|c: char| c.is_ascii_digit() || "+−≥".contains(c));
    let rule = |column: usize| match column > 0 && rows.iter().filter_map(|row| row.get(column)).all(numeric) {
        true => "---:".to_owned(),
        false => "---".to_owned(),
    };
    let mut out = line(head) + &line(&(0..head.len()).map(rule).collect::<Vec<_>>());
    rows.iter().for_each(|row| out += &line(row));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use arcsphere_eval::interval::wilson;

    #[test]
    fn numbers_have_their_signs_and_no_more_digits_than_they_carry() {
        assert_eq!([number(-0.001), number(-1.5), degrees(-0.1)], ["0.00", "−1.50", "−5.7"]);
        assert_eq!([0.25, -0.25, 0.001].map(|v| signed(number(v))), ["+0.25", "−0.25", "0.00"]);
        assert_eq!([0.3, 4.0, 0.0, 0.0125, 10.0].map(short), ["0.3", "4", "0", "0.0125", "10"]);
        assert_eq!([54_000, 999, 1_234_567].map(thousands), ["54,000", "999", "1,234,567"]);
        assert_eq!([35.0, 125.0, 120.0].map(duration), ["35 min", "2 h 5 min", "2 h"]);
        assert_eq!([0.0001, 0.0312].map(p_value), ["p < 0.001", "p = 0.031"]);
    }

    #[test]
    fn intervals_stand_beside_their_number() {
        let m = Mean { n: 2, value: 0.5, sd: Some(0.1), low: Some(0.4), high: Some(0.6) };
        assert_eq!(mean(&m, |v| number(100.0 * v)), "50.00 [40.00, 60.00]");
        assert_eq!(mean(&Mean { low: None, high: None, ..m }, number), "0.50");
        assert_eq!(share(&wilson(3, 60).unwrap()), "3 of 60: 5.00 % [1.71, 13.70]");
    }

    #[test]
    fn a_table_is_markdown() {
        let text = table(&["a".into(), "b".into()], &[vec!["x|y".into(), "1".into()], vec!["z".into(), NONE.into()]]);
        assert_eq!(text, "| a | b |\n| --- | ---: |\n| x\\|y | 1 |\n| z | – |\n");
        assert_eq!(list(&["a".into(), "b".into(), "c".into()]), "a, b and c");
    }
}
