//! Operations on vectors, safe because a token stands for the instructions.

/// A token: a value of it exists only where the CPU has the instructions, so that what computes
/// with registers is safe to call. `unsafe` is what trusts a pointer.
///
/// A vector holds `LANES` values of `f32`; the other constants say how many of them the registers
/// hold.
pub(crate) trait Simd: Copy {
    /// The register type.
    type V: Copy;
    /// Values per register, at most 16, which it divides.
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

    /// All lanes equal to `x`.
    fn splat(self, x: f32) -> Self::V;

    /// a · b + c, fused where the instruction set has it.
    fn mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;

    /// a + b.
    fn add(self, a: Self::V, b: Self::V) -> Self::V;

    /// `LANES` values from `p`, of any alignment.
    ///
    /// # Safety
    ///
    /// `p` must be valid for reading `LANES` values.
    unsafe fn load_ptr(self, p: *const f32) -> Self::V;

    /// `LANES` values to `p`, of any alignment.
    ///
    /// # Safety
    ///
    /// `p` must be valid for writing `LANES` values.
    unsafe fn store_ptr(self, p: *mut f32, v: Self::V);

    /// All lanes zero.
    #[inline(always)]
    fn zero(self) -> Self::V {
        self.splat(0.0)
    }

    /// The first `LANES` values of a slice, which must have as many.
    #[inline(always)]
    fn load(self, from: &[f32]) -> Self::V {
        assert!(from.len() >= Self::LANES, "a vector is longer than the slice");
        // SAFETY: the slice has LANES values.
        unsafe { self.load_ptr(from.as_ptr()) }
    }

    /// To the first `LANES` values of a slice, which must have as many.
    #[inline(always)]
    fn store(self, to: &mut [f32], v: Self::V) {
        assert!(to.len() >= Self::LANES, "a vector is longer than the slice");
        // SAFETY: the slice has LANES values.
        unsafe { self.store_ptr(to.as_mut_ptr(), v) };
    }
}

/// A computation written over any [`Simd`].
pub(crate) trait Kernel {
    /// What it returns.
    type Output;

    /// Computes with the vectors of `S`. Must be `#[inline(always)]`, so that it is compiled
    /// with the features of its caller.
    fn run<S: Simd>(self, simd: S) -> Self::Output;
}
