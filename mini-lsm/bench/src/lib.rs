//! The benchmark: our engine beside its peers, on the same work, with the same settings, in one run.
//!
//! | module      | what is in it                                                            |
//! |-------------|--------------------------------------------------------------------------|
//! | `data`      | keys and values from numbers, and the checks of what comes back          |
//! | `engine`    | what an engine has to offer, and the settings all of them get            |
//! | `engines`   | one file an engine                                                       |
//! | `promises`  | where an engine could not be matched, and where it promises less         |
//! | `workloads` | the list of workloads                                                    |
//! | `script`    | the writes of a workload, as a function of their number                  |
//! | `work`      | what a child process does: load a store, run one workload, try an engine |
//! | `measure`   | time, bytes written, disk, memory, and when an engine rests              |
//! | `calls`     | system calls a put                                                       |
//! | `machine`   | what the figures were taken on                                           |
//! | `rounds`    | the parent: whose turn it is, one process a run                          |
//! | `report`    | medians and ratios; as a table, as JSON, as a picture                    |
//! | `args`      | the command line                                                         |

pub mod calls;
pub mod data;
pub mod engine;
pub mod engines;
pub mod machine;
pub mod measure;
pub mod promises;
pub mod script;
pub mod workloads;

pub mod report;
pub mod rounds;
pub mod work;

pub mod args;
