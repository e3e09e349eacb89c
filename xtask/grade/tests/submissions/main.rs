//! The grader over whole submissions: honest, unfinished, broken and hostile ones.

mod fairness;
mod hostile;
mod support;
