//! Measures which handwritten digits have one way up, so that the ends of the line of angles are apart: the
//! reason for `rotated::DIGITS`.
//!
//! ```text
//! cargo run --release -p arcsphere-data --example upright_digits [DIGITS]
//! ```
//!
//! References are the first 100 training images of each of DIGITS (default: all ten) at all 60 angles.
//! Each of the first 100 test images of each, at one angle, is given the angle of its nearest
//! reference (Euclidean distance of the pixels). A digit that looks the same after half a turn, or
//! like another digit, is taken for the other end of the line near −88.5° and 88.5°, and off by more than
//! 90°. The column `as another` counts answers from a
//! reference of another digit.

use std::error::Error;

use arcsphere_data::{Dataset, embedded, rotated};
use rayon::prelude::*;

const EACH: usize = 100;

/// A digit's images, turned.
struct Turned {
    digit: usize,
    set: Dataset,
}

fn main() -> Result<(), Box<dyn Error>> {
    let wanted = std::env::args().nth(1).unwrap_or_else(|| "0123456789".into());
    let digits = wanted.chars().map(|c| c.to_digit(10).map(|d| d as usize).ok_or("usage: upright_digits [DIGITS]"));
    let digits: Vec<usize> = digits.collect::<Result<_, _>>()?;
    let source = embedded::mnist()?;
    let references = turned(&source.train, &digits, EACH * rotated::STEPS)?;
    let questions = turned(&source.test, &digits, EACH)?;

    println!("digit  off by more than 90°  as another  mean error of the others");
    for Turned { digit, set } in &questions {
        let answers: Vec<(usize, f64)> = (0..set.len())
            .into_par_iter()
            .map(|i| {
                let (angle, digit) = nearest(set.image(i), &references);
                (digit, (angle - angle_of(set, i)).abs())
            })
            .collect();
        let off = answers.iter().filter(|a| a.1 > 90.0).count();
        let another = answers.iter().filter(|a| a.0 != *digit).count();
        let near: Vec<f64> = answers.iter().map(|a| a.1).filter(|e| *e <= 90.0).collect();
        let mean = near.iter().sum::<f64>() / near.len() as f64;
        println!("{digit:>5}  {off:>10} of {:>4}  {another:>10}  {mean:>22.1}°", answers.len());
    }
    Ok(())
}

/// `n` turned images made from the first `EACH` of each digit.
fn turned(set: &Dataset, digits: &[usize], n: usize) -> Result<Vec<Turned>, Box<dyn Error>> {
    let mut all = Vec::new();
    for &digit in digits {
        let own = (0..set.len()).filter(|&i| set.labels()[i] as usize == digit).take(EACH).collect::<Vec<_>>();
        all.push(Turned { digit, set: rotated::rotate(&set.subset(&own)?, n, 0)? });
    }
    Ok(all)
}

fn angle_of(set: &Dataset, i: usize) -> f64 {
    set.targets().map_or(f64::NAN, |t| f64::from(t.values()[i]))
}

/// Angle and digit of the nearest reference.
fn nearest(image: &[u8], references: &[Turned]) -> (f64, usize) {
    let distance =
        |other: &[u8]| -> u32 { image.iter().zip(other).map(|(a, b)| u32::from(a.abs_diff(*b)).pow(2)).sum() };
    let each = references.iter().flat_map(|r| (0..r.set.len()).map(move |i| (distance(r.set.image(i)), r, i)));
    each.min_by_key(|e| e.0).map_or((f64::NAN, 0), |(_, r, i)| (angle_of(&r.set, i), r.digit))
}
