//! Whether a progress that was read is one that a training can have.

use super::Broken;
use crate::progress::Progress;

/// More steps or images than any training has, of which sums still fit.
const MOST: u64 = 1 << 53;

/// Refuses numbers that no training has, of which others are computed. `what` names it.
pub(super) fn check(p: &Progress, what: &str, most_recoveries: u64) -> Result<(), Broken> {
    let refused = |key: &str, found: &dyn ToString, expected: String| {
        Err(Broken::value(format!("{what}.{key}"), found.to_string(), expected))
    };
    let whole = [
        ("step", p.step, MOST),
        ("moments_since", p.moments_since, p.step),
        ("running.seen", p.running.seen, MOST),
        ("running.correct", p.running.correct, p.running.seen),
        ("vitals.window.seen", p.vitals.window.seen, MOST),
        ("vitals.window.correct", p.vitals.window.correct, p.vitals.window.seen),
        ("the number of recoveries", p.recoveries.len() as u64, most_recoveries),
        ("the number of epochs", p.history.len() as u64, p.step),
    ];
    for (key, found, most) in whole {
        if found > most {
            return refused(key, &found, format!("at most {most}"));
        }
    }
    if let Some((cause, streak)) = p.vitals.streaks.iter().find(|(_, n)| u64::from(**n) > p.step) {
        return refused(&format!("vitals.streaks.{cause}"), streak, format!("at most {}, the steps", p.step));
    }
    if let Some(r) = p.recoveries.iter().find(|r| r.back_to >= r.step || r.step > MOST) {
        return refused("recoveries: a step back from", &r.step, format!("more than {}, where it goes", r.back_to));
    }
    match p.softening.check() {
        Err(e) => refused(e.key, &e.value, e.range),
        Ok(()) => Ok(()),
    }
}

/// Refuses more than a training of so many steps has.
pub(super) fn within(p: &Progress, what: &str, steps: u64, per_epoch: u64) -> Result<(), Broken> {
    let epochs = p.step / per_epoch.max(1);
    let found = p.history.len() as u64;
    if p.step > steps {
        return Err(Broken::value(format!("{what}.step"), p.step, format!("at most {steps}, the training's")));
    }
    if found > epochs {
        let expected = format!("at most {epochs}, which {} steps are", p.step);
        return Err(Broken::value(format!("{what}: the number of epochs"), found, expected));
    }
    Ok(())
}
