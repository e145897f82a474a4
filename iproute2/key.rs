// SPDX-License-Identifier: GPL-2.0

//! The key that all hosts of a vhid share, from a passphrase or from hex digits.
//!
//! No message about it repeats any of it: what `ip` prints ends up in logs.

use core::ffi::CStr;

use crate::ip::command::Input;
use crate::refused::{refuse, Refused};
use crate::uapi::CARP_KEY_LEN;

/// `ifconfig` of the BSDs copies a passphrase with its final zero into the key, and cuts off what
/// does not fit: 19 bytes count. A longer one is refused here, because the hosts would disagree
/// with what their administrator sees.
const PASSPHRASE_LEN: usize = CARP_KEY_LEN - 1;

/// 0 to CARP_KEY_LEN bytes.
pub struct Key {
    bytes: [u8; CARP_KEY_LEN],
    len: usize,
}

impl Key {
    const EMPTY: Self = Self {
        bytes: [0; CARP_KEY_LEN],
        len: 0,
    };

    /// Appends a byte; false if the key has `max` bytes already.
    fn push(&mut self, byte: u8, max: usize) -> bool {
        match self
            .bytes
            .get_mut(..max)
            .and_then(|all| all.get_mut(self.len))
        {
            Some(place) => {
                *place = byte;
                self.len += 1;
                true
            }
            None => false,
        }
    }

    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// `pass PASSPHRASE`.
    pub fn from_passphrase(passphrase: &CStr) -> Result<Self, Refused> {
        let mut key = Self::EMPTY;
        for &byte in passphrase.to_bytes() {
            if !key.push(byte, PASSPHRASE_LEN) {
                return refuse(c"Error: \"pass\" is longer than the 19 bytes that CARP uses.\n");
            }
        }
        Ok(key)
    }

    /// `passfile FILE`: the first line of it, without what ends it.
    pub fn from_file(path: &CStr) -> Result<Self, Refused> {
        let mut input = Input::open(path).ok_or(Refused)?;
        let mut key = Self::EMPTY;
        while let Some(byte) = input.byte().map_err(|()| Refused)? {
            match byte {
                b'\n' => break,
                // Beside a host where it was typed after `pass`, such a file could never agree.
                0 => return refuse(c"Error: \"passfile\" has a zero byte in its first line.\n"),
                _ if key.push(byte, PASSPHRASE_LEN) => (),
                _ => return refuse(
                    c"Error: \"passfile\" has a line longer than the 19 bytes that CARP uses.\n",
                ),
            }
        }
        if key.len == 0 {
            // Not a wish for no key: `pass ""` says that.
            return refuse(c"Error: \"passfile\" has an empty first line.\n");
        }
        Ok(key)
    }

    /// `key HEX`: the raw bytes.
    pub fn from_hex(digits: &CStr) -> Result<Self, Refused> {
        let mut key = Self::EMPTY;
        for pair in digits.to_bytes().chunks(2) {
            let &[high, low] = pair else {
                return refuse(c"Error: \"key\" has an odd number of hex digits.\n");
            };
            let (Some(high), Some(low)) = (nibble(high), nibble(low)) else {
                return refuse(c"Error: \"key\" takes hex digits only.\n");
            };
            if !key.push((high << 4) | low, CARP_KEY_LEN) {
                return refuse(c"Error: \"key\" is longer than 20 bytes (40 hex digits).\n");
            }
        }
        Ok(key)
    }
}

fn nibble(digit: u8) -> Option<u8> {
    // CAST: Below 16.
    char::from(digit).to_digit(16).map(|value| value as u8)
}
