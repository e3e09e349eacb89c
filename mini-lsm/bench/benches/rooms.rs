//! The parts of the engine, one by one: what a figure of the whole is made of. `cargo x bench --micro [FILTER]`.
//!
//! Each benchmark prepares its input outside the measured part, and its sizes are those of a store with default
//! options: 16-byte keys, 100-byte values, 4 KiB blocks. Only the public surface of the engine is used.

mod rooms {
    pub mod memory;
    pub mod reading;
    pub mod table;
    pub mod writing;
}

fn main() {
    divan::main();
}
