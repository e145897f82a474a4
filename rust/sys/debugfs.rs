// SPDX-License-Identifier: GPL-2.0
//! The module's folder in debugfs. What is in it is nobody's contract.

use kernel::{debugfs::Dir, prelude::*, sync::global_lock};

global_lock! {
    // SAFETY: `Registration::new()` initialises it before anybody uses it.
    unsafe(uninit) static ROOT: Mutex<Option<Dir>> = None;
}

/// The folder exists while this does, and while files are in it.
pub(crate) struct Registration(());

impl Registration {
    /// Once a module.
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

/// The folder. Context: process.
pub(crate) fn root() -> Option<Dir> {
    ROOT.lock().clone()
}
