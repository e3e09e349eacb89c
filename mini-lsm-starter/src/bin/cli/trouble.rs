//! What can go wrong: one line for people, one exit code for scripts.
//!
//! A learner's engine is full of panics at first: each stub is one. None of them may end a session or show a backtrace unasked, so panics are recorded by
//! a hook, and caught where a verb is done.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};

use mini_lsm_starter::Error;

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
    /// An error, all of which the answer has told.
    Told,
    /// Whoever read our answers has gone. Nobody is told.
    NobodyListens,
}

impl Trouble {
    /// The exit code; a greater one is worse.
    pub fn code(&self) -> u8 {
        match self {
            Self::NobodyListens => 0,
            Self::Missing(_) => 1,
            Self::Error(_) | Self::Told => 2,
            Self::Unwritten(_) => 3,
            Self::Panic(_) => 101,
        }
    }

    /// One line on stderr. `place` says where in a script, and ends in a colon and a space if it says anything.
    pub fn tell(&self, place: &str) {
        if !matches!(self, Self::Told | Self::NobodyListens) {
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
            Self::Told | Self::NobodyListens => Ok(()),
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
    /// Whether this thread is doing a verb.
    static IS_GUARDED: Cell<bool> = const { Cell::new(false) };
    /// What the last panic of this thread said, and where it happened.
    static LAST_PANIC: RefCell<Option<(String, String)>> = const { RefCell::new(None) };
}

/// From now on panics within [`guarded`], and in the engine's own threads (which keep them as the background error), are shown in the usual way only if
/// `RUST_BACKTRACE` asks for it, and those of stubs not even then. Others, of this tool, stay as loud as they are.
pub fn record_panics() {
    let usual = std::panic::take_hook();
    let is_wanted = std::env::var_os("RUST_BACKTRACE").is_some_and(|value| value != "0");
    std::panic::set_hook(Box::new(move |panic| {
        let place = panic
            .location()
            .map_or_else(String::new, |at| format!("at {}:{}", at.file(), at.line()));
        let message = message_of(panic);
        let is_stub = stub(&message).is_some();
        LAST_PANIC.set(Some((message, place)));
        let thread = std::thread::current();
        let is_engines = thread
            .name()
            .is_some_and(|name| name.starts_with("mini-lsm "));
        let is_told_elsewhere = IS_GUARDED.get() || is_engines;
        if !is_told_elsewhere || (is_wanted && !is_stub) {
            usual(panic);
        }
    }));
}

/// Does `work`; a panic in it becomes a [`Trouble`].
pub fn guarded<T>(work: impl FnOnce() -> Result<T, Trouble>) -> Result<T, Trouble> {
    let was_guarded = IS_GUARDED.replace(true);
    // The engine is shared by reference and has locks that do not poison: after a panic it is as usable as its author made it.
    let outcome = catch_unwind(AssertUnwindSafe(work));
    IS_GUARDED.set(was_guarded);
    outcome.unwrap_or_else(|_| {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What a verb that does this comes to: its line and its exit code.
    fn outcome(work: impl FnOnce()) -> (String, u8) {
        record_panics();
        let trouble = guarded(|| {
            work();
            Ok(())
        })
        .unwrap_err();
        (trouble.to_string(), trouble.code())
    }

    #[test]
    fn a_stub_is_named_in_one_line() {
        let stub = outcome(|| unimplemented!("day 3, task 4: Core::open"));
        let line = "day 3, task 4: Core::open is still to be written";
        assert_eq!(stub, (line.to_owned(), 3));
    }

    #[test]
    fn a_stub_that_a_thread_hit_is_named_too() {
        let panicked = Error::Panicked {
            thread: "flush",
            message: "not implemented: day 4, task 2: Core::flush_oldest".to_owned(),
        };
        let trouble = Trouble::from(Error::Background(panicked.into()));
        let line = "day 4, task 2: Core::flush_oldest is still to be written";
        assert_eq!((trouble.to_string().as_str(), trouble.code()), (line, 3));
    }

    #[test]
    fn another_panic_is_one_line_with_its_place() {
        let (line, code) = outcome(|| assert_eq!(1 + 1, 3, "the sum"));
        assert!(line.contains("trouble.rs:"), "{line}");
        assert!(line.contains("the sum left: 2 right: 3"), "{line}");
        assert_eq!((line.lines().count(), code), (1, 101));
    }

    #[test]
    fn nobody_is_told_that_nobody_listens() {
        let trouble = Trouble::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!((trouble.to_string().as_str(), trouble.code()), ("", 0));
    }
}
