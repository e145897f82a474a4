// SPDX-License-Identifier: GPL-2.0
//! A list of addresses that changes on one node, then on the other.

mod common;

use carp_proto_tests::proto::carp::auth::{Digest, Form};
use carp_proto_tests::proto::carp::signature::{List, Signatures};
use common::HmacSha1;

const S: u64 = 1_000_000_000;
const GRACE_S: u16 = 60;

fn digest(last: &[u8]) -> Digest<HmacSha1> {
    let mut list: Vec<_> = last.iter().map(|last| [192, 0, 2, *last]).collect();
    Digest::new(HmacSha1::with_pass("s3cret"), 1, &mut list, &mut [])
}

/// What `from` sends at `now` is accepted by `to`.
fn hears(to: &mut Signatures<HmacSha1>, from: &Signatures<HmacSha1>, now: u64) -> bool {
    verified(to, from, now).is_some()
}

fn verified(to: &mut Signatures<HmacSha1>, from: &Signatures<HmacSha1>, now: u64) -> Option<List> {
    let heard = to.verify(now, now, &from.sign(now, now));
    if heard.list.is_some() {
        to.accepted(now, &heard);
    }
    heard.list
}

fn signs_for(node: &Signatures<HmacSha1>, last: &[u8], now: u64) -> bool {
    node.sign(now, 9) == digest(last).sign(9, Form::default())
}

/// The master changes at `master_at`, the backup at `backup_at`; the backup never becomes deaf.
fn never_deaf(master_at: u64, backup_at: u64) {
    let mut master = Signatures::new(digest(&[1]));
    let mut backup = Signatures::new(digest(&[1]));
    for now in (0..300 * S).step_by(S as usize / 2) {
        if now == master_at {
            master.change(now, digest(&[1, 2]), GRACE_S);
        }
        if now == backup_at {
            backup.change(now, digest(&[1, 2]), GRACE_S);
        }
        assert!(hears(&mut backup, &master, now), "deaf at {now}");
    }
    assert!(signs_for(&master, &[1, 2], 300 * S));
}

#[test]
fn either_may_be_first_if_the_other_follows_within_the_grace_period() {
    for follows_after in [0, 1, 30, 59, 60] {
        never_deaf(10 * S, (10 + follows_after) * S);
        never_deaf((10 + follows_after) * S, 10 * S);
    }
}

#[test]
fn who_does_not_follow_becomes_deaf_behind_the_grace_period() {
    let mut master = Signatures::new(digest(&[1]));
    let mut backup = Signatures::new(digest(&[1]));
    master.change(0, digest(&[2]), GRACE_S);
    assert!(hears(&mut backup, &master, 60 * S - 1));
    assert!(!hears(&mut backup, &master, 60 * S));
    // And the other way round: it still signs for what nobody else has.
    assert!(hears(&mut master, &backup, 120 * S - 1));
    assert!(!hears(&mut master, &backup, 120 * S));
}

#[test]
fn who_does_not_follow_is_told_apart() {
    let mut node = Signatures::new(digest(&[1]));
    let peer = Signatures::new(digest(&[1]));
    node.change(0, digest(&[2]), GRACE_S);
    assert_eq!(verified(&mut node, &peer, S), Some(List::Previous));
    assert_eq!(verified(&mut node, &peer, 60 * S - 1), Some(List::Previous));
    assert_eq!(verified(&mut node, &peer, 60 * S), Some(List::Overdue));
    assert_eq!(verified(&mut node, &peer, 120 * S), None);
    let follower = Signatures::new(digest(&[2]));
    assert_eq!(verified(&mut node, &follower, 120 * S), Some(List::Current));
}

#[test]
fn what_is_wrong_is_news_once_a_list() {
    let news = |node: &mut Signatures<HmacSha1>, peer: &Signatures<HmacSha1>, now| {
        node.verify(now, now, &peer.sign(now, now)).is_news
    };
    let mut node = Signatures::new(digest(&[1]));
    let (old, stranger) = (Signatures::new(digest(&[1])), Signatures::new(digest(&[9])));
    assert!(!news(&mut node, &old, 0));
    assert!(news(&mut node, &stranger, 0));
    assert!(!news(&mut node, &stranger, S) && !news(&mut node, &old, S));
    node.change(S, digest(&[2]), GRACE_S);
    assert!(!news(&mut node, &old, 2 * S), "within the grace period");
    assert!(news(&mut node, &stranger, 2 * S));
    assert!(news(&mut node, &old, 61 * S) && !news(&mut node, &old, 62 * S));
}

#[test]
fn hearing_the_new_list_ends_it() {
    let mut node = Signatures::new(digest(&[1]));
    let peer = Signatures::new(digest(&[1, 2]));
    let old = Signatures::new(digest(&[1]));
    node.change(0, digest(&[1, 2]), GRACE_S);
    assert!(signs_for(&node, &[1], S));
    assert!(hears(&mut node, &old, S) && signs_for(&node, &[1], S));
    assert!(hears(&mut node, &peer, 2 * S));
    assert!(signs_for(&node, &[1, 2], 2 * S));
    assert!(!hears(&mut node, &old, 2 * S));
}

#[test]
fn changes_in_a_row_are_one() {
    let mut node = Signatures::new(digest(&[1]));
    for (now, list) in [(0, &[1, 2][..]), (S, &[1, 2, 3]), (50 * S, &[1, 2, 3, 4])] {
        node.change(now, digest(list), GRACE_S);
        assert!(signs_for(&node, &[1], now));
    }
    assert!(signs_for(&node, &[1], 110 * S - 1));
    assert!(signs_for(&node, &[1, 2, 3, 4], 110 * S));
    // Behind the grace period the next change begins with what is signed for then.
    node.change(115 * S, digest(&[5]), GRACE_S);
    assert!(signs_for(&node, &[1, 2, 3, 4], 116 * S));
}

#[test]
fn a_grace_period_survives_a_restart_with_the_same_list() {
    let old = Signatures::new(digest(&[1]));
    let mut node = Signatures::new(digest(&[1]));
    node.change(0, digest(&[1, 2]), GRACE_S);
    node.restart(digest(&[1, 2]));
    assert_eq!(verified(&mut node, &old, S), Some(List::Previous));
    node.restart(digest(&[1, 3]));
    assert_eq!(verified(&mut node, &old, S), None);
}

#[test]
fn without_a_grace_period_it_changes_at_once() {
    let mut node = Signatures::new(digest(&[1]));
    node.change(0, digest(&[2]), 0);
    assert!(signs_for(&node, &[2], 0));
    assert!(!hears(&mut node, &Signatures::new(digest(&[1])), 0));
}

#[test]
fn the_shortest_grace_period() {
    let mut node = Signatures::new(digest(&[1]));
    node.change(0, digest(&[2]), 1);
    assert!(signs_for(&node, &[1], S - 1));
    assert!(signs_for(&node, &[2], S));
}

#[test]
fn the_same_list_again_changes_nothing() {
    let mut node = Signatures::new(digest(&[1]));
    node.change(0, digest(&[2]), 60);
    // Whoever is told of an address often does not put off the end of its grace period.
    for second in 1..60 {
        node.change(second * S, digest(&[2]), 60);
    }
    assert!(signs_for(&node, &[1], 59 * S));
    assert!(signs_for(&node, &[2], 60 * S));
}

/// What is signed is the same with and without it, and what is accepted is not.
#[test]
fn a_link_local_address_is_a_change() {
    let with = |v6: &mut [[u8; 16]]| Digest::new(HmacSha1::with_pass("s3cret"), 1, &mut [], v6);
    let mut global = [[0x20; 16]];
    let mut both = [
        [0x20; 16],
        [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
    ];
    assert!(!with(&mut global).is_same(&with(&mut both)));
    assert!(with(&mut both).is_same(&with(&mut both.clone())));
    let without = |v6: &mut [[u8; 16]]| with(v6).sign(7, Form::WithoutLinkLocal);
    assert_eq!(without(&mut global), without(&mut both));
}

/// A list with a link-local address in it.
fn dual(last: u8) -> Digest<HmacSha1> {
    let mut v6 = [[0xfe; 16], [0x20; 16]];
    (v6[0][1], v6[0][15], v6[1][15]) = (0x80, last, last);
    Digest::new(HmacSha1::with_pass("s3cret"), 1, &mut [], &mut v6)
}

const FORMS: [Form; 2] = [Form::WithoutLinkLocal, Form::WithLinkLocal];

/// What is said to an advert with the list `digest` in this form.
fn heard(node: &mut Signatures<HmacSha1>, digest: &Digest<HmacSha1>, form: Form) -> bool {
    let heard = node.verify(S, 5, &digest.sign(5, form));
    assert!(heard.list.is_some());
    node.accepted(S, &heard)
}

/// Adverts are signed as the last one was that was accepted, whatever happens to the list.
#[test]
fn the_form_is_that_of_the_peer() {
    let signs = |node: &Signatures<HmacSha1>, digest: &Digest<HmacSha1>| {
        FORMS.map(|form| node.sign(S, 8) == digest.sign(8, form))
    };
    let (only_without, only_with) = ([true, false], [false, true]);
    let mut node = Signatures::new(dual(1));
    assert_eq!(signs(&node, &dual(1)), only_without);
    assert!(!heard(&mut node, &dual(1), Form::WithoutLinkLocal));
    // It is learned from what is accepted, not from what only has a right digest.
    let _ = node.verify(S, 5, &dual(1).sign(5, Form::WithLinkLocal));
    assert_eq!(signs(&node, &dual(1)), only_without);

    assert!(heard(&mut node, &dual(1), Form::WithLinkLocal));
    assert_eq!(signs(&node, &dual(1)), only_with);
    assert!(
        !heard(&mut node, &dual(1), Form::WithLinkLocal),
        "as before"
    );

    node.change(S, dual(2), GRACE_S);
    assert_eq!(signs(&node, &dual(1)), only_with, "the old list");
    node.change(S, dual(3), 0);
    assert_eq!(signs(&node, &dual(3)), only_with);
    node.reset(dual(4));
    assert_eq!(signs(&node, &dual(4)), only_with);

    // Without a link-local address there is one form, which tells nothing.
    node.reset(digest(&[1]));
    assert!(!heard(&mut node, &digest(&[1]), Form::WithoutLinkLocal));
    node.reset(dual(5));
    assert_eq!(signs(&node, &dual(5)), only_with);

    assert!(heard(&mut node, &dual(5), Form::WithoutLinkLocal));
    assert_eq!(signs(&node, &dual(5)), only_without);
}

/// The peer was deaf until now, so it is to be told at once.
#[test]
fn dropping_the_old_list_is_told() {
    let mut node = Signatures::new(dual(1));
    node.change(0, dual(2), GRACE_S);
    let old = node.verify(S, 5, &dual(1).sign(5, Form::WithoutLinkLocal));
    assert_eq!(old.list, Some(List::Previous));
    assert!(!node.accepted(S, &old));
    let new = node.verify(S, 5, &dual(2).sign(5, Form::WithoutLinkLocal));
    assert_eq!(new.list, Some(List::Current));
    assert!(signs_dual(&node, 1), "not before it is accepted");
    assert!(node.accepted(S, &new));
    assert!(signs_dual(&node, 2));
    assert!(!node.accepted(S, &new), "once");

    // Behind the grace period it signs for the new list in any case.
    let mut node = Signatures::new(digest(&[1]));
    node.change(0, digest(&[2]), 1);
    let new = node.verify(S, 5, &digest(&[2]).sign(5, Form::default()));
    assert!(!node.accepted(S, &new));
}

fn signs_dual(node: &Signatures<HmacSha1>, last: u8) -> bool {
    node.sign(S, 9) == dual(last).sign(9, Form::default())
}
