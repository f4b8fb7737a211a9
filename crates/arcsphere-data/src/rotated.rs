//! Rotated images: a stand-in for an ordered target.
//!
//! Faces with ages cannot be shipped. What a method does with an ordered target can also be seen on
//! images whose angle is to be told: 60 classes, class k being an image turned by k · 3° − 88.5°
//! counter-clockwise. Ages are a line, and so are these: half a circle, upright in its middle, whose ends
//! stand on their sides and are 177° apart. The images are real, their order is made, and how well an angle
//! is told says nothing of how well an age would be.
//!
//! A turn is about the image's center of brightness, Σ value · position / Σ value, with bilinear
//! interpolation, and what lies outside the largest circle about it that fits into the image is black at
//! every angle. So only what is in the picture tells the angle, not where it went (MNIST's digits sit half a
//! pixel off the middle) nor how the frame was turned. No class is upright or on its side exactly, where
//! nothing would be interpolated and the image be a little sharper than the others.
//!
//! The line has two ends only where an image has one way up. Handwritten digits do not all: 0, 8, 5, 2 and
//! 1, a plain stroke, look much the same after half a turn, and a 6 turned by half is a 9: for them
//! −88.5° and 88.5° are next to one another. See [`DIGITS`] for those that are used.

use rayon::prelude::*;

use crate::dataset::{Dataset, Shape};
use crate::error::DataError;
use crate::rng;
use crate::samples::SampleInfo;
use crate::target::{Targets, Unit};

/// Number of classes.
pub const STEPS: usize = 60;

/// Degrees from one class to the next.
pub(crate) const STEP: f32 = 3.0;

/// What is added to the name of the set that was rotated.
pub(crate) const NOTE: &str = "rotated by −88.5° to 88.5° in 60 steps of 3° (a stand-in for an ordered target)";

/// The handwritten digits that are used: those of which the two ends of the line are told apart.
///
/// `examples/upright_digits.rs` measures it on the embedded part of MNIST: 100 test images of each digit,
/// each at one angle, get the angle of the nearest of 100 training images of each digit at all 60
/// angles. So many are then off by more than 90° (of 100 each and one seed, so give or take 5 at 95 %):
///
/// | among | 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 |
/// | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
/// | all ten | 14 | 5 | 5 | 1 | 3 | 8 | 5 | 0 | 5 | 4 |
/// | 3, 4, 7, 9 | | | | 0 | 3 | | | 0 | | 0 |
pub const DIGITS: [&str; 4] = ["3", "4", "7", "9"];

/// Steps between the turns of one image. Prime to [`STEPS`], so that its first 60 turns all differ,
/// and near to 60 divided by the golden ratio, so that its first few are far apart.
const STRIDE: usize = 37;

/// `n` images that are rotated images of `set`, with the angle as class and target.
///
/// Images take turns: each is used once before any is used again, up to 60 times at another angle each.
/// The classes are of one size, give or take one image for each such round. A sample's subject is the name
/// of the image that it shows. A pure function of the arguments.
///
/// # Errors
/// [`EmptySet`](DataError::EmptySet) when `n` is 0, [`TooLarge`](DataError::TooLarge) when the result
/// does not fit in memory, and those of [`Dataset::image`].
///
/// ```
/// use arcsphere_data::{Unit, embedded, rotated};
///
/// let digits = embedded::mnist()?.test.take(100)?;
/// let turned = rotated::rotate(&digits, 120, 7)?;
/// assert_eq!((turned.len(), turned.n_classes()), (120, 60));
/// assert_eq!((turned.classes()[0].as_str(), turned.classes()[59].as_str()), ("-88.5°", "88.5°"));
/// let targets = turned.targets().unwrap();
/// assert_eq!((targets.unit(), targets.class_values()[30]), (Unit::Degrees, 1.5));
/// assert!(turned.info(7).subject.unwrap().starts_with("test/000"));
/// # Ok::<(), arcsphere_data::DataError>(())
/// ```
pub fn rotate(set: &Dataset, n: usize, seed: u64) -> Result<Dataset, DataError> {
    let shape = set.shape();
    let mut order: Vec<usize> = (0..set.len()).collect();
    rng::shuffle(&mut rng::keyed(b"rotate--", seed, set.len() as u64, n as u64), &mut order);
    let place = |i: usize| (i / order.len(), i % order.len());
    let step = |i: usize| (place(i).1 % STEPS + STRIDE * (place(i).0 % STEPS)) % STEPS;

    let turns: Vec<Turn> = (0..STEPS).map(|s| Turn::by(angle(s).into())).collect();
    let values = n.saturating_mul(shape.values());
    let mut pixels = Vec::new();
    pixels
        .try_reserve_exact(values)
        .map_err(|_| DataError::TooLarge { origin: format!("{n} rotated images of {shape}"), bytes: values as u64 })?;
    pixels.resize(values, 0);
    let one = |(i, to): (usize, &mut [u8])| {
        let from = set.image(order[place(i).1])?;
        let center = center(&from, shape);
        for (to, from) in to.chunks_mut(shape.plane()).zip(from.chunks(shape.plane())) {
            turns[step(i)].apply(from, shape, center, to);
        }
        Ok(())
    };
    let parts = pixels.par_chunks_mut(shape.values()).with_min_len(16).enumerate();
    if let Some(error) = parts.map(one).find_map_first(Result::err) {
        return Err(error);
    }
    let labels = (0..n).map(|i| step(i) as u32).collect();
    let classes = (0..STEPS).map(|s| format!("{}°", angle(s))).collect();
    let angles = (0..n).map(|i| angle(step(i))).collect();
    let targets = Targets::new(Unit::Degrees, angles, (0..STEPS).map(angle).collect())?;
    let infos = (0..n).map(|i| {
        let SampleInfo { name, group, .. } = set.info(order[place(i).1]);
        let mut info = SampleInfo::named(format!("{name} at {}°", angle(step(i))));
        info.subject = Some(name);
        info.group = group;
        info
    });
    Dataset::new(shape, pixels, labels, classes)?.with_info(infos.collect())?.with_targets(targets)
}

/// Both parts of a set, rotated, with as many images as they have; a training image never becomes a test
/// image. Of the ten handwritten digits, those of [`DIGITS`] are used, at two or three angles each.
///
/// # Errors
/// Those of [`rotate`]; [`EmptyClass`](DataError::EmptyClass) when there are too few training images for
/// all angles, [`EmptySet`](DataError::EmptySet) when no digit with one way up is there.
pub(crate) fn both(train: &Dataset, test: &Dataset, seed: u64) -> Result<(Dataset, Dataset), DataError> {
    let turned = |set: &Dataset| match upright(set)? {
        Some(part) => rotate(&part, set.len(), seed),
        None => rotate(set, set.len(), seed),
    };
    let train = turned(train)?;
    train.require_every_class("rotated training images")?;
    Ok((train, turned(test)?))
}

/// Those of [`DIGITS`] when the classes are the ten digits.
fn upright(set: &Dataset) -> Result<Option<Dataset>, DataError> {
    let all_ten = set.n_classes() == 10 && (0..10).all(|d| set.classes()[d] == d.to_string());
    all_ten.then(|| set.keep_classes(|d| DIGITS.contains(&set.classes()[d].as_str()))).transpose()
}

/// Degrees of a class, upright in the middle.
fn angle(step: usize) -> f32 {
    (step as f32 - (STEPS - 1) as f32 / 2.0) * STEP
}

/// A point between pixels: row and column, counted from the middle of the first pixel.
type Point = (f64, f64);

/// The center of brightness of an image of one or more planes, or its middle when it is black.
fn center(image: &[u8], shape: Shape) -> Point {
    let (mut sum, mut rows, mut columns) = (0_u64, 0_u64, 0_u64);
    for (i, &value) in image.iter().enumerate() {
        let (y, x) = (i % shape.plane() / shape.width, i % shape.width);
        sum += u64::from(value);
        rows += u64::from(value) * y as u64;
        columns += u64::from(value) * x as u64;
    }
    match sum {
        0 => ((shape.height - 1) as f64 / 2.0, (shape.width - 1) as f64 / 2.0),
        _ => (rows as f64 / sum as f64, columns as f64 / sum as f64),
    }
}

/// A rotation, as what it does to the way from the center to a pixel.
struct Turn {
    cos: f64,
    sin: f64,
}

impl Turn {
    /// Counter-clockwise, as seen on the screen.
    fn by(degrees: f64) -> Self {
        // To 20 binary places, at most 1e-5 pixels off in 20: quarter turns become exact, and the last
        // bits of a system's sine do not show.
        let short = |v: f64| (v * f64::from(1 << 20)).round() / f64::from(1 << 20);
        let radians = degrees.to_radians();
        Self { cos: short(radians.cos()), sin: short(radians.sin()) }
    }

    fn apply(&self, plane: &[u8], shape: Shape, center: Point, out: &mut [u8]) {
        let (height, width) = (shape.height, shape.width);
        let to_edge = [center.0, (height - 1) as f64 - center.0, center.1, (width - 1) as f64 - center.1];
        // A little more, for points that rounding has put outside.
        let radius = to_edge.into_iter().fold(f64::INFINITY, f64::min) + 1e-9;
        let at = |y: i64, x: i64| {
            let inside = (0..height as i64).contains(&y) && (0..width as i64).contains(&x);
            if inside { f64::from(plane[y as usize * width + x as usize]) } else { 0.0 }
        };
        for (y, row) in out.chunks_mut(width).enumerate() {
            for (x, to) in row.iter_mut().enumerate() {
                let (dy, dx) = (y as f64 - center.0, x as f64 - center.1);
                if dy * dy + dx * dx > radius * radius {
                    *to = 0;
                    continue;
                }
                // Rows count downward, so this goes back by the angle.
                let sy = center.0 + dx * self.sin + dy * self.cos;
                let sx = center.1 + dx * self.cos - dy * self.sin;
                let (y0, x0) = (sy.floor(), sx.floor());
                let (fy, fx) = (sy - y0, sx - x0);
                let (y0, x0) = (y0 as i64, x0 as i64);
                let top = at(y0, x0) * (1.0 - fx) + at(y0, x0 + 1) * fx;
                let bottom = at(y0 + 1, x0) * (1.0 - fx) + at(y0 + 1, x0 + 1) * fx;
                *to = (top * (1.0 - fy) + bottom * fy).round() as u8;
            }
        }
    }
}

#[cfg(test)]
mod tests;
