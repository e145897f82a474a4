// SPDX-License-Identifier: GPL-2.0
//! `carp sync`: answered when everything that was asked for before it has been applied.
//!
//! Context: process, with the lock of generic netlink, which all families share. So nothing is
//! waited for here but RTNL.

use crate::{
    group::{
        answers::{Answer, Answers},
        carp_device::CarpDevice,
        operation::Kind,
        parent::Parent,
        parents::Parents,
    },
    sys::{
        genl::{Family, Request},
        link,
        namespace::Namespace,
        net_device::{Rtnl, RtnlGuard},
        uapi,
    },
};
use kernel::{prelude::*, sync::Arc};

pub(crate) struct Sync;

impl Family for Sync {
    const NAME: &'static CStr = c"carp";
    const VERSION: u32 = uapi::CARP_GENL_VERSION;
    const COMMAND: u8 = uapi::CARP_CMD_SYNC as u8;

    fn command(request: &Request<'_>) -> Result {
        let namespace = request.namespace();
        let answer = Answer::new(request.reply()?)?;
        let rtnl = RtnlGuard::new();
        let parents = parents(&rtnl, namespace)?;
        // First comes all that can fail: a request that fails must not be answered later.
        let has_room = |parent: &Arc<Parent>| parent.serializer().has_room_to_sync(parent);
        if !Answer::has_room() || !parents.list().iter().all(has_room) {
            let message = c"too many sync requests wait already";
            return Err(request.extack().refuse(EBUSY, message));
        }
        let mut waiting = KVec::with_capacity(parents.list().len(), GFP_KERNEL_ACCOUNT)?;
        for _ in parents.list() {
            waiting
                .push_within_capacity(Answers::new()?)
                .or(Err(ENOMEM))?;
        }
        for (parent, mut answers) in parents.list().iter().zip(waiting) {
            answers.add(answer.clone());
            parent.submit_request(&rtnl, Kind::Sync(answers));
        }
        answer.done(namespace);
        Ok(())
    }
}

/// The parents of all carp devices of a namespace. The addresses of these devices have been read.
fn parents(rtnl: &Rtnl<'_>, namespace: &Namespace) -> Result<Parents> {
    let mut all = Parents::default();
    namespace.for_each_device(rtnl, |device| -> Result {
        if let Some(carp) = link::of::<CarpDevice>(device) {
            carp.catch_up(rtnl)?;
            all.add(CarpDevice::parent(&carp))?;
        }
        Ok(())
    })?;
    Ok(all)
}
