//! AdaCos: no margin, and a scale that follows from the number of classes.
//!
//! ```text
//! fixed    s̃ = √2·log(C − 1)
//! dynamic  s ← log B / cos(min(π/4, θ_med)),   B = mean_i Σ_{j≠y} exp(s·cos θ_ij)
//! ```
//!
//! With s̃ the probability of the own class bends most at θ = π/4, if the other classes stand
//! at right angles; the dynamic form measures where they stand. θ_med is the median angle of
//! the batch. The paper scales a batch by the s that the batch itself gives; here that s is
//! known once the batch's log-sum-exps are, so it scales the next one.
//!
//! log(C − 1) is 0 for two classes and nothing would be learned: s never falls below
//! √2·log 2, its value for three.

use super::{Margin, MarginKind, MarginLoss, Margins, Param, Row, RowStats, Target};
use crate::range::Range;
use std::f64::consts::{FRAC_PI_4, LN_2, SQRT_2};

const DYNAMIC: Param =
    Param::new("dynamic", 0.0, Range::Whole(0, 1), "it is a switch", "1: s follows each batch; 0: it stays");

pub(super) const INFO: MarginLoss = MarginLoss {
    name: "adacos",
    aliases: &[],
    summary: "no margin; the scale follows from the number of classes, or from each batch",
    formula: "z_y = s·cos θ_y,  s = √2·log(C − 1)",
    source: "Zhang et al., AdaCos, CVPR 2019, §4",
    params: &[DYNAMIC],
    kind: MarginKind {
        boundary: "s(cos θ1 − cos θ2) = 0",
        own_scale: Some(|recipe, _| (SQRT_2 * (recipe.classes as f64 - 1.0).ln()).max(LEAST)),
        build: |recipe| Box::new(AdaCos { dynamic: recipe.param(&DYNAMIC) == 1.0, first: recipe.scale }),
        ..MarginKind::RELATIVE
    },
};

/// The smallest s, and the largest, at which f32 still tells logits apart.
const LEAST: f64 = SQRT_2 * LN_2;
const MOST: f64 = 10_000.0;

#[derive(Debug)]
struct AdaCos {
    dynamic: bool,
    /// s before the first batch.
    first: f64,
}

impl Margin for AdaCos {
    fn target(&self, row: &Row, _memory: &[f64], _strength: f64) -> Target {
        Target { psi: row.cos, dpsi_dtheta: -row.sin, ..Target::default() }
    }

    fn steepest(&self) -> f64 {
        Margins::NONE.angle_multiplier
    }

    /// s.
    fn memory(&self) -> Vec<f64> {
        if self.dynamic { vec![self.first] } else { Vec::new() }
    }

    fn scale(&self, memory: &[f64]) -> Option<f64> {
        memory.first().copied()
    }

    fn end(&self, memory: &mut [f64], stats: &[RowStats]) {
        let [s] = memory else { return };
        let moved = log_mean_exp(stats) / median_angle(stats).min(FRAC_PI_4).cos();
        if moved.is_finite() {
            *s = moved.clamp(LEAST, MOST);
        }
    }
}

/// log B, from the rows' log-sum-exps.
fn log_mean_exp(stats: &[RowStats]) -> f64 {
    let max = stats.iter().map(|s| s.others).fold(f64::NEG_INFINITY, f64::max);
    max + (stats.iter().map(|s| (s.others - max).exp()).sum::<f64>() / stats.len() as f64).ln()
}

/// The lower of the two middle ones for an even number, as in the authors' code.
fn median_angle(stats: &[RowStats]) -> f64 {
    let mut angles: Vec<f64> = stats.iter().map(|s| s.target_angle).collect();
    angles.sort_by(f64::total_cmp);
    angles.get(angles.len().saturating_sub(1) / 2).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::margin::Recipe;

    fn dynamic(classes: usize) -> Box<dyn Margin> {
        let mut recipe = Recipe::paper(&INFO, classes, 2);
        recipe.params.insert(DYNAMIC.name, 1.0);
        INFO.build(&recipe)
    }

    #[test]
    fn the_fixed_scale_is_the_papers() {
        let scale = |classes| Recipe::paper(&INFO, classes, 2).scale;
        assert!((scale(10) - 3.107).abs() < 1e-3 && (scale(100) - 6.498).abs() < 1e-3, "{} {}", scale(10), scale(100));
        assert_eq!((scale(2), scale(3)), (LEAST, LEAST));
        assert!(INFO.build(&Recipe::paper(&INFO, 10, 2)).memory().is_empty());
    }

    #[test]
    fn the_dynamic_scale_by_hand() {
        let margin = dynamic(10);
        let mut memory = margin.memory();
        assert_eq!(margin.scale(&memory), Some(Recipe::paper(&INFO, 10, 2).scale));
        let row = |others: f64, target_angle| RowStats { others, target_angle, ..RowStats::default() };
        // B = (e² + e³ + e⁴)/3, the median angle 0.5.
        margin.end(&mut memory, &[row(2.0, 0.1), row(4.0, 0.9), row(3.0, 0.5)]);
        let want = ((2.0_f64.exp() + 3.0_f64.exp() + 4.0_f64.exp()) / 3.0).ln() / 0.5_f64.cos();
        assert!((memory[0] - want).abs() < 1e-12, "{memory:?}");
        // Beyond π/4 the angle counts as π/4.
        margin.end(&mut memory, &[row(2.0, 3.0)]);
        assert!((memory[0] - 2.0 * SQRT_2).abs() < 1e-12, "{memory:?}");
    }

    #[test]
    fn no_batch_takes_the_scale_out_of_its_range() {
        let margin = dynamic(2);
        let mut memory = margin.memory();
        for others in [f64::NEG_INFINITY, f64::NAN, -50.0, 1e300] {
            margin.end(&mut memory, &[RowStats { others, ..RowStats::default() }]);
            assert!((LEAST..=MOST).contains(&memory[0]), "{others}: {memory:?}");
        }
        margin.end(&mut memory, &[]);
        assert!((LEAST..=MOST).contains(&memory[0]));
    }
}
