//! Recall@K and MAP@R of every sample against all others.
//!
//! Neither needs the order of all N − 1 others, only the rank of those of the query's own
//! class: r₁ < r₂ < … < r_R, R of them. Then
//!
//! * Recall@K = share of the queries with r₁ ≤ K,
//! * MAP@R = mean over the queries of 1/R · Σ over the i with rᵢ ≤ R of i/rᵢ.
//!
//! rᵢ is i plus the number of samples of other classes that are at least as near: a tie
//! counts against the query, so that embeddings that are all equal retrieve nothing.

use rayon::prelude::*;

use super::unit_rows;
use crate::error::{EvalError, Result};
use crate::interval::{Proportion, wilson};

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
/// let r = retrieve(&x, 2, &[0, 0, 1, 1], &[1])?;
/// assert_eq!((r.recall[0].share.value, r.map_at_r), (1.0, 1.0));
/// # Ok::<(), arcsphere_eval::EvalError>(())
/// ```
pub fn retrieve(embeddings: &[f32], dim: usize, labels: &[u32], ks: &[usize]) -> Result<Retrieval> {
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
    let data = Data { x: &x, dim, class: &class, members: &members };
    let ranks: Vec<Vec<usize>> = queries.par_chunks(BLOCK).flat_map_iter(|block| data.ranks(block)).collect();

    let count = queries.len() as u64;
    let recall = ks.iter().map(|&k| {
        let hits = ranks.iter().filter(|r| r[0] <= k).count() as u64;
        Ok(Recall { k, share: wilson(hits, count)? })
    });
    let precision = |ranks: &Vec<usize>| {
        let within = ranks.iter().enumerate().take_while(|(_, rank)| **rank <= ranks.len());
        within.map(|(i, rank)| (i + 1) as f64 / *rank as f64).sum::<f64>() / ranks.len() as f64
    };
    Ok(Retrieval {
        queries: count,
        alone: n as u64 - count,
        recall: recall.collect::<Result<_>>()?,
        map_at_r: ranks.iter().map(precision).sum::<f64>() / count as f64,
    })
}

struct Data<'a> {
    x: &'a [f64],
    dim: usize,
    class: &'a [usize],
    members: &'a [Vec<usize>],
}

impl Data<'_> {
    fn row(&self, i: usize) -> &[f64] {
        &self.x[i * self.dim..][..self.dim]
    }

    /// The ranks of the others of each query's class, rising.
    fn ranks(&self, block: &[usize]) -> Vec<Vec<usize>> {
        // Cosines with the own class, falling.
        let own: Vec<Vec<f64>> = block
            .iter()
            .map(|&q| {
                let others = self.members[self.class[q]].iter().filter(|i| **i != q);
                let mut cosines: Vec<f64> = others.map(|i| dot(self.row(q), self.row(*i))).collect();
                cosines.sort_unstable_by(|a, b| b.total_cmp(a));
                cosines
            })
            .collect();
        // before[i]: samples of other classes that come before the i-th of the own, but not
        // before the one ahead of it.
        let mut before: Vec<Vec<usize>> = own.iter().map(|cosines| vec![0; cosines.len()]).collect();
        for (j, row) in self.x.chunks_exact(self.dim).enumerate() {
            for ((&q, own), before) in block.iter().zip(&own).zip(&mut before) {
                if self.class[q] == self.class[j] {
                    continue;
                }
                let cosine = dot(self.row(q), row);
                if own.last().is_some_and(|farthest| cosine >= *farthest) {
                    before[own.partition_point(|c| *c > cosine)] += 1;
                }
            }
        }
        for before in &mut before {
            let mut sum = 0;
            for (i, count) in before.iter_mut().enumerate() {
                sum += *count;
                *count = i + 1 + sum;
            }
        }
        before
    }
}

/// In eight lanes, so that the order of the sum is fixed and still fits vector registers.
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut lanes = [0.0; 8];
    let (whole_a, whole_b) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f64 = whole_a.remainder().iter().zip(whole_b.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in whole_a.zip(whole_b) {
        for ((lane, x), y) in lanes.iter_mut().zip(x).zip(y) {
            *lane += x * y;
        }
    }
    lanes.iter().sum::<f64>() + rest
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
    fn ten_neighbors_by_hand() {
        // One query of class 0 at 0°, its R = 10 others at rank 1 and 2, and 3 to 10 taken
        // by others; Musgrave et al. (fig. 2 of the paper): precisions 1 and 2/2 over 10.
        let mut angles = vec![0.0f32, 1.0, 2.0];
        let mut labels = vec![0, 0, 0];
        for i in 0..8 {
            angles.push(10.0 + i as f32);
            labels.push(100 + i);
        }
        for i in 0..8 {
            angles.push(60.0 + i as f32);
            labels.push(0);
        }
        let x: Vec<f32> = angles.iter().flat_map(|a| [a.to_radians().cos(), a.to_radians().sin()]).collect();
        let unit = unit_rows(&x, 2).unwrap();
        let class: Vec<usize> = labels.iter().map(|l| usize::from(*l != 0) * (*l as usize)).collect();
        let members: Vec<Vec<usize>> =
            (0..108).map(|c| (0..labels.len()).filter(|i| class[*i] == c).collect()).collect();
        let data = Data { x: &unit, dim: 2, class: &class, members: &members };
        assert_eq!(data.ranks(&[0]), [[1, 2, 11, 12, 13, 14, 15, 16, 17, 18]]);
    }

    #[test]
    fn ties_count_against_the_query_and_zeros_have_cosine_zero() {
        let r = retrieve(&[1.0; 12], 3, &[0, 0, 1, 1], &[1, 2, 3]).unwrap();
        let shares: Vec<f64> = r.recall.iter().map(|r| r.share.value).collect();
        assert_eq!((&shares[..], r.map_at_r), (&[0.0, 0.0, 1.0][..], 0.0));
        let zero = [1.0, 0.0, 0.0, 0.0, 0.0, 1.0];
        assert_eq!(retrieve(&zero, 2, &[0, 0, 1], &[1]).unwrap().alone, 1);
    }

    #[test]
    fn wrong_input_is_named() {
        let x = [1.0, 0.0, 0.0, 1.0];
        let says = |labels: &[u32], k| retrieve(&x, 2, labels, &[k]).unwrap_err().to_string();
        assert!(says(&[0], 1).contains("expected 2"));
        assert!(says(&[0, 0], 0).contains("Recall@K"));
        assert!(says(&[0, 1], 1).contains("at least 2"));
        assert!(retrieve(&[], 2, &[], &[1]).is_err());
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
            let r = retrieve(&x, 3, &labels, &[k]).unwrap();
            prop_assert_eq!((r.recall[0].share.value, r.queries), (recall, queries));
            prop_assert!((r.map_at_r - map).abs() < 1e-12, "{} against {}", r.map_at_r, map);
        }
    }
}
