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

/// An image of a digit, turned by an angle.
struct Turned {
    digit: usize,
    degrees: f64,
    planes: Vec<u8>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let wanted = std::env::args().nth(1).unwrap_or_else(|| "0123456789".into());
    let digits = wanted.chars().map(|c| c.to_digit(10).map(|d| d as usize).ok_or("usage: upright_digits [DIGITS]"));
    let digits: Vec<usize> = digits.collect::<Result<_, _>>()?;
    let source = embedded::mnist()?;
    let references = turned(&source.train, &digits, EACH * rotated::STEPS)?;
    let questions = turned(&source.test, &digits, EACH)?;

    println!("digit  off by more than 90°  as another  mean error of the others");
    for digit in digits {
        let own: Vec<&Turned> = questions.iter().filter(|q| q.digit == digit).collect();
        let answers: Vec<(usize, f64)> = own
            .par_iter()
            .filter_map(|q| nearest(q, &references).map(|r| (r.digit, (r.degrees - q.degrees).abs())))
            .collect();
        let off = answers.iter().filter(|a| a.1 > 90.0).count();
        let another = answers.iter().filter(|a| a.0 != digit).count();
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
        let set = rotated::rotate(&set.subset(&own)?, n, 0)?;
        for (i, &degrees) in set.targets().ok_or("a rotated set has angles")?.values().iter().enumerate() {
            all.push(Turned { digit, degrees: degrees.into(), planes: set.image(i)?.into_owned() });
        }
    }
    Ok(all)
}

fn nearest<'a>(question: &Turned, references: &'a [Turned]) -> Option<&'a Turned> {
    let distance = |other: &Turned| -> u32 {
        question.planes.iter().zip(&other.planes).map(|(a, b)| u32::from(a.abs_diff(*b)).pow(2)).sum()
    };
    references.iter().min_by_key(|r| distance(r))
}
