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

use core::sync::atomic::{AtomicU32, Ordering};

/// Set while nobody gets in; the other bits count who is inside.
const CLOSED: u32 = 1 << 31;

/// Counts the users of an object, and can be closed to new ones. Any context.
pub(crate) struct Users(AtomicU32);

impl Users {
    /// Open, without users.
    pub(crate) const fn new() -> Self {
        Self(AtomicU32::new(0))
    }

    /// Goes in, unless it is closed.
    #[must_use]
    pub(crate) fn enter(&self) -> bool {
        let one_more = |users: u32| (users & CLOSED == 0).then(|| users.wrapping_add(1));
        // ORDERING: Acquire: what was done before `open()` is seen inside.
        self.0
            .fetch_update(Ordering::Acquire, Ordering::Relaxed, one_more)
            .is_ok()
    }

    /// Goes out. True: it was the last one, and it is closed: now it is at rest.
    #[must_use]
    pub(crate) fn leave(&self) -> bool {
        // ORDERING: Release: what was done inside is seen by who finds it at rest; acquire, that
        // the last one tells of everybody.
        self.0.fetch_sub(1, Ordering::AcqRel) == CLOSED | 1
    }

    /// From now on nobody gets in.
    pub(crate) fn close(&self) {
        self.0.fetch_or(CLOSED, Ordering::AcqRel);
    }

    pub(crate) fn open(&self) {
        self.0.fetch_and(!CLOSED, Ordering::Release);
    }

    pub(crate) fn is_at_rest(&self) -> bool {
        self.0.load(Ordering::Acquire) == CLOSED
    }

    /// How many are inside.
    pub(crate) fn count(&self) -> u32 {
        self.0.load(Ordering::Relaxed) & !CLOSED
    }
}
