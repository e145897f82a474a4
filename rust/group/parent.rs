// SPDX-License-Identifier: GPL-2.0
//! A parent: the device that carp devices stand on.
//!
//! It publishes the snapshot of its running virtual hosts, and has its packets looked at as long as
//! there is one. All changes happen under RTNL, and under `writer`, one after the other. What they
//! replace is freed by a work item, which waits for the grace period once for all that was replaced
//! meanwhile: no change of configuration waits for it.

use super::{carp_if::CarpIf, vhost::Vhost};
use crate::{
    device::{frames, statistics::ParentCounters},
    sys::{
        hook::{FrameHook, FrameHooks, Verdict},
        net_device::{DeviceRef, NetDevice, Rtnl},
        queue,
        rcu::{Fresh, RcuPointer, RetiredList},
        skb::SkBuff,
    },
};
use kernel::{
    impl_has_work, new_mutex, new_work,
    prelude::*,
    sync::{rcu::Guard, Arc, Mutex},
    workqueue::{Work, WorkItem},
};

#[pin_data]
pub(crate) struct Parent {
    device: DeviceRef,
    carp_if: RcuPointer<CarpIf>,
    retired: RetiredList<CarpIf>,
    pub(crate) counters: ParentCounters,
    #[pin]
    writer: Mutex<Writer>,
    #[pin]
    reclaim: Work<Parent>,
}

/// What only a change of the snapshot needs.
struct Writer {
    /// In place while a snapshot is published.
    hooks: Option<FrameHooks<Parent>>,
    /// One for each running virtual host: the snapshot without it needs memory too, and a device
    /// that is being deleted cannot be told that there is none.
    spares: KVec<Fresh<CarpIf>>,
}

impl_has_work! {
    impl HasWork<Self> for Parent { self.reclaim }
}

impl WorkItem for Parent {
    type Pointer = Arc<Self>;

    fn run(this: Arc<Self>) {
        this.retired.reclaim();
    }
}

impl Parent {
    pub(crate) fn new(device: &NetDevice) -> Result<Arc<Self>> {
        let device = DeviceRef::new(device);
        Arc::pin_init(
            pin_init!(Self {
                device,
                carp_if: RcuPointer::empty(),
                retired: RetiredList::new(),
                counters: ParentCounters::new(),
                writer <- new_mutex!(Writer { hooks: None, spares: KVec::new() }, "carp parent"),
                reclaim <- new_work!("carp reclaim"),
            }),
            GFP_KERNEL,
        )
    }

    pub(crate) fn device(&self) -> &NetDevice {
        &self.device
    }

    /// The running virtual hosts.
    pub(crate) fn carp_if<'a>(&'a self, guard: &'a Guard) -> Option<&'a CarpIf> {
        self.carp_if.read(guard)
    }

    /// Publishes a snapshot with `vhost` in it, or fails and changes nothing.
    pub(crate) fn join(self: &Arc<Self>, rtnl: &Rtnl<'_>, vhost: Arc<Vhost>) -> Result {
        let mut fresh = Fresh::new(CarpIf::new()?)?;
        let spare = Fresh::new(CarpIf::new()?)?;
        {
            let mut writer = self.writer.lock();
            writer.spares.reserve(1, GFP_KERNEL)?;
            if writer.hooks.is_none() {
                writer.hooks = Some(FrameHooks::new(rtnl, self.device(), self.clone())?);
            }
            writer.spares.push_within_capacity(spare).or(Err(ENOMEM))?;
            fresh.copy(self.carp_if.read(&Guard::new()));
            fresh.insert(vhost);
            self.carp_if.publish(Some(fresh), &self.retired);
        }
        queue::enqueue(self.clone());
        Ok(())
    }

    /// Publishes a snapshot without `vhid`, which had joined. Takes no memory.
    pub(crate) fn leave(self: &Arc<Self>, _rtnl: &Rtnl<'_>, vhid: u8) {
        let hooks = {
            let mut writer = self.writer.lock();
            let Some(mut fresh) = writer.spares.pop() else {
                return;
            };
            fresh.copy(self.carp_if.read(&Guard::new()));
            fresh.remove(vhid);
            let last = fresh.is_empty();
            self.carp_if
                .publish((!last).then_some(fresh), &self.retired);
            if last {
                writer.hooks.take()
            } else {
                None
            }
        };
        drop(hooks);
        queue::enqueue(self.clone());
    }
}

impl FrameHook for Parent {
    fn ingress<'a>(&'a self, guard: &'a Guard, packet: &SkBuff) -> Verdict<'a> {
        frames::ingress(self, guard, packet)
    }

    fn egress(&self, guard: &Guard, packet: &mut SkBuff) -> bool {
        frames::egress(self, guard, packet)
    }
}
