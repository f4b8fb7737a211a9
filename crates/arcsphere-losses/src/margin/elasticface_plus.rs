//! ElasticFace+: the drawn margins of [ElasticFace](super::elasticface), largest to the farthest.
//!
//! The batch's draws are sorted, and the sample at the largest angle from its prototype
//! receives the largest margin. σ is 0.0175 for the Arc form. The public code sorts the margins
//! and then indexes them by the sorting permutation instead of by its inverse, which gives
//! them to the wrong samples.

use super::elasticface::{self, Elastic, deviation};
use super::{Margin, MarginKind, MarginLoss, Param, Row, Target};
use rand_chacha::ChaCha8Rng;

const DEVIATION: Param = deviation(0.0175);

pub(super) const INFO: MarginLoss = MarginLoss {
    name: "elasticface_plus",
    aliases: &["elastic_face_plus", "elasticface_arc_plus"],
    summary: "ElasticFace with the largest drawn margins for the samples farthest from their prototypes",
    formula: "z_y = s·(cos(θ_y + m1) − m2),  margins as in elasticface, sorted like θ_y",
    source: elasticface::INFO.source,
    params: &[DEVIATION],
    kind: MarginKind {
        build: |recipe| Box::new(Plus(Elastic::of(recipe, recipe.param(&DEVIATION)))),
        ..elasticface::INFO.kind
    },
};

#[derive(Debug)]
struct Plus(Elastic);

impl Margin for Plus {
    fn target(&self, row: &Row, memory: &[f64], strength: f64) -> Target {
        self.0.target(row, memory, strength)
    }

    fn steepest(&self) -> f64 {
        self.0.steepest()
    }

    fn begin(&self, memory: &mut [f64], rows: &mut [Row], strength: f64, rng: &mut ChaCha8Rng) {
        self.0.begin(memory, rows, strength, rng);
        let mut draws: Vec<f64> = rows.iter().map(|r| r.draw).collect();
        draws.sort_by(f64::total_cmp);
        let mut farthest_last: Vec<&mut Row> = rows.iter_mut().collect();
        farthest_last.sort_by(|a, b| a.angle().total_cmp(&b.angle()));
        for (row, draw) in farthest_last.into_iter().zip(draws) {
            row.draw = draw;
        }
    }

    fn strongest(&self, row: &mut Row) {
        self.0.strongest(row);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::margin::Recipe;
    use crate::random::keyed;

    #[test]
    fn the_farthest_sample_has_the_largest_margin() {
        let recipe = Recipe::paper(&INFO, 10, 32);
        let (plus, plain) = (INFO.build(&recipe), elasticface::INFO.build(&recipe));
        let angles = [0.9, 0.1, 2.5, 0.4, 3.1, 1.0];
        let begun = |margin: &dyn Margin| {
            let mut rows = angles.map(Row::at_angle);
            margin.begin(&mut [], &mut rows, 1.0, &mut keyed(b"test----", 3, 9));
            rows.map(|r| r.draw)
        };
        let mut sorted = begun(&*plain);
        sorted.sort_by(f64::total_cmp);
        // Ranks of the angles: 0.1, 0.4, 0.9, 1.0, 2.5, 3.1.
        assert_eq!(begun(&*plus), [2, 0, 4, 1, 5, 3].map(|rank| sorted[rank]));
    }
}
