// SPDX-License-Identifier: GPL-2.0

//! Items of `ip`'s output, in text or in JSON as its command line says.

use core::ffi::{c_char, c_uint, CStr};
use core::ptr;

use super::abi::{
    close_json_array, format_host, gmtime_r, open_json_array, print_color_on_off,
    print_color_string, print_color_u64, print_color_uint, print_nl, strftime, BrokenDownTime,
    AF_INET, AF_INET6, COLOR_NONE, PRINT_ANY, PRINT_FP, PRINT_JSON,
};

/// `NAME VALUE ` in text, `"NAME":"VALUE"` in JSON.
pub fn word(name: &CStr, value: &CStr) {
    label(name);
    // SAFETY: The format takes the string that follows.
    unsafe {
        print_color_string(
            PRINT_ANY,
            COLOR_NONE,
            name.as_ptr(),
            c"%s ".as_ptr(),
            value.as_ptr(),
        )
    };
}

/// `NAME VALUE,VALUE ` in text, `"NAME":["VALUE","VALUE"]` in JSON.
pub fn list<'a>(name: &CStr, values: impl Iterator<Item = &'a CStr>) {
    label(name);
    // SAFETY: The name is a string.
    unsafe { open_json_array(PRINT_JSON, name.as_ptr()) };
    let mut format = c"%s";
    for value in values {
        // SAFETY: Each format takes the string that follows; an element of an array has no key.
        unsafe {
            print_color_string(
                PRINT_ANY,
                COLOR_NONE,
                ptr::null(),
                format.as_ptr(),
                value.as_ptr(),
            )
        };
        format = c",%s";
    }
    // SAFETY: Nothing is printed but the end of the array.
    unsafe { close_json_array(PRINT_JSON, ptr::null()) };
    text(c" ");
}

/// `NAME VALUE ` in text, `"NAME":VALUE` in JSON.
pub fn number(name: &CStr, value: u64) {
    label(name);
    // SAFETY: The format takes the 64-bit number that follows.
    unsafe {
        print_color_u64(
            PRINT_ANY,
            COLOR_NONE,
            name.as_ptr(),
            c"%llu ".as_ptr(),
            value,
        )
    };
}

/// `NAME on|off ` in text, `"NAME":true|false` in JSON.
pub fn switch(name: &CStr, value: bool) {
    label(name);
    // SAFETY: `ip` puts the string "on" or "off" into the format.
    unsafe { print_color_on_off(PRINT_ANY, COLOR_NONE, name.as_ptr(), c"%s ".as_ptr(), value) };
}

/// As `word`, for an address of 4 or 16 bytes; one of another length is left out.
pub fn address(name: &CStr, address: &[u8]) {
    let (family, len) = match address.len() {
        4 => (AF_INET, 4),
        16 => (AF_INET6, 16),
        _ => return,
    };
    // SAFETY: The address has the length that its family demands.
    let text = unsafe { format_host(family, len, address.as_ptr().cast()) };
    // SAFETY: The function returns a string, in a buffer that stays until its next call.
    word(name, unsafe { CStr::from_ptr(text) });
}

/// `NAME 2026-11-22T11:36:08.123Z ` in text, `"NAME":MILLISECONDS` since the epoch in JSON.
pub fn time(name: &CStr, milliseconds: u64) {
    // SAFETY: Nothing is formatted for JSON.
    unsafe {
        print_color_u64(
            PRINT_JSON,
            COLOR_NONE,
            name.as_ptr(),
            ptr::null(),
            milliseconds,
        )
    };

    let mut date = [0; 40];
    if !format_second(milliseconds / 1000, &mut date) {
        return;
    }
    label(name);
    // SAFETY: `format_second` has ended the string.
    text(unsafe { CStr::from_ptr(date.as_ptr()) });
    // CAST: Below 1000.
    let fraction = (milliseconds % 1000) as c_uint;
    // SAFETY: The format takes the number that follows.
    unsafe {
        print_color_uint(
            PRINT_FP,
            COLOR_NONE,
            ptr::null(),
            c".%03uZ ".as_ptr(),
            fraction,
        )
    };
}

/// A date and time of the day in UTC, as a string; false if there is none for this second.
fn format_second(second: u64, text: &mut [c_char]) -> bool {
    let Ok(second) = i64::try_from(second) else {
        return false;
    };
    let mut time = BrokenDownTime {
        fields: [0; 9],
        gmtoff: 0,
        zone: ptr::null(),
    };
    // SAFETY: Both point to what they are declared as; a year that is too large gives null.
    if unsafe { gmtime_r(&second, &mut time) }.is_null() {
        return false;
    }
    // SAFETY: The buffer has the length that is told, and `time` is filled.
    let len = unsafe {
        strftime(
            text.as_mut_ptr(),
            text.len(),
            c"%Y-%m-%dT%H:%M:%S".as_ptr(),
            &time,
        )
    };
    len != 0
}

/// Begins a line under the link's, or goes on in the same one for `ip -oneline`.
pub fn line() {
    // SAFETY: The function takes nothing.
    unsafe { print_nl() };
    label(c"     ");
}

/// `NAME ` in text, nothing in JSON, where the value brings its name along.
fn label(name: &CStr) {
    text(name);
    text(c" ");
}

/// In text only.
fn text(text: &CStr) {
    // SAFETY: The format takes the string that follows.
    unsafe {
        print_color_string(
            PRINT_FP,
            COLOR_NONE,
            ptr::null(),
            c"%s".as_ptr(),
            text.as_ptr(),
        )
    };
}
