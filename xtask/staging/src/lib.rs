//! Derives every stage of the course from the annotated reference crate, and proves that the stages hold.
//!
//! The modules as they stand on one another: what a file says ([`problem`], [`marker`], [`source`]), what a stage makes
//! of it ([`edit`], [`body`], [`refuse`], [`items`], [`names`], [`manifest`], [`mod@format`]), the crate of a stage ([`tree`], [`stage`]),
//! what a learner's file is next to it ([`outline`], [`edition`]), its tests and its contract for the grader of submissions ([`graded`], [`contract`]), and the two commands ([`starter`], [`stages`]).

pub mod problem;

pub mod marker;

pub mod source;

pub mod edit;

pub mod body;

pub mod refuse;

pub mod items;

pub mod names;

pub mod manifest;

pub mod format;

pub mod tree;

pub mod stage;

pub mod outline;

pub mod edition;

pub mod contract;

pub mod graded;

pub mod starter;

pub mod stages;
