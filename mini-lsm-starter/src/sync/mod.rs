//! Locks, atomics and threads: the engine takes all of them from here, so that a test may put others in their place.
//!
//! They are [`parking_lot`]'s and the standard library's. With the feature `shuttle` they are
//! [shuttle](https://docs.rs/shuttle)'s, of which only one thread runs at a time: before each
//! operation on one of them a scheduler decides which thread goes on. So a test runs the engine
//! through thousands of orders, among them those that chance would try once in a year, and an order
//! that fails can be repeated. Outside of such a test the feature is of no use: shuttle's locks
//! panic.
//!
//! Whatever two threads share must come from here; an [`Arc`](std::sync::Arc), which nobody waits
//! for, need not.

#[cfg(feature = "shuttle")]
mod shuttled;

#[cfg(not(feature = "shuttle"))]
pub use parking_lot::{Condvar, Mutex, MutexGuard, RwLock};
#[cfg(not(feature = "shuttle"))]
pub use std::{sync::atomic, thread};

#[cfg(feature = "shuttle")]
pub use shuttle::sync::atomic;
#[cfg(feature = "shuttle")]
pub use shuttled::{Condvar, Mutex, MutexGuard, RwLock, thread};
