//! Memory that will be needed soon, brought to the cache while a product computes.
//!
//! The head reads each prototype once per pass, from memory, at a few bytes per cycle: too little
//! to be limited by bandwidth, enough to stall on every line if nobody asks for it beforehand.

/// Bytes from one request to the next: each line is asked for four times, which costs less than
/// a branch or an unrolled loop around the register tile.
const STEP: usize = 16;

/// Addresses still to be fetched, in order.
#[derive(Clone, Copy, Default)]
pub(crate) struct Ahead {
    ranges: [(usize, usize); 2],
}

/// Lines for one tile.
#[derive(Clone, Copy)]
pub(crate) struct Lines {
    first: usize,
    step: usize,
}

impl Ahead {
    /// What `first` and then `second` hold.
    pub(crate) fn of(first: &[f32], second: &[f32]) -> Self {
        let range = |s: &[f32]| (s.as_ptr().addr(), s.as_ptr_range().end.addr());
        Ahead { ranges: [range(first), range(second)] }
    }

    /// The next lines, for `count` requests.
    #[inline(always)]
    pub(crate) fn take(&mut self, count: usize) -> Lines {
        let at = usize::from(self.ranges[0].0 >= self.ranges[0].1);
        let (next, end) = self.ranges[at];
        if next >= end {
            // Fetching one line again and again costs nothing and needs no branch in the tile.
            return Lines { first: next, step: 0 };
        }
        self.ranges[at].0 = next + count * STEP;
        Lines { first: next, step: STEP }
    }
}

impl Lines {
    /// Request `index`; a hint, which no address can make fault.
    #[inline(always)]
    pub(crate) fn fetch(self, index: usize) {
        let address = self.first + index * self.step;
        #[cfg(target_arch = "x86_64")]
        // SAFETY: a prefetch reads nothing and ignores addresses that are not mapped.
        unsafe {
            use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
            _mm_prefetch::<_MM_HINT_T1>(std::ptr::without_provenance(address));
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = address;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_follow_each_other_and_end() {
        let (a, b) = ([0.0; 40], [0.0; 16]);
        let mut ahead = Ahead::of(&a, &b);
        let first = |l: Lines| (l.first, l.step);
        assert_eq!(first(ahead.take(8)), (a.as_ptr().addr(), 16));
        assert_eq!(first(ahead.take(8)), (a.as_ptr().addr() + 128, 16));
        assert_eq!(first(ahead.take(8)), (b.as_ptr().addr(), 16));
        assert_eq!(ahead.take(8).step, 0);
    }
}
