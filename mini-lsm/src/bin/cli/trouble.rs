//! What can go wrong: one line for people, one exit code for scripts.
//!
//! A learner's engine is full of panics at first: each stub is one. None of them may end a session or show a backtrace unasked, so panics are recorded by
//! a hook, and caught where a verb is done.

use std::cell::RefCell;
use std::fmt;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};

use mini_lsm::Error;

/// Why a verb did not do what it was asked for.
#[derive(Debug)]
pub enum Trouble {
    /// `get` found no value.
    Missing(String),
    /// The engine, the operating system or the user's words.
    Error(String),
    /// A stub was hit: the day, the task and the function.
    Unwritten(String),
    /// Any other panic.
    Panic(String),
    /// Whoever read our answers has gone. Nobody is told.
    NobodyListens,
}

impl Trouble {
    /// The exit code; a greater one is worse.
    pub fn code(&self) -> u8 {
        match self {
            Self::NobodyListens => 0,
            Self::Missing(_) => 1,
            Self::Error(_) => 2,
            Self::Unwritten(_) => 3,
            Self::Panic(_) => 101,
        }
    }

    /// One line on stderr. `place` says where in a script, and ends in a colon and a space if it says anything.
    pub fn tell(&self, place: &str) {
        if !matches!(self, Self::NobodyListens) {
            let _ = writeln!(io::stderr(), "{place}{self}");
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(text) => f.write_str(text),
            Self::Error(text) => write!(f, "error: {text}"),
            Self::Unwritten(what) => write!(f, "{what} is still to be written"),
            Self::Panic(text) => {
                write!(
                    f,
                    "the engine panicked {text} (RUST_BACKTRACE=1 shows the way there)"
                )
            }
            Self::NobodyListens => Ok(()),
        }
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        let mut cause = &error;
        while let Error::Background(inner) = cause {
            cause = inner;
        }
        // A stub may be hit in a background thread, too.
        match cause {
            Error::Panicked { message, .. } => match stub(message) {
                Some(what) => Self::Unwritten(what.to_owned()),
                None => Self::Error(error.to_string()),
            },
            _ => Self::Error(error.to_string()),
        }
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::NobodyListens,
            _ => Self::Error(error.to_string()),
        }
    }
}

thread_local! {
    /// What the last panic of this thread said, and where it happened.
    static LAST_PANIC: RefCell<Option<(String, String)>> = const { RefCell::new(None) };
}

/// From now on panics are recorded, and shown in the usual way only if `RUST_BACKTRACE` asks for it.
pub fn record_panics() {
    let usual = std::panic::take_hook();
    let is_wanted = std::env::var_os("RUST_BACKTRACE").is_some_and(|value| value != "0");
    std::panic::set_hook(Box::new(move |panic| {
        let place = panic
            .location()
            .map_or_else(String::new, |at| format!("at {}:{}", at.file(), at.line()));
        LAST_PANIC.set(Some((message_of(panic), place)));
        if is_wanted {
            usual(panic);
        }
    }));
}

/// Does `work`; a panic in it becomes a [`Trouble`].
pub fn guarded<T>(work: impl FnOnce() -> Result<T, Trouble>) -> Result<T, Trouble> {
    // The engine is shared by reference and has locks that do not poison: after a panic it is as usable as its author made it.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        let (message, place) = LAST_PANIC.take().unwrap_or_default();
        Err(match stub(&message) {
            Some(what) => Trouble::Unwritten(what.to_owned()),
            None => Trouble::Panic(format!("{place}: {message}")),
        })
    })
}

/// Which stub a panic's message comes from: `day 3, task 4: Type::function`.
fn stub(message: &str) -> Option<&str> {
    let what = message.strip_prefix("not implemented: ")?;
    what.starts_with("day ").then_some(what)
}

fn message_of(panic: &PanicHookInfo<'_>) -> String {
    let payload = panic.payload();
    let text = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned());
    let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
    // One line, whatever `assert_eq!` makes of it.
    let text = text.unwrap_or_else(|| "without a message".to_owned());
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
