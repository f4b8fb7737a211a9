//! Augmentation that keeps no state: what happens to a sample is a pure function of
//! (seed, epoch, sample index), so a resumed run sees the same pixels as one that never stopped.

use crate::rng;

/// Which random changes are made to a training image.
///
/// All zero and false (the default) changes nothing. Distances are in pixels.
///
/// ```
/// use arcsphere_data::{Augment, Normalization, batch, embedded};
///
/// let digits = embedded::mnist()?.train;
/// let usual_for_photos = Augment { pad_crop: 4, flip: true, shift: 0 };
/// let unit = Normalization::unit(1);
/// let of_epoch = |epoch| {
///     let (mut pixels, mut labels) = (Vec::new(), Vec::new());
///     batch::fill(&digits, &[3], &unit, Some((&usual_for_photos, 7, epoch)), &mut pixels, &mut labels)?;
///     Ok(pixels)
/// };
/// assert_eq!(of_epoch(1)?, of_epoch(1)?);
/// assert_ne!(of_epoch(1)?, of_epoch(2)?);
/// # Ok::<(), arcsphere_data::DataError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Augment {
    /// Pad with this many black pixels on each side, then crop a window of the original size at a
    /// uniform position: 4 is usual for CIFAR (He et al. 2016, section 4.2).
    pub pad_crop: usize,
    /// Mirror left and right with probability 1/2: for photos, not for digits or letters.
    pub flip: bool,
    /// Move by a uniform distance in `-shift..=shift` on each axis, repeating the edge: leaves no
    /// black border.
    pub shift: usize,
}

impl Augment {
    /// True when nothing would ever change.
    pub(crate) fn is_identity(&self) -> bool {
        *self == Self::default()
    }

    /// The change for one sample, a pure function of the arguments.
    pub(crate) fn draw(&self, seed: u64, epoch: u64, index: u64) -> Transform {
        if self.is_identity() {
            return Transform::default();
        }
        let mut rng = rng::keyed(b"augment-", seed, epoch, index);
        // Beyond 2^20 pixels, every image has left its frame.
        let mut offset = |reach: usize| {
            let reach = reach.min(1 << 20) as i64;
            rng::below(&mut rng, 2 * reach as u64 + 1) as i64 - reach
        };
        // All five draws are always made, so that turning one setting on leaves the others' alone.
        let pad = (offset(self.pad_crop), offset(self.pad_crop));
        let shift = (offset(self.shift), offset(self.shift));
        let flip = self.flip && offset(1 << 20) < 0;
        Transform { pad, shift, flip }
    }
}

/// One sample's change: where each pixel of the result comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Transform {
    /// Rows and columns by which the window is moved; black outside the image.
    pub(crate) pad: (i64, i64),
    /// Rows and columns by which the image is moved; the edge is repeated.
    pub(crate) shift: (i64, i64),
    /// Whether left and right are exchanged, last.
    pub(crate) flip: bool,
}

impl Transform {
    /// True when the result is the image itself.
    pub(crate) fn is_identity(&self) -> bool {
        *self == Self::default()
    }

    /// The row and column of the source pixel for row `y` and column `x` of the result, or `None`
    /// where the result is black.
    fn source(&self, y: usize, x: usize, height: usize, width: usize) -> Option<(usize, usize)> {
        let x = if self.flip { width.checked_sub(x + 1)? } else { x };
        let row = axis(y, self.pad.0, self.shift.0, height)?;
        Some((row, axis(x, self.pad.1, self.shift.1, width)?))
    }

    /// Writes the changed plane (`height * width` values each) to `out`; `map` is applied to every
    /// value, black being `map(0)`.
    pub(crate) fn apply<T>(&self, plane: &[u8], (height, width): (usize, usize), out: &mut [T], map: impl Fn(u8) -> T) {
        if self.is_identity() {
            for (to, &from) in out.iter_mut().zip(plane) {
                *to = map(from);
            }
            return;
        }
        if width == 0 {
            return;
        }
        for (y, row) in out.chunks_mut(width).enumerate() {
            for (x, to) in row.iter_mut().enumerate() {
                let value = self.source(y, x, height, width).and_then(|(sy, sx)| plane.get(sy * width + sx).copied());
                *to = map(value.unwrap_or(0));
            }
        }
    }
}

/// One axis of [`Transform::source`]: first into the padded window, then into the moved image.
fn axis(i: usize, pad: i64, shift: i64, n: usize) -> Option<usize> {
    let n = i64::try_from(n).ok()?;
    let windowed = i64::try_from(i).ok()?.checked_add(pad)?;
    (0..n).contains(&windowed).then(|| windowed.saturating_sub(shift).clamp(0, n - 1) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(transform: Transform, plane: &[u8], size: (usize, usize)) -> Vec<u8> {
        let mut out = vec![99; plane.len()];
        transform.apply(plane, size, &mut out, |v| v);
        out
    }

    const PLANE: [u8; 6] = [1, 2, 3, 4, 5, 6];

    #[test]
    fn each_change_by_hand() {
        let at = |pad, shift, flip| apply(Transform { pad, shift, flip }, &PLANE, (2, 3));
        assert_eq!(at((0, 0), (0, 0), false), PLANE);
        assert_eq!(at((0, 0), (0, 0), true), [3, 2, 1, 6, 5, 4]);
        // The window moves down and right, so the image moves up and left; black comes in.
        assert_eq!(at((1, 1), (0, 0), false), [5, 6, 0, 0, 0, 0]);
        assert_eq!(at((0, -1), (0, 0), false), [0, 1, 2, 0, 4, 5]);
        // The image moves down and right; the edge comes in.
        assert_eq!(at((0, 0), (1, 1), false), [1, 1, 2, 1, 1, 2]);
        assert_eq!(at((0, 0), (0, -1), true), [3, 3, 2, 6, 6, 5]);
        assert_eq!(at((9, 9), (0, 0), false), [0; 6]);
    }

    #[test]
    fn draws_stay_in_range_reach_all_of_it_and_are_independent() {
        let augment = Augment { pad_crop: 2, flip: true, shift: 1 };
        let mut rows = std::collections::BTreeSet::new();
        let mut shifts = std::collections::BTreeSet::new();
        let mut flips = 0;
        for index in 0..2000 {
            let t = augment.draw(5, 1, index);
            rows.insert(t.pad.0);
            shifts.insert(t.shift.1);
            flips += usize::from(t.flip);
        }
        assert_eq!(rows.into_iter().collect::<Vec<_>>(), [-2, -1, 0, 1, 2]);
        assert_eq!(shifts.into_iter().collect::<Vec<_>>(), [-1, 0, 1]);
        assert!((900..1100).contains(&flips), "{flips}");
        assert_ne!(
            (0..50).map(|i| augment.draw(5, 1, i)).collect::<Vec<_>>(),
            (0..50).map(|i| augment.draw(5, 2, i)).collect::<Vec<_>>()
        );
    }

    #[test]
    fn absurd_settings_do_not_panic() {
        let augment = Augment { pad_crop: usize::MAX, flip: true, shift: usize::MAX };
        let t = augment.draw(0, 0, 0);
        assert_eq!(apply(t, &PLANE, (2, 3)).len(), 6);
        let extreme = Transform { pad: (i64::MAX, i64::MIN), shift: (i64::MIN, 0), flip: true };
        assert_eq!(apply(extreme, &PLANE, (2, 3)), [0; 6]);
        assert!(Augment::default().draw(1, 2, 3).is_identity());
    }
}
