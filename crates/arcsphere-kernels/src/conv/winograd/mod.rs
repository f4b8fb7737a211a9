//! Convolution by Winograd's minimal filtering, for stride one and 3×3 or 5×5 kernels.
//!
//! A tile of M×M outputs needs a tile of 6×6 inputs, M + kernel − 1 = 6, and 36 products per pair
//! of channels instead of (M·kernel)²: a quarter of 144 for 3×3 (M = 4), 36 of 100 for 5×5 (M = 2).
//!
//! ```text
//! y  = Aᵀ [ (G w Gᵀ) ⊙ (Bᵀ d B) ] A            summed over input channels
//! dw = Gᵀ [ (Bᵀ d B) ⊙ (A dy Aᵀ) ] G           summed over tiles
//! dx = y of dy with turned kernels and the channels' roles exchanged
//! ```
//!
//! Per point of the 6×6 the sum over channels (or tiles) is a matrix product, made by the same
//! register tiles as the direct convolution. The points are 0, ±1, ±2 and ∞ (Lavin and Gray, Fast
//! Algorithms for Convolutional Neural Networks, CVPR 2016). The transforms cancel digits: results
//! differ from exact ones by up to 4e-6 of the largest Σ |products|, direct f32 sums by 1e-6.
//!
//! A module imports only modules listed above it.

mod points;

mod plan;
mod weights;

mod convolve;
mod weight_grad;

pub(super) use convolve::{forward, input_grad};
pub(super) use plan::suits;
pub(super) use weight_grad::weight_grad;
