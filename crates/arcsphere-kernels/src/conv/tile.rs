//! The register tile: R pixels × N vectors of output channels, summed over all taps.
//!
//! acc[r][n] = Σ_{tap, lane} x[tap + r·BLOCK + lane] · w[tap][lane][n]: per step N vector loads of
//! weights and R broadcasts of inputs for R·N multiply-adds.

// Loops over constant ranges are the register tile: they unroll and `acc` becomes registers.
#![allow(clippy::needless_range_loop)]

use super::scratch::Tap;
use super::shape::BLOCK;
use crate::isa::Simd;

/// Where a tile's results go.
#[derive(Clone, Copy)]
pub(super) struct Target {
    /// First channel of the first pixel.
    pub(super) out: *mut f32,
    /// Values from one pixel to the next.
    pub(super) step: usize,
    /// Channels to write; the lanes beyond are dropped.
    pub(super) count: usize,
}

/// Computes a tile of R × N and writes it.
///
/// # Safety
///
/// `x` + tap + R·BLOCK values are readable for each tap;
/// `w` has taps · BLOCK · N · LANES values, `bias` N · LANES; `target.count` values are writable
/// for each of R pixels; `target.count` ≤ N · LANES.
#[inline(always)]
unsafe fn tile<S: Simd, const R: usize, const N: usize>(
    simd: S,
    x: *const f32,
    taps: &[Tap],
    w: *const f32,
    bias: *const f32,
    target: Target,
) {
    // SAFETY: every access is inside what the caller vouches for.
    unsafe {
        let mut acc = [[simd.zero(); N]; R];
        for (index, tap) in taps.iter().enumerate() {
            let x = x.add(tap.at);
            let mut w = w.add(index * BLOCK * N * S::LANES);
            for lane in 0..tap.lanes {
                let mut weights = [simd.zero(); N];
                for n in 0..N {
                    weights[n] = simd.load_ptr(w.add(n * S::LANES));
                }
                for r in 0..R {
                    let value = simd.splat(*x.add(r * BLOCK + lane));
                    for n in 0..N {
                        acc[r][n] = simd.mul_add(value, weights[n], acc[r][n]);
                    }
                }
                w = w.add(N * S::LANES);
            }
        }
        let mut biases = [simd.zero(); N];
        for n in 0..N {
            biases[n] = simd.load_ptr(bias.add(n * S::LANES));
        }
        if target.count == N * S::LANES {
            for r in 0..R {
                for n in 0..N {
                    let out = target.out.add(r * target.step + n * S::LANES);
                    simd.store_ptr(out, simd.add(acc[r][n], biases[n]));
                }
            }
        } else {
            let mut row = [0.0f32; 4 * BLOCK];
            for r in 0..R {
                for n in 0..N {
                    simd.store_ptr(row.as_mut_ptr().add(n * S::LANES), simd.add(acc[r][n], biases[n]));
                }
                let out = target.out.add(r * target.step);
                std::ptr::copy_nonoverlapping(row.as_ptr(), out, target.count);
            }
        }
    }
}

/// The most pixels of a tile with `vectors` vectors of channels.
#[inline(always)]
pub(super) fn max_rows<S: Simd>(vectors: usize) -> usize {
    match vectors {
        1 => S::ROWS_1,
        2 => S::ROWS_2,
        _ => S::ROWS_4,
    }
}

/// Computes one output row of `pixels` pixels in tiles of nearly equal size.
///
/// # Safety
///
/// As for a tile, for `pixels` pixels of distance BLOCK in the input; `vectors` is 1, 2 or 4.
#[inline(always)]
pub(super) unsafe fn row<S: Simd>(
    simd: S,
    vectors: usize,
    pixels: usize,
    x: *const f32,
    taps: &[Tap],
    w: *const f32,
    bias: *const f32,
    target: Target,
) {
    let tiles = pixels.div_ceil(max_rows::<S>(vectors));
    let (size, extra) = (pixels / tiles, pixels % tiles);
    let mut done = 0;
    for index in 0..tiles {
        let rows = size + usize::from(index < extra);
        // SAFETY: the tiles partition the row, so each is inside what the caller vouches for.
        unsafe {
            let x = x.add(done * BLOCK);
            let target = Target { out: target.out.add(done * target.step), ..target };
            macro_rules! dispatch {
                ($n:literal: $($r:literal)*) => {
                    match rows {
                        $($r if $r <= max_rows_const::<S, $n>() => {
                            tile::<S, $r, $n>(simd, x, taps, w, bias, target)
                        })*
                        _ => unreachable!("a tile has at most max_rows pixels"),
                    }
                };
            }
            match vectors {
                1 => dispatch!(1: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16),
                2 => dispatch!(2: 1 2 3 4 5 6 7 8 9 10 11 12 13 14),
                _ => dispatch!(4: 1 2 3 4 5 6 7),
            }
        }
        done += rows;
    }
}

/// [`max_rows`] with the vectors known, so that tiles too large for the registers fold away.
#[inline(always)]
const fn max_rows_const<S: Simd, const N: usize>() -> usize {
    match N {
        1 => S::ROWS_1,
        2 => S::ROWS_2,
        _ => S::ROWS_4,
    }
}
