//! What an engine has to bear before anyone trusts it.
//!
//! | trial | what happens to the store | what must hold |
//! |---|---|---|
//! | [`crashes`] | the power is cut at every file-system operation, in recoveries too: what was not synced is lost, kept, zeroed, torn, left to chance | it opens, and holds all that was synced and a prefix of the rest, in whole batches; nothing is reported, left behind or lost that should not be |
//! | [`kills`] | a process that writes to disk is killed, again and again, and another goes on | all that it told of is there, in order, in whole batches; it had its store alone |
//! | [`damage`] | every byte of every file is flipped, zeroed, and the file cut there; files are extended, swapped, emptied, deleted | the right answer or an error that names the file; no panic, no hang, no great allocation; a refusal changes nothing on disk |
//! | [`faults`] | every file-system operation fails, in turn and in pairs: not done, half done, done, a panic; once and for good | errors name file and operation, reads go on, nothing hangs, nothing promised is lost |
//! | [`full_disk`] | a small file system, or a limit on file size, is filled | the error names file and operation, reads go on, nothing acknowledged is lost, with room it goes on |
//! | [`resources`] | random lives, held scans, too few handles, a thousand reopenings, a load many times the memory | files and handles are the live ones, threads end, memory is bounded, nothing is lost |
//! | [`doors`] | every wrong way in: second openers, links, permissions, foreign and future files, wrong options | one clear line, and nothing has changed on disk |
//! | [`model`] | random scripts over the whole API, with random options, and others at each reopening; power cuts | every answer is that of a `BTreeMap`, held scans show their snapshot, the levels are in order; a failure shrinks to a short script |
//! | [`twins`] | the same script on stores with different options, one of them busy with flushes, compactions and reopenings of its own | all answers are the same |
//! | [`fuzz`] | decoders, and a whole store by a script, get bytes that are changed at random | an error or one consistent reading; what a map says |
//! | [`threads`] | eight threads read, write, scan, flush and compact while it is closed or dropped, and opened again | nobody goes back in time, a scan shows one state, batches are whole, nothing hangs |
//!
//! Each trial is a function from a [`Scale`](scale::Scale) to a [`Tally`](tally::Tally): how much of
//! it there is to be, and what was seen to happen. `main.rs` names them all; `cargo x torture` runs
//! them.

pub mod alloc;
pub mod child;
pub mod crashes;
pub mod damage;
pub mod doors;
pub mod draw;
pub mod faults;
pub mod full_disk;
pub mod fuzz;
pub mod history;
pub mod kills;
pub mod model;
pub mod own_process;
pub mod resources;
pub mod rounds;
pub mod scale;
pub mod tally;
pub mod threads;
pub mod twins;
pub mod watchdog;
