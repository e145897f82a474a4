// SPDX-License-Identifier: GPL-2.0

//! `link_carp.so`: teaches an unmodified `ip` the link kind `carp`.
//!
//! For a kind that it does not know, `ip` loads `link_KIND.so` from its library folder
//! (`$IP_LIB_DIR`, or `/usr/lib/TRIPLET/ip` as Debian builds it) and looks up the symbol
//! `KIND_link_util`: a table of functions that parse the options of `ip link add|set`, and print
//! what `ip -d link show` received. That is all of the interface, and it has not changed from
//! iproute2 6.1 to 7.1.
//!
//! The plugin depends on nothing but `core`, libc and functions that `ip` itself exports, so one
//! build serves every release of `ip` named above.

#![no_std]
#![deny(unsafe_op_in_unsafe_fn, clippy::undocumented_unsafe_blocks)]
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]

mod ip;
mod key;
mod options;
mod print;
mod refused;

/// Numbers and names of `uapi/if_carp.h`, made from it when this is built.
#[allow(dead_code)] // The header serves the module too.
mod uapi {
    use core::ffi::CStr;
    include!(env!("UAPI_RS"));
}

use core::ffi::{c_char, c_int};

use ip::command::{put, Arguments};
use ip::message::{Attributes, Request};
use ip::{Attribute, LinkUtil, MessageHeader, Stream};

/// What `ip` looks up by name.
#[unsafe(no_mangle)]
#[allow(non_upper_case_globals)]
pub static carp_link_util: LinkUtil = LinkUtil::new(
    c"carp",
    uapi::IFLA_CARP_MAX,
    parse_options,
    print_options,
    print_statistics,
    print_help,
);

/// `ip link add|set ... type carp ARGUMENTS`: returns 0, or -1 once the fault has been printed.
unsafe extern "C" fn parse_options(
    _util: *mut LinkUtil,
    argc: c_int,
    argv: *const *const c_char,
    message: *mut MessageHeader,
) -> c_int {
    // SAFETY: `ip` passes the part of its own argument vector that follows the kind.
    let arguments = unsafe { Arguments::new(argc, argv) };
    // SAFETY: `ip` passes the message that it is filling, with IFLA_INFO_DATA begun.
    let mut request = unsafe { Request::new(message) };
    match options::parse(arguments, &mut request) {
        Ok(()) => 0,
        Err(refused::Refused) => -1,
    }
}

/// `ip -d link show`: `attributes` is null when the kernel sent no IFLA_INFO_DATA.
unsafe extern "C" fn print_options(
    _util: *mut LinkUtil,
    _stream: *mut Stream,
    attributes: *const *const Attribute,
) {
    // SAFETY: `ip` passes null or a table of as many entries as `carp_link_util` asks for.
    if let Some(attributes) = unsafe { Attributes::from_table(attributes, uapi::IFLA_CARP_MAX) } {
        print::options(&attributes);
    }
}

/// `ip -s -d link show`: `attribute` is IFLA_INFO_XSTATS.
unsafe extern "C" fn print_statistics(
    _util: *mut LinkUtil,
    _stream: *mut Stream,
    attribute: *const Attribute,
) {
    let mut table = [core::ptr::null(); uapi::XSTATS.len()];
    // SAFETY: `ip` passes an attribute of the message that it has received.
    print::statistics(&unsafe { Attributes::from_nested(attribute, &mut table) });
}

/// `ip link help carp`.
unsafe extern "C" fn print_help(
    _util: *mut LinkUtil,
    _argc: c_int,
    _argv: *const *const c_char,
    stream: *mut Stream,
) {
    // SAFETY: `ip` passes an open stream.
    unsafe { put(options::HELP, stream) };
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    ip::abort()
}
