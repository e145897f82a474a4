// SPDX-License-Identifier: GPL-2.0
//! `debugfs/carp/PARENT`: what a group is doing, for people and tests to read.

use super::parent::Parent;
use crate::sys::debugfs::{File, Inspect};
use kernel::{
    fmt,
    prelude::*,
    sync::{rcu::Guard, Arc},
};

/// A parent's file, while this exists.
pub(super) type Inspector = File<Parent>;

pub(super) fn inspector(parent: &Arc<Parent>) -> Option<Inspector> {
    File::new(fmt!("{}", parent.device().label()), parent.clone())
}

impl Inspect for Parent {
    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(self, f)
    }

    /// `hold VHID` keeps a user inside that virtual host until `release VHID`, or until the device
    /// goes down. Fails with `EBUSY` while the virtual host lets nobody in.
    fn command(&self, words: &str) -> Result {
        let (verb, vhid) = words.split_once(' ').ok_or(EINVAL)?;
        let vhid: u8 = vhid.trim().parse().map_err(|_| EINVAL)?;
        let hold = match verb {
            "hold" => true,
            "release" => false,
            _ => return Err(EINVAL),
        };
        let members = self.members()?;
        let vhost = members.iter().find_map(|carp| carp.claimant(vhid));
        let vhost = vhost.ok_or(ENOENT)?;
        if hold {
            vhost.hold()
        } else {
            vhost.release();
            Ok(())
        }
    }
}

fn show(parent: &Parent, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let yes_no = |yes| if yes { "yes" } else { "no" };
    let (generation, at_rest) = parent.generation();
    f.write_fmt(fmt!("generation {}\n", generation))?;
    f.write_fmt(fmt!("at_rest {}\n", yes_no(at_rest)))?;
    let redirected = yes_no(parent.sees_redirected());
    f.write_fmt(fmt!("sees_redirected {redirected}\n"))?;
    let status = parent.serializer().status().map_err(|_| fmt::Error)?;
    match status.current {
        None => f.write_str("current none")?,
        Some(op) => f.write_fmt(fmt!("current {} {} vhid {}", op.kind, op.origin, op.vhid))?,
    }
    f.write_str(if status.is_parked { " parked\n" } else { "\n" })?;
    f.write_fmt(fmt!("room {}\n", status.room))?;
    f.write_fmt(fmt!("longest {}\n", status.longest))?;
    f.write_fmt(fmt!("slowest_us {}\n", status.slowest_ns / 1000))?;
    f.write_fmt(fmt!("waiting {}\n", status.waiting.len()))?;
    for op in &status.waiting {
        f.write_fmt(fmt!("next {} {} vhid {}\n", op.kind, op.origin, op.vhid))?;
    }
    let members = parent.members().map_err(|_| fmt::Error)?;
    for vhost in members.iter().flat_map(|carp| carp.vhosts()) {
        f.write_fmt(fmt!("vhost {} ", vhost.vhid()))?;
        if let Some(device) = vhost.device().get(&Guard::new()) {
            f.write_fmt(fmt!("{} ", device.name()))?;
        }
        let state = vhost.status().state;
        f.write_fmt(fmt!("{:?} users {}\n", state, vhost.users()))?;
    }
    Ok(())
}
