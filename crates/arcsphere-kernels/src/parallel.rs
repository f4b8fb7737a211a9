//! Work split over rayon's threads in a way that a run can repeat.
//!
//! Which thread takes a part is rayon's choice; what a part holds, and the order in which parts
//! are reduced, depend only on the number of threads.

use std::mem::MaybeUninit;
use std::ops::Range;

use rayon::prelude::*;

/// Splits `0..len` into at most `parts` ranges that differ in length by one at most.
///
/// Empty ranges are left out; `parts` of zero counts as one.
///
/// ```
/// assert_eq!(arcsphere_kernels::parallel::split(7, 3), [0..3, 3..5, 5..7]);
/// ```
pub fn split(len: usize, parts: usize) -> Vec<Range<usize>> {
    let parts = parts.clamp(1, len.max(1));
    let (size, extra) = (len / parts, len % parts);
    let mut start = 0;
    (0..parts)
        .map(|part| {
            let end = start + size + usize::from(part < extra);
            let range = start..end;
            start = end;
            range
        })
        .filter(|range| !range.is_empty())
        .collect()
}

/// Number of threads of the current rayon pool.
pub fn threads() -> usize {
    rayon::current_num_threads()
}

/// Runs `work` once for each item, in parallel, and returns the results in the items' order.
///
/// One item, or one thread, runs on the caller's thread.
///
/// ```
/// use arcsphere_kernels::parallel::{map, split, threads};
///
/// // Sums of four parts, the same on any number of threads.
/// let sums = map(split(100, 4), |part| part.sum::<usize>());
/// assert_eq!(sums, [300, 925, 1550, 2175]);
/// assert!(threads() >= 1);
/// ```
pub fn map<T: Send, R: Send>(items: Vec<T>, work: impl Fn(T) -> R + Sync + Send) -> Vec<R> {
    if items.len() <= 1 || threads() == 1 {
        return items.into_iter().map(work).collect();
    }
    items.into_par_iter().with_max_len(1).map(work).collect()
}

/// Cuts `slice` into consecutive pieces, one for each range, of `unit` values per index.
///
/// # Panics
///
/// If the ranges, which must start at zero and follow each other, need more than the slice has.
pub(crate) fn cut<'a, T>(mut slice: &'a mut [T], ranges: &[Range<usize>], unit: usize) -> Vec<&'a mut [T]> {
    ranges
        .iter()
        .map(|range| {
            let (head, tail) = std::mem::take(&mut slice).split_at_mut(range.len() * unit);
            slice = tail;
            head
        })
        .collect()
}

/// `len` times `unit` values, made in parallel: `work` writes the values of each range.
///
/// # Safety
///
/// `work` must write every value that it is given.
pub(crate) unsafe fn fill(
    len: usize,
    unit: usize,
    work: impl Fn(Range<usize>, &mut [MaybeUninit<f32>]) + Sync + Send,
) -> Vec<f32> {
    let mut out = Box::<[f32]>::new_uninit_slice(len * unit);
    let ranges = split(len, threads());
    let parts = cut(&mut out, &ranges, unit);
    map(ranges.into_iter().zip(parts).collect(), |(range, part): (_, &mut [_])| work(range, part));
    // SAFETY: the parts cover the slice, and the caller vouches for each.
    unsafe { out.assume_init() }.into_vec()
}

/// Values by channel, repeated to a period long enough for the vector units.
///
/// Channels-last data then pass in runs of one period, whatever the number of channels.
pub(crate) struct Periodic {
    values: Vec<f32>,
    channels: usize,
}

/// The least length of a period.
const PERIOD: usize = 256;

/// Periods summed in single precision before they go to double.
const FOLD: usize = 64;

impl Periodic {
    /// Repeats `values`, of which there must be at least one.
    pub(crate) fn new(values: &[f32]) -> Self {
        let repeats = PERIOD.div_ceil(values.len());
        Self { values: values.repeat(repeats), channels: values.len() }
    }

    /// Values of a period: a multiple of the channels.
    pub(crate) fn period(&self) -> usize {
        self.values.len()
    }

    /// The repeated values.
    pub(crate) fn values(&self) -> &[f32] {
        &self.values
    }

    /// Sums by channel over runs of this period.
    pub(crate) fn sums(&self) -> Sums {
        Sums { partial: vec![0.0; self.period()], total: vec![0.0; self.channels], runs: 0 }
    }
}

/// Sums by channel: single precision for a few periods, where it vectorizes, double for the rest.
pub(crate) struct Sums {
    partial: Vec<f32>,
    total: Vec<f64>,
    runs: usize,
}

impl Sums {
    /// One accumulator for each value of the next run.
    #[inline(always)]
    pub(crate) fn next(&mut self) -> &mut [f32] {
        if self.runs == FOLD {
            self.fold();
        }
        self.runs += 1;
        &mut self.partial
    }

    fn fold(&mut self) {
        let channels = self.total.len();
        for values in self.partial.chunks_exact(channels) {
            for (total, &value) in self.total.iter_mut().zip(values) {
                *total += f64::from(value);
            }
        }
        self.partial.fill(0.0);
        self.runs = 0;
    }

    /// The totals.
    pub(crate) fn finish(mut self) -> Vec<f64> {
        self.fold();
        self.total
    }
}

/// Adds the parts' sums in order.
pub(crate) fn reduce(parts: Vec<Vec<f64>>, channels: usize) -> Vec<f32> {
    (0..channels).map(|c| parts.iter().map(|part| part[c]).sum::<f64>() as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_cover_everything_once_and_evenly() {
        for len in [0, 1, 2, 7, 64, 101] {
            for parts in [0, 1, 2, 3, 8, 200] {
                let ranges = split(len, parts);
                let all: Vec<usize> = ranges.iter().cloned().flatten().collect();
                assert_eq!(all, (0..len).collect::<Vec<_>>());
                let sizes = ranges.iter().map(ExactSizeIterator::len);
                if let (Some(min), Some(max)) = (sizes.clone().min(), sizes.max()) {
                    assert!(max - min <= 1, "{len} in {parts}: {ranges:?}");
                }
            }
        }
    }

    #[test]
    fn sums_go_to_their_channels() {
        let periodic = Periodic::new(&[1.0, 2.0, 3.0]);
        assert_eq!(periodic.period() % 3, 0);
        let mut sums = periodic.sums();
        for _ in 0..200 {
            for (sum, value) in sums.next().iter_mut().zip(periodic.values()).take(4) {
                *sum += value;
            }
        }
        let total = sums.finish();
        assert_eq!(total, [400.0, 400.0, 600.0]);
        assert_eq!(reduce(vec![total.clone(), total], 3), [800.0, 800.0, 1200.0]);
    }

    #[test]
    fn what_is_filled_in_parts_is_whole() {
        for len in [0, 1, 5, 64] {
            // SAFETY: every value of a part is written.
            let filled = unsafe {
                fill(len, 3, |range, part| {
                    for (value, i) in part.iter_mut().zip(range.start * 3..range.end * 3) {
                        value.write(i as f32);
                    }
                })
            };
            assert_eq!(filled, (0..3 * len).map(|i| i as f32).collect::<Vec<_>>());
        }
    }

    #[test]
    fn results_keep_the_order_and_pieces_the_sizes() {
        assert_eq!(map((0..50).collect(), |i: i32| i * i)[7], 49);
        let mut data = [0.0; 10];
        let pieces = cut(&mut data, &split(5, 2), 2);
        assert_eq!(pieces.iter().map(|p| p.len()).collect::<Vec<_>>(), [6, 4]);
    }
}
