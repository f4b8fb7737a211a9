//! What every margin loss must keep, over the registry: a loss added there is tested here.

use super::*;
use crate::fit;
use crate::random::keyed;
use crate::range::Range;
use proptest::prelude::*;
use std::f64::consts::PI;

const EXTENSIONS: [Extension; 4] = [Extension::Monotone, Extension::Fallback, Extension::Easy, Extension::Raw];

/// The number at the part `t` in [0, 1] of a range.
fn within(range: Range, t: f64) -> f64 {
    let between = |low: f64, high: f64| low + t * (high - low);
    match range {
        Range::Closed(low, high) => between(low, high),
        Range::Below(low, high) | Range::Above(low, high) | Range::Inside(low, high) => {
            between(low + 0.01 * (high - low), high - 0.01 * (high - low))
        }
        Range::Whole(low, high) => between(f64::from(low), f64::from(high)).round(),
        Range::AtLeast(low) | Range::Over(low) => between(low + 0.01, low + 100.0),
    }
}

/// A legal recipe: margins and parameters that the loss takes, from numbers in [0, 1].
fn legal(info: &MarginLoss, u: [f64; 5]) -> Recipe {
    let mut recipe = Recipe::paper(info, 10, 4);
    recipe.margins = Margins::NONE;
    for unit in info.kind.takes {
        *unit.value_mut(&mut recipe.margins) = match unit {
            Unit::AngleMultiplier => 1.0 + 7.0 * u[0],
            Unit::AngleMargin => PI * u[1],
            Unit::CosineMargin => 2.0 * u[2],
        };
    }
    for (k, param) in info.params.iter().enumerate() {
        let value = within(param.range, u[(k + 3) % 5]);
        assert!(param.range.contains(value), "{} {}", info.name, param.name);
        recipe.params.insert(param.name, value);
    }
    for param in info.params {
        if let Some(other) = param.above {
            let least = recipe.params[other];
            let value = recipe.params.get_mut(param.name).unwrap();
            *value = value.max(1.5 * least);
        }
    }
    recipe
}

/// A loss whose memory and draws are those of a batch: rows at the angles, of several norms.
struct Batch {
    margin: Box<dyn Margin>,
    memory: Vec<f64>,
    rows: Vec<Row>,
    strength: f64,
}

impl Batch {
    fn new(margin: Box<dyn Margin>, rows: Vec<Row>, strength: f64) -> Batch {
        let mut batch = Batch { memory: margin.memory(), margin, rows, strength };
        batch.margin.begin(&mut batch.memory, &mut batch.rows, strength, &mut keyed(b"test----", 1, 2));
        batch
    }

    fn of(recipe: &Recipe, info: &MarginLoss, theta: f64, norm: f64, strength: f64) -> Batch {
        let row = |theta: f64, norm| Row { norm, ..Row::at_angle(theta) };
        let rows = vec![row(theta, norm), row(0.5 * theta, 3.0 * norm), row(PI - theta, 5.0)];
        Batch::new(info.build(recipe), rows, strength)
    }

    fn target(&self, row: &Row) -> Target {
        self.margin.target(row, &self.memory, self.strength)
    }
}

fn parts() -> impl Strategy<Value = [f64; 5]> {
    [0.0..=1.0f64, 0.0..=1.0, 0.0..=1.0, 0.0..=1.0, 0.0..=1.0]
}

/// The slope of `f` from both sides of `at`, or `None` where they disagree: a kink or a jump.
fn slope(f: impl Fn(f64) -> f64, at: f64, h: f64) -> Option<f64> {
    let (left, here, right) = (f(at - h), f(at), f(at + h));
    let (below, above) = ((here - left) / h, (right - here) / h);
    let bend = 1e-3 * (1.0 + below.abs().max(above.abs()));
    ((below - above).abs() <= bend).then_some((right - left) / (2.0 * h))
}

proptest! {
    /// With draws and memory held fixed, as a gradient sees them.
    #[test]
    fn derivatives_agree_with_central_differences(u in parts(), theta in 1e-3..PI - 1e-3, norm in 0.1..200.0f64, strength in 0.0..=1.0f64) {
        for info in LOSSES {
            for extension in EXTENSIONS {
                let recipe = Recipe { extension, ..legal(info, u) };
                let batch = Batch::of(&recipe, info, theta, norm, strength);
                let row = batch.rows[0];
                let got = batch.target(&row);
                let turned = |theta: f64| batch.target(&Row { cos: theta.cos(), sin: theta.sin(), ..row });
                let stretched = |norm: f64| batch.target(&Row { norm, ..row });
                let slopes = [
                    ("∂ψ/∂θ", got.dpsi_dtheta, slope(|t| turned(t).psi, theta, 1e-6)),
                    ("∂ψ/∂‖x‖", got.dpsi_dnorm, slope(|n| stretched(n).psi, norm, 1e-5 * norm)),
                    ("∂penalty/∂‖x‖", got.dpenalty_dnorm, slope(|n| stretched(n).penalty, norm, 1e-5 * norm)),
                ];
                for (what, got, slope) in slopes {
                    let Some(slope) = slope else { continue };
                    prop_assert!((got - slope).abs() <= 1e-5 * slope.abs().max(1.0), "{} {extension:?} {what}: {got} against {slope}", info.name);
                }
            }
        }
    }

    #[test]
    fn finite_and_bounded_everywhere(u in parts(), theta in 0.0..=PI, norm in prop_oneof![Just(0.0), 1e-30..1e30f64], strength in 0.0..=1.0f64) {
        for info in LOSSES {
            for extension in EXTENSIONS {
                let recipe = Recipe { extension, ..legal(info, u) };
                let rows = [(theta.cos(), theta.sin().abs()), (1.0, 0.0), (-1.0, 0.0), (0.0, 1.0)];
                let rows = rows.map(|(cos, sin)| Row { cos, sin, norm, draw: 0.0 }).to_vec();
                let batch = Batch::new(info.build(&recipe), rows, strength);
                prop_assert!(batch.memory.iter().all(|v| v.is_finite()), "{}: {:?}", info.name, batch.memory);
                for row in &batch.rows {
                    let t = batch.target(row);
                    let all = [t.psi, t.dpsi_dtheta, t.dpsi_dnorm, t.penalty, t.dpenalty_dnorm];
                    prop_assert!(all.iter().all(|v| v.is_finite()), "{}: {t:?}", info.name);
                    let bound = batch.margin.steepest() + 1e-12;
                    prop_assert!(t.dpsi_dtheta.abs() <= bound, "{}: {} exceeds {bound}", info.name, t.dpsi_dtheta);
                }
            }
        }
    }

    #[test]
    fn monotone_extension_never_rises(u in parts(), a in 0.0..PI, b in 0.0..PI) {
        for info in LOSSES {
            let margin = info.build(&legal(info, u));
            let at = |theta| strongest_target(&*margin, theta).psi;
            prop_assert!(at(a.min(b)) >= at(a.max(b)) - 1e-12, "{}", info.name);
        }
    }

    /// The start of every soft start: cos θ, plain negatives, one prototype or several alike.
    #[test]
    fn strength_0_is_the_parent(u in parts(), theta in 0.0..=PI, norm in 0.0..200.0f64) {
        for info in LOSSES {
            let parent = find(info.kind.parent).expect("a parent is registered");
            prop_assert!(!parent.has_margin() && parent.params.is_empty(), "{}", info.name);
            let batch = Batch::of(&legal(info, u), info, theta, norm, 0.0);
            let target = batch.target(&batch.rows[0]);
            prop_assert!((target.psi - theta.cos()).abs() < 1e-12 && target.penalty == 0.0, "{}: {target:?}", info.name);
            prop_assert!((target.dpsi_dtheta + theta.sin()).abs() < 1e-12 && target.dpsi_dnorm == 0.0, "{}: {target:?}", info.name);
            let negatives = batch.margin.negatives(&batch.memory, 0.0);
            for c in [-1.0, -0.3, 0.0, 0.4, 1.0] {
                prop_assert_eq!(negatives.value(c, target.psi), c, "{}", info.name);
            }
            if let Some(problems) = batch.margin.one_vs_all(8.0, 0.0) {
                prop_assert_eq!((problems.margin, problems.power, problems.scale), (0.0, 1.0, 8.0));
            }
        }
    }

    #[test]
    fn no_margin_leaves_half_of_the_angle(alpha in 0.1..PI) {
        for info in LOSSES {
            let margin = info.build(&Recipe::weakened(info, 0.0, 10, 4));
            let left = fit::angle_left_by(&*margin, alpha);
            prop_assert!(left >= 0.5 * alpha - 1e-9, "{}: {left} of {alpha}", info.name);
        }
    }

    /// A margin asks for more than to be nearest to the own prototype.
    #[test]
    fn a_margin_only_ever_takes_away(u in parts(), theta in 0.0..=PI) {
        for info in LOSSES {
            let recipe = Recipe { params: Recipe::paper(info, 10, 4).params, ..legal(info, u) };
            let margin = info.build(&recipe);
            let rival = margin.rival(strongest_target(&*margin, theta).psi);
            prop_assert!(rival <= theta.cos() + 1e-12, "{}: {rival}", info.name);
        }
    }

    /// The row that fitted margins reckon with is no weaker than any that a batch brings.
    #[test]
    fn the_strongest_row_is_the_strongest(u in parts(), theta in 0.0..PI, norm in 0.1..200.0f64) {
        for info in LOSSES {
            let recipe = legal(info, u);
            let batch = Batch::of(&recipe, info, theta, norm, 1.0);
            let row = batch.rows[0];
            let strongest = strongest_target(&*batch.margin, theta).psi;
            // A normal draw has no largest; those beyond what is reckoned with are left out.
            let mut most = row;
            batch.margin.strongest(&mut most);
            let beyond = row.draw > most.draw;
            prop_assert!(beyond || batch.target(&row).psi >= strongest - 1e-9, "{}", info.name);
        }
    }
}

#[test]
fn every_loss_describes_itself() {
    for info in LOSSES {
        assert!(!info.kind.boundary.trim().is_empty(), "{}", info.name);
        assert!(info.kind.paper_scale > 0.0);
        for unit in Unit::ALL {
            let (paper, none) = (unit.value(info.kind.paper), unit.param().default);
            assert!(info.kind.takes(unit) || paper == none, "{} {}", info.name, unit.key());
            assert!(unit.param().range.contains(paper), "{} {}", info.name, unit.key());
        }
        assert!(fit::fitted(info, 10, 2).boundary_angle > 0.0, "{}", info.name);
        assert!(info.kind.group == Group::Relative || info.params.is_empty(), "{}", info.name);
    }
}

/// What is past π is decided by the extension, or there is nothing past π and none is taken.
#[test]
fn a_loss_reads_the_extension_or_refuses_it() {
    for info in LOSSES {
        let margin = |extension| info.build(&Recipe { extension, ..Recipe::paper(info, 10, 4) });
        let monotone = margin(Extension::Monotone);
        // Draws are what `begin` leaves of a row: AdaFace has an angular margin only below the mean norm.
        let rows = [-1.0, 0.0, 1.0].into_iter().flat_map(|draw| {
            (0..=40).map(move |k| Row { draw, norm: 50.0, ..Row::at_angle(PI * f64::from(k) / 40.0) })
        });
        let reads = rows.clone().any(|row| {
            let psi = |margin: &dyn Margin| margin.target(&row, &margin.memory(), 1.0).psi;
            EXTENSIONS.iter().any(|&e| (psi(&*margin(e)) - psi(&*monotone)).abs() > 1e-9)
        });
        assert_eq!(reads, info.kind.takes_extension, "{}", info.name);
    }
}

#[test]
fn the_objective_is_what_the_loss_is_built_as() {
    for info in LOSSES {
        let binary = info.build(&Recipe::paper(info, 10, 2)).one_vs_all(8.0, 1.0).is_some();
        assert_eq!(binary, info.kind.objective == Objective::OneVsAll, "{}", info.name);
    }
}
