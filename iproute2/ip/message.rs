// SPDX-License-Identifier: GPL-2.0

//! Netlink messages: the one that `ip` is about to send, and those that it has received.

use core::ffi::c_int;
use core::marker::PhantomData;
use core::slice;

use super::abi::{addattr_l, parse_rtattr_flags, Attribute, MessageHeader, NESTED, REQUEST_LEN};

/// The message to the kernel.
pub struct Request<'a>(*mut MessageHeader, PhantomData<&'a mut MessageHeader>);

impl Request<'_> {
    /// # Safety
    ///
    /// `message` must be the header of a `struct iplink_req`, used by nobody else meanwhile.
    pub unsafe fn new(message: *mut MessageHeader) -> Self {
        Self(message, PhantomData)
    }

    /// Adds an attribute; false, and a line on stderr, if the message is full.
    #[must_use]
    pub fn add(&mut self, kind: u16, value: &[u8]) -> bool {
        let Ok(len) = c_int::try_from(value.len()) else {
            return false;
        };
        // SAFETY: The message is ours by the promise made to `new`, has room for REQUEST_LEN, and
        // `value` has `len` bytes.
        let status = unsafe {
            addattr_l(
                self.0,
                REQUEST_LEN,
                c_int::from(kind),
                value.as_ptr().cast(),
                len,
            )
        };
        status == 0
    }
}

/// Attributes of the kernel's answer, by number.
///
/// # Invariants
///
/// Every entry is null, or an attribute whose `len` counts the header and lies within the message.
pub struct Attributes<'a>(&'a [*const Attribute]);

impl<'a> Attributes<'a> {
    /// None if `table` is null.
    ///
    /// # Safety
    ///
    /// `table` must be null, or have `max` + 1 entries, filled by `parse_rtattr()`, that stay as
    /// they are for `'a`.
    pub unsafe fn from_table(table: *const *const Attribute, max: u16) -> Option<Self> {
        if table.is_null() {
            return None;
        }
        // SAFETY: The caller promises that many entries there.
        // INVARIANT: `parse_rtattr()` enters only what passes RTA_OK().
        Some(Self(unsafe {
            slice::from_raw_parts(table, usize::from(max) + 1)
        }))
    }

    /// The attributes inside `nest`, entered into `table`.
    ///
    /// # Safety
    ///
    /// `nest` must be an attribute of a received message that stays as it is for `'a`.
    pub unsafe fn from_nested(nest: *const Attribute, table: &'a mut [*const Attribute]) -> Self {
        let max = c_int::try_from(table.len()).unwrap_or(0) - 1;
        // SAFETY: The caller promises an attribute there.
        let payload = unsafe { payload(nest) };
        // SAFETY: `table` has `max` + 1 entries, and `payload` as many bytes as are told. The
        // function fills the whole table, and leaves out what does not pass RTA_OK().
        unsafe {
            parse_rtattr_flags(
                table.as_mut_ptr(),
                max,
                payload.as_ptr().cast(),
                c_int::try_from(payload.len()).unwrap_or(0),
                NESTED,
            )
        };
        Self(table)
    }

    /// The payload of one attribute, if it was sent.
    pub fn bytes(&self, kind: u16) -> Option<&'a [u8]> {
        let attribute = *self.0.get(usize::from(kind))?;
        // SAFETY: By the type's invariant an entry that is not null is an attribute.
        (!attribute.is_null()).then(|| unsafe { payload(attribute) })
    }

    /// An attribute of `N` bytes, if it was sent and has that length.
    fn exactly<const N: usize>(&self, kind: u16) -> Option<[u8; N]> {
        self.bytes(kind)?.try_into().ok()
    }

    pub fn u8(&self, kind: u16) -> Option<u8> {
        self.exactly(kind).map(u8::from_ne_bytes)
    }

    pub fn u32(&self, kind: u16) -> Option<u32> {
        self.exactly(kind).map(u32::from_ne_bytes)
    }

    pub fn u64(&self, kind: u16) -> Option<u64> {
        self.exactly(kind).map(u64::from_ne_bytes)
    }
}

/// # Safety
///
/// `attribute` must be valid for its own `len`, which counts the header, for `'a`.
unsafe fn payload<'a>(attribute: *const Attribute) -> &'a [u8] {
    // SAFETY: The caller promises that the header is there.
    let len = usize::from(unsafe { (*attribute).len });
    let len = len.saturating_sub(size_of::<Attribute>());
    // SAFETY: The caller promises that so many bytes follow the header, within one message.
    unsafe { slice::from_raw_parts(attribute.add(1).cast(), len) }
}
