// SPDX-License-Identifier: GPL-2.0
//! HMAC-SHA1 by the kernel's library. Any context. Only a new key allocates memory, and may fail.

use super::bindings;
use core::mem::MaybeUninit;
use kernel::prelude::*;

/// An HMAC under way: keyed, with nothing or something hashed so far.
///
/// # Invariants
///
/// `ctx` was initialised from a prepared key.
pub(crate) struct HmacSha1 {
    ctx: bindings::hmac_sha1_ctx,
}

impl HmacSha1 {
    /// Starts with `key`. The key itself is not kept, only what the hash makes of it.
    pub(crate) fn new(key: &[u8]) -> Self {
        let mut prepared = MaybeUninit::<bindings::hmac_sha1_key>::uninit();
        let mut ctx = MaybeUninit::<bindings::hmac_sha1_ctx>::uninit();
        // SAFETY: `prepared` is valid for writing, `key` for reading `key.len()` bytes.
        unsafe { bindings::hmac_sha1_preparekey(prepared.as_mut_ptr(), key.as_ptr(), key.len()) };
        // SAFETY: `prepared` was initialised above, `ctx` is valid for writing.
        unsafe { bindings::hmac_sha1_init(ctx.as_mut_ptr(), prepared.as_ptr()) };
        // SAFETY: `prepared` is ours and is not read again.
        unsafe {
            bindings::carp_memzero_explicit(
                prepared.as_mut_ptr().cast(),
                size_of::<bindings::hmac_sha1_key>(),
            )
        };
        // INVARIANT: Initialised from the prepared key above.
        // SAFETY: `hmac_sha1_init()` initialised it.
        let ctx = unsafe { ctx.assume_init() };
        Self { ctx }
    }

    /// Hashes `data` as well.
    pub(crate) fn update(&mut self, data: &[u8]) {
        // SAFETY: `ctx` is initialised by the type's invariant, `data` is valid for its length.
        unsafe { bindings::carp_hmac_sha1_update(&mut self.ctx, data.as_ptr(), data.len()) }
    }

    /// The HMAC of all that was hashed.
    pub(crate) fn finish(mut self) -> [u8; 20] {
        let mut out = [0; 20];
        // SAFETY: `ctx` is initialised by the type's invariant, `out` holds a SHA-1 digest.
        unsafe { bindings::hmac_sha1_final(&mut self.ctx, out.as_mut_ptr()) };
        // That has zeroed it.
        core::mem::forget(self);
        out
    }
}

impl Clone for HmacSha1 {
    fn clone(&self) -> Self {
        // INVARIANT: A bitwise copy of an initialised context, which holds no pointers.
        Self { ctx: self.ctx }
    }
}

impl Drop for HmacSha1 {
    fn drop(&mut self) {
        let ctx: *mut bindings::hmac_sha1_ctx = &mut self.ctx;
        // SAFETY: The context is going away and is plain data; it must not leave key material
        // behind.
        unsafe { bindings::carp_memzero_explicit(ctx.cast(), size_of::<bindings::hmac_sha1_ctx>()) }
    }
}

/// The secret that peers share, padded with zeros. It leaves no trace in memory. It is passed on as
/// a pointer, so there are no copies on the stack, and it is zeroed in the end.
pub(crate) struct Key(KBox<[u8; Self::LEN]>);

impl Key {
    const LEN: usize = 20;

    /// The key that starts with `bytes`. Fails if they are longer than a key, or if out of memory.
    pub(crate) fn new(bytes: &[u8]) -> Result<Self> {
        let mut key = Self(KBox::new([0; Self::LEN], GFP_KERNEL_ACCOUNT)?);
        let room = key.0.get_mut(..bytes.len()).ok_or(EINVAL)?;
        room.copy_from_slice(bytes);
        Ok(key)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &*self.0
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        // SAFETY: The bytes are ours and going away.
        unsafe { bindings::carp_memzero_explicit(self.0.as_mut_ptr().cast(), Self::LEN) }
    }
}
