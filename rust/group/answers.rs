// SPDX-License-Identifier: GPL-2.0
//! Answers to `carp sync`, which waits until all earlier operations are done, on one parent or
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
    /// The number of operations that are not done, plus one while they are being submitted.
    left: Atomic<usize>,
    #[pin]
    message: Mutex<Message>,
    #[pin]
    work: Work<Answer>,
}

struct Message {
    reply: Option<Reply>,
    /// The namespace of the sender. The reference is taken when all operations are done, so the
    /// answer does not delay the removal of a namespace.
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
    /// Sends the answer after the routes have followed. Fails if out of memory: the caller then
    /// calls it again.
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

    /// Another answer can wait for the routes.
    pub(crate) fn has_room() -> bool {
        READY.load(Relaxed) < READY_AT_ONCE
    }

    /// The answer is sent when [`Answer::done`] has been called once more often than
    /// [`Answer::wait`].
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

    /// One thing that the answer waits for is done. Context: process.
    pub(crate) fn done(self: &Arc<Self>, namespace: &Namespace) {
        // ORDERING: Whoever sends the answer sees all that was done before it.
        if self.left.fetch_sub(1, Full) == 1 {
            // Nobody is left to answer in a namespace that is going.
            self.message.lock().namespace = namespace.keep();
            READY.fetch_add(1, Relaxed);
            queue::enqueue(self.clone());
        }
    }
}

/// Waits for the routes of all carp devices of `namespace`: the operations may have changed the
/// ownership of the addresses.
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

/// The answers that wait for one operation.
pub(crate) struct Answers(KVec<Arc<Answer>>);

impl Answers {
    /// At most this many answers wait for one operation.
    const ROOM: usize = 32;

    /// An empty list, with all the room that it will ever need.
    pub(crate) fn new() -> Result<Self> {
        Ok(Self(KVec::with_capacity(Self::ROOM, GFP_KERNEL_ACCOUNT)?))
    }

    /// There is room for another answer.
    pub(super) fn has_room(&self) -> bool {
        self.0.len() < Self::ROOM
    }

    /// Has `answer` wait for the operation, too.
    pub(crate) fn add(&mut self, answer: Arc<Answer>) {
        answer.wait();
        self.push(answer);
    }

    /// Takes over the answers of `other`.
    pub(super) fn append(&mut self, other: &mut Self) {
        while let Some(answer) = other.0.pop() {
            self.push(answer);
        }
    }

    fn push(&mut self, answer: Arc<Answer>) {
        // There is room: whoever submits has asked for it, under the same RTNL.
        let _ = self.0.push_within_capacity(answer);
    }

    /// All earlier operations are done or dropped.
    pub(super) fn done(&mut self, namespace: &Namespace) {
        while let Some(answer) = self.0.pop() {
            answer.done(namespace);
        }
    }
}
