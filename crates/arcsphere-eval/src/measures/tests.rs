use super::*;
use crate::retrieval::retrieve;

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
    let scores = Scores::new(&[0.9, 0.8, 0.3, 0.1], &[true, false, true, false], &[0.1, 0.01]).unwrap();
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
            assert_eq!(m.of(other).unwrap(), [], "{}", m.key);
        }
    }
}

#[test]
fn a_single_run_s_intervals_are_those_of_its_samples() {
    let classes = Classes::new(&[0, 1, 1, 1], &[0, 0, 1, 1]).unwrap();
    let p = crate::interval::wilson(3, 4).unwrap();
    let accuracy = find("accuracy").unwrap();
    assert_eq!(accuracy.of(&Input::Classes(&classes)).unwrap(), one(p));
    let numbers = Numbers::new(&[20.0, 31.0], &[20.0, 36.0], &[20.0, 40.0], &[5.0]);
    let value = |key: &str| find(key).unwrap().of(&Input::Numbers(&numbers)).unwrap()[0].1;
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
