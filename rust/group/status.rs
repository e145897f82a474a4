// SPDX-License-Identifier: GPL-2.0
//! What is asked of a virtual host, and what it answers.

use super::{statistics::Counters, ties::GroupName};
use crate::{
    proto::{
        carp::advert::Source,
        config::{Changes, Config},
        machine::{Reason, State},
    },
    sys::hmac::Key,
};

/// What a request asks for.
pub(crate) struct Settings {
    pub(crate) changes: Changes,
    pub(crate) key: Option<Key>,
    pub(crate) group: Option<GroupName>,
}

impl Settings {
    /// Asks for anything at all.
    pub(crate) fn is_some(&self) -> bool {
        self.changes != Changes::default() || self.key.is_some() || self.group.is_some()
    }

    /// Asks for what `newer` asks for, and for what that says nothing about as before.
    pub(super) fn merge(&mut self, newer: &mut Self) {
        self.changes = self.changes.merge(&newer.changes);
        if let Some(key) = newer.key.take() {
            self.key = Some(key);
        }
        self.group = newer.group.or(self.group);
    }
}

/// When the state changed last, and why.
#[derive(Clone, Copy)]
pub(crate) struct LastChange {
    pub(crate) reason: Reason,
    /// Milliseconds since the epoch.
    pub(crate) at_ms: u64,
}

/// What a virtual host looks like at one moment.
pub(crate) struct Status {
    pub(crate) config: Config,
    pub(crate) group: GroupName,
    pub(crate) state: State,
    pub(crate) master: Option<Source>,
    pub(crate) last_change: Option<LastChange>,
    pub(crate) late_timers: u64,
    pub(crate) counters: Counters,
}
