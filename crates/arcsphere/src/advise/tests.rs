//! Advice with and without evidence.

use super::*;
use crate::losses::margin::{LOSSES, find};

const CIRCLE: Question = Question { classes: 10, dim: 2, probability: None };

fn on_circle(loss: &str, evidence: &[Evidence]) -> Advice {
    advise(find(loss).unwrap(), &CIRCLE, evidence).unwrap()
}

/// Ten classes on a circle, m1 from 0 to 1 by 0.1.
fn arcface(usable: Option<(f64, f64)>, collapsed: &[f64]) -> Evidence {
    Evidence {
        loss: "arcface".into(),
        classes: 10,
        dim: 2,
        data: "digits".into(),
        rate: 0.1,
        scale: Some(fit::default_scale(10, 2)),
        seeds: 5,
        tried: (0..=10).map(|i| f64::from(i) / 10.0).collect(),
        collapsed: collapsed.to_vec(),
        usable,
        best: usable.map(|u| (u.0, 0.97)),
        ..Evidence::default()
    }
}

fn m1(advice: &Advice) -> Option<f64> {
    advice.margins.map(|m| m.angle_margin)
}

fn says(advice: &Advice, words: &str) -> bool {
    advice.reasons.iter().any(|r| r.contains(words))
}

#[test]
fn without_evidence_the_formula_speaks_and_says_so() {
    for loss in LOSSES.iter().filter(|l| !l.kind.takes.is_empty()) {
        let advice = advise(loss, &CIRCLE, &[]).unwrap();
        assert_eq!(advice.margins, Some(fit::fitted(loss, 10, 2).recipe.margins), "{}", loss.name);
        assert!(advice.boundary_angle > Some(0.0) && advice.evidence.is_empty());
        assert_eq!(says(&advice, "no sweep"), advice.unit.is_some(), "{}", loss.name);
        assert_eq!(advice.scale.is_some(), loss.kind.scale == ScaleKind::Fixed, "{}", loss.name);
    }
}

#[test]
fn the_largest_margins_are_the_closed_forms() {
    let alpha = fit::nearest_angle_bound(10, 2);
    let largest = |loss| on_circle(loss, &[]).largest;
    assert!((largest("arcface").unwrap().angle_margin - alpha).abs() < 1e-9);
    assert!((largest("cosface").unwrap().cosine_margin - (1.0 - alpha.cos())).abs() < 1e-9);
    assert_eq!(largest("sphereface"), None);
    let combined = largest("combined").unwrap();
    assert!((combined.angle_margin.cos() - combined.cosine_margin - alpha.cos()).abs() < 1e-9);
    for loss in ["arcface", "cosface", "combined"] {
        let m = largest(loss).unwrap();
        let over = Margins { angle_margin: m.angle_margin + 1e-6, ..m };
        assert!(fit::angle_left(over, alpha) == 0.0, "{loss}");
    }
}

#[test]
fn a_margin_inside_the_measured_range_stays() {
    let advice = on_circle("arcface", &[arcface(Some((0.0, 0.6)), &[0.9, 1.0])]);
    assert_eq!(m1(&advice), Some(0.5));
    assert!(says(&advice, "lies inside [0, 0.6]"), "{:?}", advice.reasons);
    assert!(says(&advice, "measured on digits, 5 seeds a margin, rate 0.1, scale 15.9"), "{:?}", advice.reasons);
    assert!(says(&advice, "collapsed at 0.9, 1"), "{:?}", advice.reasons);
}

#[test]
fn a_margin_outside_goes_to_the_nearest_inside() {
    let low = on_circle("arcface", &[arcface(Some((0.0, 0.3)), &[])]);
    assert_eq!(m1(&low), Some(0.3));
    assert!(says(&low, "lies outside [0, 0.3]"), "{:?}", low.reasons);
    assert_eq!(low.formula.angle_margin, 0.5);
    assert_eq!(m1(&on_circle("arcface", &[arcface(Some((0.6, 0.8)), &[])])), Some(0.6));
}

#[test]
fn a_margin_that_collapsed_is_not_named() {
    let one_seed = Evidence { no_range: "one seed".into(), ..arcface(None, &[0.4, 0.5, 0.6]) };
    let advice = on_circle("arcface", &[one_seed]);
    // 0.7 trained too, beyond those that collapsed: below is the safe side.
    assert!(m1(&advice).is_some_and(|m| same(m, 0.3)), "{advice:?}");
    assert!(says(&advice, "no usable range (one seed)") && says(&advice, "lies outside [0, 0.3]"), "{advice:?}");
    let all: Vec<f64> = (0..=10).map(|i| f64::from(i) / 10.0).collect();
    let nothing = on_circle("arcface", &[arcface(None, &all)]);
    assert_eq!((nothing.margins, nothing.boundary_angle), (None, None));
    assert!(says(&nothing, "collapsed at every margin that was tried"), "{:?}", nothing.reasons);
}

#[test]
fn a_rate_at_which_it_collapsed_is_warned_of() {
    let e = Evidence { other_rates: vec![(0.01, vec![]), (1.0, vec![0.5])], ..arcface(Some((0.0, 0.6)), &[]) };
    let advice = on_circle("arcface", &[e]);
    assert!(m1(&advice) == Some(0.5) && says(&advice, "at rate 1 it collapsed: keep to rate 0.1"), "{advice:?}");
}

#[test]
fn evidence_of_another_loss_or_another_room_is_passed_over() {
    let narrow = arcface(Some((0.0, 0.1)), &[]);
    for other in [
        Evidence { loss: "cosface".into(), ..narrow.clone() },
        Evidence { classes: 100, ..narrow.clone() },
        Evidence { dim: 3, ..narrow.clone() },
    ] {
        let advice = on_circle("arcface", &[other]);
        assert!(m1(&advice) == Some(0.5) && advice.evidence.is_empty(), "{advice:?}");
    }
}

#[test]
fn evidence_at_another_scale_is_named_as_such() {
    let advice = on_circle("arcface", &[Evidence { scale: Some(64.0), ..arcface(Some((0.0, 0.6)), &[]) }]);
    assert!(says(&advice, "that was measured at scale 64.0, not at 15.9"), "{:?}", advice.reasons);
}

#[test]
fn what_cannot_be_asked_is_refused_with_a_way_out() {
    let ask = |loss, classes, dim, probability| {
        advise(find(loss).unwrap(), &Question { classes, dim, probability }, &[]).unwrap_err().to_string()
    };
    assert!(ask("arcface", 1, 2, None).contains("at least 2 classes"));
    assert!(ask("arcface", 10, 1, None).contains("at least 2 dimensions"));
    for p in [0.0, 1.0, -1.0, f64::NAN] {
        assert!(ask("arcface", 10, 2, Some(p)).contains("above 0 and below 1"), "{p}");
    }
    assert!(ask("softmax", 10, 2, None).contains("list losses"));
}

#[test]
fn any_question_has_finite_advice() {
    for classes in [2, 3, 10, 1000, 100_000] {
        for dim in [2, 3, 64, 512] {
            for loss in LOSSES.iter().filter(|l| !l.kind.takes.is_empty()) {
                let advice = advise(loss, &Question { classes, dim, probability: Some(0.9) }, &[]).unwrap();
                let text = serde_json::to_string(&advice).unwrap();
                let m = advice.margins.unwrap();
                assert!([m.angle_multiplier, m.angle_margin, m.cosine_margin].iter().all(|v| v.is_finite()), "{text}");
                assert!(advice.scale.is_none_or(|s| (10.0..=64.0).contains(&s.taken)), "{text}");
            }
        }
    }
}

#[test]
fn no_margin_is_named_that_the_study_saw_fail() {
    let study = of_the_study().unwrap();
    for e in &study {
        let question = Question { classes: e.classes, dim: e.dim, probability: None };
        for known in [study.clone(), study.iter().filter(|o| o.data == e.data).cloned().collect()] {
            let advice = advise(find(&e.loss).unwrap(), &question, &known).unwrap();
            let margin = advice.margins.map(|m| find(&e.loss).unwrap().kind.unit().unwrap().value(m)).unwrap();
            assert!(!advice.evidence.iter().any(|e| e.collapsed.iter().any(|c| same(*c, margin))), "{advice:?}");
            let inside = |e: &Evidence| e.usable.is_some_and(|(low, high)| (low..=high).contains(&margin));
            assert!(advice.evidence.iter().any(inside), "{advice:?}");
        }
    }
}
