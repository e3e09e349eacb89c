//! The commands of `cargo x` that read and change a learner's files: `catch-up`, `reset`, `borrow`, `repay`, `diff`, `update`.
//!
//! None of them loses a byte. What a command is about to change is first read whole ([`mine`]), then kept where git or a dated
//! folder has it ([`keep`]), then written file by file, each in one step ([`changes`]); a file that changed meanwhile stops it.
//! What goes into a file is put together from named pieces of two versions of it ([`graft`], [`needs`]), which the course's
//! generator cuts ([`staging::outline`]).

pub mod mine;

pub mod keep;

pub mod changes;

pub mod course;

pub mod needs;

pub mod graft;

pub mod compile;

pub mod catch_up;

pub mod reset;

pub mod borrow;

pub mod diff;

pub mod update;
