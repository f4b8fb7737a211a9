//! Which vector instructions a kernel runs with, chosen at run time.
//!
//! [`Isa`] is a token: a value of it proves that the CPU has the instructions, so kernels that
//! take one are safe to call. Kernels are written once over [`Simd`] and instantiated inside a
//! function with the matching `#[target_feature]` by [`Isa::run`].

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;

use std::sync::OnceLock;

/// An instruction set that this CPU has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Isa(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "aarch64")]
    Neon,
    Portable,
}

impl Isa {
    /// The widest instruction set of this CPU.
    pub fn best() -> Self {
        static BEST: OnceLock<Isa> = OnceLock::new();
        *BEST.get_or_init(|| Self::available()[0])
    }

    /// Every instruction set of this CPU, widest first; the last is the portable one.
    pub fn available() -> Vec<Self> {
        let mut found = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("fma")
            {
                found.push(Self(Kind::Avx512));
            }
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                found.push(Self(Kind::Avx2));
            }
        }
        #[cfg(target_arch = "aarch64")]
        if std::arch::is_aarch64_feature_detected!("neon") {
            found.push(Self(Kind::Neon));
        }
        found.push(Self(Kind::Portable));
        found
    }

    /// The name in reports: `avx512`, `avx2`, `neon` or `portable`.
    pub fn name(self) -> &'static str {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => "avx512",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => "avx2",
            #[cfg(target_arch = "aarch64")]
            Kind::Neon => "neon",
            Kind::Portable => "portable",
        }
    }

    /// Values per vector.
    pub(crate) fn lanes(self) -> usize {
        self.run(Lanes)
    }

    /// [`Simd::ROWS_4`].
    pub(crate) fn rows_4(self) -> usize {
        self.run(Rows4)
    }

    /// Runs a kernel compiled for this instruction set.
    pub(crate) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        match self.0 {
            // SAFETY: `available` makes this value only where the CPU has the features.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => unsafe { avx512::run(kernel) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => unsafe { avx2::run(kernel) },
            // SAFETY: as above.
            #[cfg(target_arch = "aarch64")]
            Kind::Neon => unsafe { neon::run(kernel) },
            // SAFETY: the portable vectors need no features.
            Kind::Portable => unsafe { kernel.run::<portable::Portable>() },
        }
    }
}

/// A computation written over any [`Simd`].
pub(crate) trait Kernel {
    /// What it returns.
    type Output;

    /// Computes with the vectors of `S`. Must be `#[inline(always)]`, so that it is compiled
    /// with the features of its caller.
    ///
    /// # Safety
    ///
    /// The CPU must have the instructions of `S`.
    unsafe fn run<S: Simd>(self) -> Self::Output;
}

struct Lanes;

impl Kernel for Lanes {
    type Output = usize;

    #[inline(always)]
    unsafe fn run<S: Simd>(self) -> usize {
        S::LANES
    }
}

struct Rows4;

impl Kernel for Rows4 {
    type Output = usize;

    #[inline(always)]
    unsafe fn run<S: Simd>(self) -> usize {
        S::ROWS_4
    }
}

/// A vector of `LANES` values of `f32`, and how many of them the registers hold.
pub(crate) trait Simd: Copy {
    /// The register type.
    type V: Copy;
    /// Values per register; divides [`BLOCK`](crate::conv::BLOCK).
    const LANES: usize;
    /// Pixels of an output tile with one vector of channels.
    const ROWS_1: usize;
    /// Pixels of an output tile with two vectors of channels.
    const ROWS_2: usize;
    /// Pixels of an output tile with four vectors of channels.
    const ROWS_4: usize;
    /// Input channels of a weight-gradient tile with one vector of output channels: 8 or 16.
    const GRAD_ROWS_1: usize;
    /// The same with two vectors: 4 or 8.
    const GRAD_ROWS_2: usize;

    /// All lanes zero.
    ///
    /// # Safety
    ///
    /// The CPU must have the instructions, here and below.
    unsafe fn zero() -> Self::V;
    /// All lanes equal to `x`.
    ///
    /// # Safety
    ///
    /// As for [`Simd::zero`].
    unsafe fn splat(x: f32) -> Self::V;
    /// `LANES` values from `p`, of any alignment.
    ///
    /// # Safety
    ///
    /// `p` must be valid for reading `LANES` values.
    unsafe fn load(p: *const f32) -> Self::V;
    /// `LANES` values to `p`, of any alignment.
    ///
    /// # Safety
    ///
    /// `p` must be valid for writing `LANES` values.
    unsafe fn store(p: *mut f32, v: Self::V);
    /// a · b + c, fused where the instruction set has it.
    ///
    /// # Safety
    ///
    /// As for [`Simd::zero`].
    unsafe fn mul_add(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// a + b.
    ///
    /// # Safety
    ///
    /// As for [`Simd::zero`].
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V;
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Probe;

    impl Kernel for Probe {
        type Output = Vec<f32>;

        #[inline(always)]
        unsafe fn run<S: Simd>(self) -> Vec<f32> {
            let a: Vec<f32> = (0..S::LANES).map(|i| i as f32).collect();
            let mut out = vec![0.0; S::LANES];
            // SAFETY: both buffers hold LANES values; the caller vouches for the instructions.
            unsafe {
                let v = S::mul_add(S::load(a.as_ptr()), S::splat(2.0), S::splat(1.0));
                S::store(out.as_mut_ptr(), S::add(v, S::zero()));
            }
            out
        }
    }

    #[test]
    fn every_instruction_set_computes_the_same() {
        let all = Isa::available();
        assert_eq!(all.last().unwrap().name(), "portable");
        assert_eq!(Isa::best(), all[0]);
        for isa in all {
            let out = isa.run(Probe);
            let expected: Vec<f32> = (0..out.len()).map(|i| 2.0 * i as f32 + 1.0).collect();
            assert_eq!(out, expected, "{}", isa.name());
        }
    }
}
