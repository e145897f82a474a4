// SPDX-License-Identifier: GPL-2.0

//! Declarations of what `ip` and libc offer, by hand.
//!
//! Only what has the same form in iproute2 6.1, 6.15 and 7.1 (`include/utils.h`,
//! `include/json_print.h`, `include/libnetlink.h`, `ip/ip_common.h` there). `matches()` and
//! `print_color_size()` for instance have not.

use core::ffi::{c_char, c_int, c_long, c_uint, c_ushort, c_void, CStr};
use core::ptr;
use core::sync::atomic::AtomicPtr;

/// `FILE`.
#[repr(C)]
pub struct Stream {
    _opaque: [u8; 0],
}

/// `struct nlmsghdr`, only handed through.
#[repr(C)]
pub struct MessageHeader {
    _opaque: [u8; 0],
}

/// `struct rtattr`: the payload follows it.
#[repr(C)]
pub struct Attribute {
    pub len: c_ushort,
    pub kind: c_ushort,
}

pub type ParseOptions =
    unsafe extern "C" fn(*mut LinkUtil, c_int, *const *const c_char, *mut MessageHeader) -> c_int;
pub type PrintOptions = unsafe extern "C" fn(*mut LinkUtil, *mut Stream, *const *const Attribute);
pub type PrintStatistics = unsafe extern "C" fn(*mut LinkUtil, *mut Stream, *const Attribute);
pub type PrintHelp = unsafe extern "C" fn(*mut LinkUtil, c_int, *const *const c_char, *mut Stream);

/// `struct link_util` of iproute2's `ip/ip_common.h`.
#[repr(C)]
pub struct LinkUtil {
    /// `ip` strings all kinds that it has loaded together.
    next: AtomicPtr<LinkUtil>,
    id: *const c_char,
    /// `print_opt` gets a table of this many entries and one more.
    maxattr: c_int,
    parse_opt: ParseOptions,
    print_opt: PrintOptions,
    print_xstats: PrintStatistics,
    print_help: PrintHelp,
    /// `ip link xstats type KIND`, for kinds whose statistics go through RTM_GETSTATS.
    parse_ifla_xstats: Option<unsafe extern "C" fn()>,
    print_ifla_xstats: Option<unsafe extern "C" fn()>,
}

// SAFETY: `ip` has one thread; the one field that changes is atomic, and the pointer `id` is to
// a literal.
unsafe impl Sync for LinkUtil {}

impl LinkUtil {
    pub const fn new(
        id: &'static CStr,
        max_attribute: u16,
        parse_opt: ParseOptions,
        print_opt: PrintOptions,
        print_xstats: PrintStatistics,
        print_help: PrintHelp,
    ) -> Self {
        Self {
            next: AtomicPtr::new(ptr::null_mut()),
            id: id.as_ptr(),
            // CAST: Widens; `From` is not const.
            maxattr: max_attribute as c_int,
            parse_opt,
            print_opt,
            print_xstats,
            print_help,
            parse_ifla_xstats: None,
            print_ifla_xstats: None,
        }
    }
}

/// `enum output_type`.
pub const PRINT_FP: c_int = 1;
pub const PRINT_JSON: c_int = 2;
pub const PRINT_ANY: c_int = 4;
/// `enum color_attr`.
pub const COLOR_NONE: c_int = 6;

/// What of `struct iplink_req` may be filled, at the least: its `buf` in the smallest release.
pub const REQUEST_LEN: c_int = 1024;

/// `NLA_F_NESTED`.
pub const NESTED: c_ushort = 1 << 15;

pub const AF_INET: c_int = 2;
pub const AF_INET6: c_int = 10;
pub const O_RDONLY: c_int = 0;
pub const STDIN: c_int = 0;

/// `struct tm` of glibc.
#[repr(C)]
pub struct BrokenDownTime {
    pub fields: [c_int; 9],
    pub gmtoff: c_long,
    pub zone: *const c_char,
}

extern "C" {
    pub fn addattr_l(
        message: *mut MessageHeader,
        max_len: c_int,
        kind: c_int,
        data: *const c_void,
        len: c_int,
    ) -> c_int;
    pub fn parse_rtattr_flags(
        table: *mut *const Attribute,
        max: c_int,
        first: *const Attribute,
        len: c_int,
        flags: c_ushort,
    ) -> c_int;
    pub fn invarg(complaint: *const c_char, argument: *const c_char) -> !;
    pub fn duparg(key: *const c_char, argument: *const c_char) -> !;
    pub fn incomplete_command() -> !;
    pub fn format_host(family: c_int, len: c_int, address: *const c_void) -> *const c_char;
    pub fn open_json_array(output: c_int, key: *const c_char);
    pub fn close_json_array(output: c_int, after: *const c_char);
    pub fn print_color_string(
        output: c_int,
        color: c_int,
        key: *const c_char,
        format: *const c_char,
        value: *const c_char,
    ) -> c_int;
    pub fn print_color_uint(
        output: c_int,
        color: c_int,
        key: *const c_char,
        format: *const c_char,
        value: c_uint,
    ) -> c_int;
    pub fn print_color_u64(
        output: c_int,
        color: c_int,
        key: *const c_char,
        format: *const c_char,
        value: u64,
    ) -> c_int;
    pub fn print_color_on_off(
        output: c_int,
        color: c_int,
        key: *const c_char,
        format: *const c_char,
        value: bool,
    ) -> c_int;
    pub fn print_nl();
}

#[link(name = "c")]
extern "C" {
    pub static stderr: *mut Stream;
    #[link_name = "abort"]
    pub fn c_abort() -> !;
    pub fn close(fd: c_int) -> c_int;
    pub fn fprintf(stream: *mut Stream, format: *const c_char, ...) -> c_int;
    pub fn fputs(text: *const c_char, stream: *mut Stream) -> c_int;
    pub fn gmtime_r(seconds: *const i64, result: *mut BrokenDownTime) -> *mut BrokenDownTime;
    pub fn open(path: *const c_char, flags: c_int, ...) -> c_int;
    pub fn read(fd: c_int, buffer: *mut c_void, len: usize) -> isize;
    pub fn snprintf(buffer: *mut c_char, len: usize, format: *const c_char, ...) -> c_int;
    pub fn strftime(
        buffer: *mut c_char,
        len: usize,
        format: *const c_char,
        time: *const BrokenDownTime,
    ) -> usize;
}
