// SPDX-License-Identifier: GPL-2.0
//! What is asked of a carp device.

use super::ties::GroupName;
use crate::{proto::config::Changes, sys::hmac::Key};

/// What a request asks for.
pub(crate) struct Settings {
    pub(crate) changes: Changes,
    pub(crate) key: Option<Key>,
    pub(crate) group: Option<GroupName>,
}

impl Settings {
    /// The request asks for anything at all.
    pub(crate) fn is_some(&self) -> bool {
        self.changes != Changes::default() || self.key.is_some() || self.group.is_some()
    }

    /// Takes over what `newer` asks for. What `newer` leaves open stays as it is.
    pub(super) fn merge(&mut self, newer: &mut Self) {
        self.changes = self.changes.merge(&newer.changes);
        if let Some(key) = newer.key.take() {
            self.key = Some(key);
        }
        self.group = newer.group.or(self.group);
    }
}
