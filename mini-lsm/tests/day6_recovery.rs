//! NOTE to the writer of this file (delete it): the founder has CHANGED THE CUT of day 6, see src/lsm_storage/create.rs:
//! from task 4 on `open` of a missing/empty directory creates a store WITH lock, manifest and log (`create_or_recover`, `create`),
//! so all of task 4 (log before memtable, sync, group commit, failing syncs, rotation, retiring, AlreadyOpen, foreign
//! directories refused) is testable in task 4 by reading the files back with `Wal::read` and `Manifest::load`;
//! opening an existing store (recover) is task 5.
