// SPDX-License-Identifier: GPL-2.0
//! The module's directory in debugfs. Its contents are no stable interface.

use kernel::{
    debugfs::{self, Dir},
    fmt,
    prelude::*,
    str::CString,
    sync::{global_lock, Arc},
    uaccess::UserSliceReader,
};

/// The longest command of a file.
const COMMAND_LEN: usize = 32;

global_lock! {
    // SAFETY: `Registration::new()` initialises it before anybody uses it.
    unsafe(uninit) static ROOT: Mutex<Option<Dir>> = None;
}

/// The directory exists while this does, and while files are in it.
pub(crate) struct Registration(());

impl Registration {
    /// Called once.
    pub(crate) fn new() -> Self {
        // SAFETY: Called once, when the module is loaded.
        unsafe { ROOT.init() };
        *ROOT.lock() = Some(Dir::new(c"carp"));
        Self(())
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let root = ROOT.lock().take();
        drop(root);
    }
}

/// What a file shows, and what can be written to it. Context: process. Must not take RTNL: a file
/// is removed under RTNL, and its removal waits for its readers.
pub(crate) trait Inspect: Send + Sync + 'static {
    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result;
    fn command(&self, words: &str) -> Result;
}

/// The file of a `T`, while this exists.
pub(crate) struct File<T: Inspect> {
    _file: Pin<KBox<debugfs::File<Arc<T>>>>,
}

impl<T: Inspect> File<T> {
    /// Nothing depends on the file: if out of memory, there is none. Context: process.
    pub(crate) fn new(name: fmt::Arguments<'_>, of: Arc<T>) -> Option<Self> {
        let root = ROOT.lock().clone()?;
        let name = CString::try_from_fmt(name).ok()?;
        let file = root.read_write_callback_file(&name, of, &show::<T>, &command::<T>);
        let _file = KBox::pin_init(file, GFP_KERNEL_ACCOUNT).ok()?;
        Some(Self { _file })
    }
}

fn show<T: Inspect>(this: &Arc<T>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    this.show(f)
}

fn command<T: Inspect>(this: &Arc<T>, reader: &mut UserSliceReader) -> Result {
    let mut buffer = [0; COMMAND_LEN];
    let bytes = buffer.get_mut(..reader.len()).ok_or(EINVAL)?;
    reader.read_slice(bytes)?;
    let words = core::str::from_utf8(bytes).map_err(|_| EINVAL)?;
    this.command(words.trim())
}
