// SPDX-License-Identifier: GPL-2.0
//! The routes that the virtual addresses have while this host owns them, and not otherwise.
//!
//! These are the routes that the kernel itself makes for an address, so the kernel finds and
//! deletes them when the address is deleted. With IPv6 it finds only the local route that it has
//! made itself, so [`Routes`] keeps a list of our local routes.
//!
//! A route that is there already counts as added, and one that has gone already counts as deleted.
//! The kernel may refuse a route for what it is. Then the other routes come and go as if that one
//! were there, and the log says so once.
//!
//! Context: process, without RTNL, which every change of an IPv4 route takes.

use crate::{
    proto::link::ipv6,
    sys::{
        collect::collect,
        inet::{self, Configured, Ipv4},
        inet6::{self, Ipv6},
        namespace::NamespaceRef,
        net_device::RcuDevice,
        rtnetlink::{Client, Destination, Route, RouteKind, Via},
    },
};
use kernel::{prelude::*, sync::rcu::Guard};

/// Metric of the kernel's route to the prefix of an IPv6 address.
const PREFIX_METRIC: u32 = 256;
/// Metric of our local route to an IPv6 address. The table of a VRF may also have the prefix route
/// of a /128, with another metric. The kernel's own local route has metric 0, which nobody can ask
/// for.
const LOCAL_METRIC: u32 = 1;
/// An IPv6 address has at most two local routes: one of the kernel's, and one of ours.
const LOCAL_ROUTES: usize = 2;

/// What is known of the routes of one device from one change to the next.
#[derive(Default)]
pub(crate) struct Routes {
    /// IPv6 addresses that have a local route of ours.
    added: KVec<Ipv6>,
    refused: KVec<Refusal>,
}

/// A route that the kernel refuses, though its address is still there.
struct Refusal {
    route: Route,
    error: Error,
    is_told: bool,
}

/// An IPv6 address, with all that its routes follow from.
#[derive(Clone, Copy)]
struct Configured6 {
    address: Ipv6,
    /// The peer on a point-to-point link; all zeros: none.
    peer: Ipv6,
    prefix_len: u8,
    metric: u32,
    wants_prefix_route: bool,
    is_routed: bool,
}

/// The addresses of a device at one moment.
pub(crate) struct DeviceAddresses {
    via: Via,
    v4: KVec<Configured>,
    v6: KVec<Configured6>,
}

impl DeviceAddresses {
    /// The addresses of `device`, whose routes are `via` the device. The lists are empty if the
    /// device has gone. Fails if out of memory.
    pub(crate) fn of(via: Via, device: &RcuDevice) -> Result<Self> {
        let v4 = collect(|guard, found| {
            if let Some(device) = device.get(guard) {
                inet::configured_rcu(guard, device).for_each(found);
            }
        })?;
        let v6 = collect(|guard, found| {
            let Some(device) = device.get(guard) else {
                return;
            };
            for address in inet6::addresses_rcu(guard, device) {
                found(Configured6 {
                    address: address.address(),
                    peer: address.peer(),
                    prefix_len: address.prefix_len(),
                    metric: address.metric(),
                    wants_prefix_route: address.wants_prefix_route(),
                    is_routed: address.is_routed(),
                });
            }
        })?;
        Ok(Self { via, v4, v6 })
    }
}

/// Requests for the routes of one device. A request names the device by its index. When the device
/// has gone, another device may have that index.
pub(crate) struct Requests<'a> {
    client: Client,
    device: &'a RcuDevice,
}

impl<'a> Requests<'a> {
    pub(crate) fn new(namespace: NamespaceRef, device: &'a RcuDevice) -> Result<Self> {
        Ok(Self {
            client: Client::new(namespace)?,
            device,
        })
    }

    /// Adds a route. Takes it back if the device has gone meanwhile: another device may have got
    /// the route.
    fn add(&self, via: Via, route: &Route) -> Result {
        self.check()?;
        let outcome = self.client.add(via, route);
        if outcome.is_ok() && self.check().is_err() {
            let _ = self.client.delete(via, route);
        }
        outcome
    }

    fn delete(&self, via: Via, route: &Route) -> Result {
        self.check()?;
        self.client.delete(via, route)
    }

    fn check(&self) -> Result {
        let is_there = self.device.get(&Guard::new()).is_some();
        is_there.then_some(()).ok_or(ENODEV)
    }
}

impl Routes {
    /// Adds the routes if the addresses are `owned`, and deletes them if not. Fails if out of
    /// memory, or if the veto has begun meanwhile. Then the caller tries again.
    pub(crate) fn follow(
        &mut self,
        requests: &Requests<'_>,
        addresses: &DeviceAddresses,
        owned: bool,
    ) -> Result {
        // IPv6 first: it does not take RTNL. IPv4 may have to wait for RTNL.
        let v6 = self.follow_v6(requests, addresses, owned);
        let mut v4 = Ok(());
        for_each_v4(&addresses.v4, |route| {
            let result = if owned {
                self.add(requests, addresses.via, route)
            } else {
                delete(requests, addresses.via, route)
            };
            v4 = v4.and(result);
        });
        v6.and(v4)
    }

    /// Deletes the routes that were added for the addresses of `then` and that those of `now` do
    /// not have. An address that was deleted meanwhile took only those routes with it that were
    /// there. True: there was such a route.
    pub(crate) fn withdraw(
        &mut self,
        requests: &Requests<'_>,
        then: &DeviceAddresses,
        now: &DeviceAddresses,
    ) -> Result<bool> {
        let mut is_late = false;
        let mut current = KVec::new();
        let mut outcome = Ok(());
        for_each_v4(&now.v4, |route| {
            outcome = outcome.and(
                current
                    .push(*route, GFP_KERNEL_ACCOUNT)
                    .map_err(Error::from),
            );
        });
        for address in &now.v6 {
            current.push(local6(&address.address), GFP_KERNEL_ACCOUNT)?;
            for prefix in prefix_routes(address) {
                current.push(prefix, GFP_KERNEL_ACCOUNT)?;
            }
        }
        outcome?;
        self.refused
            .retain(|refusal| current.contains(&refusal.route));
        let mut outcome = Ok(());
        let mut withdraw = |route: &Route| {
            if !current.contains(route) {
                is_late = true;
                outcome = outcome.and(delete(requests, then.via, route));
            }
        };
        for_each_v4(&then.v4, &mut withdraw);
        for prefix in then.v6.iter().flat_map(prefix_routes) {
            withdraw(&prefix);
        }
        self.added.retain(|added| {
            if now.v6.iter().any(|address| address.address == *added) {
                return true;
            }
            is_late = true;
            let deleted = delete_local(requests, then.via, added);
            outcome = outcome.and(deleted);
            deleted.is_err()
        });
        outcome.map(|()| is_late)
    }

    /// Calls `tell` with each route that was refused, unless it has been told of the route before.
    pub(crate) fn tell_refused(&mut self, mut tell: impl FnMut(&Route, Error)) {
        for refusal in &mut self.refused {
            if !core::mem::replace(&mut refusal.is_told, true) {
                tell(&refusal.route, refusal.error);
            }
        }
    }

    fn follow_v6(
        &mut self,
        requests: &Requests<'_>,
        addresses: &DeviceAddresses,
        owned: bool,
    ) -> Result {
        let via = addresses.via;
        let mut outcome = Ok(());
        self.added.reserve(addresses.v6.len(), GFP_KERNEL_ACCOUNT)?;
        // Deletes the routes whose address has gone, or is not owned any more.
        self.added.retain(|added| {
            if owned && addresses.v6.iter().any(|now| now.address == *added) {
                return true;
            }
            let deleted = delete_local(requests, via, added);
            outcome = outcome.and(deleted);
            deleted.is_err()
        });
        for now in &addresses.v6 {
            if !owned {
                outcome = outcome.and(delete_local(requests, via, &now.address));
                for prefix in prefix_routes(now) {
                    if !is_of_link(&prefix) {
                        outcome = outcome.and(delete(requests, via, &prefix));
                    }
                }
                continue;
            }
            if !now.is_routed {
                if !self.added.contains(&now.address) {
                    let _ = self.added.push_within_capacity(now.address);
                }
                let route = Route {
                    metric: LOCAL_METRIC,
                    ..local6(&now.address)
                };
                outcome = outcome.and(self.add(requests, via, &route));
            }
            for prefix in prefix_routes(now) {
                outcome = outcome.and(self.add(requests, via, &prefix));
            }
        }
        outcome
    }

    fn add(&mut self, requests: &Requests<'_>, via: Via, route: &Route) -> Result {
        let known = self.refused.iter().position(|old| old.route == *route);
        match (judge(requests.add(via, route))?, known) {
            (Ok(()), Some(index)) => {
                let _ = self.refused.remove(index);
            }
            (Err(error), None) => self.refused.push(
                Refusal {
                    route: *route,
                    error,
                    is_told: false,
                },
                GFP_KERNEL_ACCOUNT,
            )?,
            (Ok(()), None) | (Err(_), Some(_)) => (),
        }
        Ok(())
    }
}

/// What the kernel's answer about one route means. The outer error: the request is to be repeated.
/// The inner one: the kernel refuses the route.
fn judge(result: Result) -> Result<Result> {
    match result {
        Ok(())
        // The route is there already.
        | Err(EEXIST)
        // The route has gone already, or is being deleted just now; or its table has gone.
        | Err(ESRCH | ENOENT)
        // The device has gone or is down; or its IPv4 or IPv6 has gone, or is disabled. All its
        // routes have gone, too.
        | Err(ENODEV | ENETDOWN | EACCES) => Ok(Ok(())),
        // The veto has begun; or out of memory.
        Err(error @ (EPERM | ENOMEM | ENOBUFS)) => Err(error),
        Err(error) => Ok(Err(error)),
    }
}

/// Deletes a route. If the kernel refuses to, the route is not there.
fn delete(requests: &Requests<'_>, via: Via, route: &Route) -> Result {
    judge(requests.delete(via, route)).map(|_| ())
}

fn delete_local(requests: &Requests<'_>, via: Via, address: &Ipv6) -> Result {
    let route = local6(address);
    for _ in 0..LOCAL_ROUTES {
        match requests.delete(via, &route) {
            Ok(()) => (),
            result => return judge(result).map(|_| ()),
        }
    }
    Ok(())
}

fn local6(address: &Ipv6) -> Route {
    Route {
        kind: RouteKind::Local,
        destination: Destination::V6(*address),
        prefix_len: 128,
        source: None,
        metric: 0,
    }
}

/// The routes to the prefix of an IPv6 address, and to its peer.
fn prefix_routes(of: &Configured6) -> impl Iterator<Item = Route> {
    let metric = match of.metric {
        0 => PREFIX_METRIC,
        metric => metric,
    };
    let to = |address: Ipv6, prefix_len| Route {
        kind: RouteKind::Unicast,
        destination: Destination::V6(
            (u128::from_be_bytes(address) & mask6(prefix_len)).to_be_bytes(),
        ),
        prefix_len,
        source: None,
        metric,
    };
    let prefix = of.wants_prefix_route.then(|| to(of.address, of.prefix_len));
    let peer = (of.peer != ipv6::UNSPECIFIED).then(|| to(of.peer, 128));
    [prefix, peer].into_iter().flatten()
}

fn is_of_link(route: &Route) -> bool {
    matches!(&route.destination, Destination::V6(to) if ipv6::is_link_local(to))
}

fn mask6(prefix_len: u8) -> u128 {
    u128::MAX
        .checked_shl(128u32.saturating_sub(prefix_len.into()))
        .unwrap_or(0)
}

fn mask4(prefix_len: u8) -> u32 {
    u32::MAX
        .checked_shl(32u32.saturating_sub(prefix_len.into()))
        .unwrap_or(0)
}

/// Calls `f` with each route that the kernel makes for these addresses. Local routes come before
/// those that need them.
fn for_each_v4(addresses: &[Configured], mut f: impl FnMut(&Route)) {
    for now in addresses {
        let mask = mask4(now.prefix_len);
        let prefix_of = |address: Ipv4| u32::from_be_bytes(address) & mask;
        let prefix = prefix_of(now.peer);
        let is_primary = |other: &&Configured| {
            !other.is_secondary
                && other.prefix_len == now.prefix_len
                && prefix_of(other.peer) == prefix
        };
        let primary = addresses.iter().find(is_primary).unwrap_or(now);
        let mut route = |kind, destination: Ipv4, prefix_len, metric| {
            f(&Route {
                kind,
                destination: Destination::V4(destination),
                prefix_len,
                source: Some(primary.address),
                metric,
            });
        };

        route(RouteKind::Local, now.address, 32, 0);
        if now.broadcast != [0; 4] && now.broadcast != [255; 4] {
            route(RouteKind::Broadcast, now.broadcast, 32, 0);
        }
        let is_zeronet = prefix >> 24 == 0;
        let is_alone = prefix.to_be_bytes() == now.address && now.prefix_len == 32;
        if is_zeronet || now.is_secondary || is_alone {
            continue;
        }
        if now.wants_prefix_route {
            route(
                RouteKind::Unicast,
                prefix.to_be_bytes(),
                now.prefix_len,
                now.metric,
            );
        }
        if now.prefix_len < 31 {
            route(RouteKind::Broadcast, (prefix | !mask).to_be_bytes(), 32, 0);
        }
    }
}
