// SPDX-License-Identifier: GPL-2.0
//! Sorting. `sort_unstable()` of the core library can panic, if an order is not total.

use super::bindings;
use core::cmp::Ordering;
use kernel::ffi::{c_int, c_void};

/// The order that [`sort`] uses.
pub(crate) trait Sortable {
    fn compare(&self, other: &Self) -> Ordering;
}

/// Sorts `items` in O(n log n), without memory. The order of equal items is undefined. Any context.
pub(crate) fn sort<T: Sortable>(items: &mut [T]) {
    // SAFETY: A slice of so many items, of that size, which may be moved; the comparison is of
    // their type.
    unsafe {
        bindings::sort(
            items.as_mut_ptr().cast(),
            items.len(),
            size_of::<T>(),
            Some(compare::<T>),
            None,
        )
    }
}

/// # Safety
///
/// Called by `sort()`, with two items, only.
unsafe extern "C" fn compare<T: Sortable>(one: *const c_void, other: *const c_void) -> c_int {
    // SAFETY: By this function's contract.
    let (one, other) = unsafe { (&*one.cast::<T>(), &*other.cast::<T>()) };
    one.compare(other) as c_int
}
