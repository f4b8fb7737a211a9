//! A training that guesses: its accuracy is that of chance, long after it should not be.
//!
//! A plain softmax that says nothing has a loss of log C; with a margin it is more, and with
//! a ψ that rises it can be 0. So the accuracy without a margin decides, and the loss is told.
//!
//! Where a number is learned there is no log C, and the accuracy over many steps is low in the best of
//! trainings. It guesses if it tells no more images nearer than the median of their batch does: one number
//! for all, whichever it is, does so for at most half of them.

use super::{CauseInfo, Evidence, Remedy};
use crate::progress::{Vitals, Window};
use arcsphere_eval::interval::Proportion;

pub(super) const INFO: CauseInfo = CauseInfo {
    name: "stuck_at_chance",
    summary: "past a quarter of the training it still guesses, at a loss near log C or not; a number no better than the median",
    remedy: "plain softmax for a while, then a weaker margin, grown anew; a lower rate and scale",
    look,
    cure,
};

/// Images of a window: at least so many, and so many a class.
const IMAGES: u64 = 500;
const IMAGES_A_CLASS: u64 = 20;
/// Correct images above the bound that tell learning from luck before a window is full.
const LUCK: f64 = 5.0;
/// What a batch adds of its distance to the running accuracy.
const PACE: f64 = 0.1;

/// The accuracy below which a classifier of C classes guesses: half as much again as 1/C, and
/// no more than five points above it.
pub(crate) fn chance_bound(classes: usize) -> f64 {
    let chance = 1.0 / classes.max(1) as f64;
    (1.5 * chance).min(chance + 0.05)
}

/// Whether a share of test images says that a classifier of C classes guesses: it is below [`chance_bound`], and
/// the upper end of its Wilson 95 % interval is below an accuracy twice as far above chance as that bound. So
/// a classifier that has learned something is called a guesser by the luck of its images in one case of forty, and two images say
/// nothing: with ten classes the level is 20 %, and of none right 16 images are needed.
pub(crate) fn guesses(share: &Proportion, classes: usize) -> bool {
    let (chance, bound) = (1.0 / classes.max(1) as f64, chance_bound(classes));
    share.value < bound && share.high < chance + 2.0 * (bound - chance)
}

/// The share of images told nearer than by the median below which a number is guessed. Of the 1,200 of a window
/// with 60 classes a share of ½ has a standard deviation of 1.4 points.
const NEARER: f64 = 0.55;

fn look(evidence: &Evidence<'_>, vitals: &mut Vitals) -> Option<String> {
    vitals.accuracy += PACE * (evidence.accuracy() - vitals.accuracy);
    vitals.best_accuracy = vitals.best_accuracy.max(vitals.accuracy);
    let window = &mut vitals.window;
    window.seen += evidence.stats.len() as u64;
    window.correct += evidence.correct() as u64;
    let sum: f64 = evidence.stats.iter().map(|s| s.loss).sum();
    if sum.is_finite() {
        window.loss += sum;
    }
    let Window { seen, correct, loss } = *window;
    let bound = if evidence.beats_median.is_some() { NEARER } else { chance_bound(evidence.classes) };
    let n = seen as f64;
    if correct as f64 >= bound * n + LUCK {
        vitals.above_chance = true;
    }
    if seen < IMAGES.max(IMAGES_A_CLASS * evidence.classes as u64) {
        return None;
    }
    vitals.window = Window::default();
    vitals.above_chance = correct as f64 >= bound * n;
    (evidence.late() && !vitals.above_chance).then(|| {
        let (share, loss, c) = (100.0 * correct as f64 / n, loss / n, evidence.classes as f64);
        match evidence.beats_median {
            Some(_) => format!(
                "of the last {seen} images {share:.2} % are told nearer than by the median of their batch, as by one number for all, and the mean loss is {loss:.3}"
            ),
            None => format!(
                "accuracy over the last {seen} images is {share:.2} %, that of guessing among {c} classes, and the mean loss {loss:.3} (log C = {:.3})",
                c.ln()
            ),
        }
    })
}

fn cure(list: &mut Remedy<'_>) {
    list.start_softly();
    list.slow_down();
    list.weaken();
    list.grow_anew();
    list.lower_scale();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collapse::evidence::testing::{CLASSES, Scene, shown};

    /// One row in `of` is right.
    fn scene(of: usize) -> Scene {
        let mut scene = Scene::healthy();
        scene.stats.iter_mut().enumerate().for_each(|(i, s)| s.correct = i % of == 0);
        scene
    }

    #[test]
    fn guessing_late_is_a_death_and_early_it_is_none() {
        let guesses = scene(CLASSES);
        let said = shown(look, guesses.evidence(), 8).unwrap();
        assert!(said.contains("512 images is 12.50 %") && said.contains("log C = 2.079"), "{said}");
        assert_eq!(shown(look, guesses.evidence(), 7), None, "the window is not full");
        assert_eq!(shown(look, Evidence { step: 0, ..guesses.evidence() }, 240), None, "early");
        assert_eq!(shown(look, Evidence { step: 50, steps: 120, ..guesses.evidence() }, 40), None, "too few steps");
    }

    #[test]
    fn twice_chance_is_learning() {
        assert_eq!(shown(look, scene(CLASSES / 2).evidence(), 400), None);
    }

    #[test]
    fn a_small_loss_excuses_nothing() {
        let mut guesses = scene(CLASSES);
        guesses.stats.iter_mut().for_each(|s| s.loss = 0.0);
        assert!(shown(look, guesses.evidence(), 8).unwrap().contains("mean loss 0.000"));
    }

    #[test]
    fn a_number_is_judged_by_the_median_and_not_by_its_steps() {
        // No step is right, as in the best of regressions over many.
        let scene = scene(CLASSES).misclassified();
        let of = |nearer: usize| (0..scene.stats.len()).map(|i| i % 4 < nearer).collect::<Vec<bool>>();
        let said = |rows: &[bool]| shown(look, Evidence { beats_median: Some(rows), ..scene.evidence() }, 400);
        assert_eq!(said(&of(3)), None);
        let said = said(&of(2)).unwrap();
        assert!(said.contains("512 images 50.00 %") && !said.contains("log C"), "{said}");
    }

    #[test]
    fn learning_is_told_from_luck_before_the_window_is_full() {
        let (learned, mut vitals) = (Scene::healthy(), Vitals::default());
        look(&learned.evidence(), &mut vitals);
        assert!(vitals.above_chance && vitals.window.seen == 64);
        let mut vitals = Vitals::default();
        look(&scene(CLASSES).evidence(), &mut vitals);
        assert!(!vitals.above_chance);
    }

    #[test]
    fn a_few_images_are_no_verdict() {
        let of = |right, n, classes| guesses(&arcsphere_eval::interval::wilson(right, n).unwrap(), classes);
        // By hand: of none right of n the upper end is z²/(n + z²), z² = 3.8415; 0.2 at n = 15.4. By the binomial
        // distribution a network that is right in 20 % has none of 16 right in 0.8¹⁶ = 2.8 % of cases, of 2 in 64 %.
        assert_eq!([0, 2, 8, 15, 16, 1000].map(|n| n > 0 && of(0, n, 10)), [false, false, false, false, true, true]);
        assert!(
            !of(1, 2, 2) && !of(10, 20, 2) && of(50, 100, 2),
            "with two classes half is chance, and the level 60 %"
        );
        assert!(of(1000, 10_000, 10) && of(1400, 10_000, 10) && !of(1501, 10_000, 10));
        assert!(of(10, 10_000, 1000) && !of(1, 500, 1000));
    }

    #[test]
    fn the_bound_suits_few_classes_and_many() {
        assert!((chance_bound(10) - 0.15).abs() < 1e-12);
        assert!((chance_bound(2) - 0.55).abs() < 1e-12 && (chance_bound(1000) - 0.0015).abs() < 1e-12);
    }
}
