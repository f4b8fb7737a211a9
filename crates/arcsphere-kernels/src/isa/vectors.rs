//! The instruction sets with registers of their own, each a token and its few instructions.

// Where the whole program is compiled for an instruction set, its functions are safe by themselves.
#![allow(unused_unsafe)]

use super::simd::{Kernel, Simd};

/// A token, the function compiled for it, and its vectors.
macro_rules! instruction_set {
    (
        $(#[$doc:meta])*
        $token:ident: $features:literal, $entry:ident, $v:ty, $lanes:literal,
        rows: $rows_1:literal $rows_2:literal $rows_4:literal, grad_rows: $grad_1:literal $grad_2:literal,
        $splat:ident, $add:ident, $load:ident, $store:ident, |$a:ident, $b:ident, $c:ident| $mul_add:expr
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub(super) struct $token(());

        /// Compiles the kernel for the token's instructions.
        #[target_feature(enable = $features)]
        pub(super) fn $entry<K: Kernel>(kernel: K) -> K::Output {
            kernel.run($token(()))
        }

        impl Simd for $token {
            type V = $v;
            const LANES: usize = $lanes;
            const ROWS_1: usize = $rows_1;
            const ROWS_2: usize = $rows_2;
            const ROWS_4: usize = $rows_4;
            const GRAD_ROWS_1: usize = $grad_1;
            const GRAD_ROWS_2: usize = $grad_2;

            #[inline(always)]
            fn splat(self, x: f32) -> $v {
                // SAFETY: the token is made only where the CPU has the instructions.
                unsafe { $splat(x) }
            }

            #[inline(always)]
            fn mul_add(self, $a: $v, $b: $v, $c: $v) -> $v {
                // SAFETY: the token is made only where the CPU has the instructions.
                unsafe { $mul_add }
            }

            #[inline(always)]
            fn add(self, a: $v, b: $v) -> $v {
                // SAFETY: the token is made only where the CPU has the instructions.
                unsafe { $add(a, b) }
            }

            #[inline(always)]
            unsafe fn load_ptr(self, p: *const f32) -> $v {
                // SAFETY: the token proves the instructions, the caller vouches for the pointer.
                unsafe { $load(p) }
            }

            #[inline(always)]
            unsafe fn store_ptr(self, p: *mut f32, v: $v) {
                // SAFETY: the token proves the instructions, the caller vouches for the pointer.
                unsafe { $store(p, v) }
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

#[cfg(target_arch = "x86_64")]
instruction_set! {
    /// AVX-512: 32 registers of 16 values.
    Avx512: "avx512f,avx2,fma", avx512, __m512, 16,
    rows: 16 14 7, grad_rows: 16 8,
    _mm512_set1_ps, _mm512_add_ps, _mm512_loadu_ps, _mm512_storeu_ps, |a, b, c| _mm512_fmadd_ps(a, b, c)
}

#[cfg(target_arch = "x86_64")]
instruction_set! {
    /// AVX2 and FMA: 16 registers of 8 values.
    Avx2: "avx2,fma", avx2, __m256, 8,
    rows: 12 6 3, grad_rows: 8 4,
    _mm256_set1_ps, _mm256_add_ps, _mm256_loadu_ps, _mm256_storeu_ps, |a, b, c| _mm256_fmadd_ps(a, b, c)
}

#[cfg(target_arch = "aarch64")]
use std::arch::aarch64::*;

#[cfg(target_arch = "aarch64")]
instruction_set! {
    /// NEON: 32 registers of 4 values.
    Neon: "neon", neon, float32x4_t, 4,
    rows: 16 14 7, grad_rows: 16 8,
    vdupq_n_f32, vaddq_f32, vld1q_f32, vst1q_f32, |a, b, c| vfmaq_f32(c, a, b)
}
