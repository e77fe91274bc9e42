//! Permissions: the shipped policies, hints, plans, preflights and escalations.

pub mod doctor;
pub mod escalation_rows;
pub mod escalations;
pub mod guide;
pub mod lookups_permissions;
pub mod permissions;
pub mod plans;
pub mod preflights;
