//! Schedules: the engine under [shuttle], which decides before each operation on a lock or an atomic which thread goes on.
//!
//! ```text
//! cargo test --package mini-lsm-torture --features schedules --test schedules
//! ```
//!
//! The engine is the real one, on a file system in memory; only what `mini_lsm::sync` gives it is
//! another (the feature sees to that, which is why the trials, whose threads are real ones, are not
//! run with it). Each test is a small *world*: a store, a handful of threads, a handful of calls.
//! It is run through some thousand schedules, of which a third each is drawn by
//! - the random walk, which may go on with any thread at each step;
//! - the uniform walk, which makes all orders about equally likely, however long each thread is;
//! - PCT, which runs the thread of the highest priority and changes its mind a few times only: it
//!   finds with a known probability what takes few changes of mind.
//!
//! A thread that waits for ever is found in every schedule: when no thread can go on, shuttle says
//! so.
//!
//! | variable              | what it does                                                           |
//! |-----------------------|------------------------------------------------------------------------|
//! | `SCHEDULES`           | so many schedules a test: a million is a night's work                  |
//! | `SHUTTLE_RANDOM_SEED` | another seed: other schedules                                          |
//!
//! The seed is the same each time unless another is given, so a failure is repeated by the same
//! command; shuttle also prints the failing schedule.
//!
//! What is not tried: orders of the machine's own making (all atomics are sequentially consistent
//! here), and what happens within quick_cache and crossbeam, whose locks shuttle does not know. The trial
//! `threads` and ThreadSanitizer look there.

mod commit;
mod hand_off;
mod seam;
mod shutdown;
mod source;
mod world;
