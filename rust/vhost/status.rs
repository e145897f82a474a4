// SPDX-License-Identifier: GPL-2.0
//! What a virtual host says of itself.

use super::statistics::Counters;
use crate::proto::{
    carp::advert::Source,
    config::Config,
    demotion::Causes,
    machine::{Reason, State},
};

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
    pub(crate) causes: Causes,
    pub(crate) state: State,
    pub(crate) master: Option<Source>,
    pub(crate) last_change: Option<LastChange>,
    pub(crate) late_timers: u64,
    pub(crate) counters: Counters,
}
