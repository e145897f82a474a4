// SPDX-License-Identifier: GPL-2.0
//! What is asked of a virtual host, and what it answers.

use super::ties::GroupName;
use crate::{
    device::statistics::Counters,
    proto::{
        config::{Changes, Config},
        machine::{Reason, State},
        wire::Source,
    },
    sys::hmac::Key,
};

/// What a request asks for.
pub(crate) struct Settings {
    pub(crate) changes: Changes,
    pub(crate) key: Option<Key>,
    pub(crate) state: Option<State>,
    pub(crate) group: Option<GroupName>,
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
