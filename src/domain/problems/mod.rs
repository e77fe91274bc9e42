//! Problems: faults of a step, the problem types that callers see, and the hints for them.

pub mod fault;
pub mod hints;
pub mod problem_code;
mod problem_table;
