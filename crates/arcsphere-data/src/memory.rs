//! What is decoded at once, in bytes, over all threads.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Bytes that decoders hold.
static HELD: Mutex<u64> = Mutex::new(0);
static FREED: Condvar = Condvar::new();

/// Bytes that its holder may use, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Share(u64);

fn held() -> MutexGuard<'static, u64> {
    // A number is whole whoever panicked.
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Share {
    /// Waits until `bytes` more keep within `limit`; more than that are waited for until nobody holds any.
    ///
    /// What a share is held for must not wait for another one.
    pub(crate) fn take(bytes: u64, limit: u64) -> Self {
        let mut held = held();
        while *held > 0 && held.saturating_add(bytes) > limit {
            held = FREED.wait(held).unwrap_or_else(PoisonError::into_inner);
        }
        *held += bytes;
        Self(bytes)
    }

    /// True where the share could be made `bytes` without waiting.
    pub(crate) fn grow(&mut self, bytes: u64, limit: u64) -> bool {
        let more = bytes.saturating_sub(self.0);
        let mut held = held();
        let fits = *held == self.0 || held.saturating_add(more) <= limit;
        if fits {
            (*held, self.0) = (*held + more, self.0 + more);
        }
        fits
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        *held() -= self.0;
        FREED.notify_all();
    }
}
