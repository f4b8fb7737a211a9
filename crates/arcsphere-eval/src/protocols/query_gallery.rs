//! Query against gallery: the first sample of each class is enrolled, and every other one looks for its
//! class among these, by cosine.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::{EmbeddedSet, Protocol};
use crate::error::{EvalError, Result};
use crate::interval::wilson;
use crate::measures::{Input, Kind};
use crate::retrieval::{Recall, Retrieval};

/// The K of Recall@K.
const NEAREST: [usize; 4] = [1, 2, 4, 8];

pub(super) const PROTOCOL: Protocol = Protocol {
    name: "query_gallery",
    summary: "the first image of each class is the gallery, every other one a query against it, by cosine",
    gives: &[Kind::Retrieval],
    always: false,
    run: |set, session| {
        let mut gallery = BTreeMap::new();
        for (i, label) in set.labels.iter().enumerate() {
            gallery.entry(*label).or_insert(i);
        }
        let ranks = ranks(set, &gallery);
        session.count("gallery", gallery.len() as u64);
        session.count("queries", ranks.len() as u64);
        session.give(&Input::Retrieval(&retrieval(&ranks, gallery.len() as u64)?))
    },
};

/// Of each query the rank of its class's sample in the gallery, from 1; a tie counts against it.
fn ranks(set: &EmbeddedSet<'_>, gallery: &BTreeMap<u32, usize>) -> Vec<usize> {
    let row = |i: usize| &set.embeddings[i * set.dim..][..set.dim];
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum::<f64>();
    // A row of zeros has no direction, and is as near to everything.
    let enrolled: Vec<(u32, &[f32], f64)> = gallery
        .iter()
        .map(|(label, i)| (*label, row(*i), dot(row(*i), row(*i)).sqrt().max(f64::MIN_POSITIVE)))
        .collect();
    let is_query = |i: &usize| gallery.get(&set.labels[*i]) != Some(i);
    let queries: Vec<usize> = (0..set.labels.len()).filter(is_query).collect();
    queries
        .par_iter()
        .map(|&i| {
            let cosines: Vec<(u32, f64)> = enrolled.iter().map(|(l, x, norm)| (*l, dot(row(i), x) / norm)).collect();
            let own = cosines.iter().find(|c| c.0 == set.labels[i]).map_or(f64::NEG_INFINITY, |c| c.1);
            cosines.iter().filter(|c| c.1 >= own).count()
        })
        .collect()
}

/// With one sample of a class in the gallery, R is 1, and MAP@R is Recall@1.
fn retrieval(ranks: &[usize], gallery: u64) -> Result<Retrieval> {
    let n = ranks.len() as u64;
    if n == 0 {
        return Err(EvalError::TooFew { what: "the queries of a gallery", got: 0, needed: 1 });
    }
    let within = |k: usize| ranks.iter().filter(|rank| **rank <= k).count() as u64;
    let recall = NEAREST.iter().map(|&k| Ok(Recall { k, share: wilson(within(k), n)? }));
    Ok(Retrieval {
        queries: n,
        alone: gallery,
        others: gallery,
        recall: recall.collect::<Result<_>>()?,
        map_at_r: within(1) as f64 / n as f64,
    })
}

#[cfg(test)]
mod tests {
    use super::super::Protocols;
    use super::*;

    #[test]
    fn the_first_of_a_class_is_enrolled_and_the_others_look_for_it() {
        // At 0°, 90° and 180°; queries at 10°, 100°, and one of the third class at 20°.
        let at = |d: f32| [2.0 * d.to_radians().cos(), 2.0 * d.to_radians().sin()];
        let x: Vec<f32> = [0.0, 90.0, 180.0, 10.0, 100.0, 20.0].iter().flat_map(|d| at(*d)).collect();
        let set = EmbeddedSet::new(&x, 2, &[7, 8, 9, 7, 8, 9]).unwrap();
        let found = Protocols::default().measures(&["query_gallery"]).unwrap().run(&set, &|_, _| {}).unwrap();
        let recall = |k| found.get(&format!("query_gallery/recall_at_k@{k}"));
        assert_eq!((recall(1), recall(2)), (Some(2.0 / 3.0), Some(2.0 / 3.0)));
        // Four of a gallery of three are all of it.
        assert_eq!((recall(4), found.not_measured.len()), (None, 1));
        assert_eq!(found.not_measured[0].measures, ["query_gallery/recall_at_k@4", "query_gallery/recall_at_k@8"]);
        assert_eq!(found.get("query_gallery/map_at_r"), recall(1));
        assert_eq!((found.counts["gallery"], found.counts["queries"]), (3, 3));
        let alone = EmbeddedSet::new(&x[..4], 2, &[7, 8]).unwrap();
        let none = Protocols::default().measures(&["query_gallery"]).unwrap().run(&alone, &|_, _| {}).unwrap();
        assert!(none.not_measured[0].reason.contains("queries of a gallery"), "{none:?}");
    }
}
