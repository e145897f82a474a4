// SPDX-License-Identifier: GPL-2.0
//! Which list of addresses adverts are signed for, and which are accepted.
//!
//! The digest covers the addresses, so nodes whose lists differ are deaf to each other, and a list
//! cannot be changed on two hosts at once. Hence, when it changes on a node that runs, for a grace
//! period:
//!
//! ```text
//!    change            + grace                 + 2 × grace
//!      |-----------------|------------------------|----------->
//!      signs the old one   signs the new one
//!      accepts both ...............................  the new one
//! ```
//!
//! So either node may be changed first, if the other follows within the grace period: who follows
//! last may still sign for the old list when the first one has long stopped to. Both go on with the
//! new list alone as soon as they hear an advert signed for it. Changes in a row are one change: the
//! old list is the one from before the first.

use super::auth::{Digest, Mac};

/// The default of the grace period, in seconds.
pub const GRACE_S: u16 = 60;
/// The longest grace period that can be configured, in seconds.
pub const GRACE_S_MAX: u16 = 3600;

const NS_PER_S: u64 = 1_000_000_000;

/// The list of addresses that an advert is signed for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum List {
    /// The one that is configured.
    Current,
    /// The one from before it, within the grace period.
    Previous,
    /// The one from before it, behind the grace period: the sender has not followed, and is deaf to
    /// this node.
    Overdue,
}

/// What a digest is found to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Heard {
    /// `None`: it is not a right one.
    pub list: Option<List>,
    /// Something is wrong that was not since the list changed last, and somebody may have to be
    /// told.
    pub is_news: bool,
}

impl Heard {
    const fn expected(list: Option<List>) -> Self {
        Self {
            list,
            is_news: false,
        }
    }
}

/// The digests for the list that is configured now, and for the one from before it.
#[derive(Clone)]
pub struct Signatures<M> {
    current: Digest<M>,
    previous: Option<Previous<M>>,
    told_overdue: bool,
    told_wrong: bool,
}

#[derive(Clone)]
struct Previous<M> {
    digest: Digest<M>,
    signs_until_ns: u64,
    accepted_until_ns: u64,
}

impl<M: Mac> Signatures<M> {
    /// One list, and no other before it.
    pub const fn new(current: Digest<M>) -> Self {
        Self {
            current,
            previous: None,
            told_overdue: false,
            told_wrong: false,
        }
    }

    /// From now on the list is that of `new`; what is heard of the old one is a matter of the grace
    /// period, which may be 0 seconds. Nothing happens if the list is the same as before.
    pub fn change(&mut self, now_ns: u64, new: Digest<M>, grace_s: u16) {
        if new.is_same(&self.current) {
            return;
        }
        let grace_ns = u64::from(grace_s).saturating_mul(NS_PER_S);
        let old = core::mem::replace(self, Self::new(new));
        let digest = match old.previous {
            Some(previous) if now_ns < previous.signs_until_ns => previous.digest,
            _ => old.current,
        };
        let signs_until_ns = now_ns.saturating_add(grace_ns);
        self.previous = (grace_s > 0).then_some(Previous {
            digest,
            signs_until_ns,
            accepted_until_ns: signs_until_ns.saturating_add(grace_ns),
        });
    }

    /// The digest that an advert with this counter is sent with.
    pub fn sign(&self, now_ns: u64, counter: u64) -> [u8; 20] {
        match &self.previous {
            Some(previous) if now_ns < previous.signs_until_ns => previous.digest.sign(counter),
            _ => self.current.sign(counter),
        }
    }

    /// What `digest` is for `counter`.
    pub fn verify(&mut self, now_ns: u64, counter: u64, digest: &[u8; 20]) -> Heard {
        let list = self.list(now_ns, counter, digest);
        let told = match list {
            Some(List::Current) => {
                self.previous = None;
                return Heard::expected(list);
            }
            Some(List::Previous) => return Heard::expected(list),
            Some(List::Overdue) => &mut self.told_overdue,
            None => &mut self.told_wrong,
        };
        Heard {
            list,
            is_news: !core::mem::replace(told, true),
        }
    }

    /// For which list `digest` is a right one for `counter`; `None`: for none.
    fn list(&self, now_ns: u64, counter: u64, digest: &[u8; 20]) -> Option<List> {
        if self.current.verify(counter, digest) {
            return Some(List::Current);
        }
        let previous = self.previous.as_ref().filter(|previous| {
            now_ns < previous.accepted_until_ns && previous.digest.verify(counter, digest)
        })?;
        Some(if now_ns < previous.signs_until_ns {
            List::Previous
        } else {
            List::Overdue
        })
    }
}
