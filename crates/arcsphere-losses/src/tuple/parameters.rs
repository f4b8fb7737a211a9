//! What a tuple loss keeps from batch to batch: one row a class.

use super::TupleError;
use crate::random::gaussian;
use arcsphere_kernels::head::{Moments, Update};
use rand_chacha::ChaCha8Rng;

/// A loss's own numbers, all that a checkpoint needs of it. Empty for a loss without any.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TupleParameters {
    /// "centers" or "proxies".
    name: &'static str,
    /// \[C, D\].
    pub values: Vec<f32>,
    /// \[C, D\]: what the last batch found. For proxies the loss's gradient; for centers
    /// the step of their rule. Not needed in a checkpoint.
    pub gradient: Vec<f32>,
    /// Velocity, or first moment, \[C, D\].
    first: Vec<f32>,
    /// Second moment, \[C, D\] once an optimizer asked for it, else empty.
    second: Vec<f32>,
}

impl TupleParameters {
    /// Numbers called `name`, at rest at `values` \[C, D\].
    pub(super) fn new(name: &'static str, values: Vec<f32>) -> Self {
        let zeros = vec![0.0; values.len()];
        TupleParameters { name, values, gradient: zeros.clone(), first: zeros, second: Vec::new() }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The tensors that a checkpoint holds, by name: `centers` or `proxies`, `….first` and
    /// `….second`; the last may be empty. No tensor for a loss without own numbers.
    pub fn tensors(&mut self) -> Vec<(String, &mut Vec<f32>)> {
        if self.is_empty() {
            return Vec::new();
        }
        let name = self.name;
        vec![
            (name.to_owned(), &mut self.values),
            (format!("{name}.first"), &mut self.first),
            (format!("{name}.second"), &mut self.second),
        ]
    }

    /// One step of `update` down the gradient, its learning rate multiplied by `rate_factor`.
    pub(super) fn step(&mut self, update: &Update, rate_factor: f64) {
        self.first.resize(self.values.len(), 0.0);
        if update.needs_second_moment() {
            self.second.resize(self.values.len(), 0.0);
        }
        let mut update = *update;
        match &mut update {
            Update::Gradient => return,
            Update::Sgd { rate, .. } | Update::AdamW { rate, .. } => *rate = (f64::from(*rate) * rate_factor) as f32,
        }
        let mut moments = Moments { first: &mut self.first, second: &mut self.second };
        update.apply(&mut self.values, &self.gradient, &mut moments);
    }

    /// C, if there is a row of `dim` numbers for each of `labels`.
    pub(super) fn classes(&self, what: &'static str, labels: &[u32], dim: usize) -> Result<usize, TupleError> {
        let found = self.values.len();
        if dim == 0 || !found.is_multiple_of(dim) || self.gradient.len() != found {
            return Err(TupleError::Parameters { what, dim, found });
        }
        let classes = found / dim;
        match labels.iter().position(|&label| label as usize >= classes) {
            Some(row) => Err(TupleError::Label { what, row, label: labels[row], classes }),
            None => Ok(classes),
        }
    }
}

/// `classes` proxies, in directions that are uniform on the sphere of `dim` dimensions.
pub(super) fn unit_proxies(classes: usize, dim: usize, rng: &mut ChaCha8Rng) -> TupleParameters {
    let mut values = Vec::with_capacity(classes * dim);
    for _ in 0..classes {
        // A row of standard normal numbers has no preferred direction.
        let row: Vec<f64> = (0..dim).map(|_| gaussian(rng)).collect();
        let norm = row.iter().map(|v| v * v).sum::<f64>().sqrt().max(f64::MIN_POSITIVE);
        values.extend(row.iter().map(|v| (v / norm) as f32));
    }
    TupleParameters::new("proxies", values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    const SGD: Update = Update::Sgd { rate: 0.1, momentum: 0.5, decay: 0.0 };

    fn at_gradient(gradient: [f32; 2]) -> TupleParameters {
        TupleParameters { gradient: gradient.to_vec(), ..TupleParameters::new("proxies", vec![1.0, 2.0]) }
    }

    #[test]
    fn momentum_carries_over() {
        let mut p = at_gradient([1.0, 0.0]);
        p.step(&SGD, 2.0);
        assert_eq!(p.values, [0.8, 2.0]);
        p.gradient.fill(0.0);
        p.step(&SGD, 2.0);
        assert!((p.values[0] - 0.7).abs() < 1e-6, "{:?}", p.values);
    }

    #[test]
    fn nothing_moves_when_only_gradients_are_asked_for() {
        let mut p = at_gradient([1.0, 1.0]);
        p.step(&Update::Gradient, 1.0);
        assert_eq!(p, at_gradient([1.0, 1.0]));
    }

    /// Values and moments put into fresh parameters continue as if nothing had happened.
    #[test]
    fn tensors_are_all_that_a_resumed_training_needs() {
        for update in [SGD, Update::AdamW { rate: 0.1, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, decay: 0.1, step: 2 }] {
            let mut whole = at_gradient([1.0, -2.0]);
            whole.step(&update, 1.0);
            let mut resumed = at_gradient([0.0, 0.0]);
            for ((name, to), (wanted, from)) in resumed.tensors().into_iter().zip(whole.clone().tensors()) {
                assert_eq!(name, wanted);
                to.clone_from(from);
            }
            for p in [&mut whole, &mut resumed] {
                p.gradient = vec![0.5, 0.25];
                p.step(&update, 1.0);
            }
            assert_eq!(whole, resumed);
        }
        assert!(TupleParameters::default().tensors().is_empty());
    }

    #[test]
    fn proxies_start_as_unit_vectors_in_all_directions() {
        let p = unit_proxies(400, 3, &mut ChaCha8Rng::seed_from_u64(1));
        let mut mean = [0.0; 3];
        for row in p.values.chunks(3) {
            assert!((row.iter().map(|v| v * v).sum::<f32>() - 1.0).abs() < 1e-5);
            mean.iter_mut().zip(row).for_each(|(m, v)| *m += v / 400.0);
        }
        // A coordinate's mean over 400 has a standard deviation of 1/√1200 = 0.029.
        assert!(mean.iter().all(|m| m.abs() < 0.12), "{mean:?}");
    }

    #[test]
    fn rows_and_labels_must_fit() {
        let p = at_gradient([0.0, 0.0]);
        assert_eq!(p.classes("proxies", &[0], 2), Ok(1));
        assert!(matches!(
            p.classes("proxies", &[0, 3], 2),
            Err(TupleError::Label { row: 1, label: 3, classes: 1, .. })
        ));
        assert!(matches!(p.classes("proxies", &[], 3), Err(TupleError::Parameters { .. })));
        assert!(matches!(p.classes("proxies", &[], 0), Err(TupleError::Parameters { .. })));
    }
}
