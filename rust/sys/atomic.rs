// SPDX-License-Identifier: GPL-2.0
//! A byte for `kernel::sync::atomic`, which has only `i8` and `bool` of that size.

use kernel::sync::atomic::AtomicType;

#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Byte(pub(crate) u8);

// SAFETY: A `u8` is as large as an `i8`, and any value of the one is a value of the other.
unsafe impl AtomicType for Byte {
    type Repr = i8;
}
