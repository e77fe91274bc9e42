//! AWS resources that a request can name (service roles, subnet groups, parameter groups), and
//! orphans.

pub(super) mod node_types;
pub(super) mod orphans;
pub(super) mod parameter_groups;
pub(super) mod service_roles;
pub(super) mod subnet_groups;
