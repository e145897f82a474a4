// SPDX-License-Identifier: GPL-2.0
//! Answers to those that wait until everything that was asked before is done, on one parent or
//! several.
//!
//! ```text
//!   asked ──> an operation on each parent ──> the last one is done ──> the routes have followed ──> sent
//! ```
//!
//! No thread waits for the operations. A work item waits for the routes.

use super::carp_device::CarpDevice;
use crate::sys::{
    genl::Reply,
    link,
    lock::{mutex, Mutex},
    namespace::{Namespace, NamespaceRef},
    net_device::RtnlGuard,
    queue::{self, impl_work, work, Job, Work},
};
use kernel::{
    prelude::*,
    sync::{
        atomic::{Atomic, Full, Relaxed},
        Arc,
    },
};

/// How many answers may wait for the routes at once, in all namespaces: enough for administrators,
/// and a bound for everybody else.
const READY_AT_ONCE: usize = 1024;
static READY: Atomic<usize> = Atomic::new(0);

#[pin_data]
pub(crate) struct Answer {
    /// The operations that are not done; and one more while they are being asked for.
    left: Atomic<usize>,
    #[pin]
    message: Mutex<Message>,
    #[pin]
    work: Work<Answer>,
}

struct Message {
    reply: Option<Reply>,
    /// The namespace of the sender. Kept from when all is done, so that a namespace which is going
    /// does not wait for its answer.
    namespace: Option<NamespaceRef>,
}

impl_work!(Answer, work);

impl Job for Answer {
    fn run(this: Arc<Self>) {
        if this.send().is_err() {
            return queue::retry(this);
        }
        READY.fetch_sub(1, Relaxed);
    }
}

impl Answer {
    /// Fails if out of memory. The caller then calls it again.
    fn send(&self) -> Result {
        let Some(namespace) = self.message.lock().namespace.take() else {
            return Ok(());
        };
        let routes = wait_for_routes(&namespace);
        let mut message = self.message.lock();
        if routes.is_err() {
            message.namespace = Some(namespace);
            return routes;
        }
        let reply = message.reply.take();
        drop(message);
        if let Some(reply) = reply {
            reply.send(&namespace);
        }
        Ok(())
    }

    /// Another one can wait for the routes.
    pub(crate) fn has_room() -> bool {
        READY.load(Relaxed) < READY_AT_ONCE
    }

    /// Is sent when [`Answer::done`] has been called once, and once for each [`Answer::wait`].
    pub(crate) fn new(reply: Reply) -> Result<Arc<Self>> {
        let message = Message {
            reply: Some(reply),
            namespace: None,
        };
        Arc::pin_init(
            pin_init!(Self {
                left: Atomic::new(1),
                message <- mutex!(message, "carp answer"),
                work <- work!("carp answer"),
            }),
            GFP_KERNEL_ACCOUNT,
        )
    }

    fn wait(&self) {
        self.left.fetch_add(1, Relaxed);
    }

    /// Something that was waited for is done. Context: process.
    pub(crate) fn done(self: &Arc<Self>, namespace: &Namespace) {
        // ORDERING: What was done for the answer is seen by whoever sends it.
        if self.left.fetch_sub(1, Full) == 1 {
            // Nobody is left to answer in a namespace that is going.
            self.message.lock().namespace = namespace.keep();
            READY.fetch_add(1, Relaxed);
            queue::enqueue(self.clone());
        }
    }
}

/// What was done may have changed who owns the addresses.
fn wait_for_routes(namespace: &Namespace) -> Result {
    let mut changed = KVec::new();
    namespace.for_each_device(&RtnlGuard::new(), |device| -> Result {
        if let Some(carp) = link::of::<CarpDevice>(device) {
            changed.push(carp.ownership().clone(), GFP_KERNEL_ACCOUNT)?;
        }
        Ok(())
    })?;
    for ownership in &changed {
        ownership.wait_for_routes();
    }
    Ok(())
}

/// Those that one operation is waited for by.
pub(crate) struct Answers(KVec<Arc<Answer>>);

impl Answers {
    /// So many can wait for the same.
    const ROOM: usize = 32;

    /// None yet, and room for them.
    pub(crate) fn new() -> Result<Self> {
        Ok(Self(KVec::with_capacity(Self::ROOM, GFP_KERNEL_ACCOUNT)?))
    }

    /// There is room for another one.
    pub(super) fn has_room(&self) -> bool {
        self.0.len() < Self::ROOM
    }

    /// Has `answer` wait too.
    pub(crate) fn add(&mut self, answer: Arc<Answer>) {
        answer.wait();
        self.push(answer);
    }

    /// Those of `other` as well.
    pub(super) fn append(&mut self, other: &mut Self) {
        while let Some(answer) = other.0.pop() {
            self.push(answer);
        }
    }

    fn push(&mut self, answer: Arc<Answer>) {
        // There is room, which is asked for under the same RTNL.
        let _ = self.0.push_within_capacity(answer);
    }

    /// Everything before is done or dropped.
    pub(super) fn done(&mut self, namespace: &Namespace) {
        while let Some(answer) = self.0.pop() {
            answer.done(namespace);
        }
    }
}
