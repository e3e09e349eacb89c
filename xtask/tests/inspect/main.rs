//! `cargo x inspect` against the engine, which it shares no code with: it reads all that the
//! reference writes, finds damage where the engine does, and never panics. And against a terminal:
//! what the program prints, and its exit codes.

mod agreement;
mod damage;
mod program;
mod rules;
mod samples;
