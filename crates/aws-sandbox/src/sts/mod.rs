//! STS: GetCallerIdentity and AssumeRole.

mod assume_role;
mod caller_identity;

use crate::turn::Operation;

pub(crate) static OPERATIONS: [Operation; 2] = [
    Operation::form_read(
        "GetCallerIdentity",
        "sts:GetCallerIdentity",
        caller_identity::get_caller_identity,
    ),
    Operation::form_write("AssumeRole", "sts:AssumeRole", assume_role::assume_role),
];
