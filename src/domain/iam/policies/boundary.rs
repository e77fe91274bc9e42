//! The permissions boundary of managed roles, and the guard of their trust policies.

use std::collections::BTreeSet;

use super::{
    Access, Conditions, Effect, PolicyDocument, Principal, READ, Statement, Values, actions,
    condition,
};
use crate::domain::iam::trust::same_document;
use crate::domain::names::IAM_PATH;

/// The calls that start a session of a role. Web identities and SAML users need no AWS credentials.
const ASSUMING: [&str; 3] = [
    "sts:AssumeRole",
    "sts:AssumeRoleWithSAML",
    "sts:AssumeRoleWithWebIdentity",
];

/// The maximum permissions of every role that this service creates: the data of these tables in one
/// Region; without names, of every table of the account there.
pub fn boundary_policy(
    partition: &str,
    region: &str,
    account_id: &str,
    tables: &[String],
) -> PolicyDocument {
    let prefix = table_prefix(partition, region, account_id);
    let names: BTreeSet<&String> = tables.iter().collect();
    let resource = if names.is_empty() {
        Values::One(format!("{prefix}*"))
    } else {
        Values::many(
            names
                .into_iter()
                .flat_map(|name| [format!("{prefix}{name}"), format!("{prefix}{name}/index/*")]),
        )
    };
    PolicyDocument::new(vec![Statement::allow(
        Some("OnlyDynamoDbData"),
        actions("dynamodb", &READ, Access::ReadWrite),
        resource,
        Conditions::new(),
    )])
}

/// Whether a document is a boundary that [`boundary_policy`] writes for this account and Region,
/// with or without names of tables.
pub fn is_boundary_policy(document: &str, partition: &str, region: &str, account_id: &str) -> bool {
    let prefix = table_prefix(partition, region, account_id);
    let parsed = serde_json::from_str::<PolicyDocument>(document).ok();
    let resources = parsed
        .iter()
        .flat_map(|document| &document.statement)
        .filter_map(|statement| statement.resource.as_ref())
        .flat_map(Values::texts);
    let tables: Vec<String> = resources
        .filter_map(|resource| resource.strip_prefix(&prefix))
        .filter(|name| !name.contains(['/', '*', '?', '$']))
        .map(str::to_owned)
        .collect();
    let expected = boundary_policy(partition, region, account_id, &tables);
    same_document(&expected.to_json(), document)
}

fn table_prefix(partition: &str, region: &str, account_id: &str) -> String {
    format!("arn:{partition}:dynamodb:{region}:{account_id}:table/")
}

/// The ARN pattern of every role under the path of this service.
pub(super) fn managed_roles(partition: &str, account_id: &str) -> String {
    format!("arn:{partition}:iam::{account_id}:role{IAM_PATH}*")
}

/// The resource control policy that lets only AWS services assume managed roles, whatever their
/// trust policies say. IAM has no condition key for the content of a trust policy.
pub fn guard_policy(partition: &str, account_id: &str) -> PolicyDocument {
    PolicyDocument::new(vec![Statement {
        sid: Some("OnlyServicesAssumeManagedRoles".to_owned()),
        effect: Effect::Deny,
        principal: Some(Principal::Everyone("*".to_owned())),
        action: Values::many(ASSUMING),
        resource: Some(Values::One(managed_roles(partition, account_id))),
        condition: condition(
            "BoolIfExists",
            "aws:PrincipalIsAWSService",
            Values::one("false"),
        ),
    }])
}
