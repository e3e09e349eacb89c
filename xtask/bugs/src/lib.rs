//! The bug zoo: mistakes that learners make, or would, each planted alone in a copy of the reference. A test of its own
//! day must fail, and the first that does must be one whose claim fits the mistake.
//!
//! The modules as they stand on one another: what is in the zoo ([`zoo`]) and how it is planted ([`edit`], [`scratch`]),
//! which tests fail then ([`hunt`]), what was recorded of that ([`record`]) and what is wrong with it ([`verdict`]), which bugs a
//! run takes ([`choose`]), the words ([`report`]); a learner's own tests in the place of ours ([`yours`]); and, in the place of
//! the zoo, mechanical changes made by cargo-mutants ([`mutants`]).

pub mod zoo;

pub mod edit;

pub mod scratch;

pub mod hunt;

pub mod record;

pub mod verdict;

pub mod choose;

pub mod report;

pub mod yours;

pub mod mutants;
