//! STS: who am I, and become a role.

mod assume_role;
mod caller_identity;

use crate::turn::Operation;

/// Everything that STS is asked for by name.
pub(crate) static OPERATIONS: [Operation; 2] = [
    Operation::form_read(
        "GetCallerIdentity",
        "sts:GetCallerIdentity",
        caller_identity::get_caller_identity,
    ),
    Operation::form_write("AssumeRole", "sts:AssumeRole", assume_role::assume_role),
];
