//! `cargo x grade`: the submissions of a whole class, honestly.
//!
//! The modules as they stand on one another: what a report may hold ([`mod@text`]); a program in a jail ([`jail`]) and its run ([`run`]);
//! what was handed in ([`place`], [`archive`], [`submission`]), the course it is laid into ([`pristine`]), and what it tried
//! ([`tampering`]); the compiler ([`tools`]), one call of it ([`compile`]), what must keep its type ([`contract`]), and a library out
//! of whatever compiles ([`build`]); the end of a test ([`verdict`]), the [`report`], what is kept of earlier runs ([`resume`]), whose
//! turn it is ([`slots`]), and the [`class`]; what can be typed ([`args`]), and the course as an archive for Gradescope ([`bundle`]).
//!
//! # Evidence
//! A test passes when, and only when, the harness that the generator put around it has written a token after the body returned: see
//! `xtask/staging/src/graded/harness.rs`. The token is new for every run and is read before any code of a submission runs.

pub mod archive;
pub mod args;
pub mod build;
pub mod bundle;
pub mod class;
pub mod compile;
pub mod contract;
pub mod jail;
pub mod place;
pub mod pristine;
pub mod report;
pub mod resume;
pub mod run;
pub mod slots;
pub mod submission;
pub mod tampering;
pub mod text;
pub mod tools;
pub mod verdict;
