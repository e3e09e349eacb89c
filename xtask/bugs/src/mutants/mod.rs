//! Mutants: small mechanical changes of the reference, made by cargo-mutants (an operator turned, a body replaced by a trivial
//! one), each of which the tests of its day should notice. Where the zoo holds what people get wrong, these show what no
//! test looks at.
//!
//! [`tool`] starts cargo-mutants, [`outcomes`] reads what it found, [`owner`] tells whose day a mutant is of, [`tally`] counts.

pub mod tool;

pub mod outcomes;

pub mod owner;

pub mod tally;
