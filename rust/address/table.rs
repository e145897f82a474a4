// SPDX-License-Identifier: GPL-2.0
//! The virtual addresses of a network namespace, and the carp device that has each of them.
//!
//! ```text
//!   namespace ──RCU──> Table ──> Entry [address, scope] ──> carp device
//! ```
//!
//! A published table never changes. A lookup loads it once and probes it once: no lock, no list, no
//! other table of the kernel. The table has the addresses of the carp devices that are up. The
//! device of an address knows whether this host owns the address.
//!
//! The entries are sorted, so that the next change can merge lists. A hash leads to them: open
//! addressing, with multipliers drawn for each table, so that nobody can choose addresses that
//! collide.
//!
//! Each address is in the table twice, for two kinds of lookup. Neighbours ask on a link: there the
//! parent counts. The stack asks in an L3 domain: there the VRF of the carp device counts. A
//! link-local address belongs to a link in either case, and is there once.
//!
//! Context: lookups: any but hard interrupts, under RCU. Changes: RTNL.

use crate::{
    proto::link::ipv6,
    sys::{
        clock,
        inet::Ipv4,
        inet6::Ipv6,
        net_device::{NetDevice, RcuDevice, Rtnl},
        pernet::{Published, RcuPernetData},
        rcu::{Fresh, RcuPointer},
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
    v4: Index<Ipv4>,
    v6: Index<Ipv6>,
}

/// The entries of one family.
pub(crate) struct Index<A> {
    /// Sorted.
    entries: KVVec<Entry<A>>,
    /// A power of two, and at least twice as many as there are entries; or none.
    slots: KVVec<Slot>,
    multipliers: [u64; 3],
    /// A Bloom filter of the addresses, with one hash. Most addresses in packets are not virtual,
    /// and end here.
    filter: u64,
}

/// The place of an entry plus one, or 0.
type Slot = u32;

/// Entries are sorted by address and scope.
pub(crate) struct Entry<A> {
    address: A,
    scope: Scope,
    /// A lookup does not find a device that has gone, or is down.
    device: Arc<RcuDevice>,
}

/// Where an address means this device: an index, and in the lowest bit whether it is that of a
/// parent or of a VRF.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Scope(u64);

impl Scope {
    /// On the link of this parent.
    fn link(parent: &NetDevice) -> Self {
        Self(u64::from(parent.index().unsigned_abs()) << 1)
    }

    /// In the L3 domain of this VRF, by its index; 0: in no VRF.
    fn domain(vrf: i32) -> Self {
        Self(u64::from(vrf.unsigned_abs()) << 1 | 1)
    }
}

/// An address of either family.
pub(crate) trait Address: Copy + Ord {
    fn index(table: &Table) -> &Index<Self>;
    /// Its bits.
    fn halves(&self) -> [u64; 2];
    /// The address is link-local: another link may have the same one.
    fn is_link_local(&self) -> bool;
}

impl Address for Ipv4 {
    fn index(table: &Table) -> &Index<Self> {
        &table.v4
    }

    fn halves(&self) -> [u64; 2] {
        [u32::from_ne_bytes(*self).into(), 0]
    }

    fn is_link_local(&self) -> bool {
        false
    }
}

impl Address for Ipv6 {
    fn index(table: &Table) -> &Index<Self> {
        &table.v6
    }

    fn halves(&self) -> [u64; 2] {
        let bits = u128::from_ne_bytes(*self);
        [bits as u64, (bits >> 64) as u64]
    }

    fn is_link_local(&self) -> bool {
        ipv6::is_link_local(self)
    }
}

impl Published for Table {
    fn pernet() -> &'static RcuPernetData<RcuPointer<Self>> {
        static TABLES: RcuPernetData<RcuPointer<Table>> = RcuPernetData::new();
        &TABLES
    }
}

/// The carp device that has `address` on the link of `parent`.
pub(crate) fn on_link<'a, A: Address>(
    guard: &'a Guard,
    parent: &NetDevice,
    address: A,
) -> Option<&'a NetDevice> {
    find(guard, parent, address, Scope::link(parent))
}

/// The carp device that has `address`, which is not a link-local one, in the L3 domain of `device`.
pub(crate) fn in_domain<'a, A: Address>(
    guard: &'a Guard,
    device: &NetDevice,
    address: A,
) -> Option<&'a NetDevice> {
    let domain = Scope::domain(device.l3_domain(guard));
    find(guard, device, address, domain)
}

/// False: no carp device in the namespace of `near` has `address`, on whichever link. Most
/// addresses in packets end here.
pub(crate) fn may_have<A: Address>(guard: &Guard, near: &NetDevice, address: A) -> bool {
    index::<A>(guard, near).is_some_and(|index| index.may_have(index.hash(address)))
}

fn find<'a, A: Address>(
    guard: &'a Guard,
    near: &NetDevice,
    address: A,
    scope: Scope,
) -> Option<&'a NetDevice> {
    index::<A>(guard, near)?
        .get(address, scope)?
        .device_if_up(guard)
}

/// The index in the namespace of `near`; none: no carp device is up there.
fn index<'a, A: Address>(guard: &'a Guard, near: &NetDevice) -> Option<&'a Index<A>> {
    Some(A::index(Table::pernet().get(guard, near)?.read(guard)?))
}

/// Sets the addresses of `device`, a carp device on `parent`. Fails if out of memory, and changes
/// nothing. Entries of a device that is down or has gone may stay: a lookup does not find them.
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
            Scope::domain(device.map_or(0, |device| device.l3_domain(&guard))),
            old.map_or(0, |old| old.v4.entries.len()),
            old.map_or(0, |old| old.v6.entries.len()),
        )
    };
    let link = Scope::link(parent);
    let own_v4 = own_entries(v4, device, link, domain)?;
    let own_v6 = own_entries(v6, device, link, domain)?;
    let mut fresh = Fresh::new(Table {
        v4: Index::with_capacity(len_v4.saturating_add(own_v4.len()))?,
        v6: Index::with_capacity(len_v6.saturating_add(own_v6.len()))?,
    })?;

    // Declared last, so dropped first: freeing all the rest may sleep, which a guard forbids.
    let guard = Guard::new();
    let Some(published) = Table::pernet().get(&guard, parent) else {
        return Ok(());
    };
    let old = published.read(&guard);
    fresh.v4.merge(&guard, old, &own_v4, device);
    fresh.v6.merge(&guard, old, &own_v6, device);
    if fresh.v4.entries.is_empty() && fresh.v6.entries.is_empty() {
        published.replace(None);
    } else {
        published.replace(Some(fresh));
    }
    Ok(())
}

/// The entries of one device, sorted.
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

impl<A: Address> Index<A> {
    /// An empty index, with room for this many entries.
    fn with_capacity(entries: usize) -> Result<Self> {
        let slots = match entries {
            0 => 0,
            _ => entries
                .checked_mul(2)
                .and_then(usize::checked_next_power_of_two)
                .ok_or(ENOMEM)?,
        };
        let random = || u64::from(clock::random_u32()) << 32 | u64::from(clock::random_u32()) | 1;
        Ok(Self {
            entries: KVVec::with_capacity(entries, GFP_KERNEL_ACCOUNT)?,
            slots: KVVec::from_elem(0, slots, GFP_KERNEL_ACCOUNT)?,
            multipliers: [random(), random(), random()],
            filter: 0,
        })
    }

    /// Only the upper bits of a product depend on all bits of its factors. So these lead to a slot.
    fn hash(&self, address: A) -> u64 {
        let [low, high] = address.halves();
        let [a, b, _] = self.multipliers;
        low.wrapping_mul(a).wrapping_add(high.wrapping_mul(b))
    }

    /// The slots that may hold an entry of this scope whose address has this hash, in the order of
    /// the probes.
    fn probes(&self, hash: u64, scope: Scope) -> impl Iterator<Item = usize> {
        let [_, _, c] = self.multipliers;
        let hash = hash.wrapping_add(scope.0.wrapping_mul(c));
        let mask = self.slots.len().wrapping_sub(1);
        let first = hash.checked_shr(mask.leading_zeros()).unwrap_or(0) as usize;
        (0..self.slots.len()).map(move |step| first.wrapping_add(step) & mask)
    }

    /// False: the index has no address with this hash.
    fn may_have(&self, hash: u64) -> bool {
        self.filter & filter_bit(hash) != 0
    }

    fn get(&self, address: A, scope: Scope) -> Option<&Entry<A>> {
        let hash = self.hash(address);
        if !self.may_have(hash) {
            return None;
        }
        for probe in self.probes(hash, scope) {
            let place = (*self.slots.get(probe)? as usize).checked_sub(1)?;
            let entry = self.entries.get(place)?;
            if entry.address == address && entry.scope == scope {
                return Some(entry);
            }
        }
        None
    }

    /// Fills the index with `own`, and with the entries in the old table of other devices that are
    /// up. There is room for all.
    fn merge(
        &mut self,
        guard: &Guard,
        old: Option<&Table>,
        own: &[Entry<A>],
        device: &Arc<RcuDevice>,
    ) {
        let mut own = own.iter().peekable();
        let others = old
            .map_or(&[][..], |old| &A::index(old).entries)
            .iter()
            .filter(|entry| {
                !Arc::ptr_eq(&entry.device, device) && entry.device_if_up(guard).is_some()
            });
        for other in others {
            while let Some(entry) = own.next_if(|entry| entry.key() < other.key()) {
                self.push(entry);
            }
            self.push(other);
        }
        own.for_each(|entry| self.push(entry));
    }

    fn push(&mut self, entry: &Entry<A>) {
        let hash = self.hash(entry.address);
        self.filter |= filter_bit(hash);
        let free = self
            .probes(hash, entry.scope)
            .find(|probe| self.slots.get(*probe) == Some(&0));
        let place = self.entries.len().wrapping_add(1);
        if let Some(slot) = free.and_then(|free| self.slots.get_mut(free)) {
            *slot = place as Slot;
        }
        let _ = self.entries.push_within_capacity(entry.clone());
    }
}

/// The bit in the filter of an address with this hash.
const fn filter_bit(hash: u64) -> u64 {
    1 << (hash >> 58)
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
