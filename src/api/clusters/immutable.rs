//! Fields of a create that a patch cannot change.

use serde_json::Value;

use crate::domain::cluster::Cluster;
use crate::domain::inventory::{Owner, ResourceKind};
use crate::domain::problems::problem_code::ProblemCode;
use crate::domain::spec::ServiceRole;
use crate::domain::validation::violation::RuleViolation;

use crate::api::http::problem::FieldError;

const FIXED: &str = "is fixed at creation; create a new cluster with POST /v1/clusters, move the \
    clients and delete this one";
const EXTERNAL_ROLE: &str = "cannot be changed, because this service did not create the role; \
    change its policies in IAM, or create a new cluster with a managed role";

const PROJECT: &str = "a cluster keeps its project; create a new one in the other project with POST \
    /v1/clusters, move the clients and delete this one";

/// Fields of a create request that a patch cannot change, with the alternative.
pub(super) const IMMUTABLE: [(&str, &str); 11] = [
    (
        "name",
        "a cluster cannot be renamed; create a new one with POST /v1/clusters, move the clients \
        and delete this one",
    ),
    ("node_type", FIXED),
    (
        "replication_factor",
        "can only be changed with POST /v1/clusters/{name}/scale",
    ),
    (
        "availability_zones",
        "can only be chosen for new nodes, with POST /v1/clusters/{name}/scale",
    ),
    ("subnet_group", FIXED),
    ("network_type", FIXED),
    ("encryption_at_rest", FIXED),
    ("encryption_in_transit", FIXED),
    (
        "target",
        "a cluster cannot move to another account or Region; create a new one there with POST \
        /v1/clusters, move the clients and delete this one",
    ),
    (
        "require_preflight",
        "can only be used with POST /v1/clusters",
    ),
    (
        "strict_preflight",
        "can only be used with POST /v1/clusters",
    ),
];

/// Removes the fields that cannot be changed from a patch, and returns an error for each.
pub(super) fn take_immutable(body: &mut Value, cluster: &Cluster) -> Vec<FieldError> {
    let Value::Object(members) = body else {
        return Vec::new();
    };
    let error = |pointer: String, detail: &str| {
        let detail = detail.replace("{name}", cluster.name.as_str());
        let rule = RuleViolation::new(ProblemCode::ImmutableField.as_str(), detail);
        FieldError::at(pointer, rule)
    };
    let mut errors = Vec::new();
    for (name, detail) in IMMUTABLE {
        errors.extend(
            members
                .remove(name)
                .map(|_| error(format!("/{name}"), detail)),
        );
    }
    if cluster.project.is_some() && members.remove("project").is_some() {
        errors.push(error("/project".to_owned(), PROJECT));
    }
    if members.get("service_role").is_some_and(Value::is_null) {
        members.remove("service_role");
        errors.push(error("/service_role".to_owned(), FIXED));
    }
    if let Some(Value::Object(role)) = members.get_mut("service_role") {
        let mut parts = vec![("arn", FIXED)];
        if !has_managed_role(cluster) {
            parts.extend(["access", "tables", "all_tables"].map(|part| (part, EXTERNAL_ROLE)));
        }
        for (part, detail) in parts {
            let removed = role.remove(part);
            errors.extend(removed.map(|_| error(format!("/service_role/{part}"), detail)));
        }
    }
    errors
}

/// Whether this service created the role of the cluster.
fn has_managed_role(cluster: &Cluster) -> bool {
    let is_managed = cluster
        .resource(ResourceKind::Role)
        .is_some_and(|role| role.owner == Owner::Managed);
    match &cluster.desired.service_role {
        ServiceRole::New { .. }
        | ServiceRole::Discover {
            default_access: Some(_),
        } => is_managed,
        ServiceRole::Existing { .. }
        | ServiceRole::Discover {
            default_access: None,
        } => false,
    }
}
