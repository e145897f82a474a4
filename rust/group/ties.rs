// SPDX-License-Identifier: GPL-2.0
//! Devices that fail over together: those of one namespace with the same `group NAME`.
//!
//! Parents that are tied by them, directly or by others, are one group: they share a serializer, so
//! that what is done to one of them is done in order with what is done to the others. When one of
//! them does not work, what is tied to it is demoted, so that all of it moves to a host where
//! everything works.
//!
//! Nothing is remembered: who is tied to whom is looked at each time, among the devices that are up.
//!
//! Context: RTNL, as steps of operations.

use super::{operation::Kind, parent::Parent, serializer::Serializer, vhost::Vhost};
use crate::sys::{
    link,
    net_device::{Namespace, Rtnl},
};
use kernel::{
    prelude::*,
    sync::{Arc, ArcBorrow},
};

/// The name of a group, padded with zeros; all zeros: none.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct GroupName([u8; Self::SIZE]);

impl GroupName {
    /// With the zero at its end.
    pub(crate) const SIZE: usize = 16;

    /// A name with its terminating zero or without, if it is short enough.
    pub(crate) fn new(bytes: &[u8]) -> Option<Self> {
        let name = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
        let mut group = Self::default();
        if name.len() < Self::SIZE {
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
    mut f: impl FnMut(ArcBorrow<'_, Vhost>, GroupName) -> Result,
) -> Result {
    namespace.for_each_device(rtnl, |device| {
        let Some(vhost) = link::of::<Vhost>(device) else {
            return Ok(());
        };
        let group = vhost.group();
        if group.is_none() || !vhost.is_open() {
            return Ok(());
        }
        f(vhost, group)
    })
}

/// The parents of the namespace with devices that are up and have a group, each with the name.
fn tied_parents(rtnl: &Rtnl<'_>, namespace: &Namespace) -> Result<KVec<(Arc<Parent>, GroupName)>> {
    let mut tied: KVec<(Arc<Parent>, GroupName)> = KVec::new();
    for_each_tied(rtnl, namespace, |vhost, group| {
        let known = tied
            .iter()
            .any(|(parent, name)| *name == group && Arc::ptr_eq(parent, vhost.parent()));
        if !known {
            tied.push((vhost.parent().clone(), group), GFP_KERNEL)?;
        }
        Ok(())
    })?;
    Ok(tied)
}

/// Those of `tied` that `parent` is tied to, directly or by others; and itself.
fn component(tied: &[(Arc<Parent>, GroupName)], parent: &Arc<Parent>) -> Result<KVec<Arc<Parent>>> {
    let mut found = KVec::new();
    found.push(parent.clone(), GFP_KERNEL)?;
    let mut next = 0;
    while let Some(known) = found.get(next).cloned() {
        next = next.saturating_add(1);
        for (_, name) in tied
            .iter()
            .filter(|(parent, _)| Arc::ptr_eq(parent, &known))
        {
            for (other, _) in tied.iter().filter(|(_, other)| other == name) {
                if !contains(&found, other) {
                    found.push(other.clone(), GFP_KERNEL)?;
                }
            }
        }
    }
    Ok(found)
}

fn contains(parents: &[Arc<Parent>], parent: &Arc<Parent>) -> bool {
    parents.iter().any(|known| Arc::ptr_eq(known, parent))
}

/// The serializer of another group that `parent` is tied to, or will be when a device of it has the
/// group `joins`.
pub(super) fn other_group(
    rtnl: &Rtnl<'_>,
    parent: &Arc<Parent>,
    joins: Option<GroupName>,
) -> Result<Option<Arc<Serializer>>> {
    let tied = tied_parents(rtnl, &parent.device().namespace())?;
    let own = parent.serializer();
    let is_ours = |name: &GroupName| {
        let mut ours = tied.iter().filter(|(known, _)| Arc::ptr_eq(known, parent));
        joins.as_ref() == Some(name) || ours.any(|(_, known)| known == name)
    };
    let mut others = tied
        .iter()
        .filter(|(_, name)| is_ours(name))
        .map(|(other, _)| other.serializer());
    Ok(others.find(|other| !Arc::ptr_eq(other, &own)))
}

/// The parents that share a serializer with `parent`, and itself.
pub(super) fn parents_of_group(rtnl: &Rtnl<'_>, parent: &Arc<Parent>) -> Result<KVec<Arc<Parent>>> {
    let own = parent.serializer();
    let mut found = KVec::new();
    found.push(parent.clone(), GFP_KERNEL)?;
    let namespace = parent.device().namespace();
    namespace.for_each_device(rtnl, |device| {
        if let Some(vhost) = link::of::<Vhost>(device) {
            let other = vhost.parent();
            if Arc::ptr_eq(&other.serializer(), &own) && !contains(&found, other) {
                found.push(other.clone(), GFP_KERNEL)?;
            }
        }
        Ok(())
    })?;
    Ok(found)
}

/// Gives those of the group that `parent` is not tied to any more a serializer of their own. Fails
/// for want of memory, with part of it done; doing it again does the rest.
pub(super) fn separate(rtnl: &Rtnl<'_>, parent: &Arc<Parent>) -> Result {
    let tied = tied_parents(rtnl, &parent.device().namespace())?;
    let serializer = parent.serializer();
    let is_here = |parent: &Arc<Parent>| Arc::ptr_eq(&parent.serializer(), &serializer);
    let stays = component(&tied, parent)?;
    for other in &parents_of_group(rtnl, parent)? {
        // It may have gone along with an earlier one.
        if contains(&stays, other) || !is_here(other) {
            continue;
        }
        let mut leaves = component(&tied, other)?;
        let there = leaves.iter().find(|parent| !is_here(parent));
        let to = match there {
            Some(parent) => parent.serializer(),
            None => Serializer::new()?,
        };
        leaves.retain(|parent| is_here(parent));
        serializer.hand_over(rtnl, &leaves, &to)?;
    }
    Ok(())
}

/// The devices of `parent` have gone: who was tied to it looks who it is tied to now.
pub(crate) fn has_gone(rtnl: &Rtnl<'_>, parent: &Arc<Parent>) {
    let own = parent.serializer();
    let mut left: Option<Arc<Parent>> = None;
    // Never fails: nothing in it does.
    let _ = parent.device().namespace().for_each_device(rtnl, |device| {
        let other = link::of::<Vhost>(device).map(|vhost| vhost.parent().clone());
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

/// No other device on its parent that is up has its group.
pub(crate) fn is_the_only_one(rtnl: &Rtnl<'_>, vhost: &Vhost) -> bool {
    let parent = vhost.parent_device();
    let other = parent.find_upper(rtnl, |upper| {
        let other = link::of::<Vhost>(upper)?;
        let is_other = !core::ptr::eq(&*other, vhost);
        (is_other && other.is_open() && other.group() == vhost.group()).then_some(())
    });
    other.is_none()
}

/// Demotes this one, which is up, if it is tied to a parent that does not work, and not otherwise.
pub(super) fn share_fate_of(rtnl: &Rtnl<'_>, vhost: &Vhost) {
    if vhost.group().is_none() {
        return;
    }
    let mut is_down = false;
    // Never fails: nothing in it does.
    let _ = for_each_tied(rtnl, &vhost.parent_device().namespace(), |other, group| {
        is_down |= group == vhost.group() && !other.parent().works();
        Ok(())
    });
    vhost.set_group_down(is_down);
}

/// Demotes what is tied to a parent that does not work, and nothing else.
pub(super) fn share_fate(rtnl: &Rtnl<'_>, namespace: &Namespace) -> Result {
    let mut failed: KVec<GroupName> = KVec::new();
    for_each_tied(rtnl, namespace, |vhost, group| {
        if !vhost.parent().works() && !failed.contains(&group) {
            failed.push(group, GFP_KERNEL)?;
        }
        Ok(())
    })?;
    namespace.for_each_device(rtnl, |device| {
        if let Some(vhost) = link::of::<Vhost>(device) {
            vhost.set_group_down(vhost.is_open() && failed.contains(&vhost.group()));
        }
        Ok(())
    })
}
