// SPDX-License-Identifier: GPL-2.0
//! A list of addresses that changes on one node, then on the other.

mod common;

use carp_proto_tests::proto::auth::Digest;
use carp_proto_tests::proto::signature::{List, Signatures};
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
    to.verify(now, now, &from.sign(now, now)).list
}

fn signs_for(node: &Signatures<HmacSha1>, last: &[u8], now: u64) -> bool {
    node.sign(now, 9) == digest(last).sign(9)
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
fn without_a_grace_period_it_changes_at_once() {
    let mut node = Signatures::new(digest(&[1]));
    node.change(0, digest(&[2]), 0);
    assert!(signs_for(&node, &[2], 0));
    assert!(!hears(&mut node, &Signatures::new(digest(&[1])), 0));
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
    assert_eq!(with(&mut global).sign(7), with(&mut both).sign(7));
}
