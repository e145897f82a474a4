// SPDX-License-Identifier: GPL-2.0
//! Whether this host owns the addresses of one carp device, and what follows from it.
//!
//! ```text
//!            the state changes                      the work item runs
//!                   |                                       |
//!   at once:        v                        soon:          v
//!     the gate opens or closes                 the routes are there, or gone
//!     IPv6 addresses may be sent from, or not
//!     what comes in for an address finds       what comes in for an address
//!       a route that was ready before            finds that in the tables
//! ```
//!
//! So a take-over waits for nobody: routes of IPv4 take RTNL, which somebody else may hold for
//! long. The time between the two is the window: `packets/window.rs` has what comes in it.

use super::routes::{DeviceAddresses, Requests, Routes};
use crate::sys::{
    inet6,
    lock::{mutex, Mutex},
    log,
    namespace::NamespaceRef,
    net_device::{NetDevice, RcuDevice},
    queue::{self, impl_work, work, Job, Work},
    route::LocalRoute,
    rtnetlink::{Destination, Route, Via},
};
use core::net::IpAddr;
use kernel::sync::atomic::{Acquire, Atomic, Full, Release};
use kernel::{
    prelude::*,
    sync::{rcu::Guard, Arc},
};

/// It keeps neither virtual host nor parent: whoever changes a route may have to see a device
/// through to its end, for which nobody may count on that device.
#[pin_data]
pub(crate) struct Ownership {
    device: Arc<RcuDevice>,
    phase: Atomic<u32>,
    /// For packets that come in meanwhile. None: the namespace has no IPv6.
    v4: LocalRoute,
    v6: Option<LocalRoute>,
    #[pin]
    routes: Mutex<Routes>,
    /// Told of the device when it has its routes. Context: process.
    has_routes: fn(&NetDevice),
    #[pin]
    work: Work<Ownership>,
}

/// A phase begins when the addresses change hands; it is a number that is odd, in this unit, while
/// this host owns them.
const NEXT_PHASE: u32 = 2;
/// Beside the number: the tables have the routes.
const HAS_ROUTES: u32 = 1;

const fn is_owned(phase: u32) -> bool {
    phase & NEXT_PHASE != 0
}

impl_work!(Ownership, work);

impl Job for Ownership {
    fn run(this: Arc<Self>) {
        match this.follow_now() {
            Ok(()) => this.invite(),
            // The gate has closed meanwhile: this runs again.
            Err(EPERM) => (),
            // All else comes of want of memory, or of room for one more socket.
            Err(_) => queue::retry_urgent(this),
        }
    }
}

impl Ownership {
    /// Of the addresses of `device`, which are not owned. `near` is any device of the namespace.
    pub(crate) fn new(
        device: Arc<RcuDevice>,
        near: &NetDevice,
        has_routes: fn(&NetDevice),
    ) -> Result<Arc<Self>> {
        Arc::pin_init(
            try_pin_init!(Self {
                device,
                phase: Atomic::new(0),
                v4: LocalRoute::v4(near)?,
                v6: LocalRoute::v6(near),
                routes <- mutex!(Routes::default(), "carp routes"),
                has_routes,
                work <- work!("carp routes"),
            }),
            GFP_KERNEL_ACCOUNT,
        )
    }

    /// For the gate.
    pub(crate) fn is_owned(&self) -> bool {
        is_owned(self.phase.load(Acquire))
    }

    /// The addresses are owned from now on, or not any more. Under a lock of the caller.
    pub(crate) fn set(self: &Arc<Self>, guard: &Guard, owned: bool) {
        let phase = self.phase.load(Acquire);
        if is_owned(phase) == owned {
            return;
        }
        let next = phase.wrapping_add(NEXT_PHASE) & !HAS_ROUTES;
        self.phase.store(next, Release);
        if let Some(device) = self.device.get(guard) {
            self.mark(guard, device);
        }
        self.follow();
    }

    /// Has the routes become soon what they are to be. Any context.
    pub(crate) fn follow(self: &Arc<Self>) {
        queue::enqueue_urgent(self.clone());
    }

    /// Waits until they are. Context: process, without RTNL.
    pub(crate) fn wait_for_routes(self: &Arc<Self>) {
        queue::flush(self);
    }

    /// The tables do not say, or not for sure, what is to be said of the addresses.
    pub(crate) fn lacks_routes(&self) -> bool {
        self.phase.load(Acquire) & HAS_ROUTES == 0
    }

    /// By which packets for an IPv4 address of the device come in, as long as routes lack.
    pub(crate) fn way_in_v4(&self) -> Option<&LocalRoute> {
        self.lacks_routes().then_some(&self.v4)
    }

    /// The same for IPv6.
    pub(crate) fn way_in_v6(&self) -> Option<&LocalRoute> {
        self.v6.as_ref().filter(|_| self.lacks_routes())
    }

    /// If the routes are there, nobody need wait any longer.
    fn invite(&self) {
        if !self.lacks_routes() {
            let guard = Guard::new();
            if let Some(device) = self.device.get(&guard) {
                (self.has_routes)(device);
            }
        }
    }

    /// Makes the routes and the marks of the addresses what they are to be now. Fails with `EPERM`
    /// if the ownership has changed meanwhile, or if out of memory; then it is to be called again.
    /// Context: process, without RTNL.
    fn follow_now(&self) -> Result {
        let mut routes = self.routes.lock();
        let phase = self.phase.load(Acquire);
        let owned = is_owned(phase);
        let Some((addresses, namespace)) = self.snapshot()? else {
            return Ok(());
        };
        let requests = Requests::new(namespace, &self.device)?;
        let outcome = routes.follow(&requests, &addresses, owned);
        if owned {
            let Some((now, _)) = self.snapshot()? else {
                return Ok(());
            };
            // If an address has gone, this is called again anyway.
            if routes.withdraw(&requests, &addresses, &now)? {
                return Ok(());
            }
        }
        outcome?;
        if owned {
            routes.tell_refused(|route, error| self.tell_refused(route, error));
            // If it is another phase by now, this runs again.
            let _ = self.phase.cmpxchg(phase, phase | HAS_ROUTES, Full);
        }
        Ok(())
    }

    /// The addresses of the device as they are now, marked, and its namespace. None: it goes, and
    /// takes its routes with it.
    fn snapshot(&self) -> Result<Option<(DeviceAddresses, NamespaceRef)>> {
        let (via, namespace) = {
            let guard = Guard::new();
            let Some(device) = self.device.get(&guard) else {
                return Ok(None);
            };
            let Some(namespace) = device.namespace_rcu(&guard).keep() else {
                return Ok(None);
            };
            self.mark(&guard, device);
            let via = Via {
                index: device.index(),
                vrf_table: device.vrf_table(),
            };
            (via, namespace)
        };
        Ok(Some((DeviceAddresses::of(via, &self.device)?, namespace)))
    }

    /// The kernel refuses a route that it would make itself for an address of the device.
    fn tell_refused(&self, route: &Route, error: Error) {
        let guard = Guard::new();
        let Some(device) = self.device.get(&guard) else {
            return;
        };
        let to = match route.destination {
            Destination::V4(address) => IpAddr::from(address),
            Destination::V6(address) => IpAddr::from(address),
        };
        let (prefix_len, error) = (route.prefix_len, error.to_errno());
        log::notice(
            device,
            fmt!("the route to {to:?}/{prefix_len} is refused: error {error}"),
        );
    }

    /// This host chooses no IPv6 address as source that it does not own: unlike with IPv4, no route
    /// is asked.
    fn mark(&self, guard: &Guard, device: &NetDevice) {
        loop {
            let owned = self.is_owned();
            for address in inet6::addresses_rcu(guard, device) {
                address.set_usable(owned);
            }
            // Whoever marks last has seen what was said last.
            if self.is_owned() == owned {
                return;
            }
        }
    }
}
