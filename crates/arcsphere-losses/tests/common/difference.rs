//! How far a gradient is from a golden one.

/// max |got − want| / max |want|.
pub(crate) fn difference(got: &[f32], want: &[f64]) -> f64 {
    assert_eq!(got.len(), want.len());
    let largest = want.iter().fold(f64::MIN_POSITIVE, |m, v| m.max(v.abs()));
    let offs = got.iter().zip(want).map(|(&g, w)| (f64::from(g) - w).abs() / largest);
    // Not f64::max, which passes over a NaN.
    offs.fold(0.0, |worst, off| if off > worst || off.is_nan() { off } else { worst })
}
