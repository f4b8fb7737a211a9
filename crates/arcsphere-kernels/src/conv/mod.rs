//! Two-dimensional convolution and its gradients, on channels-last `f32` slices.
//!
//! `y[n,i,j,o] = b[o] + Σ_{u,v,c} w[o,c,u,v] · x[n, i·s+u−p, j·s+v−p, c]`
//!
//! Activations are `[batch, height, width, channels]`; weights are PyTorch's
//! `[out_channels, in_channels / groups, kernel, kernel]`. Channels are the vector lanes. An image
//! is copied once into a zero-padded scratch buffer in blocks of 16 channels, so that the
//! inner loop, a register tile of pixels × output channels, meets no border and walks the input
//! with constant distances; nothing of im2col's size is ever written.
//!
//! A module imports only modules listed above it.

mod shape;

mod scratch;
mod tile;
mod weights;

mod dense;
mod input_grad;
mod weight_grad;

mod depthwise;
mod winograd;

#[cfg(test)]
mod oracle;

pub use shape::{ConvShape, WeightGrad};

use crate::isa::Isa;

/// The convolution of `x`, `[batch, out_height, out_width, out_channels]`.
///
/// ```
/// use arcsphere_kernels::conv::{ConvShape, forward};
/// use arcsphere_kernels::isa::Isa;
///
/// // One image of 1 × 3 pixels with one channel, a 1 × 1 kernel of 2 and a bias of 1.
/// let shape = ConvShape::new([1, 1, 3, 1], 1, 1, 1, 0, 1).ok_or("no such convolution")?;
/// assert_eq!(forward(Isa::best(), &shape, &[1.0, 2.0, 3.0], &[2.0], Some(&[1.0])), [3.0, 5.0, 7.0]);
/// # Ok::<(), &str>(())
/// ```
///
/// # Panics
///
/// If a slice's length is not the one that the shape asks for.
pub fn forward(isa: Isa, shape: &ConvShape, x: &[f32], weight: &[f32], bias: Option<&[f32]>) -> Vec<f32> {
    shape.check(Some(x), Some(weight), None);
    assert!(bias.is_none_or(|b| b.len() == shape.out_channels), "bias length of {shape:?}");
    if shape.is_depthwise() {
        depthwise::forward(isa, shape, x, weight, bias)
    } else if winograd::suits(shape) {
        winograd::forward(isa, shape, x, weight, bias)
    } else {
        dense::forward(isa, shape, x, weight, bias)
    }
}

/// The gradient with respect to the input, `[batch, height, width, in_channels]`, from the
/// output's gradient `dy`.
///
/// ```
/// use arcsphere_kernels::conv::{ConvShape, input_grad};
/// use arcsphere_kernels::isa::Isa;
///
/// let shape = ConvShape::new([1, 1, 3, 1], 1, 1, 1, 0, 1).ok_or("no such convolution")?;
/// assert_eq!(input_grad(Isa::best(), &shape, &[1.0, 0.0, -1.0], &[2.0]), [2.0, 0.0, -2.0]);
/// # Ok::<(), &str>(())
/// ```
///
/// # Panics
///
/// If a slice's length is not the one that the shape asks for.
pub fn input_grad(isa: Isa, shape: &ConvShape, dy: &[f32], weight: &[f32]) -> Vec<f32> {
    shape.check(None, Some(weight), Some(dy));
    if shape.is_depthwise() {
        depthwise::input_grad(isa, shape, dy, weight)
    } else if winograd::suits(shape) {
        winograd::input_grad(isa, shape, dy, weight)
    } else {
        input_grad::input_grad(isa, shape, dy, weight)
    }
}

/// The gradients with respect to weight and bias, from the input and the output's gradient.
///
/// Each thread sums its share of the batch; the shares are added in a fixed order. So the bits depend on
/// `isa` and on the number of threads.
///
/// ```
/// use arcsphere_kernels::conv::{ConvShape, weight_grad};
/// use arcsphere_kernels::isa::Isa;
///
/// let shape = ConvShape::new([1, 1, 3, 1], 1, 1, 1, 0, 1).ok_or("no such convolution")?;
/// let grad = weight_grad(Isa::best(), &shape, &[1.0, 2.0, 3.0], &[1.0, 0.0, -1.0]);
/// assert_eq!((grad.weight, grad.bias), (vec![-2.0], vec![0.0]));
/// # Ok::<(), &str>(())
/// ```
///
/// # Panics
///
/// If a slice's length is not the one that the shape asks for.
pub fn weight_grad(isa: Isa, shape: &ConvShape, x: &[f32], dy: &[f32]) -> WeightGrad {
    shape.check(Some(x), None, Some(dy));
    if shape.is_depthwise() {
        depthwise::weight_grad(isa, shape, x, dy)
    } else if winograd::suits(shape) {
        winograd::weight_grad(isa, shape, x, dy)
    } else {
        weight_grad::weight_grad(isa, shape, x, dy)
    }
}

#[cfg(test)]
mod tests {
    use super::oracle::{Case, WINOGRAD, check_forward, check_input_grad, check_weight_grad};

    #[test]
    fn whichever_way_a_shape_goes_it_matches_the_oracle() {
        for case in Case::winograd().iter().chain(&Case::dense()[..14]) {
            check_forward(case, WINOGRAD, super::forward);
            check_input_grad(case, WINOGRAD, super::input_grad);
            check_weight_grad(case, WINOGRAD, super::weight_grad);
        }
    }
}
