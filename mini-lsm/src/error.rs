//! What can go wrong, as one type.
//!
//! An error is cheap to clone, because a failure in the background is kept and handed to every
//! later write. Every I/O error carries the operation and the path; every decoding error carries
//! the file and the offset.
//!
//! The text of an error tells its cause, too, in one line; so none has a
//! [`source`](std::error::Error::source), or whoever prints the chain would print that twice.

use std::any::Any;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A result whose error is [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// Everything that the engine reports.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused an operation on a file or directory.
    #[error("cannot {op} {}: {cause}", path.display())]
    Io {
        /// The operation as a verb: `read`, `append to`, `sync`, …
        op: &'static str,
        /// The file or directory it was asked of.
        path: PathBuf,
        /// What the system said.
        cause: Arc<io::Error>,
    },

    /// Bytes on disk are not what was written there.
    #[error("{} is damaged at byte {offset}: {reason}", file.display())]
    Corruption {
        /// The damaged file.
        file: PathBuf,
        /// Where in the file, in bytes from its start.
        offset: u64,
        /// What was found and what was expected.
        reason: String,
    },

    /// A file of a format that this engine does not know yet, written by a newer one. It is not
    /// damaged, and nothing was changed.
    #[error(
        "{} has format {found}, newer than the format {known} that this engine reads: use a newer engine; nothing is damaged",
        file.display()
    )]
    NewerFormat {
        /// The file that says so: a table, or the manifest for the whole directory.
        file: PathBuf,
        /// Its format version, greater than `known`.
        found: u32,
        /// The only one that this engine reads.
        known: u32,
    },

    /// An argument outside its documented limits. Nothing was changed.
    #[error("{0}")]
    InvalidArgument(String),

    /// Another `LsmStorage`, in this process or another, owns the directory.
    #[error("{} is open already: a store has one owner at a time", .0.display())]
    AlreadyOpen(PathBuf),

    /// The store takes no more writes: a log or manifest write failed, or a background thread died.
    /// Reads go on; reopen to write again.
    #[error("the store takes no writes until it is reopened: {0}")]
    Background(Arc<Error>),

    /// A background thread panicked, or a thread of the user in the middle of a write.
    #[error("the {thread} thread panicked: {message}")]
    Panicked {
        /// The thread's name.
        thread: &'static str,
        /// What it panicked with.
        message: String,
    },

    /// `close` was called before.
    #[error("the store is closed")]
    Closed,
}

impl Error {
    /// An [`Error::Io`] for `op` (a verb) on `path`.
    pub fn io(op: &'static str, path: &Path, cause: io::Error) -> Self {
        Self::Io {
            op,
            path: path.to_owned(),
            cause: Arc::new(cause),
        }
    }

    /// The same failure of an operation, told of `renamed`: a handle keeps the name under which its
    /// file was made, and the file may have been renamed since.
    pub fn told_of(mut self, renamed: &Path) -> Self {
        if let Self::Io { path, .. } = &mut self {
            *path = renamed.to_owned();
        }
        self
    }

    /// An [`Error::Panicked`] of `thread`, from what it panicked with.
    pub fn panicked(thread: &'static str, panic: &(dyn Any + Send)) -> Self {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        Self::Panicked {
            thread,
            message: text.unwrap_or_else(|| "no message".to_owned()),
        }
    }

    /// An [`Error::Corruption`] of `file` at `offset`.
    pub fn corruption(file: &Path, offset: u64, reason: impl Into<String>) -> Self {
        Self::Corruption {
            file: file.to_owned(),
            offset,
            reason: reason.into(),
        }
    }

    /// An [`Error::NewerFormat`] of `file`.
    pub fn newer_format(file: &Path, found: u32, known: u32) -> Self {
        Self::NewerFormat {
            file: file.to_owned(),
            found,
            known,
        }
    }

    /// Whether this is [`Error::Corruption`].
    pub fn is_corruption(&self) -> bool {
        matches!(self, Self::Corruption { .. })
    }
}
