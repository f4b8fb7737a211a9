//! How far a long measure has come.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Is told the share of the work that is done, rising from above 0 to 1, by a measure that may take
/// seconds. It is called from the measure's threads, one call at a time is not promised, so
/// it should return at once. `&|_| {}` hears nothing.
///
/// ```
/// use std::sync::Mutex;
/// let seen = Mutex::new(Vec::new());
/// let watch = |share| if let Ok(mut seen) = seen.lock() { seen.push(share) };
/// arcsphere_eval::retrieval::retrieve(&[1.0, 0.0, 0.9, 0.1], 2, &[5, 5], &[1], &watch)?;
/// assert_eq!(seen.into_inner().ok().and_then(|s| s.last().copied()), Some(1.0));
/// # Ok::<(), arcsphere_eval::EvalError>(())
/// ```
pub type Progress<'a> = &'a (dyn Fn(f64) + Sync);

/// Counts parts of equal size and reports them.
pub(crate) struct Steps<'a> {
    done: AtomicUsize,
    of: usize,
    progress: Progress<'a>,
}

impl<'a> Steps<'a> {
    pub(crate) fn new(of: usize, progress: Progress<'a>) -> Self {
        Self { done: AtomicUsize::new(0), of: of.max(1), progress }
    }

    pub(crate) fn step(&self) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        (self.progress)(done.min(self.of) as f64 / self.of as f64);
    }
}
