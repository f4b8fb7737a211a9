//! Recall@K and MAP@R of every sample against all others.
//!
//! Neither needs the order of all N − 1 others, only the rank of those of the query's own
//! class: r₁ < r₂ < … < r_R, R of them, and these only up to the larger of K and R. Then
//!
//! * Recall@K = share of the queries with r₁ ≤ K,
//! * MAP@R = mean over the queries of 1/R · Σ over the i with rᵢ ≤ R of i/rᵢ.
//!
//! rᵢ is i plus the number of samples of other classes that are at least as near: a tie
//! counts against the query, so that embeddings that are all equal retrieve nothing.

use rayon::prelude::*;

use super::near::dot;
use super::unit_rows;
use crate::error::{EvalError, Result};
use crate::interval::{Proportion, wilson};
use crate::progress::{Progress, Steps};

/// Recall@K.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Recall {
    /// How many neighbors are looked at.
    pub k: usize,
    /// Share of the queries with one of their class among them; the Wilson interval takes
    /// queries for independent, which neighbors of one another are not quite.
    pub share: Proportion,
}

/// How well each sample retrieves those of its class.
#[derive(Debug, Clone, PartialEq)]
pub struct Retrieval {
    /// Samples whose class has another sample.
    pub queries: u64,
    /// Samples that are alone in their class: they can retrieve nothing and are in no
    /// mean, but stand among the neighbors of the others.
    pub alone: u64,
    /// One entry a K, in the order asked for.
    pub recall: Vec<Recall>,
    /// MAP@R in [0, 1].
    pub map_at_r: f64,
}

/// Queries that share a pass over the samples, which then come from the cache.
const BLOCK: usize = 16;

/// Samples between two looks at which ranks still matter.
const TRIM: usize = 256;

/// Recall at each of `ks` and MAP@R of `embeddings` `[N, dim]` by cosine, every sample a
/// query against the N − 1 others. O(N²·dim) time, O(N·dim) memory, cosines in `f64`.
///
/// # Errors
/// [`EvalError::Length`] where labels and embeddings differ in number,
/// [`EvalError::NotFinite`], [`EvalError::Range`] for a K of 0, [`EvalError::TooFew`] if
/// no class has two samples.
///
/// ```
/// use arcsphere_eval::retrieval::retrieve;
/// let x = [1.0, 0.0, 0.9, 0.1, 0.0, 1.0, 0.1, 0.9];
/// let r = retrieve(&x, 2, &[0, 0, 1, 1], &[1], &|_| {})?;
/// assert_eq!((r.recall[0].share.value, r.map_at_r), (1.0, 1.0));
/// # Ok::<(), arcsphere_eval::EvalError>(())
/// ```
pub fn retrieve(
    embeddings: &[f32],
    dim: usize,
    labels: &[u32],
    ks: &[usize],
    progress: Progress<'_>,
) -> Result<Retrieval> {
    let x = unit_rows(embeddings, dim)?;
    let n = x.len() / dim;
    if labels.len() != n {
        return Err(EvalError::Length { what: "the labels", got: labels.len(), expected: n });
    }
    if ks.contains(&0) {
        return Err(EvalError::Range { what: "the K of Recall@K", value: 0.0, expected: "at least 1" });
    }
    // Classes numbered anew, so that a label's size takes no memory.
    let mut known: Vec<u32> = labels.to_vec();
    known.sort_unstable();
    known.dedup();
    let class: Vec<usize> = labels.iter().map(|l| known.partition_point(|k| k < l)).collect();
    let mut members: Vec<Vec<usize>> = vec![Vec::new(); known.len()];
    for (i, c) in class.iter().enumerate() {
        members[*c].push(i);
    }
    let queries: Vec<usize> = (0..n).filter(|i| members[class[*i]].len() > 1).collect();
    if queries.is_empty() {
        return Err(EvalError::TooFew {
            what: "the largest class of a retrieval",
            got: members.iter().map(Vec::len).max().unwrap_or(0),
            needed: 2,
        });
    }
    let data = Data { x: &x, dim, class: &class, members: &members, farthest: ks.iter().copied().max().unwrap_or(1) };
    let steps = Steps::new(queries.len().div_ceil(BLOCK), progress);
    let found: Vec<Found> = queries
        .par_chunks(BLOCK)
        .flat_map_iter(|block| {
            let found = data.find(block);
            steps.step();
            found
        })
        .collect();

    let count = queries.len() as u64;
    let recall = ks.iter().map(|&k| {
        let hits = found.iter().filter(|f| f.ranks.first().is_some_and(|rank| *rank <= k)).count() as u64;
        Ok(Recall { k, share: wilson(hits, count)? })
    });
    let precision = |f: &Found| {
        let within = f.ranks.iter().enumerate().take_while(|(_, rank)| **rank <= f.relevant);
        within.map(|(i, rank)| (i + 1) as f64 / *rank as f64).sum::<f64>() / f.relevant as f64
    };
    Ok(Retrieval {
        queries: count,
        alone: n as u64 - count,
        recall: recall.collect::<Result<_>>()?,
        map_at_r: found.iter().map(precision).sum::<f64>() / count as f64,
    })
}

struct Data<'a> {
    x: &'a [f64],
    dim: usize,
    class: &'a [usize],
    members: &'a [Vec<usize>],
    /// Ranks beyond this and beyond R are of no interest: the largest K.
    farthest: usize,
}

/// What a query retrieves.
struct Found {
    /// R, the others of its class.
    relevant: usize,
    /// Their ranks, rising, at least all up to the larger of K and R.
    ranks: Vec<usize>,
}

/// The others of a query's class while the samples go by.
struct Own {
    /// Their cosines, falling.
    cosines: Vec<f64>,
    /// before[i]: samples of other classes that come before the i-th, but not before the
    /// one ahead of it.
    before: Vec<usize>,
    /// The rank from which on none matters.
    limit: usize,
}

impl Own {
    fn meet(&mut self, cosine: f64) {
        if self.cosines.last().is_some_and(|farthest| cosine >= *farthest) {
            self.before[self.cosines.partition_point(|c| *c > cosine)] += 1;
        }
    }

    fn ranks(&self) -> impl Iterator<Item = usize> {
        let mut ahead = 0;
        self.before.iter().enumerate().map(move |(i, count)| {
            ahead += count;
            i + 1 + ahead
        })
    }

    /// Forgets those that stand too far back already: ranks only grow.
    fn trim(&mut self) {
        let limit = self.limit;
        let kept = self.ranks().take_while(|rank| *rank <= limit).count();
        self.cosines.truncate(kept);
        self.before.truncate(kept);
    }
}

impl Data<'_> {
    fn row(&self, i: usize) -> &[f64] {
        &self.x[i * self.dim..][..self.dim]
    }

    fn own(&self, query: usize) -> Own {
        let others = self.members[self.class[query]].iter().filter(|i| **i != query);
        let mut cosines: Vec<f64> = others.map(|i| dot(self.row(query), self.row(*i))).collect();
        cosines.sort_unstable_by(|a, b| b.total_cmp(a));
        Own { before: vec![0; cosines.len()], limit: self.farthest.max(cosines.len()), cosines }
    }

    fn find(&self, block: &[usize]) -> Vec<Found> {
        let mut own: Vec<Own> = block.iter().map(|q| self.own(*q)).collect();
        for (j, row) in self.x.chunks_exact(self.dim).enumerate() {
            for (&q, own) in block.iter().zip(&mut own) {
                if self.class[q] != self.class[j] {
                    own.meet(dot(self.row(q), row));
                }
            }
            if (j + 1).is_multiple_of(TRIM) {
                own.iter_mut().for_each(Own::trim);
            }
        }
        let relevant = |q: usize| self.members[self.class[q]].len() - 1;
        block.iter().zip(own).map(|(q, own)| Found { relevant: relevant(*q), ranks: own.ranks().collect() }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// By sorting all others, as the definitions say.
    fn plain(x: &[f32], dim: usize, labels: &[u32], k: usize) -> (f64, f64, u64) {
        let unit = unit_rows(x, dim).unwrap();
        let row = |i: usize| &unit[i * dim..][..dim];
        let (mut hits, mut map, mut queries) = (0, 0.0, 0);
        for q in 0..labels.len() {
            let relevant = labels.iter().filter(|l| **l == labels[q]).count() - 1;
            if relevant == 0 {
                continue;
            }
            queries += 1;
            let mut order: Vec<usize> = (0..labels.len()).filter(|i| *i != q).collect();
            let same = |i: usize| labels[i] == labels[q];
            order.sort_by(|a, b| dot(row(q), row(*b)).total_cmp(&dot(row(q), row(*a))).then(same(*a).cmp(&same(*b))));
            hits += u64::from(order.iter().take(k).any(|i| same(*i)));
            let mut found = 0;
            for (place, i) in order.iter().take(relevant).enumerate() {
                if same(*i) {
                    found += 1;
                    map += f64::from(found) / (place + 1) as f64 / relevant as f64;
                }
            }
        }
        (hits as f64 / queries as f64, map / queries as f64, queries)
    }

    #[test]
    fn one_query_of_the_paper_by_hand() {
        // R = 10, the own class at ranks 1 and 2 and behind eight others (Musgrave et al.,
        // fig. 2): MAP@R = (1/1 + 2/2)/10 for the query at 0°.
        let degrees = [0.0, 1.0, 2.0].into_iter().chain((0..8).map(|i| 10.0 + f64::from(i)));
        let degrees: Vec<f64> = degrees.chain((0..8).map(|i| 60.0 + f64::from(i))).collect();
        let labels: Vec<u32> = (0..19).map(|i| if (3..11).contains(&i) { 100 + i } else { 0 }).collect();
        let x: Vec<f64> = degrees.iter().flat_map(|d| [d.to_radians().cos(), d.to_radians().sin()]).collect();
        let class: Vec<usize> = labels.iter().map(|l| *l as usize).collect();
        let members: Vec<Vec<usize>> =
            (0..111).map(|c| (0..labels.len()).filter(|i| class[*i] == c).collect()).collect();
        let data = Data { x: &x, dim: 2, class: &class, members: &members, farthest: 1 };
        let found = data.find(&[0]);
        assert_eq!((found[0].relevant, &found[0].ranks[..3]), (10, &[1, 2, 11][..]));
    }

    #[test]
    fn what_is_forgotten_on_the_way_does_not_matter() {
        // More samples than lie between two trims, in classes that overlap.
        let mut rng = crate::random::keyed(b"test----", 1, 0);
        let labels: Vec<u32> = (0..700).map(|i| i % 9).collect();
        let x: Vec<f32> = (0..700 * 5)
            .map(|i| (crate::random::unit(&mut rng) + 0.1 * f64::from(labels[i / 5] * (i as u32 % 5))) as f32)
            .collect();
        let (recall, map, queries) = plain(&x, 5, &labels, 4);
        let r = retrieve(&x, 5, &labels, &[4, 200], &|_| {}).unwrap();
        assert_eq!((r.recall[0].share.value, r.recall[1].share.value, r.queries), (recall, 1.0, queries));
        assert!((r.map_at_r - map).abs() < 1e-12 && 0.05 < map && map < 0.9, "{} against {map}", r.map_at_r);
    }

    #[test]
    fn ties_count_against_the_query_and_zeros_have_cosine_zero() {
        let r = retrieve(&[1.0; 12], 3, &[0, 0, 1, 1], &[1, 2, 3], &|_| {}).unwrap();
        let shares: Vec<f64> = r.recall.iter().map(|r| r.share.value).collect();
        assert_eq!((&shares[..], r.map_at_r), (&[0.0, 0.0, 1.0][..], 0.0));
        let zero = [1.0, 0.0, 0.0, 0.0, 0.0, 1.0];
        assert_eq!(retrieve(&zero, 2, &[0, 0, 1], &[1], &|_| {}).unwrap().alone, 1);
    }

    #[test]
    fn wrong_input_is_named() {
        let x = [1.0, 0.0, 0.0, 1.0];
        let says = |labels: &[u32], k| retrieve(&x, 2, labels, &[k], &|_| {}).unwrap_err().to_string();
        assert!(says(&[0], 1).contains("expected 2"));
        assert!(says(&[0, 0], 0).contains("Recall@K"));
        assert!(says(&[0, 1], 1).contains("at least 2"));
        assert!(retrieve(&[], 2, &[], &[1], &|_| {}).is_err());
    }

    proptest! {
        #[test]
        fn agrees_with_sorting(
            // Few distinct directions, so that ties are common.
            samples in prop::collection::vec((0u32..4, -2i8..3, -2i8..3, -1i8..2), 2..40),
            k in 1usize..6,
        ) {
            let labels: Vec<u32> = samples.iter().map(|s| s.0 * 1_000_000_007).collect();
            let x: Vec<f32> = samples.iter().flat_map(|s| [s.1, s.2, s.3].map(f32::from)).collect();
            prop_assume!(labels.iter().any(|l| labels.iter().filter(|o| *o == l).count() > 1));
            let (recall, map, queries) = plain(&x, 3, &labels, k);
            let r = retrieve(&x, 3, &labels, &[k], &|_| {}).unwrap();
            prop_assert_eq!((r.recall[0].share.value, r.queries), (recall, queries));
            prop_assert!((r.map_at_r - map).abs() < 1e-12, "{} against {}", r.map_at_r, map);
        }
    }
}
