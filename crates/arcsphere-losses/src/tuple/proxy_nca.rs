//! Proxy-NCA: each embedding against one learned proxy a class.
//!
//! ```text
//! L = mean_i −log( exp(−s·d(x_i, p_y)) / Σ_{z ≠ y} exp(−s·d(x_i, p_z)) ),   d(x, p) = ‖x̂ − p̂‖²
//! ```
//!
//! Movshovitz-Attias et al., No Fuss Distance Metric Learning using Proxies, ICCV 2017,
//! eq. 4: the own proxy is not in the sum, so the loss has no floor at 0 and a sample is
//! pulled however near it is. s = 1 is the paper's formula for vectors of length 1; 9,
//! for vectors of length 3, is what public implementations train with. With one class
//! alone there is nothing to compare and the loss is 0.

use super::pairs::{combine, inner_products, transposed};
use super::parameters::unit_proxies;
use super::rows::Rows;
use super::{ClassPoints, Entry, Param, Role, TupleError, TupleKind, TupleLoss, TupleParameters, check};
use crate::numbers::log_sum_exp;
use crate::range::Range;
use arcsphere_kernels::head::Update;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

/// The rate of the proxies.
pub(super) const PROXY_RATE: Param = Param::new(
    "proxy_rate",
    1.0,
    Range::Closed(0.0, 1000.0),
    "0 holds proxies still, and beyond 1000 they jump over the sphere",
    "the proxies' learning rate, in parts of the backbone's",
);

/// The scales of both losses with proxies, …
pub(super) const SCALES: Range = Range::Closed(0.01, 1000.0);
/// … and why these.
pub(super) const SCALES_WHY: &str =
    "below it nothing is told apart, and above it the nearest proxy is all that is seen";

const SCALE: Param = Param::new("scale", 9.0, SCALES, SCALES_WHY, "s, the factor of squared distances");

pub(super) const INFO: Entry<TupleKind> = Entry {
    name: "proxy_nca",
    aliases: &["proxynca"],
    summary: "each sample nearer to its class's proxy than to the others'",
    formula: "mean of −log(exp(−s·d_y)/Σ_{z≠y} exp(−s·d_z)),  d_z = ‖x̂ − p̂_z‖²",
    source: "Movshovitz-Attias et al., No Fuss Distance Metric Learning using Proxies, ICCV 2017, eq. 4",
    params: &[SCALE, PROXY_RATE],
    kind: TupleKind {
        role: Role::Alone,
        normalized: true,
        needs_pairs: false,
        points: ClassPoints::Proxies,
        build: |p| Box::new(ProxyNca { scale: SCALE.of(p), proxy_rate: PROXY_RATE.of(p) }),
    },
};

#[derive(Debug)]
struct ProxyNca {
    scale: f64,
    proxy_rate: f64,
}

impl TupleLoss for ProxyNca {
    fn parameters(&self, classes: usize, dim: usize, rng: &mut ChaCha8Rng) -> TupleParameters {
        unit_proxies(classes, dim, rng)
    }

    fn loss(
        &self,
        embeddings: &[f32],
        labels: &[u32],
        dim: usize,
        parameters: &mut TupleParameters,
        dx: &mut [f32],
    ) -> Result<f64, TupleError> {
        check(embeddings, labels, dim, dx)?;
        let classes = parameters.classes("proxies", labels, dim)?;
        let (x, proxies) = (Rows::unit(embeddings, dim), Rows::unit(&parameters.values, dim));
        // 1 for all but a proxy without a direction.
        let lengths: Vec<f64> = (0..classes).map(|z| proxies.row(z).iter().map(|v| v * v).sum()).collect();
        let mut table = inner_products(&x, &proxies);
        let share = 1.0 / labels.len().max(1) as f64;
        let rows = table.par_chunks_mut(classes.max(1)).zip(labels);
        let losses: Vec<f64> = rows.map(|(row, &y)| self.sample(y as usize, &lengths, share, row)).collect();
        x.write_gradient(&combine(&table, &proxies), dx);
        let of_proxies = combine(&transposed(&table, classes), &x);
        parameters.gradient.fill(0.0);
        if !of_proxies.is_empty() {
            proxies.write_gradient(&of_proxies, &mut parameters.gradient);
        }
        Ok(share * losses.iter().sum::<f64>())
    }

    fn advance(&self, parameters: &mut TupleParameters, update: &Update) {
        parameters.step(update, self.proxy_rate);
    }
}

impl ProxyNca {
    /// A sample's term; its cosines become their derivatives, times `share`.
    fn sample(&self, own: usize, lengths: &[f64], share: f64, cosines: &mut [f64]) -> f64 {
        if cosines.len() < 2 {
            cosines.fill(0.0);
            return 0.0;
        }
        // −s·d without ‖x̂‖², which is in all of a sample's distances.
        for (c, length) in cosines.iter_mut().zip(lengths) {
            *c = self.scale * (2.0 * *c - length);
        }
        let others = log_sum_exp(cosines.iter().enumerate().filter(|(z, _)| *z != own).map(|(_, z)| *z));
        let loss = others - cosines[own];
        for (z, c) in cosines.iter_mut().enumerate() {
            let slope = if z == own { -1.0 } else { (*c - others).exp() };
            *c = 2.0 * self.scale * share * slope;
        }
        loss
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(proxies: &[f32], x: &[f32], labels: &[u32]) -> f64 {
        let mut dx = vec![0.0; x.len()];
        let mut parameters = TupleParameters::new("proxies", proxies.to_vec());
        let loss = ProxyNca { scale: 0.5, proxy_rate: 1.0 };
        loss.loss(x, labels, 2, &mut parameters, &mut dx).unwrap()
    }

    /// On its proxy, the other opposite: d is 0 and 4.
    #[test]
    fn the_own_proxy_is_not_in_the_sum() {
        assert!((of(&[2.0, 0.0, -3.0, 0.0], &[5.0, 0.0], &[0]) + 0.5 * 4.0).abs() < 1e-12);
        assert!((of(&[2.0, 0.0, -3.0, 0.0], &[5.0, 0.0], &[1]) - 0.5 * 4.0).abs() < 1e-12);
    }

    /// d is 2 to the own proxy, and 0 and 4 to the others.
    #[test]
    fn by_hand() {
        let want = 1.0 + (1.0 + (-2.0_f64).exp()).ln();
        assert!((of(&[0.0, 1.0, 1.0, 0.0, -1.0, 0.0], &[1.0, 0.0], &[0]) - want).abs() < 1e-12);
    }

    #[test]
    fn one_class_has_nothing_to_be_told_from() {
        assert_eq!(of(&[0.0, 1.0], &[1.0, 0.0], &[0]), 0.0);
    }
}
