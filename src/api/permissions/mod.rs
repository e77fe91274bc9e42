//! Permissions: plans, preflights, hints and explained AWS error messages.

pub(super) mod change_plans;
pub(super) mod explain;
pub(super) mod hints;
pub(super) mod plans;
pub(super) mod preflights;
pub(super) mod problem_renderer;
