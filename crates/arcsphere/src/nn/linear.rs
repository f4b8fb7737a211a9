//! Fully connected layer: y = x·Wᵀ + b.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};

use super::draw::weight;
use super::{Draw, Init, tensor};

/// Fully connected layer with weight `[out, in]` and an optional bias `[out]`.
#[derive(Module, Debug)]
pub(crate) struct Linear {
    weight: Param<Tensor<2>>,
    bias: Option<Param<Tensor<1>>>,
}

impl Linear {
    /// A layer with weights drawn by `init` (fan_in = `in_features`) and a zero bias if `bias`.
    ///
    /// # Panics
    ///
    /// If a size is zero.
    pub(crate) fn new(
        in_features: usize,
        out_features: usize,
        bias: bool,
        init: Init,
        draw: &mut dyn Draw,
        device: &Device,
    ) -> Self {
        debug_assert!(
            in_features > 0 && out_features > 0,
            "a linear layer needs at least one input and output, got {in_features} and {out_features}"
        );
        Self {
            weight: weight(init, [out_features, in_features], [in_features, out_features], draw, device),
            bias: bias.then(|| Param::from_tensor(tensor(vec![0.0; out_features], [out_features], device))),
        }
    }

    /// `[batch, in]` → `[batch, out]`.
    ///
    /// # Panics
    ///
    /// If the input's second dimension is not `in`.
    pub(crate) fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let y = x.matmul(self.weight.val().transpose());
        match &self.bias {
            Some(bias) => y + bias.val().unsqueeze(),
            None => y,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::Rng;
    use rand::SeedableRng;

    #[test]
    fn rows_of_the_weight_are_outputs() {
        let device = Device::flex();
        let mut layer = Linear::new(3, 2, true, Init::Zeros, &mut Rng::seed_from_u64(0), &device);
        let weight = tensor(vec![1., 2., 3., 4., 5., 6.], [2, 3], &device);
        layer.weight = Param::from_tensor(weight);
        layer.bias = Some(Param::from_tensor(tensor(vec![10., 20.], [2], &device)));
        let y = layer.forward(tensor(vec![1., 0., -1.], [1, 3], &device));
        assert_eq!(y.into_data().try_to_vec::<f32>().unwrap(), [8.0, 18.0]);
    }
}
