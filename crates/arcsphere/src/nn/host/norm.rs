//! Batch normalization, alone or with a PReLU after it, by [`arcsphere_kernels::norm`].

use std::sync::Arc;

use arcsphere_kernels::isa::Isa;
use arcsphere_kernels::norm::{self, Norm, Statistics};
use burn::backend::Flex;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::backend::flex::FlexTensor;
use burn::tensor::Tensor;

use super::{Inputs, channels_last, channels_second, dense, from_channels_last, from_values, values, values_mut};

/// A normalization's output and the batch's statistics.
pub(in crate::nn) struct Trained<const D: usize> {
    /// The output.
    pub(in crate::nn) output: Tensor<D>,
    /// Mean by channel.
    pub(in crate::nn) mean: Tensor<1>,
    /// Biased variance by channel.
    pub(in crate::nn) variance: Tensor<1>,
}

/// Normalization by the batch's statistics, then a PReLU if there is a slope; `None` where the
/// kernels do not apply.
pub(in crate::nn) fn batch_norm_train<const D: usize>(
    x: &Tensor<D>,
    weight: &Tensor<1>,
    bias: &Tensor<1>,
    slope: Option<&Tensor<1>>,
    epsilon: f64,
) -> Option<Trained<D>> {
    let [channels] = weight.dims();
    if D < 2 || x.dims()[1] != channels || bias.dims() != [channels] {
        return None;
    }
    let epsilon = epsilon as f32;
    let mut found = None;
    let mut keep = |statistics: &Arc<Statistics>| found = Some(Arc::clone(statistics));
    let dispatch = [x.clone().into_dispatch(), weight.clone().into_dispatch(), bias.clone().into_dispatch()];
    let output = match slope {
        Some(slope) if slope.dims() != [channels] => return None,
        Some(slope) => {
            let [x, weight, bias] = dispatch;
            Inputs::new([x, weight, bias, slope.clone().into_dispatch()])?.apply(
                NormBackward,
                |[x, weight, bias, slope]| {
                    let (y, state) = train(x, weight, bias, Some(slope), epsilon);
                    keep(&state.statistics);
                    (y, state)
                },
            )
        }
        None => Inputs::new(dispatch)?.apply(NormBackward, |[x, weight, bias]| {
            let (y, state) = train(x, weight, bias, None, epsilon);
            keep(&state.statistics);
            (y, state)
        }),
    };
    let statistics = found?;
    let tensor = |values: &[f32]| Tensor::from_primitive::<Flex>(from_values(values.to_vec(), &[channels]));
    let (mean, variance) = (tensor(&statistics.mean), tensor(&statistics.variance));
    Some(Trained { output, mean, variance })
}

#[derive(Clone, Debug)]
struct State {
    x: FlexTensor,
    weight: FlexTensor,
    bias: FlexTensor,
    slope: Option<FlexTensor>,
    statistics: Arc<Statistics>,
    epsilon: f32,
}

impl State {
    fn norm(&self) -> Norm<'_> {
        Norm {
            statistics: &self.statistics,
            weight: values(&self.weight),
            bias: values(&self.bias),
            epsilon: self.epsilon,
            slope: self.slope.as_ref().map(values),
        }
    }
}

fn train(
    x: FlexTensor,
    weight: FlexTensor,
    bias: FlexTensor,
    slope: Option<FlexTensor>,
    epsilon: f32,
) -> (FlexTensor, State) {
    let (x, weight, bias) = (channels_last(x), dense(weight), dense(bias));
    let statistics = norm::statistics(Isa::best(), values(&x), values(&weight).len());
    let (slope, statistics) = (slope.map(dense), Arc::new(statistics));
    let state = State { x, weight, bias, slope, statistics, epsilon };
    let y = norm::forward(Isa::best(), values(&state.x), &state.norm());
    (from_channels_last(y, state.x.layout().shape()), state)
}

#[derive(Debug)]
struct NormBackward;

impl<const N: usize> Backward<Flex, N> for NormBackward {
    type State = State;

    fn backward(self, ops: Ops<State, N>, grads: &mut Gradients, _: &mut Checkpointer) {
        let mut input = channels_last(grads.consume::<Flex>(&ops.node));
        let state = ops.state;
        let (x, norm) = (values(&state.x), state.norm());
        let grad = norm::backward(Isa::best(), x, &norm, values_mut(&mut input));
        let input = channels_second(input);
        let vector = |values: Vec<f32>| {
            let shape = [values.len()];
            from_values(values, &shape)
        };
        let all = [input, vector(grad.weight), vector(grad.bias), vector(grad.slope)];
        for (parent, grad) in ops.parents.into_iter().zip(all) {
            if let Some(node) = parent {
                grads.register::<Flex>(node.id, grad);
            }
        }
    }
}

/// Normalization by given statistics, then a PReLU if there is a slope; `None` where the kernels
/// do not apply, and where gradients are wanted.
pub(in crate::nn) fn batch_norm<const D: usize>(
    x: &Tensor<D>,
    [weight, bias, mean, variance]: [&Tensor<1>; 4],
    slope: Option<&Tensor<1>>,
    epsilon: f64,
) -> Option<Tensor<D>> {
    let [channels] = weight.dims();
    let same = [bias, mean, variance].iter().all(|t| t.dims() == [channels])
        && slope.is_none_or(|slope| slope.dims() == [channels]);
    if D < 2 || x.dims()[1] != channels || !same {
        return None;
    }
    let has_slope = slope.is_some();
    let Inputs::Plain([x, weight, bias, mean, variance, slope]) = Inputs::new([
        x.clone().into_dispatch(),
        weight.clone().into_dispatch(),
        bias.clone().into_dispatch(),
        mean.clone().into_dispatch(),
        variance.clone().into_dispatch(),
        slope.unwrap_or(weight).clone().into_dispatch(),
    ])?
    else {
        return None;
    };
    let x = channels_last(x);
    let [weight, bias, mean, variance, slope] = [weight, bias, mean, variance, slope].map(dense);
    let statistics = Statistics { mean: values(&mean).to_vec(), variance: values(&variance).to_vec() };
    let norm = Norm {
        statistics: &statistics,
        weight: values(&weight),
        bias: values(&bias),
        epsilon: epsilon as f32,
        slope: has_slope.then(|| values(&slope)),
    };
    let y = norm::forward(Isa::best(), values(&x), &norm);
    Some(Tensor::from_primitive::<Flex>(from_channels_last(y, x.layout().shape())))
}
