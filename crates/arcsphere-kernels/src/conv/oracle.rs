//! Plain f64 convolution and its gradients, and the cases that every kernel is held against.

use rand::Rng as _;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use super::shape::{ConvShape, WeightGrad};
use crate::isa::Isa;

/// A convolution with inputs from a seed.
pub(super) struct Case {
    pub(super) shape: ConvShape,
    x: Vec<f32>,
    weight: Vec<f32>,
    bias: Vec<f32>,
    dy: Vec<f32>,
}

fn draw(len: usize, rng: &mut ChaCha8Rng) -> Vec<f32> {
    (0..len).map(|_| rng.next_u32() as f32 / u32::MAX as f32 - 0.5).collect()
}

impl Case {
    fn new(input: [usize; 4], out: usize, kernel: usize, stride: usize, padding: usize, groups: usize) -> Self {
        let shape = ConvShape::new(input, out, kernel, stride, padding, groups).unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(input.iter().sum::<usize>() as u64);
        Self {
            shape,
            x: draw(shape.batch * shape.in_image(), &mut rng),
            weight: draw(shape.weights(), &mut rng),
            bias: draw(out, &mut rng),
            dy: draw(shape.batch * shape.out_image(), &mut rng),
        }
    }

    /// The sizes of the backbones in small, and awkward ones: 1, primes, no multiple of a vector,
    /// rows of 1 to 33 pixels, strides above one that leave a rest, strides above the kernel.
    pub(super) fn dense() -> Vec<Self> {
        let mut cases = vec![
            Self::new([1, 1, 1, 1], 1, 1, 1, 0, 1),
            Self::new([3, 5, 7, 1], 16, 3, 1, 1, 1),
            Self::new([2, 9, 9, 3], 17, 5, 2, 2, 1),
            Self::new([2, 6, 8, 4], 2, 3, 1, 0, 1),
            Self::new([3, 7, 7, 64], 64, 3, 1, 1, 1),
            Self::new([2, 4, 14, 32], 33, 5, 1, 2, 1),
            Self::new([2, 8, 8, 16], 48, 3, 2, 1, 1),
            Self::new([1, 7, 5, 19], 70, 3, 2, 1, 1),
            Self::new([5, 3, 3, 37], 5, 3, 1, 1, 1),
            Self::new([2, 11, 13, 7], 65, 5, 3, 1, 1),
            Self::new([2, 5, 6, 20], 32, 1, 1, 0, 1),
            Self::new([2, 5, 6, 16], 32, 1, 2, 0, 1),
            Self::new([1, 9, 9, 6], 8, 2, 3, 1, 1),
            Self::new([1, 6, 6, 5], 130, 7, 1, 3, 1),
        ];
        cases.extend((1..=33).map(|width| Self::new([1, 2, width, 16], 32, 3, 1, 1, 1)));
        cases.extend((1..=17).map(|width| Self::new([1, 1, width, 5], 16, 3, 1, 1, 1)));
        cases
    }

    /// What the minimal filtering takes: both kernels, tiles that end beyond the image, more tiles
    /// than a chunk, whole blocks of channels, padding of none to the most.
    pub(super) fn winograd() -> Vec<Self> {
        [
            ([3, 7, 7, 64], 64, 3, 1),
            ([1, 4, 4, 16], 16, 3, 1),
            ([2, 9, 14, 16], 48, 3, 1),
            ([9, 28, 28, 16], 16, 3, 1),
            ([2, 10, 10, 32], 16, 3, 0),
            ([1, 6, 10, 16], 32, 3, 2),
            ([3, 7, 14, 32], 80, 5, 2),
            ([2, 14, 14, 64], 32, 5, 2),
            ([2, 8, 6, 16], 16, 5, 0),
            ([1, 4, 8, 48], 16, 5, 4),
        ]
        .into_iter()
        .map(|(input, out, kernel, padding)| Self::new(input, out, kernel, 1, padding, 1))
        .collect()
    }

    /// The same for one group per channel.
    pub(super) fn depthwise() -> Vec<Self> {
        [
            ([2, 7, 7, 16], 3, 1, 1),
            ([1, 5, 9, 35], 3, 2, 1),
            ([2, 7, 7, 20], 7, 1, 0),
            ([1, 10, 11, 64], 7, 2, 3),
            ([3, 1, 1, 2], 1, 1, 0),
            ([1, 8, 31, 17], 5, 3, 2),
            ([1, 6, 6, 13], 2, 3, 0),
        ]
        .into_iter()
        .map(|(input, kernel, stride, padding)| Self::new(input, input[3], kernel, stride, padding, input[3]))
        .collect()
    }

    /// Calls `each(n, i, j, o, y, x, c, weight index)` for every product of the convolution.
    fn products(&self, mut each: impl FnMut(usize, usize, usize)) {
        let s = &self.shape;
        let group_in = s.in_channels / s.groups;
        let group_out = s.out_channels / s.groups;
        let (height, width) = (s.out_height(), s.out_width());
        for n in 0..s.batch {
            for i in 0..height {
                for j in 0..width {
                    for u in 0..s.kernel {
                        for v in 0..s.kernel {
                            let (y, x) = (i * s.stride + u, j * s.stride + v);
                            if y < s.padding || x < s.padding || y - s.padding >= s.height || x - s.padding >= s.width {
                                continue;
                            }
                            let (y, x) = (y - s.padding, x - s.padding);
                            for o in 0..s.out_channels {
                                for c in 0..group_in {
                                    let channel = o / group_out * group_in + c;
                                    each(
                                        ((n * height + i) * width + j) * s.out_channels + o,
                                        ((n * s.height + y) * s.width + x) * s.in_channels + channel,
                                        ((o * group_in + c) * s.kernel + u) * s.kernel + v,
                                    );
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The error that is allowed, in parts of Σ |products| as computed in f64 beside Σ products. A
/// misplaced weight or pixel errs by about 1/terms of it.
#[derive(Clone, Copy)]
pub(super) struct Tolerance {
    /// Of the value's own Σ |products|.
    own: f64,
    /// Of the largest of all values.
    largest: f64,
}

/// Direct sums: 2⁻²⁴ · √terms-like growth is far below this for these sizes.
pub(super) const DIRECT: Tolerance = Tolerance { own: 1e-6, largest: 0.0 };
/// At the points of the minimal filtering digits of a whole tile cancel, those of a corner's few
/// products beside it too.
pub(super) const WINOGRAD: Tolerance = Tolerance { own: 0.0, largest: 4e-6 };

fn compare(what: &str, isa: Isa, case: &Case, tolerance: Tolerance, actual: &[f32], expected: &[(f64, f64)]) {
    let shape = &case.shape;
    let largest = tolerance.largest * expected.iter().fold(0.0, |max, e| e.1.max(max));
    assert_eq!(actual.len(), expected.len(), "{what} {shape}");
    for (index, (&a, &(sum, magnitude))) in actual.iter().zip(expected).enumerate() {
        let error = (f64::from(a) - sum).abs();
        assert!(
            error <= 1e-7 + tolerance.own * magnitude + largest,
            "{what} with {} of {shape}: [{index}] is {a}, expected {sum}",
            isa.name()
        );
    }
}

fn accumulate(sums: &mut [(f64, f64)], at: usize, product: f64) {
    sums[at].0 += product;
    sums[at].1 += product.abs();
}

/// Forward against the oracle, with and without bias, under each instruction set.
pub(super) fn check_forward(
    case: &Case,
    tolerance: Tolerance,
    forward: impl Fn(Isa, &ConvShape, &[f32], &[f32], Option<&[f32]>) -> Vec<f32>,
) {
    let s = &case.shape;
    let mut plain = vec![(0.0, 0.0); s.batch * s.out_image()];
    case.products(|y, x, w| {
        let product = f64::from(case.x[x]) * f64::from(case.weight[w]);
        accumulate(&mut plain, y, product);
    });
    let mut biased = plain.clone();
    for index in 0..biased.len() {
        accumulate(&mut biased, index, f64::from(case.bias[index % s.out_channels]));
    }
    for isa in Isa::available() {
        let y = forward(isa, s, &case.x, &case.weight, None);
        compare("forward", isa, case, tolerance, &y, &plain);
        let y = forward(isa, s, &case.x, &case.weight, Some(&case.bias));
        compare("forward with bias", isa, case, tolerance, &y, &biased);
    }
}

/// Input gradient against the oracle under each instruction set.
pub(super) fn check_input_grad(
    case: &Case,
    tolerance: Tolerance,
    input_grad: impl Fn(Isa, &ConvShape, &[f32], &[f32]) -> Vec<f32>,
) {
    let s = &case.shape;
    let mut expected = vec![(0.0, 0.0); s.batch * s.in_image()];
    case.products(|y, x, w| {
        let product = f64::from(case.dy[y]) * f64::from(case.weight[w]);
        accumulate(&mut expected, x, product);
    });
    for isa in Isa::available() {
        let dx = input_grad(isa, s, &case.dy, &case.weight);
        compare("input gradient", isa, case, tolerance, &dx, &expected);
    }
}

/// Weight and bias gradients against the oracle under each instruction set, twice for the bits.
pub(super) fn check_weight_grad(
    case: &Case,
    tolerance: Tolerance,
    weight_grad: impl Fn(Isa, &ConvShape, &[f32], &[f32]) -> WeightGrad,
) {
    let s = &case.shape;
    let mut weight = vec![(0.0, 0.0); s.weights()];
    case.products(|y, x, w| {
        let product = f64::from(case.dy[y]) * f64::from(case.x[x]);
        accumulate(&mut weight, w, product);
    });
    let mut bias = vec![(0.0, 0.0); s.out_channels];
    for (index, &dy) in case.dy.iter().enumerate() {
        accumulate(&mut bias, index % s.out_channels, f64::from(dy));
    }
    for isa in Isa::available() {
        let grad = weight_grad(isa, s, &case.x, &case.dy);
        compare("weight gradient", isa, case, tolerance, &grad.weight, &weight);
        compare("bias gradient", isa, case, DIRECT, &grad.bias, &bias);
        let again = weight_grad(isa, s, &case.x, &case.dy);
        assert_eq!(grad, again, "weight gradient of {s} must repeat bit by bit");
    }
}
