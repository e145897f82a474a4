// SPDX-License-Identifier: GPL-2.0
//! That `rust/proto` and `rust/serializer` cannot panic, proved by the linker.
//!
//! `probe/lib.rs` calls every function of them, in a library whose panic handler is a function that
//! does not exist. It is compiled as the kernel is: optimized, with overflow checks. If the
//! compiler leaves one way to panic, the library does not link.

use std::env;
use std::path::Path;
use std::process::Command;

/// What the linker says about the probe, if it does not like it.
fn link(name: &str, extra: &[&str]) -> Result<(), String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = Command::new(env::var("RUSTC").unwrap_or("rustc".into()))
        .args([
            "--edition=2021",
            "--crate-type=cdylib",
            "--crate-name",
            name,
        ])
        .args(["-Copt-level=2", "-Cpanic=abort", "-Coverflow-checks=on"])
        .args(["-Clink-arg=-lc", "-Clink-arg=-Wl,--no-undefined"])
        // What is dead in the probe is not called, so not proved.
        .args(["-Dwarnings", "--out-dir", env!("CARGO_TARGET_TMPDIR")])
        .args(extra)
        .arg(root.join("probe/lib.rs"))
        .output()
        .expect("rustc runs");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    output.status.success().then_some(()).ok_or(stderr)
}

#[test]
fn they_cannot_panic() {
    link("proto", &[]).unwrap();
}

/// That the test above can fail: with one more function, which indexes, it does.
#[test]
fn a_panic_is_found() {
    let error = link("panics", &["--cfg", "panics"]).unwrap_err();
    assert!(error.contains("it_can_panic"), "{error}");
}
