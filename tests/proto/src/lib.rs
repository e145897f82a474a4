// SPDX-License-Identifier: GPL-2.0
//! `rust/proto` and `rust/serializer`, the very files of the module, as a host crate.
//!
//! The lints hold them to what the kernel needs: nothing that can panic, nothing without a doc.

#![no_std]
#![deny(
    missing_docs,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::expect_used,
    clippy::float_arithmetic,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::panic_in_result_fn,
    clippy::string_slice,
    clippy::todo,
    clippy::unimplemented,
    clippy::unreachable,
    clippy::unwrap_used
)]

#[path = "../../../rust/proto/mod.rs"]
pub mod proto;

#[path = "../../../rust/serializer/mod.rs"]
pub mod serializer;
