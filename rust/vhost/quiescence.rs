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

/// Set while nobody gets in. The other bits count the users.
const CLOSED: u32 = 1 << 31;

/// Counts the users of an object, and can be closed to new ones. Any context.
pub(crate) struct Users(Atomic<u32>);

impl Users {
    /// Open, without users.
    pub(crate) const fn new() -> Self {
        Self(Atomic::new(0))
    }

    /// Goes in, unless the object is closed.
    #[must_use]
    pub(crate) fn enter(&self) -> bool {
        let one_more = |users: u32| (users & CLOSED == 0).then(|| users.wrapping_add(1));
        // ORDERING: Full, so acquire: a user sees what was done before `open()`.
        self.update(one_more)
    }

    /// Goes out. True: this was the last user, and the object is closed, so it is at rest now.
    #[must_use]
    pub(crate) fn leave(&self) -> bool {
        // ORDERING: Release: whoever finds the object at rest sees what was done inside. Acquire:
        // the last user to leave passes on what all the others have done.
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

    /// How many users are inside.
    pub(crate) fn count(&self) -> u32 {
        self.0.load(Relaxed) & !CLOSED
    }

    /// Replaces the value by what `next` makes of it. False: `next` makes nothing of it. The kernel
    /// crate has no atomic operations on single bits.
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
