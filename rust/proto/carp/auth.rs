// SPDX-License-Identifier: GPL-2.0
//! What the digest of an advert covers.
//!
//! HMAC-SHA1 over, in this order: `02` (version), `01` (type), the vhid, every IPv4 address, every
//! IPv6 address, the counter as on the wire. Addresses are in network order, without their prefix
//! lengths, ascending, each once; 0.0.0.0, 255.255.255.255, :: and ff..ff are left out. Both
//! families go into every digest, whichever one carries the advert.
//!
//! Some systems give a carp device an IPv6 link-local address, others do not. OpenBSD leaves
//! link-local addresses out of the digest that it sends, and accepts both forms. FreeBSD, NetBSD
//! and DragonFly include them.
//!
//! OpenBSD puts a custom `lladdr` into its digest; nobody else does, and neither does this.

use core::hint::black_box;
use core::mem::{replace, swap};

use super::super::link::ipv6::is_link_local;

const VERSION: u8 = 2;
const TYPE: u8 = 1;

/// HMAC-SHA1, already keyed. A clone continues from the state of its original.
pub trait Hmac: Clone {
    /// Feeds `data` into it.
    fn update(&mut self, data: &[u8]);
    /// The digest over all that was fed in.
    fn finish(self) -> [u8; 20];
}

/// Whether link-local addresses are in a digest. It makes no difference if there are none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Form {
    /// As OpenBSD sends it.
    #[default]
    WithoutLinkLocal,
    /// As FreeBSD does.
    WithLinkLocal,
}

/// The digest of one vhid with one list of addresses: all but the counter is already fed in.
#[derive(Clone)]
pub struct Digest<M> {
    without_link_local: M,
    /// Only if there is a link-local address: without one, both would be the same.
    with_link_local: Option<M>,
}

impl<M: Hmac> Digest<M> {
    /// Prepares the digest. `keyed` has been fed nothing but the key. The lists are sorted in
    /// place; they may hold duplicates.
    pub fn new(keyed: M, vhid: u8, v4: &mut [[u8; 4]], v6: &mut [[u8; 16]]) -> Self {
        sort(v4);
        sort(v6);

        let mut with_link_local = keyed;
        with_link_local.update(&[VERSION, TYPE, vhid]);
        for address in each_once(v4) {
            with_link_local.update(address);
        }
        let mut without_link_local = with_link_local.clone();
        let mut any_link_local = false;
        for address in each_once(v6) {
            with_link_local.update(address);
            if is_link_local(address) {
                any_link_local = true;
            } else {
                without_link_local.update(address);
            }
        }
        Self {
            without_link_local,
            with_link_local: any_link_local.then_some(with_link_local),
        }
    }

    /// The digest that an advert with this counter is sent with.
    pub fn sign(&self, counter: u64, form: Form) -> [u8; 20] {
        let mac = match (form, &self.with_link_local) {
            (Form::WithLinkLocal, Some(with)) => with,
            (Form::WithLinkLocal, None) | (Form::WithoutLinkLocal, _) => &self.without_link_local,
        };
        finish(mac, counter)
    }

    /// Both are for the same vhid and list. It is wrong with a chance of 2^-160.
    pub fn is_same(&self, other: &Self) -> bool {
        let same = |form| self.sign(0, form) == other.sign(0, form);
        same(Form::WithoutLinkLocal) && same(Form::WithLinkLocal)
    }

    /// The form in which `digest` is right for `counter`; `None`: in neither. `known`: the answer
    /// if the forms do not differ. The time it takes does not depend on where a digest differs.
    pub fn verify(&self, counter: u64, digest: &[u8; 20], known: Form) -> Option<Form> {
        let is_right = |form| equal(&self.sign(counter, form), digest);
        let without = is_right(Form::WithoutLinkLocal);
        match &self.with_link_local {
            None => without.then_some(known),
            Some(_) if is_right(Form::WithLinkLocal) => Some(Form::WithLinkLocal),
            Some(_) => without.then_some(Form::WithoutLinkLocal),
        }
    }
}

fn finish<M: Hmac>(prepared: &M, counter: u64) -> [u8; 20] {
    let mut mac = prepared.clone();
    mac.update(&counter.to_be_bytes());
    mac.finish()
}

/// Sorts as a heap, in n log n steps and in place. `sort_unstable` can panic, if an order is not
/// total, and has many times the code.
fn sort<const LEN: usize>(addresses: &mut [[u8; LEN]]) {
    for root in (0..addresses.len() / 2).rev() {
        sift_down(addresses, root);
    }
    for end in (1..addresses.len()).rev() {
        // The greatest of those that are not in their place yet is the first of them.
        let Some([first, heap @ .., last]) = addresses.get_mut(..=end) else {
            return;
        };
        swap(first, last);
        let len = heap.len().saturating_add(1);
        if let Some(heap) = addresses.get_mut(..len) {
            sift_down(heap, 0);
        }
    }
}

/// Makes the tree below `root` a heap, if its subtrees are heaps: no address is greater than its
/// parent.
fn sift_down<const LEN: usize>(heap: &mut [[u8; LEN]], mut root: usize) {
    loop {
        let left = root.saturating_mul(2).saturating_add(1);
        let right = left.saturating_add(1);
        let (child, greater) = match (heap.get(left), heap.get(right)) {
            (Some(below), Some(other)) if other > below => (right, *other),
            (Some(below), _) => (left, *below),
            (None, _) => return,
        };
        match heap.get_mut(root) {
            Some(above) if *above < greater => {
                let moved = replace(above, greater);
                if let Some(below) = heap.get_mut(child) {
                    *below = moved;
                }
            }
            _ => return,
        }
        root = child;
    }
}

/// The addresses of a sorted list that are hashed: each once, without all-zeros and all-ones.
fn each_once<const LEN: usize>(sorted: &[[u8; LEN]]) -> impl Iterator<Item = &[u8; LEN]> {
    let mut previous = &[0; LEN];
    sorted.iter().filter(move |&address| {
        let is_new = address != previous && *address != [u8::MAX; LEN];
        previous = address;
        is_new
    })
}

/// Compares in constant time.
fn equal(a: &[u8; 20], b: &[u8; 20]) -> bool {
    let difference = a.iter().zip(b).fold(0, |all, (a, b)| all | (a ^ b));
    black_box(difference) == 0
}
