//! Plain arrays: what every CPU can do, vectorized by the compiler where it can.

use super::simd::Simd;

#[derive(Clone, Copy)]
pub(super) struct Portable;

impl Simd for Portable {
    type V = [f32; 4];
    const LANES: usize = 4;
    const ROWS_1: usize = 12;
    const ROWS_2: usize = 6;
    const ROWS_4: usize = 3;
    const GRAD_ROWS_1: usize = 8;
    const GRAD_ROWS_2: usize = 4;

    #[inline(always)]
    fn splat(self, x: f32) -> [f32; 4] {
        [x; 4]
    }

    #[inline(always)]
    fn mul_add(self, a: [f32; 4], b: [f32; 4], c: [f32; 4]) -> [f32; 4] {
        // Not `f32::mul_add`: without the instruction it is a library call.
        [a[0] * b[0] + c[0], a[1] * b[1] + c[1], a[2] * b[2] + c[2], a[3] * b[3] + c[3]]
    }

    #[inline(always)]
    fn add(self, a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        [a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3]]
    }

    #[inline(always)]
    unsafe fn load_ptr(self, p: *const f32) -> [f32; 4] {
        // SAFETY: the caller vouches for four readable values; alignment is that of f32.
        unsafe { p.cast::<[f32; 4]>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn store_ptr(self, p: *mut f32, v: [f32; 4]) {
        // SAFETY: the caller vouches for four writable values.
        unsafe { p.cast::<[f32; 4]>().write_unaligned(v) }
    }
}
