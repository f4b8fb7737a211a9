//! What every margin loss must keep, over the registry: a loss added there is tested here.

use super::*;
use crate::losses::fit;
use proptest::prelude::*;
use std::f64::consts::PI;

const EXTENSIONS: [Extension; 4] = [Extension::Monotone, Extension::Fallback, Extension::Easy, Extension::Raw];

/// Margins within the legal range for those that the loss takes, from three numbers in [0, 1].
fn legal(info: &LossInfo, u: [f64; 3]) -> Margins {
    let takes = info.takes;
    Margins {
        angle_multiplier: if takes.angle_multiplier { 1.0 + 7.0 * u[0] } else { 1.0 },
        angle_margin: if takes.angle_margin { PI * u[1] } else { 0.0 },
        cosine_margin: if takes.cosine_margin { 2.0 * u[2] } else { 0.0 },
    }
}

/// The angles at which ψ may have a kink or a jump.
fn near_kink(m: Margins, theta: f64) -> bool {
    let phase = (m.angle_multiplier * theta + m.angle_margin) / PI;
    (phase - phase.round()).abs() < 1e-4 || (theta - PI / 2.0).abs() < 1e-4
}

fn at(loss: &dyn Margin, theta: f64, strength: f64) -> Target {
    loss.target(theta.cos(), theta.sin().max(0.0), 1.3, strength)
}

proptest! {
    #[test]
    fn derivative_agrees_with_central_differences(u in [0.0..1.0f64, 0.0..1.0, 0.0..1.0], theta in 1e-3..PI - 1e-3, strength in 0.0..1.0f64) {
        for info in LOSSES {
            for extension in EXTENSIONS {
                let margins = legal(info, u);
                let loss = (info.build)(margins, extension);
                if near_kink(margins.at_strength(strength), theta) {
                    continue;
                }
                let h = 1e-6;
                let slope = (at(&*loss, theta + h, strength).psi - at(&*loss, theta - h, strength).psi) / (2.0 * h);
                let got = at(&*loss, theta, strength).dpsi_dtheta;
                prop_assert!((got - slope).abs() <= 1e-6 * slope.abs().max(1.0), "{} {extension:?}: {got} against {slope}", info.name);
            }
        }
    }

    #[test]
    fn finite_and_bounded_everywhere(u in [0.0..=1.0f64, 0.0..=1.0, 0.0..=1.0], theta in 0.0..=PI, norm in prop_oneof![Just(0.0), 1e-30..1e30f64]) {
        for info in LOSSES {
            for extension in EXTENSIONS {
                let margins = legal(info, u);
                let loss = (info.build)(margins, extension);
                for (cos, sin) in [(theta.cos(), theta.sin().abs()), (1.0, 0.0), (-1.0, 0.0), (0.0, 1.0)] {
                    let t = loss.target(cos, sin, norm, 1.0);
                    prop_assert!(t.psi.is_finite() && t.dpsi_dnorm.is_finite());
                    prop_assert!(t.dpsi_dtheta.abs() <= margins.angle_multiplier + 1e-12, "{}: {}", info.name, t.dpsi_dtheta);
                }
            }
        }
    }

    #[test]
    fn monotone_extension_never_rises(u in [0.0..=1.0f64, 0.0..=1.0, 0.0..=1.0], a in 0.0..PI, b in 0.0..PI) {
        for info in LOSSES {
            let loss = (info.build)(legal(info, u), Extension::Monotone);
            prop_assert!(at(&*loss, a.min(b), 1.0).psi >= at(&*loss, a.max(b), 1.0).psi - 1e-12, "{}", info.name);
        }
    }

    #[test]
    fn no_margin_is_the_parent(theta in 0.0..=PI) {
        for info in LOSSES {
            let parent = find(info.parent).expect("a parent is registered");
            let (mine, theirs) = ((info.build)(Margins::NONE, Extension::Monotone), (parent.build)(parent.paper, Extension::Monotone));
            let (mine, theirs) = (at(&*mine, theta, 1.0), at(&*theirs, theta, 1.0));
            prop_assert!((mine.psi - theirs.psi).abs() < 1e-12, "{}", info.name);
            prop_assert!((mine.psi - theta.cos()).abs() < 1e-12);
        }
    }

    #[test]
    fn a_margin_only_ever_takes_away(u in [0.0..=1.0f64, 0.0..=1.0, 0.0..=1.0], theta in 0.0..=PI) {
        for info in LOSSES {
            let loss = (info.build)(legal(info, u), Extension::Monotone);
            prop_assert!(at(&*loss, theta, 1.0).psi <= theta.cos() + 1e-12, "{}", info.name);
        }
    }
}

#[test]
fn every_loss_describes_itself() {
    for info in LOSSES {
        for text in [info.name, info.summary, info.formula, info.boundary, info.source] {
            assert!(!text.trim().is_empty(), "{}", info.name);
        }
        assert!(info.paper_scale > 0.0);
        let takes = info.takes;
        assert!(takes.angle_multiplier || info.paper.angle_multiplier == 1.0, "{}", info.name);
        assert!(takes.angle_margin || info.paper.angle_margin == 0.0, "{}", info.name);
        assert!(takes.cosine_margin || info.paper.cosine_margin == 0.0, "{}", info.name);
        assert!(fit::fitted_margins(info.paper, 10, 2).boundary_angle > 0.0, "{}", info.name);
    }
}

#[test]
fn names_and_aliases_are_unique() {
    let mut seen = std::collections::BTreeSet::new();
    for info in LOSSES {
        for name in std::iter::once(&info.name).chain(info.aliases) {
            assert!(seen.insert(*name), "\"{name}\" twice");
        }
    }
}
