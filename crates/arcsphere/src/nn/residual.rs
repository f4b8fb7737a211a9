//! The two ways through a residual block, and where they meet.

use burn::tensor::{Tensor, activation};

use super::host;

/// The same tensor for a block's branch and for its shortcut. Both must reach the loss: on the CPU the gradient waits
/// for the other branch's, so that the two are added where they lie, dense in memory.
pub(crate) fn fork<const D: usize>(x: Tensor<D>) -> [Tensor<D>; 2] {
    host::fork(&x).unwrap_or_else(|| [x.clone(), x])
}

/// x + y, of tensors of one shape: the end of a residual block without an activation, in place on the CPU where no
/// other tensor shares a summand's memory.
///
/// # Panics
///
/// If the shapes do not broadcast.
pub(crate) fn add<const D: usize>(x: Tensor<D>, y: Tensor<D>) -> Tensor<D> {
    host::add(x, y).unwrap_or_else(|(x, y)| x + y)
}

/// max(0, x + y), of tensors of one shape: the end of a residual block, in place on the CPU where
/// no other tensor shares a summand's memory.
///
/// # Panics
///
/// If the shapes do not broadcast.
pub(crate) fn add_relu<const D: usize>(x: Tensor<D>, y: Tensor<D>) -> Tensor<D> {
    host::add_relu(x, y).unwrap_or_else(|(x, y)| activation::relu(x + y))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::host::testing::{backward, close, random, seeded};

    /// Tolerance: none, both add the same two gradients, and a sum does not depend on its order.
    #[test]
    fn the_gradient_is_that_of_using_the_tensor_twice() {
        let rng = &mut seeded(0);
        let x = random(rng, [3, 5, 4, 3]);
        let through = |[a, b]: [Tensor<4>; 2]| a.sin() + (b * 3.0).swap_dims(2, 3).swap_dims(2, 3);
        let ours = through(host::fork(&x).expect("on the CPU"));
        let theirs = through([x.clone(), x.clone()]);
        let (g, h) = (backward(&ours), backward(&theirs));
        close("y", ours, theirs, 0.0);
        close("dx", x.grad(&g).unwrap(), x.grad(&h).unwrap(), 0.0);
    }

    /// Tolerance: 1e-6 of the largest value, for three summands in either order.
    #[test]
    fn forks_nest() {
        let rng = &mut seeded(0);
        let x = random(rng, [2, 3, 2, 2]);
        let [a, b] = fork(x.clone() * 2.0);
        let [c, d] = fork(a);
        let ours = c.clone() * d + b;
        let twice = x.clone() * 2.0;
        let theirs = twice.clone() * twice.clone() + twice;
        let (g, h) = (backward(&ours), backward(&theirs));
        close("dx", x.grad(&g).unwrap(), x.grad(&h).unwrap(), 1e-6);
    }

    /// Tolerance: none, both add the same two numbers.
    #[test]
    fn the_sums_agree_with_burn_and_leave_shared_memory_alone() {
        let rng = &mut seeded(0);
        let (x, y) = (random(rng, [3, 5, 4, 3]), random(rng, [3, 5, 4, 3]));
        let plain = || x.clone() + y.clone();
        let sums = [(add(x.clone(), y.clone()), plain()), (add_relu(x.clone(), y.clone()), activation::relu(plain()))];
        for (ours, theirs) in sums {
            let (g, h) = (backward(&ours), backward(&theirs));
            close("sum", ours, theirs, 0.0);
            for tensor in [&x, &y] {
                close("gradient", tensor.grad(&g).unwrap(), tensor.grad(&h).unwrap(), 0.0);
            }
        }
        let (x, y) = (random(rng, [2, 3]) * 1.0, random(rng, [2, 3]) * 1.0);
        let kept = x.clone();
        let before = kept.clone().into_data();
        add_relu(x, y);
        assert_eq!(kept.into_data(), before);
    }
}
