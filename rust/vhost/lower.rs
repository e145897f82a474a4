// SPDX-License-Identifier: GPL-2.0
//! The parent's interface for virtual hosts.

use crate::sys::net_device::NetDevice;
use kernel::sync::ArcBorrow;

/// What a virtual host needs of its parent.
pub(crate) trait Lower: Send + Sync {
    /// The parent's device, which sends the adverts.
    fn device(&self) -> &NetDevice;

    /// The parent is up and has a carrier.
    fn works(&self) -> bool;

    /// True: adverts may have been missed until now, and may be missed for another moment. Any
    /// context.
    fn may_be_deaf(self: ArcBorrow<'_, Self>) -> bool;

    /// The last user has left a virtual host that is to come to rest: somebody may wait for that.
    /// Any context.
    fn wake(&self);
}
