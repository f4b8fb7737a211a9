use super::counted;
use crate::error::Result;

/// Scores in a row that the best monotone calibration takes for one.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Segment {
    /// The lowest score in it.
    pub from: f32,
    /// The highest.
    pub to: f32,
    /// Genuine pairs in it.
    pub genuine: u64,
    /// Impostor pairs in it.
    pub impostor: u64,
    /// Its log-likelihood ratio; ±∞ where all of it is of one kind. For judging only: such an end is no evidence.
    pub llr: f64,
}

/// Pool adjacent violators: the monotone function of the score that fits best, scores rising. Equal scores are
/// pooled first, then neighbors of which the lower has the larger share of genuine pairs.
///
/// # Errors
/// [`EvalError`](crate::EvalError) as [`Platt::fit`](super::Platt::fit), but for the order of the kinds.
///
/// ```
/// use arcsphere_eval::evidence::pav;
/// let segments = pav(&[0.1, 0.2, 0.3, 0.4], &[false, true, false, true])?;
/// let shares: Vec<_> = segments.iter().map(|s| (s.genuine, s.impostor)).collect();
/// assert_eq!(shares, [(0, 1), (1, 1), (1, 0)]);
/// # Ok::<(), arcsphere_eval::EvalError>(())
/// ```
pub fn pav(scores: &[f32], same: &[bool]) -> Result<Vec<Segment>> {
    let (all_genuine, all_impostor) = counted(scores, same)?;
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|a, b| (scores[*a] + 0.0).total_cmp(&(scores[*b] + 0.0)));
    let mut segments: Vec<Segment> = Vec::new();
    for group in order.chunk_by(|a, b| scores[*a] == scores[*b]) {
        let genuine = group.iter().filter(|i| same[**i]).count() as u64;
        let score = scores[group[0]];
        let mut next = Segment { from: score, to: score, genuine, impostor: group.len() as u64 - genuine, llr: 0.0 };
        // Shares compared in whole numbers: g/(g + i) of the one before is at least that of the next.
        while let Some(before) = segments.pop_if(|s| {
            u128::from(s.genuine) * u128::from(next.impostor) >= u128::from(next.genuine) * u128::from(s.impostor)
        }) {
            next.from = before.from;
            next.genuine += before.genuine;
            next.impostor += before.impostor;
        }
        segments.push(next);
    }
    for s in &mut segments {
        s.llr = (s.genuine as f64 / all_genuine).ln() - (s.impostor as f64 / all_impostor).ln();
    }
    Ok(segments)
}
