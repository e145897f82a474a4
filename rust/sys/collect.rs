// SPDX-License-Identifier: GPL-2.0
//! Copies of lists that are valid only under an RCU guard. Their memory is allocated without the
//! guard: under it an allocation must not sleep, and a large one would fail.

use kernel::{prelude::*, sync::rcu::Guard};

/// All that one call of `each` hands on. Fails if out of memory. Context: process.
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
