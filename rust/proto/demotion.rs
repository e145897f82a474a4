// SPDX-License-Identifier: GPL-2.0
//! Demotion: whether adverts can be sent, one of its causes. The others are told by whoever knows
//! them.

/// As many sends have to fail in a row before they count as a cause.
const SEND_ERRORS: u8 = 3;
/// For this long after the last failed one they go on to count. Only a MASTER sends, so a rule
/// that waited for sends to succeed would hold a node down that has become BACKUP through them.
pub const SEND_ERROR_HOLD_NS: u64 = 30_000_000_000;

/// Whether adverts can be sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SendErrors {
    in_a_row: u8,
    hold_until_ns: u64,
}

impl SendErrors {
    /// An advert could not be sent.
    pub fn failed(&mut self, now_ns: u64) {
        self.in_a_row = self.in_a_row.saturating_add(1);
        if self.in_a_row >= SEND_ERRORS {
            self.hold_until_ns = now_ns.saturating_add(SEND_ERROR_HOLD_NS);
        }
    }

    /// An advert was sent.
    pub fn succeeded(&mut self) {
        self.in_a_row = 0;
    }

    /// Whether they are a cause of demotion now.
    pub const fn hold(&self, now_ns: u64) -> bool {
        now_ns < self.hold_until_ns
    }
}
