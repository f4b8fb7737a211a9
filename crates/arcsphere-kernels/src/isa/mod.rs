//! Which vector instructions a kernel runs with, chosen at run time.
//!
//! [`Isa`] is a token: a value of it proves that the CPU has the instructions, so kernels that
//! take one are safe to call. Kernels are written once over `Simd`, whose own token makes the
//! operations on vectors safe, and instantiated inside a function with the matching
//! `#[target_feature]` by `Isa::run`.
//!
//! A module imports only modules listed above it.

mod simd;

mod portable;
mod vectors;

pub(crate) use simd::{Kernel, Simd};

use std::sync::OnceLock;

/// An instruction set that this CPU has.
///
/// ```
/// use arcsphere_kernels::isa::Isa;
///
/// let best = Isa::best();
/// assert_eq!(best, Isa::available()[0]);
/// assert!(["avx512", "avx2", "neon", "portable"].contains(&best.name()));
/// ```
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
    // Where the whole program is compiled for it, the call is safe by itself.
    #[allow(unused_unsafe)]
    pub(crate) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        match self.0 {
            // SAFETY: `available` makes this value only where the CPU has the features.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => unsafe { vectors::avx512(kernel) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => unsafe { vectors::avx2(kernel) },
            // SAFETY: as above.
            #[cfg(target_arch = "aarch64")]
            Kind::Neon => unsafe { vectors::neon(kernel) },
            Kind::Portable => kernel.run(portable::Portable),
        }
    }
}

struct Lanes;

impl Kernel for Lanes {
    type Output = usize;

    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> usize {
        S::LANES
    }
}

struct Rows4;

impl Kernel for Rows4 {
    type Output = usize;

    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> usize {
        S::ROWS_4
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Probe;

    impl Kernel for Probe {
        type Output = Vec<f32>;

        #[inline(always)]
        fn run<S: Simd>(self, simd: S) -> Vec<f32> {
            let a: Vec<f32> = (0..S::LANES).map(|i| i as f32).collect();
            let mut out = vec![0.0; S::LANES];
            let v = simd.mul_add(simd.load(&a), simd.splat(2.0), simd.splat(1.0));
            simd.store(&mut out, simd.add(v, simd.zero()));
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

    struct Short;

    impl Kernel for Short {
        type Output = ();

        #[inline(always)]
        fn run<S: Simd>(self, simd: S) {
            simd.load(&[1.0]);
        }
    }

    #[test]
    #[should_panic(expected = "longer than the slice")]
    fn a_vector_is_not_loaded_from_a_shorter_slice() {
        Isa::best().run(Short);
    }
}
