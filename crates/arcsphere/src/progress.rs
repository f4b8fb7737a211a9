//! How far a training is, as plain data: with the tensors, all of a checkpoint.
//!
//! Everything that a step depends on and that is neither a tensor nor a function of the
//! step number is here, so a trainer that is read back goes on with the same bits.

pub use crate::optim::margin_schedule::Softening;

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One epoch, as it went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// From 1.
    pub epoch: u64,
    /// Mean training loss.
    pub loss: f64,
    /// Training accuracy without margin, on the images as they went by.
    pub train_accuracy: f64,
    /// Accuracy on the validation images, if there are any.
    pub validation_accuracy: Option<f64>,
    /// Largest norm of the backbone's gradient before clipping.
    pub max_gradient_norm: f64,
}

/// Sums of the epoch that is under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Running {
    /// Σ of the steps' mean losses.
    pub loss: f64,
    /// Images classified correctly.
    pub correct: u64,
    /// Images seen.
    pub seen: u64,
    /// Largest gradient norm.
    pub max_gradient_norm: f64,
}

/// How far a training is; with the tensors, all of a checkpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Steps done. A recovery sets it back.
    pub step: u64,
    /// Finished epochs.
    pub history: Vec<EpochRecord>,
    /// The unfinished one.
    pub running: Running,
    /// Why the training is dead, if it is.
    pub collapsed: Option<String>,
    /// What recoveries made of the schedules.
    #[serde(default)]
    pub softening: Softening,
    /// Every time that the training was saved from dying.
    #[serde(default)]
    pub recoveries: Vec<Recovery>,
    /// Causes of death that were seen and not acted on, each once; and the one that ended it.
    #[serde(default)]
    pub findings: Vec<Finding>,
    /// What the detectors remember.
    #[serde(default)]
    pub vitals: Vitals,
    /// The step before which the prototypes' moments were last empty: the training's first, or
    /// the one in which the prototypes were placed anew.
    #[serde(default)]
    pub moments_since: u64,
}

impl Progress {
    /// Steps computed, those included that a recovery took back.
    pub fn steps_computed(&self) -> u64 {
        self.step + self.recoveries.iter().map(|r| r.step - r.back_to).sum::<u64>()
    }

    /// Names of the causes that were seen, each once, in the order in which they were.
    pub fn causes(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        // A finding that is not recovered from comes after all that were.
        for name in self.recoveries.iter().map(|r| &r.cause).chain(self.findings.iter().map(|f| &f.cause)) {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        names
    }
}

/// A cause of death, seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The step in which it was seen, from 1.
    pub step: u64,
    /// Its name in [`crate::collapse::CAUSES`].
    pub cause: String,
    /// The figure that shows it, as the beginning of a sentence.
    pub figure: String,
}

impl Finding {
    /// The figure and the step, as one clause.
    pub fn sentence(&self) -> String {
        format!("{} at step {}", self.figure, self.step)
    }
}

/// A training saved: back to a healthy step, and more softly on from there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recovery {
    /// The step in which the cause was seen, from 1.
    pub step: u64,
    /// Steps that were kept.
    pub back_to: u64,
    /// The cause's name in [`crate::collapse::CAUSES`].
    pub cause: String,
    /// The figure that shows it.
    pub figure: String,
    /// What was made softer.
    pub remedy: String,
}

impl Recovery {
    /// Cause, step and remedy in a line.
    pub fn sentence(&self) -> String {
        let Recovery { step, back_to, figure, remedy, .. } = self;
        format!("{figure} at step {step}: back to step {back_to}, {remedy}")
    }
}

/// A training whose accuracy is below this part of its best is losing what it learned.
const KEPT: f64 = 0.5;

/// What the detectors of [`crate::collapse`] remember from step to step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Vitals {
    /// Running mean of log(mean ‖x‖).
    pub norm_level: Option<f64>,
    /// Running mean of log(gradient norm).
    pub gradient_level: Option<f64>,
    /// For how many steps in a row each cause has been suspected; those at 0 are absent.
    pub streaks: BTreeMap<String, u32>,
    /// The images by which the accuracy is judged next.
    pub window: Window,
    /// Whether the last of them were classified better than by guessing.
    pub above_chance: bool,
    /// Running mean of the batches' accuracy, …
    pub accuracy: f64,
    /// … and the best that it was.
    pub best_accuracy: f64,
}

impl Vitals {
    /// Counts how often in a row `name` is suspected; whether that is `patience` times.
    pub fn suspect(&mut self, name: &str, now: bool, patience: u32) -> bool {
        if !now {
            self.streaks.remove(name);
            return false;
        }
        let streak = self.streaks.entry(name.to_owned()).or_default();
        *streak += 1;
        *streak >= patience
    }

    /// Nothing is suspected, and something was learned and is not being lost: the state is
    /// worth going back to.
    pub fn are_good(&self) -> bool {
        self.streaks.is_empty() && self.above_chance && self.accuracy >= KEPT * self.best_accuracy
    }
}

/// Sums over some batches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Window {
    /// Images.
    pub seen: u64,
    /// Those classified correctly without a margin.
    pub correct: u64,
    /// Σ of their losses.
    pub loss: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suspicion_counts_only_in_a_row() {
        let mut vitals = Vitals { above_chance: true, ..Vitals::default() };
        assert!(!vitals.suspect("a", true, 2) && !vitals.are_good());
        assert!(!vitals.suspect("a", false, 2) && vitals.are_good());
        assert!(!vitals.suspect("a", true, 2) && vitals.suspect("a", true, 2));
    }

    #[test]
    fn a_state_that_loses_what_it_learned_is_not_good() {
        let vitals = Vitals { above_chance: true, best_accuracy: 0.8, ..Vitals::default() };
        assert!(Vitals { accuracy: 0.5, ..vitals.clone() }.are_good());
        assert!(!Vitals { accuracy: 0.3, ..vitals }.are_good());
    }

    #[test]
    fn steps_taken_back_were_computed_too_and_a_cause_is_named_once() {
        let recovery = |step, back_to, cause: &str| Recovery {
            step,
            back_to,
            cause: cause.into(),
            figure: "the loss is NaN".into(),
            remedy: "rate halved".into(),
        };
        let progress = Progress {
            step: 50,
            recoveries: vec![recovery(40, 30, "b"), recovery(45, 30, "a"), recovery(48, 0, "b")],
            findings: vec![Finding { step: 49, cause: "a".into(), figure: String::new() }],
            ..Progress::default()
        };
        assert_eq!((progress.steps_computed(), progress.causes()), (50 + 10 + 15 + 48, vec!["b".into(), "a".into()]));
        let said = progress.recoveries[0].sentence();
        assert_eq!(said, "the loss is NaN at step 40: back to step 30, rate halved");
    }

    /// Older ones also say how many seconds it took, which is no part of what a training is.
    #[test]
    fn the_progress_of_an_older_checkpoint_is_read() {
        let old = r#"{"step":3,"history":[],"running":{"loss":0.5,"correct":1,"seen":2,"max_gradient_norm":0.1},
            "seconds":1.0,"collapsed":null}"#;
        let read: Progress = serde_json::from_str(old).unwrap();
        assert_eq!((read.step, read.softening, read.recoveries.len()), (3, Softening::default(), 0));
        assert!(!serde_json::to_string(&read).unwrap().contains("seconds"));
    }
}
