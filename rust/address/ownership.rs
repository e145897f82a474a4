// SPDX-License-Identifier: GPL-2.0
//! Whether this host owns the addresses of one carp device, and what follows from that.
//!
//! ```text
//!            the state changes                      the work item runs
//!                   |                                       |
//!   at once:        v                        soon:          v
//!     the FIB veto ends or begins              the routes are there, or gone
//!     IPv6 addresses may be sent from, or not
//!     what comes in for an address finds       what comes in for an address
//!       a route that was ready before            finds that in the tables
//! ```
//!
//! So a take-over waits for nobody. Changing an IPv4 route takes RTNL, which somebody else may hold
//! for long. The time between the two columns is the window; `packets/window.rs` handles its
//! packets.

use super::routes::{DeviceAddresses, Requests, Routes};
use crate::sys::{
    fib, inet6,
    lock::{mutex, Mutex},
    log,
    namespace::NamespaceRef,
    net_device::{NetDevice, RcuDevice},
    queue::{self, impl_work, work, Job, Work},
    route::LocalRoute,
    rtnetlink::{Destination, Route, Via},
    stack_hook::Watch,
};
use core::net::IpAddr;
use kernel::{
    prelude::*,
    sync::{
        atomic::{Acquire, Atomic, Full, Release},
        rcu::Guard,
        Arc,
    },
};

/// An ownership has no reference to the virtual host or to its parent. Changing a route may end in
/// unregistering a device, which waits until nobody has a reference to the device.
#[pin_data]
pub(crate) struct Ownership {
    device: Arc<RcuDevice>,
    phase: Atomic<u32>,
    #[pin]
    watch: Watch,
    /// The routes for packets to the addresses. The one of IPv6 is used only while the FIB may lack
    /// a route. None: the namespace has no IPv6.
    v4: LocalRoute,
    v6: Option<LocalRoute>,
    #[pin]
    routes: Mutex<Routes>,
    /// Called with the device when the FIB has its routes. Context: process.
    has_routes: fn(&NetDevice),
    #[pin]
    work: Work<Ownership>,
}

/// A phase begins when the ownership changes, and adds this to `phase`. This bit is set while the
/// host owns the addresses.
const NEXT_PHASE: u32 = 2;
/// This bit is set in a phase once the FIB has the routes.
const HAS_ROUTES: u32 = 1;

const fn is_owned(phase: u32) -> bool {
    phase & NEXT_PHASE != 0
}

impl_work!(Ownership, work);

impl Job for Ownership {
    fn run(this: Arc<Self>) {
        match this.follow_now() {
            Ok(()) => this.invite(),
            // The veto has begun meanwhile: this runs again.
            Err(EPERM) => (),
            // Every other error means: out of memory, or out of sockets.
            Err(_) => queue::retry_urgent(this),
        }
    }
}

impl Ownership {
    /// The ownership of the addresses of `device`, which this host does not own yet. `near` is any
    /// device of the namespace.
    pub(crate) fn new(
        device: Arc<RcuDevice>,
        near: &NetDevice,
        has_routes: fn(&NetDevice),
    ) -> Result<Arc<Self>> {
        Arc::pin_init(
            try_pin_init!(Self {
                device,
                phase: Atomic::new(0),
                watch <- Watch::new(),
                v4: LocalRoute::v4(near)?,
                v6: LocalRoute::v6(near),
                routes <- mutex!(Routes::default(), "carp routes"),
                has_routes,
                work <- work!("carp routes"),
            }),
            GFP_KERNEL_ACCOUNT,
        )
    }

    pub(crate) fn watch(&self) -> &Watch {
        &self.watch
    }

    /// This host owns the addresses. Any context.
    pub(crate) fn is_owned(&self) -> bool {
        is_owned(self.phase.load(Acquire))
    }

    /// Sets whether this host owns the addresses. The caller has a lock, so calls come one after
    /// the other.
    pub(crate) fn set(self: &Arc<Self>, guard: &Guard, owned: bool) {
        let phase = self.phase.load(Acquire);
        if is_owned(phase) == owned {
            return;
        }
        let next = phase.wrapping_add(NEXT_PHASE) & !HAS_ROUTES;
        self.phase.store(next, Release);
        if let Some(device) = self.device.get(guard) {
            self.watch.count(device, || !self.lacks_routes());
            self.mark(guard, device);
        }
        self.follow();
    }

    /// Schedules the work item that adds or removes the routes. Any context.
    pub(crate) fn follow(self: &Arc<Self>) {
        queue::enqueue_urgent(self.clone());
    }

    /// Waits for the work item that adds or removes the routes. Context: process, without RTNL.
    pub(crate) fn wait_for_routes(self: &Arc<Self>) {
        queue::flush(self);
    }

    /// The FIB may lack the routes of the addresses, or must not have them.
    pub(crate) fn lacks_routes(&self) -> bool {
        self.phase.load(Acquire) & HAS_ROUTES == 0
    }

    /// The route for packets to an IPv4 address of the device, whether the FIB has one or not.
    pub(crate) fn ready_route_v4(&self) -> &LocalRoute {
        &self.v4
    }

    /// The same for IPv6, but only while the FIB may lack a route.
    pub(crate) fn ready_route_v6(&self) -> Option<&LocalRoute> {
        self.v6.as_ref().filter(|_| self.lacks_routes())
    }

    /// Calls `has_routes` if the FIB has the routes.
    fn invite(&self) {
        if !self.lacks_routes() {
            let guard = Guard::new();
            if let Some(device) = self.device.get(&guard) {
                (self.has_routes)(device);
            }
        }
    }

    /// Adds or removes the routes, and marks the addresses. Fails with `EPERM` if the ownership has
    /// changed meanwhile, and with another error if out of memory. In either case this has to run
    /// again. Context: process, without RTNL.
    fn follow_now(&self) -> Result {
        let mut routes = self.routes.lock();
        let phase = self.phase.load(Acquire);
        // The watch is there before a route goes.
        self.watch.follow(|| self.wants_watch())?;
        let owned = is_owned(phase);
        let Some((addresses, namespace)) = self.snapshot()? else {
            return Ok(());
        };
        let requests = Requests::new(namespace, &self.device)?;
        let outcome = routes.follow(&requests, &addresses, owned);
        if owned {
            self.disown_routes();
            let Some((now, _)) = self.snapshot()? else {
                return Ok(());
            };
            // An address has gone. Its notifier has this called again.
            if routes.withdraw(&requests, &addresses, &now)? {
                return Ok(());
            }
        }
        outcome?;
        if owned {
            routes.tell_refused(|route, error| self.tell_refused(route, error));
            // If the phase is another one by now, this runs again.
            let _ = self.phase.cmpxchg(phase, phase | HAS_ROUTES, Full);
            self.settled()?;
        }
        Ok(())
    }

    /// Local routes have been added. Keeps the kernel from looking up the source of every packet
    /// because of them.
    fn disown_routes(&self) {
        let guard = Guard::new();
        if let Some(device) = self.device.get(&guard) {
            fib::disown_local_routes(&guard, device);
        }
    }

    /// The FIB has the routes, if the phase is still the same. So the watch ends, but not for a
    /// device without a queue, which goes on to want it.
    fn settled(&self) -> Result {
        if let Some(device) = self.device.get(&Guard::new()) {
            self.watch.count(device, || !self.lacks_routes());
        }
        self.watch.follow(|| self.wants_watch())
    }

    fn wants_watch(&self) -> bool {
        let guard = Guard::new();
        let device = self.device.get(&guard);
        self.lacks_routes() || device.is_some_and(|device| !device.has_queue())
    }

    /// The current addresses of the device, marked, and its namespace. None: the device or the
    /// namespace is being deleted, and the routes go with it.
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

    /// Logs that the kernel refuses a route of an address of the device.
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

    /// Marks the IPv6 addresses, so that this host chooses no source address that it does not own.
    /// IPv6 looks at the marks for that, and IPv4 at the routes.
    fn mark(&self, guard: &Guard, device: &NetDevice) {
        loop {
            let owned = self.is_owned();
            for address in inet6::addresses_rcu(guard, device) {
                address.set_usable(owned);
            }
            // So the last one to mark has seen the last change.
            if self.is_owned() == owned {
                return;
            }
        }
    }
}
