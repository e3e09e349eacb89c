//! `scheck` on small courses made in temporary directories.

mod boards;
mod fixture;
mod memory;
mod verdicts;
