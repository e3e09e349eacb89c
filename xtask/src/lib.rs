//! `cargo x`: what learners, instructors and maintainers type.
//!
//! [`flags`] declares every command, `main.rs` is one `match`, and each verb has a module with a `run`.
//! Below the verbs stand the parts they share: the catalogue of the day tests, what is remembered of them,
//! processes with limits, the screen.

pub mod catalogue;
pub mod last_grade;
pub mod process;
pub mod progress;
pub mod screen;
pub mod stubs;
pub mod workspace;

pub mod ci;
pub mod flags;
pub mod hint;
pub mod inspect;
pub mod scheck;
pub mod status;
