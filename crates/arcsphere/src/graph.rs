//! The head as a loss on Burn's graph, for a loop of one's own.
//!
//! ```text
//! network (Burn) → embeddings ─→ head (host): loss, dX, gradient of the prototypes
//!         ↑                            │
//!         └────── backward ←── Σ x·dX ─┘        d(Σ x·dX)/dx = dX
//! ```
//!
//! [`GraphHead::loss`] gives a tensor with the loss for its value and dX for its gradient: `backward` then
//! reaches the network. The prototypes are the head's own, and [`Head::update`] moves them.

use crate::embed::{ReadError, host_values};
use crate::head::{Head, HeadError};
use burn::tensor::{Tensor, TensorData};
use thiserror::Error;

/// Why a batch has no loss.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum GraphError {
    /// The head refuses the batch: its lengths, a label, or an embedding that is not finite.
    #[error(transparent)]
    Head(#[from] HeadError),
    /// The device does not hand over the embeddings.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// The head as a loss of Burn tensors.
///
/// ```
/// use arcsphere::graph::GraphHead;
/// use arcsphere::head::{Head, Update};
/// use burn::tensor::{Device, Tensor};
///
/// let device = Device::flex().autodiff();
/// // The "network" is a table of two embeddings.
/// let x = Tensor::<2>::from_floats([[1.0, 0.2], [0.1, 0.9]], &device).require_grad();
/// let mut head = Head::builder("cosface", 2, 2).build()?;
/// let loss = head.loss(x.clone(), &[0, 1])?;
/// let gradient = x.grad(&loss.backward()).unwrap();
/// assert_eq!(gradient.dims(), [2, 2]);
/// head.update(&Update::Sgd { rate: 0.1, momentum: 0.9, decay: 0.0 })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait GraphHead {
    /// The mean loss of `embeddings` \[B, D\] with `labels` \[B\], a tensor of one number on the embeddings' graph:
    /// its backward gives them dL/dX. The gradient of the prototypes waits for [`Head::update`].
    ///
    /// # Errors
    ///
    /// [`GraphError`]; nothing has changed then.
    fn loss(&mut self, embeddings: Tensor<2>, labels: &[u32]) -> Result<Tensor<1>, GraphError>;
}

impl GraphHead for Head {
    fn loss(&mut self, embeddings: Tensor<2>, labels: &[u32]) -> Result<Tensor<1>, GraphError> {
        let host = host_values(embeddings.clone().detach())?;
        let batch = self.gradients(&host, labels)?;
        let surrogate = surrogate(embeddings, batch.dx);
        Ok((surrogate.clone() - surrogate.detach()).add_scalar(batch.loss as f32))
    }
}

/// Σ x·dX: a number on the graph of `embeddings` \[B, D\] whose gradient for them is `dx`.
pub(crate) fn surrogate(embeddings: Tensor<2>, dx: Vec<f32>) -> Tensor<1> {
    let dx = Tensor::<2>::from_data(TensorData::new(dx, embeddings.dims()), &embeddings.device());
    (embeddings * dx).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    /// Both ways give the same gradient, to the bit: it is handed on, not computed again.
    #[test]
    fn the_value_is_the_loss_and_the_gradient_is_the_heads() {
        let device = Device::flex().autodiff();
        let values = [0.9, 0.1, -0.3, 0.2, 0.8, 0.5, -0.7, 0.3, 0.4];
        let x = Tensor::<2>::from_data(TensorData::new(values.to_vec(), [3, 3]), &device).require_grad();
        let mut head = Head::builder("arcface", 4, 3).build().unwrap();
        let expected = head.gradients(&values, &[0, 3, 1]).unwrap();
        // Through a layer of the network: the chain rule is Burn's.
        let loss = head.loss(x.clone() * 2.0 / 2.0, &[0, 3, 1]).unwrap();
        let gradient = x.grad(&loss.backward()).unwrap();
        assert_eq!(host_values(loss.detach()).unwrap(), [expected.loss as f32]);
        assert_eq!(host_values(gradient).unwrap(), expected.dx);
    }

    #[test]
    fn a_batch_that_cannot_be_is_refused() {
        let x = Tensor::<2>::from_floats([[1.0, f32::NAN]], &Device::flex().autodiff());
        let mut head = Head::builder("arcface", 4, 2).build().unwrap();
        let error = head.loss(x, &[0]).unwrap_err();
        assert!(matches!(error, GraphError::Head(HeadError::NotFinite { row: 0, .. })), "{error}");
        let x = Tensor::<2>::from_floats([[1.0, 2.0]], &Device::flex().autodiff());
        assert!(head.loss(x, &[4]).is_err());
    }
}
