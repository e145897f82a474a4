// SPDX-License-Identifier: GPL-2.0
//! Netlink attributes of a link: what a request carries, what a report is made of, and the message
//! that explains a refusal.

use super::bindings;
use core::{marker::PhantomData, ptr::NonNull};
use kernel::{
    error::{code::*, to_result, Error, Result},
    prelude::*,
    str::CStr,
};

/// What an attribute may look like.
pub(crate) type Policy = bindings::nla_policy;

/// An attribute of the type `kind`.
pub(crate) const fn policy(kind: u32) -> Policy {
    // SAFETY: All-zero is a valid policy: of no type, without restrictions.
    let mut policy: Policy = unsafe { core::mem::zeroed() };
    policy.type_ = kind as u8;
    policy
}

/// An attribute that is only ever reported; a request with it is refused with `message`.
#[expect(clippy::disallowed_methods)] // `as_char_ptr()` is not for constants.
pub(crate) const fn refused(message: &'static CStr) -> Policy {
    let mut policy = policy(bindings::NLA_REJECT);
    policy.__bindgen_anon_1.reject_message = message.as_ptr().cast();
    policy
}

/// Where the reason of a refusal goes: user space prints it after `Error:`.
#[derive(Clone, Copy)]
pub(crate) struct Extack<'a>(*mut bindings::netlink_ext_ack, PhantomData<&'a ()>);

impl Extack<'_> {
    /// # Safety
    ///
    /// `extack` is null or valid while the result lives.
    pub(super) unsafe fn from_raw(extack: *mut bindings::netlink_ext_ack) -> Self {
        Self(extack, PhantomData)
    }

    pub(super) fn as_ptr(self) -> *mut bindings::netlink_ext_ack {
        self.0
    }

    /// Explains `error` and returns it.
    pub(crate) fn refuse(self, error: Error, message: &'static CStr) -> Error {
        if let Some(extack) = NonNull::new(self.0) {
            // SAFETY: Valid by the constructor's contract; the message is static.
            unsafe { (*extack.as_ptr())._msg = message.as_char_ptr() };
        }
        error
    }
}

/// One attribute.
#[derive(Clone, Copy)]
pub(crate) struct Attribute<'a>(NonNull<bindings::nlattr>, PhantomData<&'a ()>);

impl<'a> Attribute<'a> {
    /// # Safety
    ///
    /// `attribute` is null, or valid with its payload while the result lives.
    pub(super) unsafe fn from_raw(attribute: *mut bindings::nlattr) -> Option<Self> {
        Some(Self(NonNull::new(attribute)?, PhantomData))
    }

    pub(crate) fn payload(self) -> &'a [u8] {
        let header = size_of::<bindings::nlattr>();
        // SAFETY: Valid by the constructor's contract.
        let len = usize::from(unsafe { (*self.0.as_ptr()).nla_len });
        // SAFETY: An attribute's length counts its header; the payload follows it.
        unsafe {
            core::slice::from_raw_parts(
                self.0.as_ptr().cast::<u8>().add(header),
                len.saturating_sub(header),
            )
        }
    }

    /// The payloads of all attributes of the type `kind` in this one, as far as they are whole.
    fn nested(self, kind: u32) -> impl Iterator<Item = &'a [u8]> {
        let mut rest = self.payload();
        let next = move || {
            let [len0, len1, kind0, kind1] = *rest.first_chunk()?;
            let len = usize::from(u16::from_ne_bytes([len0, len1]));
            let kind = u16::from_ne_bytes([kind0, kind1]);
            let payload = rest.get(size_of::<bindings::nlattr>()..len)?;
            rest = rest.get(len.next_multiple_of(4)..).unwrap_or_default();
            Some((kind & bindings::NLA_TYPE_MASK as u16, payload))
        };
        core::iter::from_fn(next)
            .filter(move |(found, _)| u32::from(*found) == kind)
            .map(|(_, payload)| payload)
    }

    pub(crate) fn u8(self) -> Result<u8> {
        self.payload().first().copied().ok_or(EINVAL)
    }

    pub(crate) fn u32(self) -> Result<u32> {
        let bytes = self.payload().first_chunk().ok_or(EINVAL)?;
        Ok(u32::from_ne_bytes(*bytes))
    }
}

/// A table of attributes by type, into which the netlink core has parsed a request.
#[derive(Clone, Copy)]
pub(crate) struct Attributes<'a> {
    table: *mut *mut bindings::nlattr,
    highest: usize,
    _alive: PhantomData<&'a ()>,
}

impl<'a> Attributes<'a> {
    /// # Safety
    ///
    /// `table` is null, or has entries 0 to `highest` that are null or valid while the result
    /// lives.
    pub(super) unsafe fn from_raw(table: *mut *mut bindings::nlattr, highest: usize) -> Self {
        Self {
            table,
            highest,
            _alive: PhantomData,
        }
    }

    pub(crate) fn get(&self, kind: u32) -> Option<Attribute<'a>> {
        let index = usize::try_from(kind).ok()?;
        if self.table.is_null() || index > self.highest {
            return None;
        }
        // SAFETY: Within the table, by the constructor's contract.
        unsafe { Attribute::from_raw(*self.table.add(index)) }
    }
}

/// Refuses attributes in the raw nest `kind` inside `outer` that `policy` does not know. The core
/// ignores them, for the sake of old programs.
pub(super) fn validate_strictly(
    outer: Attribute<'_>,
    kind: u32,
    policy: &'static [Policy],
    extack: Extack<'_>,
) -> Result {
    // The core takes the last one of several: none of them may hold what it does not know.
    outer.nested(kind).try_for_each(|payload| {
        let highest = policy.len().saturating_sub(1);
        // SAFETY: `payload` is valid for its length, `policy` has entries up to `highest`, `extack`
        // is null or valid.
        to_result(unsafe {
            bindings::__nla_validate(
                payload.as_ptr().cast(),
                i32::try_from(payload.len())?,
                i32::try_from(highest)?,
                policy.as_ptr(),
                bindings::RUST_CONST_HELPER_NL_VALIDATE_STRICT,
                extack.as_ptr(),
            )
        })
    })
}

/// A report under construction.
pub(crate) struct Report<'a> {
    skb: *mut bindings::sk_buff,
    _alive: PhantomData<&'a mut ()>,
}

impl Report<'_> {
    /// # Safety
    ///
    /// `skb` is a valid netlink message while the result lives.
    pub(super) unsafe fn from_raw(skb: *mut bindings::sk_buff) -> Self {
        Self {
            skb,
            _alive: PhantomData,
        }
    }

    /// Fails with `EMSGSIZE` when the message is full.
    pub(crate) fn bytes(&mut self, kind: u32, payload: &[u8]) -> Result {
        // SAFETY: The message is valid, `payload` for its length.
        to_result(unsafe {
            kernel::bindings::nla_put(
                self.skb.cast(),
                i32::try_from(kind)?,
                i32::try_from(payload.len())?,
                payload.as_ptr().cast(),
            )
        })
    }

    pub(crate) fn u8(&mut self, kind: u32, value: u8) -> Result {
        self.bytes(kind, &[value])
    }

    pub(crate) fn u32(&mut self, kind: u32, value: u32) -> Result {
        self.bytes(kind, &value.to_ne_bytes())
    }

    /// `pad` is the type of the attribute that fills up to the alignment.
    pub(crate) fn u64(&mut self, kind: u32, value: u64, pad: u32) -> Result {
        let bytes = value.to_ne_bytes();
        // SAFETY: The message is valid, `bytes` for its length.
        to_result(unsafe {
            kernel::bindings::nla_put_64bit(
                self.skb.cast(),
                i32::try_from(kind)?,
                i32::try_from(bytes.len())?,
                bytes.as_ptr().cast(),
                i32::try_from(pad)?,
            )
        })
    }

    /// What `fill` adds becomes the payload of one attribute.
    pub(crate) fn nest(&mut self, kind: u32, fill: impl FnOnce(&mut Self) -> Result) -> Result {
        // SAFETY: The message is valid.
        let nest = unsafe { bindings::carp_nla_nest_start(self.skb, i32::try_from(kind)?) };
        let nest = NonNull::new(nest).ok_or(EMSGSIZE)?;
        fill(self)?;
        // SAFETY: As above; `nest` was started in it.
        unsafe { bindings::carp_nla_nest_end(self.skb, nest.as_ptr()) };
        Ok(())
    }
}

/// The room that an attribute with a payload of `len` bytes takes.
pub(crate) const fn room(len: usize) -> usize {
    (len + size_of::<bindings::nlattr>() + 3) & !3
}
