// SPDX-License-Identifier: GPL-2.0
//! `carp sync`: answered when everything that was asked for before it has been applied.
//!
//! Context: process. RTNL is taken to ask, and not held to wait.

use crate::{
    group::{answers::Answers, operation::Kind, parent::Parent, vhost::Vhost},
    sys::{
        bindings as uapi, clock,
        genl::{Completion, Family},
        link,
        net_device::{Namespace, RtnlGuard},
    },
};
use kernel::{prelude::*, sync::Arc};

/// How long the kernel waits; user space asks again.
const PATIENCE_MS: u64 = 1000;

pub(crate) struct Sync;

impl Family for Sync {
    const NAME: &'static CStr = c"carp";
    const VERSION: u32 = uapi::CARP_GENL_VERSION;
    const COMMAND: u8 = uapi::CARP_CMD_SYNC as u8;

    fn command(namespace: &Namespace) -> Result {
        let mut asked: KVec<(Arc<Parent>, Arc<Completion>)> = KVec::new();
        {
            let rtnl = RtnlGuard::new();
            namespace.for_each_device(&rtnl, |device| -> Result {
                let Some(vhost) = link::of::<Vhost>(device) else {
                    return Ok(());
                };
                vhost.catch_up(&rtnl)?;
                let parent = vhost.parent();
                if asked.iter().any(|(known, _)| Arc::ptr_eq(known, parent)) {
                    return Ok(());
                }
                if !parent.serializer().has_room_to_sync(parent) {
                    return Err(EBUSY);
                }
                let done = Arc::pin_init(Completion::new(), GFP_KERNEL)?;
                asked.push((parent.clone(), done.clone()), GFP_KERNEL)?;
                vhost.submit(&rtnl, Kind::Sync(Answers::new(done)?));
                Ok(())
            })?;
        }
        // A parent that is being deleted must not have to wait for who waits here.
        let end_ns = clock::now_ns().saturating_add(PATIENCE_MS * 1_000_000);
        let mut waiting: KVec<Arc<Completion>> = KVec::with_capacity(asked.len(), GFP_KERNEL)?;
        for (parent, done) in asked {
            drop(parent);
            waiting.push_within_capacity(done).or(Err(ENOMEM))?;
        }
        for done in waiting {
            let left_ms = end_ns.saturating_sub(clock::now_ns()) / 1_000_000;
            done.wait(u32::try_from(left_ms).unwrap_or(0).max(1))?;
        }
        wait_for_routes(namespace)
    }
}

/// What was applied may have changed who owns the addresses.
fn wait_for_routes(namespace: &Namespace) -> Result {
    let mut changed = KVec::new();
    namespace.for_each_device(&RtnlGuard::new(), |device| -> Result {
        if let Some(vhost) = link::of::<Vhost>(device) {
            changed.push(vhost.ownership().clone(), GFP_KERNEL)?;
        }
        Ok(())
    })?;
    for ownership in &changed {
        ownership.wait_for_routes();
    }
    Ok(())
}
