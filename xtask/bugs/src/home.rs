//! Where the course stands that these programs are run in.

use std::path::PathBuf;

use anyhow::{Context, Result};
use xtask::workspace::Workspace;

/// This crate lies two folders deep in its workspace. `cargo run` says where it is now; the place where it was compiled
/// is second best, for a binary started by hand.
pub fn workspace() -> Result<Workspace> {
    let package =
        std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let root = PathBuf::from(package);
    let root = root.ancestors().nth(2);
    root.map(Workspace::at)
        .context("the workspace of the course was not found; run this by `cargo x`")
}
