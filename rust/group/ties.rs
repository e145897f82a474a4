// SPDX-License-Identifier: GPL-2.0
//! Devices that fail over together: those of one namespace with the same `group NAME`.
//!
//! Such devices tie their parents. Parents that are tied, directly or through others, are one
//! group. They share a serializer, which puts the operations on all of them in one order. When a
//! parent does not work, all devices that share a name with a device on it are demoted. So they
//! move together to a host where everything works.
//!
//! The groups are computed anew each time, from the devices that are up: O(n log n) for n devices,
//! under RTNL.
//!
//! Context: RTNL.

use super::{
    carp_device::CarpDevice, operation::Kind, parent::Parent, parents::Parents,
    serializer::Serializer,
};
use crate::{
    sys::{link, namespace::Namespace, net_device::Rtnl},
    vhost::lower::Lower,
};
use kernel::{
    prelude::*,
    rbtree::RBTree,
    sync::{Arc, ArcBorrow},
};

/// The name of a group, padded with zeros; all zeros: none.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct GroupName([u8; Self::SIZE]);

impl GroupName {
    /// The bytes of the longest name and its terminating zero.
    pub(crate) const SIZE: usize = 16;

    /// A name with its terminating zero or without, if it is short enough and can be printed.
    pub(crate) fn new(bytes: &[u8]) -> Option<Self> {
        let name = bytes.strip_suffix(&[0]).unwrap_or(bytes);
        let mut group = Self::default();
        if name.len() < Self::SIZE && name.iter().all(u8::is_ascii_graphic) {
            group.0.get_mut(..name.len())?.copy_from_slice(name);
            Some(group)
        } else {
            None
        }
    }

    /// The name and its terminating zero.
    pub(crate) fn as_string(&self) -> &[u8] {
        let len = self.0.iter().take_while(|byte| **byte != 0).count();
        self.0.get(..=len).unwrap_or_default()
    }

    pub(crate) fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// Calls `f` for each carp device of the namespace that is up and has a group.
fn for_each_tied(
    rtnl: &Rtnl<'_>,
    namespace: &Namespace,
    mut f: impl FnMut(ArcBorrow<'_, CarpDevice>, GroupName) -> Result,
) -> Result {
    namespace.for_each_device(rtnl, |device| {
        let Some(carp) = link::of::<CarpDevice>(device) else {
            return Ok(());
        };
        let group = carp.group();
        if group.is_none() || !carp.is_open() {
            return Ok(());
        }
        f(carp, group)
    })
}

/// The parents of a namespace with devices that are up and have a group name, as disjoint sets. The
/// parents of one set are tied, directly or through others.
#[derive(Default)]
struct Ties {
    parents: Parents,
    /// One for each of `parents`, at the same place.
    tied: KVec<Tied>,
}

/// The place of a parent in its set. The parents of a set have one root, and make a ring.
#[derive(Clone, Copy)]
struct Tied {
    towards_root: usize,
    next: usize,
}

impl Ties {
    fn new(rtnl: &Rtnl<'_>, namespace: &Namespace) -> Result<Self> {
        let mut this = Self::default();
        // For each name, the place of the first parent that has it.
        let mut names: RBTree<GroupName, usize> = RBTree::new();
        for_each_tied(rtnl, namespace, |carp, group| {
            let parent = this.add(carp.parent())?;
            if let Some(first) = names.get(&group) {
                this.tie(*first, parent);
            } else {
                names.try_create_and_insert(group, parent, GFP_KERNEL_ACCOUNT)?;
            }
            Ok(())
        })?;
        Ok(this)
    }

    fn add(&mut self, parent: &Arc<Parent>) -> Result<usize> {
        self.tied.reserve(1, GFP_KERNEL_ACCOUNT)?;
        let place = self.parents.add(parent)?;
        if place == self.tied.len() {
            let alone = Tied {
                towards_root: place,
                next: place,
            };
            self.tied.push_within_capacity(alone).or(Err(ENOMEM))?;
        }
        Ok(place)
    }

    fn root(&mut self, mut place: usize) -> usize {
        while let Some(&Tied { towards_root, .. }) = self.tied.get(place) {
            if towards_root == place {
                break;
            }
            // Path halving: the next search is half as long.
            let further = self.tied.get(towards_root).copied();
            if let (Some(tied), Some(further)) = (self.tied.get_mut(place), further) {
                tied.towards_root = further.towards_root;
            }
            place = towards_root;
        }
        place
    }

    fn tie(&mut self, one: usize, other: usize) {
        let (root, other_root) = (self.root(one), self.root(other));
        if root == other_root {
            return;
        }
        if let Some(tied) = self.tied.get_mut(other_root) {
            tied.towards_root = root;
        }
        // Exchanging one link of each joins two rings.
        if let (Some(first), Some(second)) = (self.next(one), self.next(other)) {
            self.set_next(one, second);
            self.set_next(other, first);
        }
    }

    fn next(&self, place: usize) -> Option<usize> {
        self.tied.get(place).map(|tied| tied.next)
    }

    fn set_next(&mut self, place: usize, next: usize) {
        if let Some(tied) = self.tied.get_mut(place) {
            tied.next = next;
        }
    }

    fn are_tied(&mut self, one: &Arc<Parent>, other: &Arc<Parent>) -> bool {
        match (self.parents.place(one), self.parents.place(other)) {
            (Some(one), Some(other)) => self.root(one) == self.root(other),
            _ => Arc::ptr_eq(one, other),
        }
    }

    /// `parent`, and the parents that it is tied to.
    fn ring_of(&self, parent: &Arc<Parent>) -> Result<KVec<Arc<Parent>>> {
        let mut ring = KVec::new();
        ring.push(parent.clone(), GFP_KERNEL_ACCOUNT)?;
        let Some(start) = self.parents.place(parent) else {
            return Ok(ring);
        };
        let mut place = start;
        while let Some(next) = self.next(place).filter(|next| *next != start) {
            if let Some(other) = self.parents.list().get(next) {
                ring.push(other.clone(), GFP_KERNEL_ACCOUNT)?;
            }
            place = next;
        }
        Ok(ring)
    }
}

/// The serializer of another group that `parent` is tied to. With `joins`: that it will be tied to
/// when a device on it has this name.
pub(super) fn other_group(
    rtnl: &Rtnl<'_>,
    parent: &Arc<Parent>,
    joins: Option<GroupName>,
) -> Result<Option<Arc<Serializer>>> {
    let own = parent.serializer();
    let mut names: RBTree<GroupName, ()> = RBTree::new();
    if let Some(name) = joins {
        names.try_create_and_insert(name, (), GFP_KERNEL_ACCOUNT)?;
    }
    let namespace = parent.device().namespace(rtnl);
    for_each_tied(rtnl, namespace, |carp, group| {
        if Arc::ptr_eq(carp.parent(), parent) && names.get(&group).is_none() {
            names.try_create_and_insert(group, (), GFP_KERNEL_ACCOUNT)?;
        }
        Ok(())
    })?;
    let mut found = None;
    for_each_tied(rtnl, namespace, |carp, group| {
        if found.is_none() && names.get(&group).is_some() {
            let other = carp.parent().serializer();
            found = (!Arc::ptr_eq(&other, &own)).then_some(other);
        }
        Ok(())
    })?;
    Ok(found)
}

/// `parent`, and the parents that share its serializer.
pub(super) fn parents_of_group(rtnl: &Rtnl<'_>, parent: &Arc<Parent>) -> Result<Parents> {
    let own = parent.serializer();
    let mut found = Parents::default();
    found.add(parent)?;
    let namespace = parent.device().namespace(rtnl);
    namespace.for_each_device(rtnl, |device| {
        if let Some(carp) = link::of::<CarpDevice>(device) {
            if Arc::ptr_eq(&carp.parent().serializer(), &own) {
                found.add(carp.parent())?;
            }
        }
        Ok(())
    })?;
    Ok(found)
}

/// Moves the parents that are not tied to `parent` any more to groups of their own. Fails if out of
/// memory, and then may have moved some. Calling it again moves the rest.
pub(super) fn separate(rtnl: &Rtnl<'_>, parent: &Arc<Parent>) -> Result {
    let mut ties = Ties::new(rtnl, parent.device().namespace(rtnl))?;
    let serializer = parent.serializer();
    let is_here = |parent: &Arc<Parent>| Arc::ptr_eq(&parent.serializer(), &serializer);
    let mut exodus = serializer.exodus(rtnl)?;
    for other in parents_of_group(rtnl, parent)?.list() {
        // It may have moved along with an earlier one.
        if ties.are_tied(parent, other) || !is_here(other) {
            continue;
        }
        let mut leaves = ties.ring_of(other)?;
        let there = leaves.iter().find(|parent| !is_here(parent));
        let to = match there {
            Some(parent) => parent.serializer(),
            None => Serializer::new()?,
        };
        leaves.retain(|parent| is_here(parent));
        exodus.hand_over(&leaves, &to)?;
    }
    Ok(())
}

/// The devices of `parent` have gone: one of the parents grouped with it recomputes the group.
pub(crate) fn has_gone(rtnl: &Rtnl<'_>, parent: &Arc<Parent>) {
    let own = parent.serializer();
    let mut left: Option<Arc<Parent>> = None;
    let namespace = parent.device().namespace(rtnl);
    // The closure never fails.
    let _ = namespace.for_each_device(rtnl, |device| {
        let other = link::of::<CarpDevice>(device).map(|carp| carp.parent().clone());
        let is_left = |other: &Arc<Parent>| {
            !Arc::ptr_eq(other, parent) && Arc::ptr_eq(&other.serializer(), &own)
        };
        left = left.take().or(other.filter(is_left));
        Ok(())
    });
    if let Some(left) = left {
        left.submit_event(rtnl, Kind::Ties);
    }
}

/// No other device that is up, on the parent of `carp`, has its group name.
pub(crate) fn is_the_only_one(rtnl: &Rtnl<'_>, carp: &CarpDevice) -> bool {
    let parent = carp.parent_device();
    let other = parent.find_upper(rtnl, |upper| {
        let other = link::of::<CarpDevice>(upper)?;
        let is_other = !core::ptr::eq(&*other, carp);
        (is_other && other.is_open() && other.group() == carp.group()).then_some(())
    });
    other.is_none()
}

/// Demotes `carp`, which is up, if a device with its group name is on a parent that does not work.
/// If there is none, ends that demotion.
pub(super) fn share_fate_of(rtnl: &Rtnl<'_>, carp: &CarpDevice) {
    if carp.group().is_none() {
        return;
    }
    let mut is_down = false;
    let namespace = carp.parent_device().namespace(rtnl);
    // The closure never fails.
    let _ = for_each_tied(rtnl, namespace, |other, group| {
        is_down |= group == carp.group() && !other.parent().works();
        Ok(())
    });
    carp.set_group_down(is_down);
}

/// Demotes each device that is up and shares its group name with a device on a parent that does not
/// work. Ends that demotion for all other devices.
pub(super) fn share_fate(rtnl: &Rtnl<'_>, namespace: &Namespace) -> Result {
    let mut failed: RBTree<GroupName, ()> = RBTree::new();
    for_each_tied(rtnl, namespace, |carp, group| {
        if !carp.parent().works() && failed.get(&group).is_none() {
            failed.try_create_and_insert(group, (), GFP_KERNEL_ACCOUNT)?;
        }
        Ok(())
    })?;
    namespace.for_each_device(rtnl, |device| {
        if let Some(carp) = link::of::<CarpDevice>(device) {
            carp.set_group_down(carp.is_open() && failed.get(&carp.group()).is_some());
        }
        Ok(())
    })
}
