// SPDX-License-Identifier: GPL-2.0
//! Devices that fail over together: those of one namespace with the same `group NAME`.
//!
//! Parents that are tied by them share a serializer, so that what is done to one of them is done in
//! order with what is done to the others. When one of them does not work, what is tied to it is
//! demoted, so that all of it moves to a host where everything works.
//!
//! Nothing is remembered: who is tied to whom is looked at each time, among the devices that are up.
//!
//! Context: RTNL, as steps of operations.

use super::{parent::Parent, serializer::Serializer, vhost::Vhost};
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

/// Has parents that are tied share a serializer, and those that are not have their own. Fails for
/// want of memory, with part of it done; doing it again does the rest.
pub(super) fn share_serializers(rtnl: &Rtnl<'_>, parent: &Arc<Parent>) -> Result {
    let namespace = parent.device().namespace();
    let tied = tied_parents(rtnl, &namespace)?;
    let peer_of = |of: &Arc<Parent>| {
        let names = tied
            .iter()
            .filter(|(parent, _)| Arc::ptr_eq(parent, of))
            .map(|(_, name)| *name);
        names
            .flat_map(|name| tied.iter().filter(move |(_, other)| *other == name))
            .map(|(parent, _)| parent)
            .find(|parent| !Arc::ptr_eq(parent, of))
    };
    let shares = |of: &Arc<Parent>| {
        tied.iter().any(|(other, _)| {
            !Arc::ptr_eq(other, of) && Arc::ptr_eq(&other.serializer(), &of.serializer())
        })
    };
    match peer_of(parent) {
        Some(peer) => parent.move_to(peer.serializer())?,
        None if shares(parent) => parent.move_to(Serializer::new()?)?,
        None => (),
    }
    // Whoever it was tied to may be alone now.
    for (other, _) in &tied {
        if shares(other) && peer_of(other).is_none() {
            other.move_to(Serializer::new()?)?;
        }
    }
    Ok(())
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
