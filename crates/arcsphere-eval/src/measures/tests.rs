use super::*;
use crate::retrieval::{Recall, Retrieval, retrieve};

#[test]
fn keys_are_unique_and_every_measure_is_described() {
    for (i, m) in MEASURES.iter().enumerate() {
        assert!(!m.key.is_empty() && !m.name.is_empty() && !m.summary.is_empty(), "{m:?}");
        assert!(m.key.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'), "{}", m.key);
        assert!(MEASURES[..i].iter().all(|other| other.key != m.key), "{}", m.key);
        assert!(MEASURES[..i].iter().all(|other| other.ranks.is_none() || other.ranks != m.ranks), "{}", m.key);
        assert!(m.ranks.is_none() || m.better != Better::Neither, "{}", m.key);
    }
}

/// A small set with everything that a measure may ask for, and each measure's values of it.
#[test]
fn every_measure_computes_finite_values_and_says_what_they_are_at() {
    let x = [1.0, 0.0, 0.9, 0.1, 0.0, 1.0, 0.1, 0.9, -1.0, 0.2, -0.9, 0.1];
    let labels = [0, 0, 1, 1, 2, 2];
    let embeddings = Embeddings::new(&x, 2, &labels, 0, &|_| {}).unwrap();
    let scores = Scores::new(&[0.9, 0.8, 0.3, 0.1], &[true, false, true, false], &[0.5, 0.75]).unwrap();
    let found = retrieve(&x, 2, &labels, &[1, 2], &|_| {}).unwrap();
    let classes = Classes::new(&[0, 1, 1, 1, 2, 2], &labels).unwrap();
    let prototypes = Prototypes::new(&x, &[1.0, 0.0, 0.0, 1.0, -1.0, 0.0], 2, &labels).unwrap();
    let numbers = Numbers::new(&[20.0, 31.0], &[20.0, 30.0], &[20.0, 40.0], &[5.0, 10.0]);
    let inputs = [
        Input::Embeddings(&embeddings),
        Input::Scores(&scores),
        Input::Retrieval(&found),
        Input::Classes(&classes),
        Input::Prototypes(&prototypes),
        Input::Numbers(&numbers),
    ];
    for m in MEASURES {
        let own: Vec<&Input<'_>> = inputs.iter().filter(|i| i.kind() == m.from()).collect();
        assert_eq!(own.len(), 1, "{}", m.key);
        let values = m.of(own[0]).unwrap();
        assert!(!values.is_empty(), "{}", m.key);
        for (i, (at, e)) in values.iter().enumerate() {
            let e = e.as_ref().unwrap();
            assert!(
                e.value.is_finite() && (m.unit != Unit::Share || (0.0..=1.0).contains(&e.value)),
                "{} {e:?}",
                m.key
            );
            assert!(values[..i].iter().all(|other| other.0 != *at), "{} has {at} twice", m.key);
            assert_eq!(m.interval != Interval::None, e.low.is_some() && e.n.is_some(), "{} {e:?}", m.key);
            assert_eq!(Key::new(m.key, at).measure().map(|found| found.key), Some(m.key));
        }
        let shown = m.columns.iter().filter(|c| c.at != "*");
        for column in shown {
            let at = |at: &str| values.iter().any(|v| v.0 == at);
            assert!(at(column.at) && (column.spread.is_empty() || at(column.spread)), "{} {column:?}", m.key);
        }
        for other in inputs.iter().filter(|i| i.kind() != m.from()) {
            assert!(m.of(other).unwrap().is_empty(), "{}", m.key);
        }
    }
}

/// The first value of a measure.
fn only(key: &str, input: &Input<'_>) -> Result<Estimate> {
    find(key).unwrap().of(input).unwrap().remove(0).1
}

/// `genuine` pairs of which the first `missed` score 0, and `impostor` pairs of which the first `false_matches`
/// score 1; all others score as they should, around 0.5 and apart.
fn pairs(genuine: usize, missed: usize, impostor: usize, false_matches: usize) -> (Vec<f32>, Vec<bool>) {
    let own = (0..genuine).map(|i| (if i < missed { 0.0 } else { 0.9 }, true));
    let other = (0..impostor).map(|i| (if i < false_matches { 1.0 } else { 0.1 }, false));
    own.chain(other).unzip()
}

#[test]
fn no_tmr_is_told_below_one_impostor_pair_of_all() {
    // By hand: of 8 pairs one is 12.5 %, of 1000 it is 0.1 %, and 0.0999 % is none of them.
    let (scores, same) = pairs(8, 0, 8, 0);
    let at = |fmr: &[f64], scores: &[f32], same: &[bool]| -> Vec<std::result::Result<Estimate, String>> {
        let scores = Scores::new(scores, same, fmr).unwrap();
        let values = find("tmr_at_fmr").unwrap().of(&Input::Scores(&scores)).unwrap();
        values.into_iter().map(|v| v.1.map_err(|e| e.to_string())).collect()
    };
    let found = at(&[0.2, 0.125, 0.1, 1e-3], &scores, &same);
    assert_eq!(found[..2], [Ok(Estimate::new(1.0).resting_on(0)), Ok(Estimate::new(1.0).resting_on(0))]);
    let why = found[2].clone().unwrap_err();
    assert!(why.starts_with("8 impostor pairs show no FMR below 1.25e-1"), "{why}");
    assert_eq!(found[3].clone().unwrap_err(), why);
    let (scores, same) = pairs(100, 40, 1000, 0);
    let found = at(&[1e-3, 9.99e-4], &scores, &same);
    assert_eq!(found[0], Ok(Estimate::new(0.6).resting_on(1)));
    assert!(found[1].is_err(), "{found:?}");
}

#[test]
fn what_rests_on_fewer_than_thirty_errors_is_marked() {
    let few = |key: &str, fmr: f64, (scores, same): (Vec<f32>, Vec<bool>)| {
        let fmr = [fmr];
        let scores = Scores::new(&scores, &same, &fmr).unwrap();
        only(key, &Input::Scores(&scores)).unwrap().few_errors
    };
    // An FMR of 1 % admits 29 of 2999 impostor pairs and 30 of 3000; FNMR is 50 of 100.
    assert_eq!(few("tmr_at_fmr", 0.01, pairs(100, 50, 2999, 0)), Some(29));
    assert_eq!(few("tmr_at_fmr", 0.01, pairs(100, 50, 3000, 0)), None);
    assert_eq!(few("tmr_at_fmr", 0.01, pairs(100, 29, 3000, 0)), Some(29));
    assert_eq!(few("fnmr_at_threshold", 0.5, pairs(100, 29, 10, 0)), Some(29));
    assert_eq!(few("fnmr_at_threshold", 0.5, pairs(100, 30, 10, 0)), None);
    // The curve has 10 % of false matches before it has a genuine one, and 10 % of misses after.
    assert_eq!(few("eer", 0.5, pairs(300, 30, 300, 30)), None);
    assert_eq!(few("eer", 0.5, pairs(290, 29, 300, 30)), Some(29));
    assert_eq!(few("eer", 0.5, pairs(10_000, 0, 10_000, 0)), Some(0));
    let found = Retrieval {
        queries: 100,
        alone: 0,
        others: 99,
        recall: vec![Recall { k: 1, share: crate::interval::wilson(71, 100).unwrap() }],
        map_at_r: 0.5,
    };
    let of = |key: &str, r: &Retrieval| only(key, &Input::Retrieval(r)).map(|e| e.few_errors);
    assert_eq!((of("recall_at_k", &found).unwrap(), of("map_at_r", &found).unwrap()), (Some(29), None));
    let all = Retrieval { others: 1, map_at_r: 0.71, ..found };
    assert_eq!(of("map_at_r", &all).unwrap(), Some(29));
    let why = of("recall_at_k", &all).unwrap_err().to_string();
    assert!(why.starts_with("each query has 1 others, and so many"), "{why}");
}

#[test]
fn nmi_is_none_of_what_is_alone_and_nothing_of_what_is_alike() {
    let of = |x: &[f32], labels: &[u32]| only_nmi(&Embeddings::new(x, 2, labels, 0, &|_| {}).unwrap());
    // One cluster tells nothing of the classes.
    let labels = [0, 0, 1, 1, 2, 2, 3, 3];
    let same = [0.3, -0.4].repeat(8);
    assert_eq!(of(&same, &labels), Ok(0.0));
    // One direction at eight lengths, which rounding to f32 turns by some 1e-8.
    let lengths: Vec<f32> = (1..9).flat_map(|i| [0.3 * i as f32 / 7.0, -0.4 * i as f32 / 7.0]).collect();
    assert_eq!((of(&lengths, &labels), of(&[0.0; 16], &labels)), (Ok(0.0), Ok(0.0)));
    // Two directions for four classes of two: 2·ln 2/(ln 2 + ln 4), by hand.
    let two = [[1.0f32, 0.0], [0.0, 1.0]].concat();
    let halves: Vec<f32> = (0..8).flat_map(|i| if i < 4 { two[..2].to_vec() } else { two[2..].to_vec() }).collect();
    assert!((of(&halves, &labels).unwrap() - 2.0 / 3.0).abs() < 1e-12, "{:?}", of(&halves, &labels));
    let why = of(&lengths, &[0, 1, 2, 3, 4, 5, 6, 7]).unwrap_err();
    assert!(why.contains("each of the 8 classes has one sample"), "{why}");
}

fn only_nmi(e: &Embeddings<'_>) -> std::result::Result<f64, String> {
    let found = find("nmi").unwrap().of(&Input::Embeddings(e)).map_err(|e| e.to_string())?;
    Ok(found[0].1.as_ref().unwrap().value)
}

#[test]
fn a_single_run_s_intervals_are_those_of_its_samples() {
    let classes = Classes::new(&[0, 1, 1, 1], &[0, 0, 1, 1]).unwrap();
    let p = crate::interval::wilson(3, 4).unwrap();
    assert_eq!(only("accuracy", &Input::Classes(&classes)).unwrap(), p.into());
    let numbers = Numbers::new(&[20.0, 31.0], &[20.0, 36.0], &[20.0, 40.0], &[5.0]);
    let value = |key: &str| only(key, &Input::Numbers(&numbers)).unwrap();
    assert_eq!((value("mae").value, value("mae_argmax").value), (4.5, 2.0));
    assert_eq!(value("cs"), crate::interval::wilson(1, 2).unwrap().into());
    assert_eq!(value("cs_argmax"), crate::interval::wilson(2, 2).unwrap().into());
}

#[test]
fn inputs_that_do_not_fit_are_named() {
    assert!(
        Classes::new(&[0], &[0, 1]).unwrap_err().to_string().contains("predicted classes has 1 entries, expected 2")
    );
    assert!(Embeddings::new(&[1.0], 1, &[0, 1], 0, &|_| {}).is_err());
    assert!(Scores::new(&[f32::NAN], &[true], &[]).is_err());
}
