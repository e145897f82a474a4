// SPDX-License-Identifier: GPL-2.0
//! The list of addresses that adverts are signed for, and the lists that are accepted.
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
//! So either node may be changed first, if the other follows within the grace period. The one that
//! follows may still sign for the old list long after the first one has stopped. Both use the new
//! list alone as soon as they hear an advert signed for it. Changes in a row are one change: the
//! old list is the one from before the first.
//!
//! Whether link-local addresses are in a digest depends on the system. Most know one form only and
//! are deaf to the other. So adverts are signed in the form of the last one that was accepted.
//!
//! If a MASTER changes its signature after an advert, the sender has been deaf to it until then. So
//! the MASTER sends an advert with the new signature at once.

use super::auth::{Digest, Form, Hmac};

const NS_PER_S: u64 = 1_000_000_000;

/// The list of addresses that an advert is signed for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum List {
    /// The one that is configured.
    Current,
    /// The one from before it, within the grace period.
    Previous,
    /// The one from before it, after the grace period: the sender has not followed, and is deaf to
    /// this node.
    Overdue,
}

/// What verifying a digest has found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Heard {
    /// `None`: it is not a right one.
    pub list: Option<List>,
    /// The form that it is in, if it is a right one.
    form: Form,
    /// This fault is the first of its kind since the list changed last, and may have to be logged.
    pub is_news: bool,
}

/// The digests for the list that is configured now, and for the one from before it.
#[derive(Clone)]
pub struct Signatures<M> {
    current: Digest<M>,
    previous: Option<Previous<M>>,
    form: Form,
    told_overdue: bool,
    told_wrong: bool,
}

#[derive(Clone)]
struct Previous<M> {
    digest: Digest<M>,
    signs_until_ns: u64,
    accepted_until_ns: u64,
}

impl<M: Hmac> Signatures<M> {
    /// One list, and no other before it.
    pub const fn new(current: Digest<M>) -> Self {
        Self {
            current,
            previous: None,
            form: Form::WithoutLinkLocal,
            told_overdue: false,
            told_wrong: false,
        }
    }

    /// Has no list but that of `current` from now on. It may be for another vhid or key.
    pub fn reset(&mut self, current: Digest<M>) {
        let form = self.form;
        *self = Self {
            form,
            ..Self::new(current)
        };
    }

    /// As [`reset`](Self::reset), unless the list is the same as before: then a grace period goes
    /// on.
    pub fn restart(&mut self, current: Digest<M>) {
        if !current.is_same(&self.current) {
            self.reset(current);
        }
    }

    /// Changes the list to that of `new`, with a grace period for the old one, which may be 0
    /// seconds. Nothing happens if the list is the same as before.
    pub fn change(&mut self, now_ns: u64, new: Digest<M>, grace_s: u16) {
        if new.is_same(&self.current) {
            return;
        }
        let grace_ns = u64::from(grace_s).saturating_mul(NS_PER_S);
        let digest = self.signed_for(now_ns).clone();
        self.reset(new);
        let signs_until_ns = now_ns.saturating_add(grace_ns);
        self.previous = (grace_s > 0).then_some(Previous {
            digest,
            signs_until_ns,
            accepted_until_ns: signs_until_ns.saturating_add(grace_ns),
        });
    }

    /// The digest that an advert with this counter is sent with.
    pub fn sign(&self, now_ns: u64, counter: u64) -> [u8; 20] {
        self.signed_for(now_ns).sign(counter, self.form)
    }

    /// What `digest` is for `counter`.
    pub fn verify(&mut self, now_ns: u64, counter: u64, digest: &[u8; 20]) -> Heard {
        let found = self.find(now_ns, counter, digest);
        let is_news = match found {
            Some((List::Current | List::Previous, _)) => false,
            Some((List::Overdue, _)) => !core::mem::replace(&mut self.told_overdue, true),
            None => !core::mem::replace(&mut self.told_wrong, true),
        };
        Heard {
            list: found.map(|(list, _)| list),
            form: found.map_or(self.form, |(_, form)| form),
            is_news,
        }
    }

    /// The advert with the digest `heard` was accepted: it is not an old one. Returns whether
    /// adverts are signed in another way from now on.
    pub fn accepted(&mut self, now_ns: u64, heard: &Heard) -> bool {
        let follows = heard.list == Some(List::Current) && self.previous.is_some();
        if !follows && heard.form == self.form {
            return false;
        }
        let before = self.sign(now_ns, 0);
        if follows {
            self.previous = None;
        }
        self.form = heard.form;
        self.sign(now_ns, 0) != before
    }

    /// The list that `digest` is right for, with `counter`, and in which form; `None`: for none.
    fn find(&self, now_ns: u64, counter: u64, digest: &[u8; 20]) -> Option<(List, Form)> {
        if let Some(form) = self.current.verify(counter, digest, self.form) {
            return Some((List::Current, form));
        }
        let is_accepted = |previous: &&Previous<M>| now_ns < previous.accepted_until_ns;
        let previous = self.previous.as_ref().filter(is_accepted)?;
        let form = previous.digest.verify(counter, digest, self.form)?;
        let list = if now_ns < previous.signs_until_ns {
            List::Previous
        } else {
            List::Overdue
        };
        Some((list, form))
    }

    /// The list that adverts are signed for.
    fn signed_for(&self, now_ns: u64) -> &Digest<M> {
        match &self.previous {
            Some(previous) if now_ns < previous.signs_until_ns => &previous.digest,
            _ => &self.current,
        }
    }
}
