//! Problems: the faults of a step, the problem types of the API, and the hints for them.

pub mod aws_codes;
pub mod fault;
pub mod hints;
pub mod pasted_call;
pub mod problem_code;
mod problem_table;
