// SPDX-License-Identifier: GPL-2.0
//! `debugfs/carp/PARENT`: what a group is doing, for people and tests to read.
//!
//! Context: process, without RTNL: a file is removed under RTNL, which waits for its readers.

use super::parent::Parent;
use crate::sys::debugfs;
use kernel::{
    debugfs::File,
    fmt,
    prelude::*,
    str::CString,
    sync::{rcu::Guard, Arc},
    uaccess::UserSliceReader,
};

/// A parent's file, while this exists.
pub(super) type Inspector = Pin<KBox<File<Arc<Parent>>>>;

/// Nobody depends on the file: without memory for it there is none.
pub(super) fn inspector(parent: &Arc<Parent>) -> Option<Inspector> {
    let root = debugfs::root()?;
    let name = CString::try_from_fmt(fmt!("{}", parent.device().label())).ok()?;
    let file = root.read_write_callback_file(&name, parent.clone(), &read, &write);
    KBox::pin_init(file, GFP_KERNEL_ACCOUNT).ok()
}

fn read(parent: &Arc<Parent>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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

/// `hold VHID` keeps the writer inside that virtual host until `release VHID`, or until its device
/// goes down. Fails with `EBUSY` while nobody gets in.
fn write(parent: &Arc<Parent>, reader: &mut UserSliceReader) -> Result {
    let mut buffer = [0; 32];
    let len = reader.len();
    let bytes = buffer.get_mut(..len).ok_or(EINVAL)?;
    reader.read_slice(bytes)?;
    let words = core::str::from_utf8(bytes).map_err(|_| EINVAL)?;
    let (verb, vhid) = words.trim().split_once(' ').ok_or(EINVAL)?;
    let vhid: u8 = vhid.trim().parse().map_err(|_| EINVAL)?;
    let hold = match verb {
        "hold" => true,
        "release" => false,
        _ => return Err(EINVAL),
    };
    let members = parent.members()?;
    let vhost = members.iter().find_map(|carp| carp.claimant(vhid));
    let vhost = vhost.ok_or(ENOENT)?;
    if hold {
        vhost.hold()
    } else {
        vhost.release();
        Ok(())
    }
}
