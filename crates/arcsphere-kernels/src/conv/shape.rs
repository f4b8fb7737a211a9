//! The sizes of a convolution, checked once, and the shape of its gradients.

use std::fmt;

/// Channels per block of the scratch buffers; a multiple of every vector length.
pub(super) const BLOCK: usize = 16;

/// The gradients with respect to a convolution's weight and bias.
#[derive(Clone, Debug, PartialEq)]
pub struct WeightGrad {
    /// `[out_channels, in_channels / groups, kernel, kernel]`.
    pub weight: Vec<f32>,
    /// `[out_channels]`: the sum of the output's gradient over batch and pixels.
    pub bias: Vec<f32>,
}

/// The sizes of a convolution that the kernels can compute: full or depthwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvShape {
    pub(crate) batch: usize,
    pub(crate) in_channels: usize,
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) out_channels: usize,
    pub(crate) kernel: usize,
    pub(crate) stride: usize,
    pub(crate) padding: usize,
    pub(crate) groups: usize,
}

impl ConvShape {
    /// A square kernel with equal stride and padding on both axes.
    ///
    /// `input` is `[batch, height, width, in_channels]`. `None` where there is no such
    /// convolution or the kernels cannot compute it: a size of zero, a padded input smaller than
    /// the kernel, padding of the kernel's size or more, or groups other than 1 (full) and
    /// `in_channels` = `out_channels` (depthwise).
    ///
    /// ```
    /// use arcsphere_kernels::conv::ConvShape;
    ///
    /// let shape = ConvShape::new([2, 7, 8, 3], 5, 3, 2, 1, 1);
    /// assert_eq!(shape.map(|shape| shape.output()), Some([2, 4, 4, 5]));
    /// // A kernel of 3 on images of 2 × 2 without padding.
    /// assert!(ConvShape::new([1, 2, 2, 4], 4, 3, 1, 0, 1).is_none());
    /// ```
    pub fn new(
        input: [usize; 4],
        out_channels: usize,
        kernel: usize,
        stride: usize,
        padding: usize,
        groups: usize,
    ) -> Option<Self> {
        let [batch, height, width, in_channels] = input;
        let positive =
            [batch, height, width, in_channels, out_channels, kernel, stride, groups].iter().all(|&size| size > 0);
        let depthwise = groups == in_channels && groups == out_channels;
        let fits = padding < kernel && height + 2 * padding >= kernel && width + 2 * padding >= kernel;
        (positive && fits && (groups == 1 || depthwise)).then_some(Self {
            batch,
            in_channels,
            height,
            width,
            out_channels,
            kernel,
            stride,
            padding,
            groups,
        })
    }

    /// Height of the output: ⌊(height + 2·padding − kernel) / stride⌋ + 1.
    pub(super) fn out_height(&self) -> usize {
        (self.height + 2 * self.padding - self.kernel) / self.stride + 1
    }

    /// Width of the output: ⌊(width + 2·padding − kernel) / stride⌋ + 1.
    pub(super) fn out_width(&self) -> usize {
        (self.width + 2 * self.padding - self.kernel) / self.stride + 1
    }

    /// `[batch, out_height, out_width, out_channels]`.
    pub fn output(&self) -> [usize; 4] {
        [self.batch, self.out_height(), self.out_width(), self.out_channels]
    }

    /// Values of one input image.
    pub(crate) fn in_image(&self) -> usize {
        self.height * self.width * self.in_channels
    }

    /// Values of one output image.
    pub(crate) fn out_image(&self) -> usize {
        self.out_height() * self.out_width() * self.out_channels
    }

    /// Values of the weight.
    pub(crate) fn weights(&self) -> usize {
        self.out_channels * (self.in_channels / self.groups) * self.kernel * self.kernel
    }

    /// One group per channel. (With one channel alone, full and depthwise are the same.)
    pub(crate) fn is_depthwise(&self) -> bool {
        self.groups > 1
    }

    /// Stops at slices of another length: the unsafe code relies on them.
    pub(crate) fn check(&self, x: Option<&[f32]>, weight: Option<&[f32]>, dy: Option<&[f32]>) {
        for (name, slice, expected) in [
            ("input", x, self.batch * self.in_image()),
            ("weight", weight, self.weights()),
            ("output gradient", dy, self.batch * self.out_image()),
        ] {
            if let Some(slice) = slice {
                assert_eq!(slice.len(), expected, "{name} length of {self}");
            }
        }
    }
}

impl fmt::Display for ConvShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}×{}×{}×{} → {}, kernel {}, stride {}, padding {}, groups {}",
            self.batch,
            self.height,
            self.width,
            self.in_channels,
            self.out_channels,
            self.kernel,
            self.stride,
            self.padding,
            self.groups
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_follow_the_formula_and_nonsense_is_refused() {
        let shape = ConvShape::new([2, 7, 8, 3], 5, 3, 2, 1, 1).unwrap();
        assert_eq!(shape.output(), [2, 4, 4, 5]);
        assert_eq!(shape.weights(), 5 * 3 * 9);
        assert!(ConvShape::new([1, 2, 2, 4], 4, 3, 1, 0, 1).is_none());
        assert!(ConvShape::new([1, 4, 4, 4], 4, 3, 0, 1, 1).is_none());
        assert!(ConvShape::new([1, 4, 4, 4], 4, 3, 1, 1, 2).is_none());
        assert!(ConvShape::new([1, 4, 4, 4], 4, 1, 1, 1, 1).is_none());
        assert!(ConvShape::new([1, 4, 4, 4], 4, 3, 1, 1, 4).unwrap().is_depthwise());
    }
}
