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
//!
//! The cosines with other classes come from products in `f32`; where a rank depends on what these
//! cannot tell apart, the cosine in `f64` decides (see `near`). A product of two blocks of samples
//! serves both, as queries and as neighbors.

use std::sync::{Mutex, MutexGuard, PoisonError};

use arcsphere_kernels::gemm::{Op, sgemm};
use rayon::prelude::*;

use super::unit_rows;
use crate::error::{EvalError, Result};
use crate::interval::{Proportion, wilson};
use crate::near::{below, dot, relative_error};
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
    /// How many samples each query is ranked among. A Recall@K that looks at all of them is 1.
    pub others: u64,
    /// One entry a K, in the order asked for.
    pub recall: Vec<Recall>,
    /// MAP@R in [0, 1].
    pub map_at_r: f64,
}

/// Samples that share a product.
const BLOCK: usize = 512;

/// Cosines that are passed over together.
const CHUNK: usize = 16;

/// Cosines of queries with their own classes that are held at a time, 12 bytes each; more only where
/// one block of queries has more.
const HELD: usize = 1 << 24;

/// Samples of other classes between two looks at which ranks still matter.
const TRIM: usize = 16;

/// Recall at each of `ks` and MAP@R of `embeddings` `[N, dim]` by cosine, every sample a
/// query against the N − 1 others. O(N²·dim) time; memory for O(N·dim) numbers and 2²⁴ cosines, or
/// 512·R where a class is so large. `progress` hears how much is done.
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
    let data = Data::new(x, dim, labels, ks.iter().copied().max().unwrap_or(1));
    let count = data.class.iter().filter(|c| data.members[**c].len() > 1).count();
    if count == 0 {
        return Err(EvalError::TooFew { what: "the largest class of a retrieval", got: n.min(1), needed: 2 });
    }
    let found = data.search(progress);

    let recall = ks.iter().map(|&k| {
        let hits = found.iter().filter(|f| f.first <= k).count() as u64;
        Ok(Recall { k, share: wilson(hits, count as u64)? })
    });
    Ok(Retrieval {
        queries: count as u64,
        alone: (n - count) as u64,
        others: n as u64 - 1,
        recall: recall.collect::<Result<_>>()?,
        // A sum over zeros begins at −0, which a reader need not see.
        map_at_r: found.iter().map(|f| f.precision).sum::<f64>() / count as f64 + 0.0,
    })
}

struct Data {
    /// The samples at length 1, `[N, dim]`, and in `f32`.
    exact: Vec<f64>,
    near: Vec<f32>,
    dim: usize,
    /// By how much a product in `f32` is off at most.
    error: f64,
    /// The class of each sample, and the samples of each class.
    class: Vec<usize>,
    members: Vec<Vec<usize>>,
    /// Ranks beyond this and beyond R are of no interest: the largest K.
    farthest: usize,
    /// Cosines of queries with their own classes that are held at a time.
    held: usize,
}

/// What a query retrieves.
struct Found {
    /// The rank of the nearest of its class; as good as infinite where none has a rank that matters.
    first: usize,
    /// 1/R · Σ i/rᵢ over the rᵢ ≤ R.
    precision: f64,
}

/// A query's class while samples of other classes go by.
struct Own {
    /// The cosines with the others of its class, falling.
    cosines: Vec<f64>,
    /// `before[i]`: samples of other classes that come before the i-th, but not before the
    /// one ahead of it.
    before: Vec<u32>,
    /// R, the others of its class.
    relevant: usize,
    /// The rank from which on none matters.
    limit: usize,
    /// Samples since the last trim.
    since: usize,
}

impl Own {
    /// A sample of another class with a cosine within `error` of `near`.
    fn meet(&mut self, near: f64, error: f64, exact: impl FnOnce() -> f64) {
        let place = |cosine: f64| self.cosines.partition_point(|c| *c > cosine);
        let (first, last) = (place(near + error), place(near - error));
        let at = if first == last { first } else { place(exact()) };
        if let Some(count) = self.before.get_mut(at) {
            *count += 1;
            self.since += 1;
            if self.since >= TRIM.max(self.before.len() / 4) {
                self.trim();
            }
        }
    }

    fn ranks(&self) -> impl Iterator<Item = usize> {
        let mut ahead = 0;
        self.before.iter().enumerate().map(move |(i, count)| {
            ahead += *count as usize;
            i + 1 + ahead
        })
    }

    /// Forgets those that stand too far back already: ranks only grow.
    fn trim(&mut self) {
        let limit = self.limit;
        let kept = self.ranks().take_while(|rank| *rank <= limit).count();
        self.cosines.truncate(kept);
        self.before.truncate(kept);
        self.since = 0;
    }

    /// Smaller products change no rank.
    fn floor(&self, error: f64) -> f32 {
        self.cosines.last().map_or(f32::INFINITY, |farthest| below(farthest - error))
    }

    fn found(&self) -> Found {
        let within = self.ranks().take_while(|rank| *rank <= self.relevant).enumerate();
        let precision = within.map(|(i, rank)| (i + 1) as f64 / rank as f64).sum::<f64>() / self.relevant as f64;
        Found { first: self.ranks().next().unwrap_or(usize::MAX), precision }
    }
}

/// A block of queries.
type Queries = Mutex<Vec<Own>>;

fn locked(queries: &Queries) -> MutexGuard<'_, Vec<Own>> {
    // Counts are whole whenever the lock is free, even after a panic elsewhere.
    queries.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A product that may change a rank.
struct Hit {
    query: usize,
    other: usize,
    product: f32,
}

impl Data {
    fn new(exact: Vec<f64>, dim: usize, labels: &[u32], farthest: usize) -> Self {
        // Classes numbered anew, so that a label's size takes no memory.
        let mut known: Vec<u32> = labels.to_vec();
        known.sort_unstable();
        known.dedup();
        let class: Vec<usize> = labels.iter().map(|l| known.partition_point(|k| k < l)).collect();
        let mut members: Vec<Vec<usize>> = vec![Vec::new(); known.len()];
        for (i, c) in class.iter().enumerate() {
            members[*c].push(i);
        }
        let near = exact.iter().map(|v| *v as f32).collect();
        // No row is longer than 1 by more than rounding.
        let error = relative_error(dim) * (1.0 + 1e-9) + 1e-30;
        Self { exact, near, dim, error, class, members, farthest, held: HELD }
    }

    fn row(&self, i: usize) -> &[f64] {
        &self.exact[i * self.dim..][..self.dim]
    }

    fn cosine(&self, a: usize, b: usize) -> f64 {
        dot(self.row(a), self.row(b))
    }

    fn own(&self, query: usize) -> Own {
        let others = self.members[self.class[query]].iter().filter(|i| **i != query);
        let mut cosines: Vec<f64> = others.map(|i| self.cosine(query, *i)).collect();
        cosines.sort_unstable_by(|a, b| b.total_cmp(a));
        let (relevant, before) = (cosines.len(), vec![0; cosines.len()]);
        Own { cosines, before, relevant, limit: self.farthest.max(relevant), since: 0 }
    }

    /// The blocks of which the own cosines are held together: `[first, end)` each.
    fn waves(&self) -> Vec<(usize, usize)> {
        let blocks = self.class.chunks(BLOCK).map(|b| b.iter().map(|c| self.members[*c].len()).sum::<usize>());
        let mut waves: Vec<(usize, usize)> = Vec::new();
        let mut held = 0;
        for (block, size) in blocks.enumerate() {
            held += size;
            match waves.last_mut() {
                Some(wave) if held <= self.held => wave.1 = block + 1,
                _ => {
                    waves.push((block, block + 1));
                    held = size;
                }
            }
        }
        waves
    }

    /// What each sample retrieves that is not alone in its class, in their order.
    fn search(&self, progress: Progress<'_>) -> Vec<Found> {
        let n = self.class.len();
        let count = n.div_ceil(BLOCK);
        // Within a wave a pair of blocks is met once.
        let pairs = |(first, end): (usize, usize)| {
            let met = move |q: usize| (0..count).filter(move |other| !(first..q).contains(other)).map(move |o| (q, o));
            (first..end).flat_map(met).collect::<Vec<_>>()
        };
        let waves = self.waves();
        let steps = Steps::new(waves.iter().map(|wave| pairs(*wave).len()).sum(), progress);
        let mut found = Vec::new();
        for wave in waves {
            let block = |b: usize| Mutex::new((b * BLOCK..n.min((b + 1) * BLOCK)).map(|q| self.own(q)).collect());
            let queries: Vec<Queries> = (wave.0..wave.1).into_par_iter().map(block).collect();
            pairs(wave).par_iter().for_each_init(Vec::new, |products, &(a, b)| {
                let other = (wave.0..wave.1).contains(&b).then(|| &queries[b - wave.0]);
                self.meet((a, &queries[a - wave.0]), (b, other.filter(|_| a != b)), products);
                steps.step();
            });
            let own = queries
                .iter()
                .flat_map(|q| locked(q).iter().filter(|o| o.relevant > 0).map(Own::found).collect::<Vec<_>>());
            found.extend(own);
        }
        found
    }

    /// A block of queries meets the samples of another block, and these, where they are queries too,
    /// meet the first.
    fn meet(&self, (a, queries): (usize, &Queries), (b, others): (usize, Option<&Queries>), products: &mut Vec<f32>) {
        let (n, dim) = (self.class.len(), self.dim);
        let (rows, columns) = (a * BLOCK..n.min((a + 1) * BLOCK), b * BLOCK..n.min((b + 1) * BLOCK));
        let near = |samples: &std::ops::Range<usize>| &self.near[samples.start * dim..samples.end * dim];
        products.resize(rows.len() * columns.len(), 0.0);
        let (left, right) = (near(&rows), near(&columns));
        sgemm(rows.len(), columns.len(), dim, left, Op::Plain, right, Op::Transposed, 0.0, products);
        let floors = |queries: &Queries| -> Vec<f32> { locked(queries).iter().map(|o| o.floor(self.error)).collect() };
        let row_floors = floors(queries);
        let column_floors = others.map_or_else(|| vec![f32::INFINITY; columns.len()], floors);
        let (mut row_hits, mut column_hits) = (Vec::new(), Vec::new());
        for ((row, products), &floor) in rows.clone().zip(products.chunks_exact(columns.len())).zip(&row_floors) {
            for (first, products) in (0..).step_by(CHUNK).zip(products.chunks(CHUNK)) {
                let theirs = &column_floors[first..][..products.len()];
                if !products.iter().zip(theirs).fold(false, |any, (p, t)| any | (*p >= floor) | (p >= t)) {
                    continue;
                }
                for ((&product, &their), column) in products.iter().zip(theirs).zip(columns.start + first..) {
                    if self.class[row] == self.class[column] {
                        continue;
                    }
                    if product >= floor {
                        row_hits.push(Hit { query: row, other: column, product });
                    }
                    if product >= their {
                        column_hits.push(Hit { query: column, other: row, product });
                    }
                }
            }
        }
        self.count(queries, rows.start, row_hits);
        if let Some(others) = others {
            self.count(others, columns.start, column_hits);
        }
    }

    fn count(&self, queries: &Queries, first: usize, hits: Vec<Hit>) {
        let mut queries = locked(queries);
        for Hit { query, other, product } in hits {
            queries[query - first].meet(f64::from(product), self.error, || self.cosine(query, other));
        }
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
            let (mut found, mut precision) = (0, 0.0);
            for (place, i) in order.iter().take(relevant).enumerate() {
                if same(*i) {
                    found += 1;
                    precision += f64::from(found) / (place + 1) as f64;
                }
            }
            map += precision / relevant as f64;
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
        let found = Data::new(x, 2, &labels, 1).search(&|_| {});
        assert_eq!((found[0].first, found[0].precision), (1, 2.0 / 10.0));
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
        assert!(0.05 < map && map < 0.9);
        assert_eq!(r.map_at_r, map);
        // As if memory held few queries at a time.
        let mut data = Data::new(unit_rows(&x, 5).unwrap(), 5, &labels, 200);
        data.held = 1;
        assert_eq!(data.waves(), [(0, 1), (1, 2)]);
        let sum: f64 = data.search(&|_| {}).iter().map(|f| f.precision).sum();
        assert_eq!(sum / 700.0, map);
    }

    #[test]
    fn what_a_product_cannot_tell_apart_is_told_by_the_cosine() {
        // Directions that differ by less than the rounding of f32, in three blocks and any number of classes.
        let mut rng = crate::random::keyed(b"test----", 2, 0);
        for classes in [3, 40, 700] {
            for spread in [1e-7, 1e-5, 0.3] {
                let x: Vec<f32> =
                    (0..1100 * 16).map(|_| (1.0 + spread * (crate::random::unit(&mut rng) - 0.5)) as f32).collect();
                let labels: Vec<u32> = (0..1100).map(|_| crate::random::below(&mut rng, classes) as u32).collect();
                let (recall, map, queries) = plain(&x, 16, &labels, 8);
                let r = retrieve(&x, 16, &labels, &[8], &|_| {}).unwrap();
                assert_eq!((r.recall[0].share.value, r.map_at_r, r.queries), (recall, map, queries));
            }
        }
    }

    #[test]
    fn ties_count_against_the_query_and_zeros_have_cosine_zero() {
        let r = retrieve(&[1.0; 12], 3, &[0, 0, 1, 1], &[1, 2, 3], &|_| {}).unwrap();
        let shares: Vec<f64> = r.recall.iter().map(|r| r.share.value).collect();
        assert_eq!((&shares[..], r.map_at_r), (&[0.0, 0.0, 1.0][..], 0.0));
        assert!(r.map_at_r.is_sign_positive());
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
            prop_assert_eq!((r.recall[0].share.value, r.map_at_r, r.queries), (recall, map, queries));
        }
    }
}
