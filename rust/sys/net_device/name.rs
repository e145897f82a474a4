// SPDX-License-Identifier: GPL-2.0
//! What a device is called, for people to read.

use kernel::{fmt, prelude::*};

/// The name of a device, for people to read. Whoever has a namespace may name its devices with
/// control characters: what is not printable ASCII is shown as `\xNN`, as is a backslash.
pub(crate) struct Name(pub(super) [u8; 16]);

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0.into_iter().take_while(|byte| *byte != 0) {
            if byte.is_ascii_graphic() && byte != b'\\' {
                f.write_fmt(fmt!("{}", char::from(byte)))?;
            } else {
                f.write_fmt(fmt!("\\x{:02x}", byte))?;
            }
        }
        Ok(())
    }
}

/// A device's name, and the number of its namespace unless that is the initial one.
pub(crate) struct Label(pub(super) Name, pub(super) Option<u32>);

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(name, namespace) = self;
        fmt::Display::fmt(name, f)?;
        match namespace {
            Some(number) => f.write_fmt(fmt!("@{}", *number)),
            None => Ok(()),
        }
    }
}
