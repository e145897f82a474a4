// SPDX-License-Identifier: GPL-2.0
//! A list that only an RCU guard keeps, read into memory that is taken without one: under a guard
//! nobody may wait for memory, and there is none in large pieces.

use kernel::{prelude::*, sync::rcu::Guard};

/// All that `each` hands on in one go. Fails if out of memory. Context: process.
pub(crate) fn collect<T>(each: impl Fn(&Guard, &mut dyn FnMut(T))) -> Result<KVec<T>> {
    let mut list = KVec::new();
    loop {
        let mut count = 0_usize;
        each(&Guard::new(), &mut |item| {
            count = count.saturating_add(1);
            let _ = list.push_within_capacity(item);
        });
        if count == list.len() {
            return Ok(list);
        }
        list.clear();
        list.reserve(count, GFP_KERNEL_ACCOUNT)?;
    }
}
