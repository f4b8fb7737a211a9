//! A dying training: taken back to a good step, ended, or let go, as `train.on_collapse` says.

use super::{Finding, Recovery, Trainer, head_of, new_backbone};
use crate::backbones::Backbone;
use crate::collapse::{self, Circumstances, Snapshot, prescribe};
use crate::config::OnCollapse;
use crate::head::HeadError;
use crate::nn::{export, import};
use crate::optim::Optimizer;
use crate::progress::Progress;

/// After so many recoveries that went back to one step, the next goes back to the first: the
/// seed of the death may be in that step already.
const TIMES_TO_ONE_STEP: usize = 2;

impl<B: Backbone> Trainer<B> {
    /// Keeps the present state to go back to, if it is time and nothing is wrong with it.
    pub(super) fn remember(&mut self) {
        let train = &self.plan.config().train;
        if train.on_collapse != OnCollapse::Recover {
            return;
        }
        let every = if train.snapshot_every > 0 { train.snapshot_every } else { self.plan.steps_per_epoch() };
        let due = self.progress.step.is_multiple_of(every) && self.progress.vitals.are_good();
        // A trainer that has none stands at its first step, or was read from a checkpoint
        // that was itself the last good state.
        if due || self.good.is_none() {
            self.good = Some(Snapshot::take(&self.backbone, &self.optimizer, self.head.state(), &self.progress));
        }
    }

    /// Does what is to be done about `finding`. Returns the recovery if there was one; then the
    /// trainer stands at an earlier step.
    pub(super) fn act_on(&mut self, finding: Finding) -> Result<Option<Recovery>, HeadError> {
        let train = &self.plan.config().train;
        match train.on_collapse {
            OnCollapse::Ignore => {
                let lost = finding.cause == collapse::NOT_FINITE && !self.weights_are_finite();
                if lost {
                    self.progress.collapsed = Some(format!("{}; the weights are lost", finding.sentence()));
                }
                if self.progress.findings.iter().all(|f| f.cause != finding.cause) {
                    self.progress.findings.push(finding);
                }
                Ok(None)
            }
            OnCollapse::Recover if (self.progress.recoveries.len() as u64) < train.recoveries => {
                self.recover(finding).map(Some)
            }
            OnCollapse::Recover | OnCollapse::Stop => {
                let spent = match self.progress.recoveries.len() {
                    0 => String::new(),
                    1 => ", after one recovery".to_owned(),
                    n => format!(", after {n} recoveries"),
                };
                self.progress.collapsed = Some(format!("{}{spent}", finding.sentence()));
                self.progress.findings.push(finding);
                Ok(None)
            }
        }
    }

    fn weights_are_finite(&self) -> bool {
        self.head.is_finite() && collapse::all_finite_in(&self.backbone)
    }

    fn recover(&mut self, finding: Finding) -> Result<Recovery, HeadError> {
        let last = match self.good.take() {
            Some(good) => good,
            None => self.first_state()?,
        };
        let again = self.progress.recoveries.iter().rev().take_while(|r| r.back_to == last.progress.step).count();
        let mut good = if again < TIMES_TO_ONE_STEP { last } else { self.first_state()? };

        let back_to = good.progress.step;
        let circumstances = Circumstances::of(&self.plan, &self.progress, &finding, back_to);
        let remedy = prescribe(&finding, self.progress.softening, &circumstances);
        let softening = remedy.softening();
        self.head.restore(good.head)?;
        if remedy.spreads_prototypes() {
            self.head.spread_prototypes();
        }
        good.head = self.head.state();
        good.progress.moments_since = self.head.moments_since();
        self.head.soften(&softening)?;
        let Finding { step, cause, figure } = finding;
        let recovery = Recovery { step, back_to, cause, figure, remedy: remedy.in_words() };

        let before = std::mem::take(&mut self.progress);
        let mut recoveries = before.recoveries;
        recoveries.push(recovery.clone());
        let mut vitals = good.progress.vitals.clone();
        vitals.streaks.clear();
        self.progress = Progress { softening, recoveries, vitals, ..good.progress.clone() };
        // The state comes from this very backbone, so it fits.
        if let Ok(backbone) = import(self.backbone.clone(), good.backbone.clone()) {
            self.backbone = backbone;
        }
        self.optimizer = good.optimizer.clone();
        self.good = Some(Snapshot { progress: self.progress.clone(), ..good });
        Ok(recovery)
    }

    /// The training at its first step, which is kept or which the seed gives again.
    fn first_state(&self) -> Result<Snapshot, HeadError> {
        let backbone = match (&self.first, new_backbone(&self.plan, &self.device)) {
            (Some(first), _) => first.clone(),
            (None, Ok(made)) => export(&made),
            // A network of one's own that is to recover is kept from its first step on.
            (None, Err(_)) => export(&self.backbone),
        };
        let head = head_of(&self.plan).build()?.state();
        Ok(Snapshot { backbone, optimizer: Optimizer::default(), head, progress: Progress::default() })
    }
}
