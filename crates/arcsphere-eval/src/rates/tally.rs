use std::collections::HashMap;

use super::{Rate, Spread, rate};
use crate::error::Result;
use crate::units::{Known, number};

/// Counts comparisons and errors as they come, and says how sure their rate is. Its memory grows with the units and
/// the pairs of units that occur, not with the comparisons.
///
/// ```
/// use arcsphere_eval::rates::{Mark, Tally};
/// use arcsphere_eval::units::Known;
/// // Every impostor pair of four subjects with two images each; subject 3 is taken for anybody.
/// let mut false_matches = Tally::new(Known::Subjects);
/// for (a, b) in [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)] {
///     for _ in 0..4 {
///         false_matches.push(a, b, b == 3);
///     }
/// }
/// let fmr = false_matches.rate()?;
/// assert_eq!((fmr.errors, fmr.pairs, fmr.value), (12, 24, 0.5));
/// // d is ±2 in each of six cells, D is −2 at three subjects and 6 at one: Var = (24 + 48 − 48)/24².
/// assert!((fmr.n_eff - 6.0).abs() < 1e-12);
/// // (0, 1) comes first, and after it only (2, 3) shares no subject.
/// assert_eq!((fmr.exact.errors, fmr.exact.pairs), (1, 2));
/// assert_eq!(fmr.marks(), [Mark::Exploratory, Mark::FewErrors]);
/// # Ok::<(), arcsphere_eval::EvalError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Tally {
    known: Known,
    units: HashMap<u32, u32>,
    cells: HashMap<(u32, u32), u32>,
    pub(super) spread: Spread,
    taken: Vec<bool>,
    exact: (u64, u64),
}

impl Tally {
    /// Nothing yet. `known` says what the numbers of [`Tally::push`] are.
    pub fn new(known: Known) -> Self {
        let (units, cells) = (HashMap::new(), HashMap::new());
        Self { known, units, cells, spread: Spread::default(), taken: Vec::new(), exact: (0, 0) }
    }

    /// A comparison of units `a` and `b`, which may be one, and whether it is an error. The order counts: pairs that
    /// share no unit are taken as they come.
    pub fn push(&mut self, a: u32, b: u32, error: bool) {
        let (a, b) = (self.unit(a), self.unit(b));
        let spread = &mut self.spread;
        let cell = *self.cells.entry((a.min(b), a.max(b))).or_insert_with_key(|units| spread.add_cell(*units));
        self.spread.compare(cell);
        if error {
            self.spread.err(cell);
        }
        if !(self.taken[a as usize] || self.taken[b as usize]) {
            self.taken[a as usize] = true;
            self.taken[b as usize] = true;
            self.exact.0 += u64::from(error);
            self.exact.1 += 1;
        }
    }

    fn unit(&mut self, name: u32) -> u32 {
        let unit = number(&mut self.units, name);
        if self.taken.len() <= unit as usize {
            self.taken.push(false);
            self.spread.add_unit();
        }
        unit
    }

    /// The rate so far.
    ///
    /// # Errors
    /// [`EvalError::TooFew`](crate::EvalError::TooFew) before the first comparison.
    pub fn rate(&self) -> Result<Rate> {
        rate(&self.spread, self.exact, self.units.len() as u64, self.known)
    }
}
