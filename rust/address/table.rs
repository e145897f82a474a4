// SPDX-License-Identifier: GPL-2.0
//! The virtual addresses of a network namespace: whose is this one?
//!
//! ```text
//!   namespace ──RCU──> Table ──> Entry [address, scope] ──> carp device
//! ```
//!
//! A published table never changes. A packet loads it once and probes it once: no lock, no list, no
//! other table of the kernel. It holds the addresses of the carp devices that are up. Whether one
//! of them is owned is asked of its device.
//!
//! Each address is there twice, since two kinds of question are asked. Neighbours ask on a link:
//! there the parent counts. The stack asks in an L3 domain: there the VRF of the carp device
//! counts. A link-local address means a link in either case.
//!
//! Context: lookups: any but hard interrupts, under RCU. Changes: RTNL.

use crate::{
    proto::link::ipv6,
    sys::{
        inet::Ipv4,
        inet6::Ipv6,
        net_device::{NetDevice, RcuDevice, Rtnl},
        pernet::{Published, RcuPernetData},
        rcu::Fresh,
        sort::{sort, Sortable},
    },
};
use core::cmp::Ordering;
use kernel::{
    alloc::KVVec,
    prelude::*,
    sync::{rcu::Guard, Arc},
};

pub(crate) struct Table {
    v4: KVVec<Entry<Ipv4>>,
    v6: KVVec<Entry<Ipv6>>,
}

/// In the order of its fields, the device left out.
pub(crate) struct Entry<A> {
    address: A,
    scope: Scope,
    /// What has gone, or is down, is not found.
    device: Arc<RcuDevice>,
}

/// Where an address means this device.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Scope {
    /// On the link of this parent, by its index.
    Link(i32),
    /// In the L3 domain of this VRF, by its index; 0: in none.
    Domain(i32),
}

/// An address of either family.
pub(crate) trait Address: Copy + Ord {
    fn entries(table: &Table) -> &[Entry<Self>];
    /// Each link may have the same one.
    fn is_link_local(&self) -> bool;
}

impl Address for Ipv4 {
    fn entries(table: &Table) -> &[Entry<Self>] {
        &table.v4
    }

    fn is_link_local(&self) -> bool {
        false
    }
}

impl Address for Ipv6 {
    fn entries(table: &Table) -> &[Entry<Self>] {
        &table.v6
    }

    fn is_link_local(&self) -> bool {
        ipv6::is_link_local(self)
    }
}

impl Published for Table {
    fn pernet() -> &'static RcuPernetData<Self> {
        static TABLES: RcuPernetData<Table> = RcuPernetData::new();
        &TABLES
    }
}

/// The carp device that has `address` on the link of `parent`.
pub(crate) fn on_link<'a, A: Address>(
    guard: &'a Guard,
    parent: &NetDevice,
    address: A,
) -> Option<&'a NetDevice> {
    find(guard, parent, address, Scope::Link(parent.index()))
}

/// The carp device that has `address`, which is not a link-local one, in the L3 domain of `device`.
pub(crate) fn in_domain<'a, A: Address>(
    guard: &'a Guard,
    device: &NetDevice,
    address: A,
) -> Option<&'a NetDevice> {
    find(
        guard,
        device,
        address,
        Scope::Domain(device.l3_domain(guard)),
    )
}

fn find<'a, A: Address>(
    guard: &'a Guard,
    near: &NetDevice,
    address: A,
    scope: Scope,
) -> Option<&'a NetDevice> {
    let entries = A::entries(Table::pernet().get(guard, near)?.read(guard)?);
    let at = entries.binary_search_by(|entry| entry.key().cmp(&(address, scope)));
    entries.get(at.ok()?)?.device_if_up(guard)
}

/// The carp device `device` on `parent` has these addresses from now on, and no others. Fails if
/// out of memory, and changes nothing; what is left of a device that is down, or has gone, is not
/// found.
pub(crate) fn set(
    _rtnl: &Rtnl<'_>,
    device: &Arc<RcuDevice>,
    parent: &NetDevice,
    v4: &[Ipv4],
    v6: &[Ipv6],
) -> Result {
    // RTNL keeps the device in its domain, and the table published, while this waits for memory.
    let (domain, len_v4, len_v6) = {
        let guard = Guard::new();
        let old = Table::pernet().get(&guard, parent);
        let old = old.and_then(|published| published.read(&guard));
        let device = device.get(&guard);
        (
            Scope::Domain(device.map_or(0, |device| device.l3_domain(&guard))),
            old.map_or(0, |old| old.v4.len()),
            old.map_or(0, |old| old.v6.len()),
        )
    };
    let link = Scope::Link(parent.index());
    let own_v4 = own_entries(v4, device, link, domain)?;
    let own_v6 = own_entries(v6, device, link, domain)?;
    let mut fresh = Fresh::new(Table {
        v4: KVVec::with_capacity(len_v4.saturating_add(own_v4.len()), GFP_KERNEL_ACCOUNT)?,
        v6: KVVec::with_capacity(len_v6.saturating_add(own_v6.len()), GFP_KERNEL_ACCOUNT)?,
    })?;

    // Declared last: what is freed here, which may sleep, is freed without it.
    let guard = Guard::new();
    let Some(published) = Table::pernet().get(&guard, parent) else {
        return Ok(());
    };
    let old = published.read(&guard);
    merge(&guard, &mut fresh.v4, old, &own_v4, device);
    merge(&guard, &mut fresh.v6, old, &own_v6, device);
    if fresh.v4.is_empty() && fresh.v6.is_empty() {
        published.replace(None);
    } else {
        published.replace(Some(fresh));
    }
    Ok(())
}

/// Those of one device, in their order.
fn own_entries<A: Address>(
    addresses: &[A],
    device: &Arc<RcuDevice>,
    link: Scope,
    domain: Scope,
) -> Result<KVVec<Entry<A>>> {
    let mut own = KVVec::with_capacity(addresses.len().saturating_mul(2), GFP_KERNEL_ACCOUNT)?;
    for &address in addresses {
        let in_domain = (!address.is_link_local()).then_some(domain);
        for scope in [Some(link), in_domain].into_iter().flatten() {
            let entry = Entry {
                address,
                scope,
                device: device.clone(),
            };
            own.push(entry, GFP_KERNEL_ACCOUNT)?;
        }
    }
    sort(&mut own);
    Ok(own)
}

/// `own`, and what the old table has of other devices that are up. There is room for all.
fn merge<A: Address>(
    guard: &Guard,
    into: &mut KVVec<Entry<A>>,
    old: Option<&Table>,
    own: &[Entry<A>],
    device: &Arc<RcuDevice>,
) {
    let mut own = own.iter().peekable();
    let others = old
        .map_or(&[][..], A::entries)
        .iter()
        .filter(|entry| !Arc::ptr_eq(&entry.device, device) && entry.device_if_up(guard).is_some());
    for other in others {
        while let Some(entry) = own.next_if(|entry| entry.key() < other.key()) {
            let _ = into.push_within_capacity(entry.clone());
        }
        let _ = into.push_within_capacity(other.clone());
    }
    for entry in own {
        let _ = into.push_within_capacity(entry.clone());
    }
}

impl<A: Address> Entry<A> {
    fn key(&self) -> (A, Scope) {
        (self.address, self.scope)
    }

    fn device_if_up<'a>(&self, guard: &'a Guard) -> Option<&'a NetDevice> {
        self.device.get(guard).filter(|device| device.is_up())
    }
}

impl<A: Address> Sortable for Entry<A> {
    fn compare(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl<A: Address> Clone for Entry<A> {
    fn clone(&self) -> Self {
        Self {
            address: self.address,
            scope: self.scope,
            device: self.device.clone(),
        }
    }
}
