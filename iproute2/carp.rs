// SPDX-License-Identifier: GPL-2.0

//! `carp sync`: waits until the kernel has applied what was asked of the carp devices of this
//! network namespace before it.
//!
//! `ip` returns as soon as a change has been accepted, which is not later than that only while
//! something below the device is being changed: the change then waits for its turn. The module
//! answers a generic-netlink request when nothing older is left, however late that is; it is this
//! program that waits.
//!
//! Built with the standard library, unlike the plugin beside it: nothing is loaded into anybody.

#![deny(unsafe_op_in_unsafe_fn, clippy::undocumented_unsafe_blocks)]
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]

use std::ffi::{c_int, c_short, c_ulong, CStr};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Numbers and names of `uapi/if_carp.h`, made from it when this is built.
#[allow(dead_code)] // The header serves the plugin and the module too.
mod uapi {
    use core::ffi::CStr;
    include!(env!("UAPI_RS"));
}

const HELP: &str = "\
Usage: carp sync [ SECONDS ]

Waits until everything that was asked of the carp devices of this network
namespace has been applied; forever, or for SECONDS.
Exit status: 0 if it has, 1 if it has not within SECONDS, 2 if something is
wrong.
";

/// What the kernel answers when too many wait already, and how long it is left alone then.
const EBUSY: i32 = 16;
const BUSY: Duration = Duration::from_millis(50);
/// Generic netlink: there is no such family.
const ENOENT: i32 = 2;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let limit = match words.as_slice() {
        ["sync"] => None,
        ["sync", seconds] => match seconds.parse().map(Duration::try_from_secs_f64) {
            Ok(Ok(limit)) => Some(limit),
            _ => return fault(&format!("not a number of seconds: {seconds}")),
        },
        ["help" | "-h" | "--help"] => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprint!("{HELP}");
            return ExitCode::from(2);
        }
    };
    match sync(limit) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("carp: something asked for earlier has still not been applied");
            ExitCode::FAILURE
        }
        Err(error) if error.raw_os_error() == Some(ENOENT) => {
            fault("the kernel module carp is not loaded")
        }
        Err(error) => fault(&error.to_string()),
    }
}

fn fault(message: &str) -> ExitCode {
    eprintln!("carp: {message}");
    ExitCode::from(2)
}

/// False: it took longer than `limit`. The kernel is asked once at least.
fn sync(limit: Option<Duration>) -> io::Result<bool> {
    // One that is too far away is none.
    let end = limit.and_then(|limit| Instant::now().checked_add(limit));
    let mut kernel = Netlink::open()?;
    let family = kernel.family(uapi::CARP_GENL_NAME)?;
    let command = (uapi::CARP_CMD_SYNC, uapi::CARP_GENL_VERSION);
    loop {
        match kernel.ask(family, command, &[], end) {
            Ok(answer) => return Ok(answer.is_some()),
            Err(error) if error.raw_os_error() == Some(EBUSY) => std::thread::sleep(BUSY),
            Err(error) => return Err(error),
        }
        if end.is_some_and(|end| Instant::now() >= end) {
            return Ok(false);
        }
    }
}

const AF_NETLINK: c_int = 16;
const SOCK_RAW: c_int = 3;
const SOCK_CLOEXEC: c_int = 0o2000000;
const NETLINK_GENERIC: c_int = 16;

const POLLIN: c_short = 1;

#[repr(C)]
struct PollFd {
    fd: c_int,
    events: c_short,
    revents: c_short,
}

extern "C" {
    fn socket(domain: c_int, kind: c_int, protocol: c_int) -> c_int;
    fn poll(fds: *mut PollFd, count: c_ulong, timeout_ms: c_int) -> c_int;
}

const NLMSG_ERROR: u16 = 2;
const NLM_F_REQUEST: u16 = 1;

/// The family that knows all others.
const GENL_ID_CTRL: u16 = 16;
const CTRL_VERSION: u8 = 1;
const CTRL_CMD_GETFAMILY: u8 = 3;
const CTRL_ATTR_FAMILY_ID: u16 = 1;
const CTRL_ATTR_FAMILY_NAME: u16 = 2;

/// Headers of a message, of generic netlink, of an attribute. All are aligned to 4 bytes.
const MESSAGE_HEAD: usize = 16;
const GENERIC_HEAD: usize = 4;
const ATTRIBUTE_HEAD: usize = 4;
const ALIGNMENT: usize = 4;

/// A generic-netlink socket, which speaks with the kernel.
struct Netlink {
    socket: File,
    sequence: u32,
}

impl Netlink {
    fn open() -> io::Result<Self> {
        // SAFETY: The function takes three numbers.
        let socket = unsafe { socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC) };
        if socket < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Self {
            // A netlink socket that is read from and written to speaks with the kernel.
            // SAFETY: A new descriptor, which nobody else has.
            socket: unsafe { File::from_raw_fd(socket) },
            sequence: 0,
        })
    }

    /// The number of a family.
    fn family(&mut self, name: &CStr) -> io::Result<u16> {
        let mut attribute = Vec::new();
        put_attribute(
            &mut attribute,
            CTRL_ATTR_FAMILY_NAME,
            name.to_bytes_with_nul(),
        )?;
        let command = (CTRL_CMD_GETFAMILY, CTRL_VERSION);
        self.ask(GENL_ID_CTRL, command, &attribute, None)?
            .and_then(|answer| {
                let attributes = answer.get(MESSAGE_HEAD + GENERIC_HEAD..)?;
                u16_at(find_attribute(attributes, CTRL_ATTR_FAMILY_ID)?, 0)
            })
            .ok_or_else(garbled)
    }

    /// Sends a request. Returns the answer; none: there was none until `end`.
    fn ask(
        &mut self,
        family: u16,
        (command, version): (u8, u8),
        attributes: &[u8],
        end: Option<Instant>,
    ) -> io::Result<Option<Vec<u8>>> {
        self.sequence = self.sequence.wrapping_add(1);
        let length = MESSAGE_HEAD + GENERIC_HEAD + attributes.len();
        let mut message = Vec::with_capacity(length);
        message.extend(u32::try_from(length).map_err(|_| garbled())?.to_ne_bytes());
        message.extend(family.to_ne_bytes());
        message.extend(NLM_F_REQUEST.to_ne_bytes());
        message.extend(self.sequence.to_ne_bytes());
        message.extend(0_u32.to_ne_bytes());
        message.extend([command, version, 0, 0]);
        message.extend(attributes);
        self.socket.write_all(&message)?;

        if !self.wait(end)? {
            return Ok(None);
        }
        let mut bytes = vec![0; 8192];
        let length = self.socket.read(&mut bytes)?;
        bytes.truncate(length);
        // Nothing is acknowledged: this is an error or the answer.
        if u16_at(&bytes, 4) == Some(NLMSG_ERROR) {
            let error = i32_at(&bytes, MESSAGE_HEAD).ok_or_else(garbled)?;
            return Err(io::Error::from_raw_os_error(error.wrapping_neg()));
        }
        Ok(Some(bytes))
    }

    /// False: nothing has come until `end`.
    fn wait(&self, end: Option<Instant>) -> io::Result<bool> {
        loop {
            // Rounded up; a wait that is too long for the call is several.
            let timeout_ms = end.map_or(-1, |end| {
                let left = end.saturating_duration_since(Instant::now());
                c_int::try_from(left.as_micros().div_ceil(1000)).unwrap_or(c_int::MAX)
            });
            let mut fd = PollFd {
                fd: self.socket.as_raw_fd(),
                events: POLLIN,
                revents: 0,
            };
            // SAFETY: One valid entry.
            match unsafe { poll(&mut fd, 1, timeout_ms) } {
                0 if end.is_some_and(|end| Instant::now() >= end) => return Ok(false),
                0 => (),
                1 => return Ok(true),
                _ => return Err(io::Error::last_os_error()),
            }
        }
    }
}

fn garbled() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "an answer of the kernel is not understood",
    )
}

fn put_attribute(message: &mut Vec<u8>, kind: u16, value: &[u8]) -> io::Result<()> {
    let length = u16::try_from(ATTRIBUTE_HEAD + value.len()).map_err(|_| garbled())?;
    message.extend(length.to_ne_bytes());
    message.extend(kind.to_ne_bytes());
    message.extend(value);
    message.resize(message.len().next_multiple_of(ALIGNMENT), 0);
    Ok(())
}

fn find_attribute(mut attributes: &[u8], kind: u16) -> Option<&[u8]> {
    loop {
        let length = usize::from(u16_at(attributes, 0)?);
        let value = attributes.get(ATTRIBUTE_HEAD..length)?;
        if u16_at(attributes, 2)? == kind {
            return Some(value);
        }
        attributes = attributes.get(length.next_multiple_of(ALIGNMENT)..)?;
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn i32_at(bytes: &[u8], at: usize) -> Option<i32> {
    Some(i32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}
