// SPDX-License-Identifier: GPL-2.0
//! The address families that a virtual host advertises in: those of which its device has addresses.

use crate::{
    proto::{carp::advert::Sources, link::ipv6},
    sys::{inet, inet6, net_device::NetDevice},
};
use kernel::sync::rcu::Guard;

/// The families that a virtual host advertises in.
#[derive(Clone, Copy, Default)]
pub(crate) struct Families {
    pub(crate) v4: bool,
    pub(crate) v6: bool,
}

impl Families {
    /// There is at least one family.
    pub(super) fn is_some(self) -> bool {
        self.v4 || self.v6
    }

    /// Becomes `families`. If there are none, the old ones stay: the advert that says so goes out
    /// in these.
    pub(super) fn follow(&mut self, families: Self) {
        if families.is_some() {
            *self = families;
        }
    }

    /// The sources of the adverts that `parent` sends for `device`. Over IPv4: an address of
    /// `parent`, or else of `device`. Over IPv6: a link-local address of `parent`, or else the one
    /// that follows from its MAC address.
    pub(super) fn sources(
        self,
        guard: &Guard,
        parent: &NetDevice,
        device: Option<&NetDevice>,
    ) -> Sources {
        let first_v4 = |device| inet::addresses_rcu(guard, device).next();
        let own_v6 = || {
            inet6::addresses_rcu(guard, parent)
                .filter(|own| own.is_usable())
                .map(|own| own.address())
                .find(ipv6::is_link_local)
        };
        Sources {
            v4: self.v4.then(|| {
                first_v4(parent)
                    .or_else(|| first_v4(device?))
                    .unwrap_or_default()
            }),
            v6: self.v6.then(|| {
                own_v6()
                    .unwrap_or_else(|| ipv6::link_local_of(&parent.address().unwrap_or_default()))
            }),
        }
    }
}
