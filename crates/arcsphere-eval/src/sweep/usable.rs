//! The range of margins that can be used without loss.

use super::{Difference, Group};

/// The margins next to one another around the best one, of each of which it holds that
/// its test accuracy is not significantly below the best margin's
/// ([`Difference::is_below`]), and that none of its runs collapsed.
///
/// "Not significantly below" is not "as good": what is not seen with few seeds is not
/// seen, and a wide range from two seeds is a weak claim. [`UsableRange::unseen`] says how
/// weak.
#[derive(Debug, Clone, PartialEq)]
pub struct UsableRange {
    /// Smallest margin, in its own unit.
    pub low: f64,
    /// Largest margin.
    pub high: f64,
    /// What the smallest takes at the boundary, in radians.
    pub cost_low: f64,
    /// What the largest takes.
    pub cost_high: f64,
    /// How many margins of the sweep lie in it.
    pub margins: usize,
    /// Fewest seeds of any margin in it.
    pub seeds: usize,
    /// Whether no smaller margin was tried, and this one takes something: the range may
    /// begin lower.
    pub open_low: bool,
    /// Whether no larger margin was tried: the range may go on.
    pub open_high: bool,
    /// Margins of which the same holds beyond one of which it does not.
    pub apart: Vec<f64>,
    /// The largest half-width of the 95 % intervals of the differences in it: a margin may
    /// lie behind the best by about that much and still be in. None where the best is
    /// alone.
    pub unseen: Option<f64>,
}

impl UsableRange {
    /// Its width in the margin's own unit; 0 for one margin.
    pub fn width(&self) -> f64 {
        self.high - self.low
    }

    /// Its width at the boundary, in radians.
    pub fn cost_width(&self) -> f64 {
        self.cost_high - self.cost_low
    }
}

/// Why a loss has no usable range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoRange {
    /// No margin has a validation accuracy of every run. The test set must not choose.
    NothingToChooseBy,
    /// The chosen margin has no test accuracy.
    NoAccuracy,
    /// The chosen margin was trained with one seed: the spread between seeds is unknown.
    OneSeed,
    /// Runs of the chosen margin collapsed.
    BestCollapsed,
}

impl NoRange {
    /// In a few words.
    pub fn reason(self) -> &'static str {
        match self {
            Self::NothingToChooseBy => "no validation accuracy to choose a margin by",
            Self::NoAccuracy => "no test accuracy",
            Self::OneSeed => "one seed: no interval, no test",
            Self::BestCollapsed => "runs of the best margin collapsed",
        }
    }
}

/// The range around `best`; `groups` by rising margin, `differences` beside them.
pub(super) fn usable(
    groups: &[Group],
    differences: &[Option<Difference>],
    best: usize,
) -> Result<UsableRange, NoRange> {
    let collapsed = |i: usize| !groups[i].collapsed_seeds.is_empty();
    match groups[best].accuracies.len() {
        0 => return Err(NoRange::NoAccuracy),
        1 => return Err(NoRange::OneSeed),
        _ if collapsed(best) => return Err(NoRange::BestCollapsed),
        _ => {}
    }
    let fits = |i: usize| !collapsed(i) && (i == best || differences[i].is_some_and(|d| !d.is_below()));
    let first = (0..best).rev().take_while(|i| fits(*i)).last().unwrap_or(best);
    let last = (best + 1..groups.len()).take_while(|i| fits(*i)).last().unwrap_or(best);
    let inside = &groups[first..=last];
    let half = |d: &Difference| Some(0.5 * (d.mean.high? - d.mean.low?));
    Ok(UsableRange {
        low: groups[first].margin,
        high: groups[last].margin,
        cost_low: groups[first].boundary_cost,
        cost_high: groups[last].boundary_cost,
        margins: inside.len(),
        seeds: inside.iter().map(|g| g.accuracies.len()).min().unwrap_or(0),
        open_low: first == 0 && groups[first].boundary_cost > 0.0,
        open_high: last + 1 == groups.len(),
        apart: (0..groups.len())
            .filter(|i| !(first..=last).contains(i) && fits(*i))
            .map(|i| groups[i].margin)
            .collect(),
        unseen: differences[first..=last].iter().flatten().filter_map(half).reduce(f64::max),
    })
}

#[cfg(test)]
mod tests {
    use super::super::Cell;
    use super::super::difference::differences;
    use super::*;
    use crate::fixtures::{cell, dead};

    /// Accuracies of four seeds around `correct`; 0 is a group with one collapsed run.
    fn group(margin: f64, correct: u64) -> Group {
        let mut cells: Vec<Cell> =
            (0..4).map(|s| cell("a", margin, 0.1, s, 0.9, correct.max(900) + 7 * s + s % 2)).collect();
        if correct == 0 {
            cells[2] = dead("a", margin, 0.1, 2, "NaN");
        }
        Group::of(&cells.iter().collect::<Vec<_>>()).unwrap()
    }

    fn of(groups: &[Group], best: usize) -> Result<UsableRange, NoRange> {
        usable(groups, &differences(groups, best, 1).unwrap(), best)
    }

    #[test]
    fn ends_where_accuracy_falls_or_training_collapses() {
        let mut groups: Vec<Group> = [(0.0, 930), (0.1, 950), (0.2, 951), (0.3, 950), (0.4, 0), (0.5, 950), (0.6, 920)]
            .map(|(m, c)| group(m, c))
            .into();
        // Differences that vary a little, so that the spread is not 0.
        groups[0].accuracies[1].1 += 0.001;
        groups[6].accuracies[3].1 += 0.001;
        let r = of(&groups, 2).unwrap();
        assert_eq!((r.low, r.high, r.margins, r.seeds), (0.1, 0.3, 3, 4));
        assert!((r.width() - 0.2).abs() < 1e-12 && (r.cost_width() - 0.2).abs() < 1e-12);
        assert_eq!((r.open_low, r.open_high, &r.apart[..]), (false, false, &[0.5][..]));
        assert!(r.unseen.is_some());
    }

    #[test]
    fn an_end_of_the_grid_is_open_unless_it_takes_nothing() {
        let groups = [group(0.0, 950), group(0.1, 951), group(0.2, 951)];
        let r = of(&groups, 1).unwrap();
        assert_eq!((r.low, r.high, r.open_low, r.open_high), (0.0, 0.2, false, true));
        let alone = of(&groups[1..2], 0).unwrap();
        assert_eq!((alone.width(), alone.open_low, alone.open_high, alone.unseen), (0.0, true, true, None));
    }

    #[test]
    fn where_there_is_no_range_a_reason_is_given() {
        assert_eq!(of(&[group(0.4, 0), group(0.5, 950)], 0), Err(NoRange::BestCollapsed));
        let mut groups = [group(0.1, 950), group(0.2, 950)];
        groups[1].accuracies.truncate(1);
        assert_eq!(of(&groups, 1), Err(NoRange::OneSeed));
        assert_eq!(of(&groups, 0).unwrap().high, 0.1, "what was not compared is not in");
        groups[1].accuracies.clear();
        assert_eq!(of(&groups, 1), Err(NoRange::NoAccuracy));
    }
}
