//! The grader over whole submissions: honest, unfinished, broken and hostile ones.

mod archives;
mod fairness;
mod hostile;
mod support;
