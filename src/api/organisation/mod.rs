//! The organisation: targets, the caller, and what the caller may do.

pub(crate) mod authorizations;
pub(crate) mod me;
pub(crate) mod targets;
