//! What an engine has to bear before anyone trusts it.
//!
//! | trial | what happens to the store | what must hold |
//! |---|---|---|
//!
//! Each trial is a function from a [`Scale`](scale::Scale) to a [`Tally`](tally::Tally): how much of
//! it there is to be, and what was seen to happen. `main.rs` names them all; `cargo x torture` runs
//! them.

pub mod history;
pub mod scale;
pub mod tally;
