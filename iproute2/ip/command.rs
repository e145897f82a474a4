// SPDX-License-Identifier: GPL-2.0

//! The command line, the files that it names, and complaints about both.

use core::ffi::{c_char, c_int, CStr};
use core::ptr;
use core::slice;

use super::abi::{
    close, duparg, fprintf, fputs, incomplete_command, invarg, open, read, snprintf, stderr,
    Stream, O_RDONLY, STDIN,
};

/// The command line, from the first word after the kind.
pub struct Arguments<'a>(slice::Iter<'a, *const c_char>);

impl<'a> Arguments<'a> {
    /// # Safety
    ///
    /// `argv` must point to `argc` strings, none of which changes during `'a`.
    pub unsafe fn new(argc: c_int, argv: *const *const c_char) -> Self {
        let len = usize::try_from(argc).unwrap_or(0);
        // SAFETY: The caller promises `len` pointers there.
        Self(unsafe { slice::from_raw_parts(argv, len) }.iter())
    }

    /// The word that the option just read needs; without it `ip` says so and exits.
    pub fn value(&mut self) -> &'a CStr {
        let Some(value) = self.next() else {
            // SAFETY: The function takes nothing, and exits.
            unsafe { incomplete_command() }
        };
        value
    }
}

impl<'a> Iterator for Arguments<'a> {
    type Item = &'a CStr;

    fn next(&mut self) -> Option<&'a CStr> {
        // SAFETY: By the promise made to `new` this is a string that lives through `'a`.
        self.0.next().map(|word| unsafe { CStr::from_ptr(*word) })
    }
}

/// `Error: argument "ARGUMENT" is wrong: "OPTION" takes EXPECTED`, and exits.
pub fn wrong_argument(option: &CStr, expected: &CStr, argument: &CStr) -> ! {
    let mut complaint = [0; 80];
    // SAFETY: The buffer has the length that is told, and the two strings end in a zero.
    unsafe {
        snprintf(
            complaint.as_mut_ptr(),
            complaint.len(),
            c"\"%s\" takes %s".as_ptr(),
            option.as_ptr(),
            expected.as_ptr(),
        )
    };
    // SAFETY: Both are strings; snprintf() ends what it writes.
    unsafe { invarg(complaint.as_ptr(), argument.as_ptr()) }
}

/// `Error: duplicate "OPTION": "ARGUMENT" is the second value.`, and exits.
pub fn second_value(option: &CStr, argument: &CStr) -> ! {
    // SAFETY: Both are strings.
    unsafe { duparg(option.as_ptr(), argument.as_ptr()) }
}

/// Writes a whole text to a stream of libc.
///
/// # Safety
///
/// `stream` must be open.
pub unsafe fn put(text: &CStr, stream: *mut Stream) {
    // SAFETY: `text` is a string, and the caller promises the stream.
    unsafe { fputs(text.as_ptr(), stream) };
}

/// Writes a whole text to stderr.
pub fn complain(text: &CStr) {
    // SAFETY: libc opens stderr before `ip` begins.
    unsafe { put(text, stderr) };
}

/// Writes a text to stderr that names one word of the command line.
pub fn complain_of(before: &CStr, word: &CStr, after: &CStr) {
    // SAFETY: The format takes three strings.
    unsafe {
        fprintf(
            stderr,
            c"%s \"%s\"%s\n".as_ptr(),
            before.as_ptr(),
            word.as_ptr(),
            after.as_ptr(),
        )
    };
}

/// A file that is read byte by byte, so that nothing is taken from it that is not needed.
pub struct Input<'a> {
    path: &'a CStr,
    fd: c_int,
}

impl<'a> Input<'a> {
    /// Opens `path`, "-" being stdin; None, and a line on stderr, if that fails.
    pub fn open(path: &'a CStr) -> Option<Self> {
        let fd = if path == c"-" {
            STDIN
        } else {
            // SAFETY: `path` is a string.
            unsafe { open(path.as_ptr(), O_RDONLY) }
        };
        let input = Self { path, fd };
        if fd < 0 {
            input.complain_of_errno();
            return None;
        }
        Some(input)
    }

    /// The next byte or, at the end, None; an error is told on stderr.
    pub fn byte(&mut self) -> Result<Option<u8>, ()> {
        let mut byte = 0;
        // SAFETY: There is room for one byte.
        match unsafe { read(self.fd, ptr::from_mut::<u8>(&mut byte).cast(), 1) } {
            1 => Ok(Some(byte)),
            0 => Ok(None),
            _ => {
                self.complain_of_errno();
                Err(())
            }
        }
    }

    fn complain_of_errno(&self) {
        // SAFETY: The format takes one string, and errno.
        unsafe { fprintf(stderr, c"Error: \"%s\": %m\n".as_ptr(), self.path.as_ptr()) };
    }
}

impl Drop for Input<'_> {
    fn drop(&mut self) {
        if self.fd > STDIN {
            // SAFETY: The descriptor was opened by `open`, and nobody uses it after this.
            unsafe { close(self.fd) };
        }
    }
}
