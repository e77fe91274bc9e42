//! The organisation: its targets.

pub(super) mod targets;
