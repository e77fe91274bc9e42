//! What a request can name in AWS, and the orphans: roles, subnet groups, parameter groups.

pub(super) mod orphans;
pub(super) mod parameter_groups;
pub(super) mod service_roles;
pub(super) mod subnet_groups;
