//! Batches of P classes with K images of each, for the losses that learn from pairs, and for
//! any loss where they are asked for, so that a comparison can give all the same.

use super::{PlanError, refused, within};
use crate::config::Config;
use crate::range::Range;
use arcsphere_data::sampler::Batches;
use arcsphere_data::{DataError, Dataset};

/// Images of a class where neither number is given and there are more classes than fit.
const IMAGES: usize = 4;

const PAIRS: &str = "the loss learns from pairs of one class and of two, and a batch must hold both";

/// P and K; `None` for batches drawn from all images. `needed_by` names a loss that needs pairs.
///
/// # Errors
///
/// [`PlanError`] for numbers out of range, and for images that have not as many classes, or a
/// class that has not as many images.
pub(super) fn per_class(
    config: &Config,
    needed_by: Option<&'static str>,
    train: &Dataset,
) -> Result<Option<(usize, usize)>, PlanError> {
    let t = &config.train;
    if needed_by.is_none() && t.classes_per_batch.is_none() && t.images_per_class.is_none() {
        return Ok(None);
    }
    let smallest = train.class_counts().iter().copied().min().unwrap_or(0);
    let images = t.images_per_class.unwrap_or(IMAGES).max(1);
    let p = t.classes_per_batch.unwrap_or_else(|| (t.batch / images).min(train.n_classes()).max(2));
    let k = t.images_per_class.unwrap_or_else(|| (t.batch / p.max(1)).min(smallest).max(2));
    let least = if needed_by.is_some() { 2 } else { 1 };
    for (key, value) in [("train.classes_per_batch", p), ("train.images_per_class", k)] {
        let why = if needed_by.is_some() { PAIRS } else { "a batch needs images, and memory has an end" };
        within(key, value as f64, Range::Whole(least, 65_536), why)?;
    }
    if p.saturating_mul(k) > 65_536 {
        let range = format!("at most {} with {k} images of each", 65_536 / k);
        return Err(refused("train.classes_per_batch", p, range, "memory has an end"));
    }
    Batches::by_class(train, p, k, t.seed, 0).map_err(|error| match error {
        DataError::TooFewInClass { class, found, needed } if needed_by.is_some() && needed == 2 => PlanError::Data(format!(
            "class `{class}` has {found} image to train on, and {PAIRS}: give each class at least {needed} beside those \
             of the test and the validation (--set data.validation=0 takes none, nor does --open-set for a test), or \
             take a loss that learns from single images, such as arcface"
        )),
        other => other.into(),
    })?;
    Ok(Some((p, k)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arcsphere_data::Shape;

    /// `classes` classes with `images` images each.
    fn set(classes: u32, images: usize) -> Dataset {
        let labels: Vec<u32> = (0..images).flat_map(|_| 0..classes).collect();
        let names = (0..classes).map(|c| c.to_string()).collect();
        Dataset::new(Shape { channels: 1, height: 1, width: 1 }, vec![0; labels.len()], labels, names).unwrap()
    }

    fn of(
        p: Option<usize>,
        k: Option<usize>,
        needed_by: Option<&'static str>,
        set: &Dataset,
    ) -> Result<Option<(usize, usize)>, PlanError> {
        let mut config = Config::default();
        (config.train.batch, config.train.classes_per_batch, config.train.images_per_class) = (128, p, k);
        per_class(&config, needed_by, set)
    }

    #[test]
    fn numbers_that_are_not_given_fit_the_batch_and_the_classes() {
        let triplet = Some("triplet");
        assert_eq!(of(None, None, None, &set(10, 20)).unwrap(), None);
        assert_eq!(of(None, None, triplet, &set(10, 20)).unwrap(), Some((10, 12)));
        assert_eq!(of(None, None, triplet, &set(10, 5)).unwrap(), Some((10, 5)));
        assert_eq!(of(None, None, triplet, &set(100, 20)).unwrap(), Some((32, 4)));
        assert_eq!(of(Some(8), None, None, &set(10, 20)).unwrap(), Some((8, 16)));
        assert_eq!(of(None, Some(16), None, &set(10, 20)).unwrap(), Some((8, 16)));
    }

    #[test]
    fn what_the_images_cannot_give_is_refused() {
        let message = |p, k, needed_by| of(p, k, needed_by, &set(10, 5)).unwrap_err().to_string();
        assert!(message(Some(11), None, None).contains("11"));
        assert!(message(None, Some(6), None).contains('6'));
        assert!(message(None, Some(1), Some("triplet")).contains("train.images_per_class = 1"));
        assert!(message(Some(1), None, Some("triplet")).contains("pairs of one class"));
        assert_eq!(of(Some(1), Some(1), None, &set(10, 5)).unwrap(), Some((1, 1)));
    }
}
