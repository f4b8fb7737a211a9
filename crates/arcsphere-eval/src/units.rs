//! What would be new in new data: the subjects of pairs, which make pairs depend on one another.
//!
//! Two pairs that share a subject say less than two that share none. Where the classes of a test are new ones, subjects
//! are what new data would bring anew; where the classes are fixed (digits), it is images. Intervals are taken over
//! these *units*.

use std::collections::HashMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{EvalError, Result};

/// How the units of pairs are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Known {
    /// Subjects, each named.
    Subjects,
    /// Images, of classes that are fixed.
    Images,
    /// Subjects, guessed: images that genuine pairs join are one.
    Joined,
    /// Nothing is known, and each pair is taken for independent of every other.
    Nothing,
}

impl Known {
    /// Whether the truth may be wider than what is computed: units that are one and are not known to be.
    pub fn is_at_best(self) -> bool {
        matches!(self, Self::Joined | Self::Nothing)
    }
}

impl fmt::Display for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Subjects => "subjects",
            Self::Images => "images",
            Self::Joined => "subjects, guessed from genuine pairs",
            Self::Nothing => "pairs, as if no two shared a subject",
        })
    }
}

/// The two units of each pair, numbered from 0 in the order in which they come.
///
/// ```
/// use arcsphere_eval::units::{Known, Units};
/// let same = [true, false, false];
/// let units = Units::subjects(&[(7, 7), (7, 9), (9, 4)], &same)?;
/// assert_eq!((units.pairs(), units.len()), (&[(0, 0), (0, 1), (1, 2)][..], 3));
/// // Of images whose subjects nobody names, a genuine pair makes one subject.
/// let joined = Units::joined(&[(10, 11), (11, 12), (10, 13)], &same)?;
/// assert_eq!((joined.pairs(), joined.known()), (&[(0, 0), (0, 1), (0, 2)][..], Known::Joined));
/// # Ok::<(), arcsphere_eval::EvalError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Units {
    pairs: Vec<(u32, u32)>,
    len: usize,
    known: Known,
}

impl Units {
    /// The two subjects of each pair.
    ///
    /// # Errors
    /// [`EvalError::Length`] where there are not as many as flags, [`EvalError::Subjects`] where a pair's subjects are
    /// one and it is no genuine pair, or the reverse.
    pub fn subjects(subjects: &[(u32, u32)], same: &[bool]) -> Result<Self> {
        as_many(subjects, same)?;
        match subjects.iter().zip(same).position(|((a, b), same)| (a == b) != *same) {
            Some(pair) => Err(EvalError::Subjects { pair, a: subjects[pair].0, b: subjects[pair].1 }),
            None => Ok(Self::numbered(subjects.iter().copied(), Known::Subjects)),
        }
    }

    /// The two images of each pair, where the classes are fixed and new data would bring new images of them.
    pub fn images(images: &[(u32, u32)]) -> Self {
        Self::numbered(images.iter().copied(), Known::Images)
    }

    /// The two images of each pair, where nobody says whose they are: images that genuine pairs join are of one
    /// subject. Images of equal bytes should have one number.
    ///
    /// # Errors
    /// [`EvalError::Length`]; [`EvalError::Subjects`] where an impostor pair is of two images that genuine pairs join.
    pub fn joined(images: &[(u32, u32)], same: &[bool]) -> Result<Self> {
        as_many(images, same)?;
        let numbered = Self::numbered(images.iter().copied(), Known::Joined);
        let mut root: Vec<u32> = (0..numbered.len as u32).collect();
        for ((a, b), _) in numbered.pairs.iter().zip(same).filter(|(_, same)| **same) {
            let (a, b) = (find(&mut root, *a), find(&mut root, *b));
            root[a.max(b) as usize] = a.min(b);
        }
        let of = |image: u32, root: &mut Vec<u32>| find(root, image);
        let pairs: Vec<(u32, u32)> =
            numbered.pairs.iter().map(|(a, b)| (of(*a, &mut root), of(*b, &mut root))).collect();
        match pairs.iter().zip(same).position(|((a, b), same)| a == b && !same) {
            Some(pair) => Err(EvalError::Subjects { pair, a: pairs[pair].0, b: pairs[pair].1 }),
            None => Ok(Self::numbered(pairs.into_iter(), Known::Joined)),
        }
    }

    /// Nothing is known of `n` pairs: each is a unit.
    pub fn unknown(n: usize) -> Self {
        Self { pairs: (0..n as u32).map(|i| (i, i)).collect(), len: n, known: Known::Nothing }
    }

    fn numbered(pairs: impl Iterator<Item = (u32, u32)>, known: Known) -> Self {
        let mut numbers = HashMap::new();
        let pairs = pairs.map(|(a, b)| (number(&mut numbers, a), number(&mut numbers, b))).collect();
        Self { pairs, len: numbers.len(), known }
    }

    /// The two units of each pair.
    pub fn pairs(&self) -> &[(u32, u32)] {
        &self.pairs
    }

    /// How many units there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How they are known.
    pub fn known(&self) -> Known {
        self.known
    }
}

/// The number of `name`, the next one if it is new.
pub(crate) fn number<K: std::hash::Hash + Eq>(numbers: &mut HashMap<K, u32>, name: K) -> u32 {
    let next = numbers.len() as u32;
    *numbers.entry(name).or_insert(next)
}

fn find(root: &mut [u32], mut of: u32) -> u32 {
    while root[of as usize] != of {
        // Halves the path, so that the next search is short.
        root[of as usize] = root[root[of as usize] as usize];
        of = root[of as usize];
    }
    of
}

fn as_many(pairs: &[(u32, u32)], same: &[bool]) -> Result<()> {
    if pairs.len() == same.len() {
        return Ok(());
    }
    Err(EvalError::Length { what: "the list of subjects", got: pairs.len(), expected: same.len() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_of_genuine_pairs_are_one_subject() {
        let images = [(1, 2), (3, 4), (2, 3), (5, 6), (4, 5)];
        let units = Units::joined(&images, &[true, true, true, true, false]).unwrap();
        assert_eq!(units.pairs(), [(0, 0), (0, 0), (0, 0), (1, 1), (0, 1)]);
        assert!(units.known().is_at_best() && units.len() == 2);
        let torn = Units::joined(&[(1, 2), (2, 3), (1, 3)], &[true, true, false]).unwrap_err();
        assert!(matches!(torn, EvalError::Subjects { pair: 2, .. }), "{torn}");
    }

    #[test]
    fn wrong_subjects_are_named() {
        let says = |s: &[(u32, u32)], same: &[bool]| Units::subjects(s, same).unwrap_err().to_string();
        assert!(says(&[(0, 0)], &[true, false]).contains("has 1 entries, expected 2"));
        assert!(says(&[(4, 4)], &[false]).contains("subjects 4 and 4"));
        assert!(says(&[(4, 5)], &[true]).contains("pair 0"));
        assert_eq!(Units::unknown(3).pairs(), [(0, 0), (1, 1), (2, 2)]);
    }
}
