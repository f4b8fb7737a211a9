//! Embeddings twice: in `f64`, which decides, and in `f32`, whose products come from a GEMM and say
//! where there is nothing to decide.
//!
//! With u = 2⁻²⁴, a product of D terms in `f32`, summed in any order, differs from the true one by at most
//! D·u/(1 − D·u) · Σ|xᵢyᵢ| ≤ D·u/(1 − D·u) · ‖x‖·‖y‖ (Higham, "Accuracy and Stability of Numerical
//! Algorithms", 2nd ed., §3.1), and rounding the factors to `f32` adds 2u + u². What is nearer to a
//! decision than this bound is computed anew in `f64`.

/// Half a unit in the last place of an `f32` in [1, 2).
const U: f64 = 1.0 / (1 << 24) as f64;

/// A sum of `terms` products of rounded factors in `f32` is off by at most this times ‖x‖·‖y‖; infinite
/// where `f32` says nothing.
pub(crate) fn relative_error(terms: usize) -> f64 {
    let rounding = (terms + 4) as f64 * U;
    if rounding < 0.01 { 1.02 * rounding } else { f64::INFINITY }
}

/// Not above `value`.
pub(crate) fn below(value: f64) -> f32 {
    (value as f32).next_down()
}

/// Not below `value`.
pub(crate) fn above(value: f64) -> f32 {
    (value as f32).next_up()
}

/// In eight lanes, so that the order of the sum is fixed and still fits vector registers.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    lanes(a, b, |x, y| x * y)
}

/// ‖a − b‖², in lanes as [`dot`].
pub(crate) fn squared(a: &[f64], b: &[f64]) -> f64 {
    lanes(a, b, |x, y| (x - y) * (x - y))
}

fn lanes(a: &[f64], b: &[f64], term: impl Fn(f64, f64) -> f64) -> f64 {
    let mut lanes = [0.0; 8];
    let ((whole_a, rest_a), (whole_b, rest_b)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    for (x, y) in whole_a.iter().zip(whole_b) {
        for (lane, (x, y)) in lanes.iter_mut().zip(x.iter().zip(y)) {
            *lane += term(*x, *y);
        }
    }
    lanes.iter().sum::<f64>() + rest_a.iter().zip(rest_b).map(|(x, y)| term(*x, *y)).sum::<f64>()
}
