// SPDX-License-Identifier: GPL-2.0
//! At rest: nobody is inside, and nobody gets in.
//!
//! ```text
//!              enter, leave                         leave
//!            +------------+                     +-----------+
//!            v            |                     v           |
//!          open, n users -+----- close -----> closed, n users
//!            ^                                              |
//!            |                                  the last one leaves, and is told so
//!            |                                              v
//!            +------------------ open ---------------- at rest
//! ```

use kernel::sync::atomic::{Acquire, Atomic, Full, Relaxed};

/// Set while nobody gets in; the other bits count those inside.
const CLOSED: u32 = 1 << 31;

/// Counts the users of an object, and can be closed to new ones. Any context.
pub(crate) struct Users(Atomic<u32>);

impl Users {
    /// Open, without users.
    pub(crate) const fn new() -> Self {
        Self(Atomic::new(0))
    }

    /// Goes in, unless it is closed.
    #[must_use]
    pub(crate) fn enter(&self) -> bool {
        let one_more = |users: u32| (users & CLOSED == 0).then(|| users.wrapping_add(1));
        // ORDERING: Full, so acquire: what was done before `open()` is seen inside.
        self.update(one_more)
    }

    /// Goes out. True: it was the last one, and it is closed: now it is at rest.
    #[must_use]
    pub(crate) fn leave(&self) -> bool {
        // ORDERING: Release: what was done inside is seen by whoever finds it at rest; acquire,
        // that the last one tells of everybody.
        self.0.fetch_sub(1, Full) == CLOSED | 1
    }

    /// From now on nobody gets in.
    pub(crate) fn close(&self) {
        self.update(|users| Some(users | CLOSED));
    }

    pub(crate) fn open(&self) {
        self.update(|users| Some(users & !CLOSED));
    }

    pub(crate) fn is_at_rest(&self) -> bool {
        self.0.load(Acquire) == CLOSED
    }

    /// How many are inside.
    pub(crate) fn count(&self) -> u32 {
        self.0.load(Relaxed) & !CLOSED
    }

    /// Becomes what `next` makes of it, if that is anything; true: it has. The kernel crate has no
    /// operations on single bits.
    fn update(&self, next: impl Fn(u32) -> Option<u32>) -> bool {
        let mut now = self.0.load(Relaxed);
        while let Some(to) = next(now) {
            match self.0.cmpxchg(now, to, Full) {
                Ok(_) => return true,
                Err(seen) => now = seen,
            }
        }
        false
    }
}
