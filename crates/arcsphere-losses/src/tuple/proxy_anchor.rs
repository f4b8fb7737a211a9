//! Proxy-Anchor: each class's proxy against all embeddings of the batch.
//!
//! ```text
//! L = 1/|P⁺|·Σ_{p ∈ P⁺} log(1 + Σ_{x ∈ X_p⁺} exp(−α(cos(x, p) − δ)))
//!   + 1/|P| ·Σ_{p ∈ P}  log(1 + Σ_{x ∈ X_p⁻} exp(+α(cos(x, p) + δ)))
//! ```
//!
//! Kim et al., Proxy Anchor Loss for Deep Metric Learning, CVPR 2020, eq. 4: P all
//! proxies, P⁺ those with a sample in the batch, X_p⁺ the batch's samples of p's class and
//! X_p⁻ the others; α = 32, δ = 0.1. The paper trains proxies at 100 times the backbone's
//! rate with AdamW (`proxy_rate`).

use super::pairs::{combine, inner_products, transposed};
use super::parameters::unit_proxies;
use super::proxy_nca::{PROXY_RATE, SCALES, SCALES_WHY};
use super::rows::Rows;
use super::{ClassPoints, Entry, Param, Role, TupleError, TupleKind, TupleLoss, TupleParameters, check};
use crate::numbers::{log_sum_exp, sigmoid, softplus};
use crate::range::Range;
use arcsphere_kernels::head::Update;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

const SCALE: Param = Param::new("scale", 32.0, SCALES, SCALES_WHY, "α");
const MARGIN: Param = Param::new(
    "margin",
    0.1,
    Range::Closed(0.0, 1.0),
    "positives are held above δ and negatives below −δ, and both are cosines",
    "δ, taken from and added to cosines",
);

pub(super) const INFO: Entry<TupleKind> = Entry {
    name: "proxy_anchor",
    aliases: &["proxyanchor"],
    summary: "each class's proxy pulls its hardest samples and pushes the nearest others",
    formula: "mean over P⁺ of log(1 + Σ_{x⁺} exp(−α(cos − δ))) + mean over P of log(1 + Σ_{x⁻} exp(α(cos + δ)))",
    source: "Kim et al., Proxy Anchor Loss for Deep Metric Learning, CVPR 2020, eq. 4",
    params: &[SCALE, MARGIN, PROXY_RATE],
    kind: TupleKind {
        role: Role::Alone,
        normalized: true,
        needs_pairs: false,
        points: ClassPoints::Proxies,
        build: |p| Box::new(ProxyAnchor { scale: SCALE.of(p), margin: MARGIN.of(p), proxy_rate: PROXY_RATE.of(p) }),
    },
};

#[derive(Debug)]
struct ProxyAnchor {
    scale: f64,
    margin: f64,
    proxy_rate: f64,
}

impl TupleLoss for ProxyAnchor {
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
        let mut present = vec![false; classes];
        labels.iter().for_each(|&y| present[y as usize] = true);
        let share = |count: usize| 1.0 / count.max(1) as f64;
        let shares = (share(present.iter().filter(|p| **p).count()), share(classes));
        let mut table = inner_products(&proxies, &x);
        let rows = table.par_chunks_mut(labels.len().max(1)).enumerate();
        let losses: Vec<f64> = rows.map(|(class, row)| self.proxy(class, labels, shares, row)).collect();
        parameters.gradient.fill(0.0);
        if !labels.is_empty() {
            proxies.write_gradient(&combine(&table, &x), &mut parameters.gradient);
            x.write_gradient(&combine(&transposed(&table, labels.len()), &proxies), dx);
        }
        Ok(losses.iter().sum())
    }

    fn advance(&self, parameters: &mut TupleParameters, update: &Update) {
        parameters.step(update, self.proxy_rate);
    }
}

impl ProxyAnchor {
    /// A proxy's two terms with their `shares` of the loss; its cosines become their derivatives.
    fn proxy(&self, class: usize, labels: &[u32], shares: (f64, f64), cosines: &mut [f64]) -> f64 {
        let own = |i: usize| labels[i] as usize == class;
        for (i, c) in cosines.iter_mut().enumerate() {
            *c = if own(i) { self.scale * (self.margin - *c) } else { self.scale * (self.margin + *c) };
        }
        let sum = |wanted| {
            let of_kind = cosines.iter().enumerate().filter(|(i, _)| own(*i) == wanted);
            log_sum_exp(of_kind.map(|(_, z)| *z))
        };
        let (positive, negative) = (sum(true), sum(false));
        for (i, c) in cosines.iter_mut().enumerate() {
            // d log(1 + Σ exp z)/dz_i = sigmoid(lse)·exp(z_i − lse), and lse is finite where there is a z_i.
            let slope = |sum: f64| self.scale * sigmoid(sum) * (*c - sum).exp();
            *c = if own(i) { -shares.0 * slope(positive) } else { shares.1 * slope(negative) };
        }
        shares.0 * softplus(positive) + shares.1 * softplus(negative)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(x: &[f32], labels: &[u32]) -> f64 {
        let mut dx = vec![0.0; x.len()];
        let mut parameters = TupleParameters::new("proxies", vec![2.0, 0.0, 0.0, 3.0, -1.0, 0.0]);
        let loss = ProxyAnchor { scale: 32.0, margin: 0.1, proxy_rate: 1.0 };
        loss.loss(x, labels, 2, &mut parameters, &mut dx).unwrap()
    }

    /// A sample of class 0 on its proxy, at 90° and 180° from the other two.
    #[test]
    fn by_hand() {
        let want = (1.0 + (-32.0 * 0.9_f64).exp()).ln()
            + ((1.0 + (32.0 * 0.1_f64).exp()).ln() + (1.0 + (-32.0 * 0.9_f64).exp()).ln()) / 3.0;
        let got = of(&[4.0, 0.0], &[0]);
        assert!((got - want).abs() < 1e-12, "{got} for {want}");
    }

    #[test]
    fn positives_are_averaged_over_the_classes_that_are_there() {
        let hard = |cos: f64| (1.0 + (-32.0 * (cos - 0.1)).exp()).ln();
        // Class 0 at its proxy's opposite, which is class 2's proxy: one positive term of three classes.
        let negatives = ((1.0 + (32.0 * 0.1_f64).exp()).ln() + (1.0 + (32.0 * 1.1_f64).exp()).ln()) / 3.0;
        let got = of(&[-4.0, 0.0], &[0]);
        assert!((got - (hard(-1.0) + negatives)).abs() < 1e-9, "{got}");
    }
}
