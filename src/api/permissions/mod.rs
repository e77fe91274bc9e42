//! Permissions: plans, preflights and hints.

pub(super) mod hints;
pub(super) mod plans;
pub(super) mod preflights;
pub(super) mod problem_renderer;
