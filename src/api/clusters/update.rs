//! `PATCH /v1/clusters/{name}`, a JSON merge patch (RFC 7396).

use std::sync::LazyLock;

use axum::extract::State;
use axum::response::Response;
use serde_json::Value;
use utoipa::IntoParams;

use crate::domain::change::ChangeSpec;
use crate::domain::cluster::Cluster;
use crate::domain::installation::AwsAccount;
use crate::domain::inventory::{Owner, ResourceKind};
use crate::domain::operation::Kind;
use crate::domain::problems::problem_code::ProblemCode;
use crate::domain::spec::{ServiceRole, Spec};
use crate::domain::validation::violation::RuleViolation;

use crate::api::Api;
use crate::api::clusters::patch::ClusterPatch;
use crate::api::clusters::submit::{
    AcceptedOperation, IdempotencyHeader, MutationHeaders, Submission,
};
use crate::api::http::api_error::ApiError;
use crate::api::http::body::PatchBody;
use crate::api::http::body_schema::BodySchema;
use crate::api::http::idempotency::SentKey;
use crate::api::http::path::PathSegment;
use crate::api::http::problem::{FieldError, Problem};
use crate::api::http::query::{Parameters, cluster_in_path};
use crate::api::http::responses::{IfMatch, etag};
use crate::api::http::violations::Violations;

const FIXED: &str = "is fixed at creation; create a new cluster with POST /v1/clusters, move the \
    clients and delete this one";
const EXTERNAL_ROLE: &str = "cannot be changed, because this service did not create the role; \
    change its policies in IAM, or create a new cluster with a managed role";

/// Fields of a create request that a patch cannot change, with the alternative.
const IMMUTABLE: [(&str, &str); 9] = [
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
        "require_preflight",
        "can only be used with POST /v1/clusters",
    ),
];

/// The header with the version that a change applies to.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(
    dead_code,
    reason = "documents the header in the API document; the extractor parses it"
)]
pub(crate) struct PreconditionHeader {
    /// `ETag` of the cluster as last read, or `*` for any version. Without this header the response
    /// is 428. If the cluster has changed, it is 412.
    #[param(rename = "If-Match", value_type = String, required = true, example = "\"7\"")]
    if_match: (),
}

/// Changes settings of a cluster.
///
/// The body is a JSON merge patch (RFC 7396) of the settings that can be changed. Any other field
/// is rejected with an explanation of how to change it instead. A patch without changes is
/// accepted as an operation that does nothing.
#[utoipa::path(
    patch, path = "/v1/clusters/{name}", tag = "clusters", operation_id = "update_cluster",
    params(
        ("name" = String, Path, description = "Name of the cluster."),
        PreconditionHeader, IdempotencyHeader, MutationHeaders,
    ),
    request_body(
        description = "The new settings.",
        content(
            (ClusterPatch = "application/merge-patch+json"),
            (ClusterPatch = "application/json"),
        ),
    ),
    responses(AcceptedOperation)
)]
pub(crate) async fn update_cluster(
    State(api): State<Api>,
    PathSegment(name): PathSegment,
    submission: Submission,
    key: SentKey,
    if_match: IfMatch,
    parameters: Parameters,
    PatchBody(body): PatchBody,
) -> Result<Response, ApiError> {
    parameters.finish()?;
    let name = cluster_in_path(&name)?;
    let key = key.of_request(&submission.caller, &body);
    let account = api.account_soon().await?;
    let group = body
        .pointer("/parameter_group/name")
        .and_then(Value::as_str);
    api.reject_managed_groups(&[("/parameter_group/name", ResourceKind::ParameterGroup, group)])
        .await?;
    let read = |cluster: &Cluster| {
        check_version(&if_match, cluster.version)?;
        Ok(Spec::UpdateCluster(Box::new(validate(
            body.clone(),
            cluster,
            &account,
        )?)))
    };
    api.change(&name, Kind::UpdateCluster, &submission, key, read)
        .await
}

fn check_version(if_match: &IfMatch, version: i64) -> Result<(), ApiError> {
    if !if_match.is_present() {
        let detail = "send `If-Match` with the `ETag` of the cluster as last read";
        return Err(ApiError::new(ProblemCode::PreconditionRequired, detail));
    }
    if !if_match.allows(version) {
        let detail = format!(
            "the version of the cluster is {}; read it again and reapply the change",
            etag(version)
        );
        return Err(ApiError::new(ProblemCode::PreconditionFailed, detail));
    }
    Ok(())
}

/// Validates a patch against its cluster.
pub(crate) fn validate(
    mut body: Value,
    cluster: &Cluster,
    account: &AwsAccount,
) -> Result<ChangeSpec, Problem> {
    static SCHEMA: LazyLock<BodySchema> = LazyLock::new(|| BodySchema::of("ClusterPatch"));
    let mut immutable = take_immutable(&mut body, cluster);
    let (patch, schema_errors) = SCHEMA.read::<ClusterPatch>(body);
    let mut violations = Violations::default();
    let change = patch.map(|patch| patch.accept(&mut violations, cluster, account));
    let errors = schema_errors.merged_with(violations.0);
    if !immutable.is_empty() {
        immutable.extend(errors);
        return Err(Problem::immutable(immutable));
    }
    change
        .filter(|_| errors.is_empty())
        .ok_or_else(|| Problem::invalid(errors))
}

/// Removes the fields that cannot be changed from a patch, and returns an error for each.
fn take_immutable(body: &mut Value, cluster: &Cluster) -> Vec<FieldError> {
    let Value::Object(members) = body else {
        return Vec::new();
    };
    let rule = |detail: &str| {
        let detail = detail.replace("{name}", cluster.name.as_str());
        RuleViolation::new(ProblemCode::ImmutableField.as_str(), detail)
    };
    let removed = IMMUTABLE
        .iter()
        .filter(|(name, _)| members.remove(*name).is_some());
    let mut errors: Vec<FieldError> = removed
        .map(|(name, detail)| FieldError::at(format!("/{name}"), rule(detail)))
        .collect();
    let mut role_errors = Vec::new();
    match members.get_mut("service_role") {
        Some(Value::Null) => errors.push(FieldError::at("/service_role", rule(FIXED))),
        Some(Value::Object(role)) => {
            role_errors.extend(role.remove("arn").map(|_| ("arn", FIXED)));
            if !has_managed_role(cluster) {
                let external = ["access", "tables", "all_tables"]
                    .into_iter()
                    .filter(|part| role.remove(*part).is_some());
                role_errors.extend(external.map(|part| (part, EXTERNAL_ROLE)));
            }
            if role_errors.is_empty() || !role.is_empty() {
                return with_role_errors(errors, role_errors, rule);
            }
        }
        Some(_) | None => return errors,
    }
    members.remove("service_role");
    with_role_errors(errors, role_errors, rule)
}

fn with_role_errors(
    mut errors: Vec<FieldError>,
    role_errors: Vec<(&str, &str)>,
    rule: impl Fn(&str) -> RuleViolation,
) -> Vec<FieldError> {
    errors.extend(
        role_errors
            .into_iter()
            .map(|(part, detail)| FieldError::at(format!("/service_role/{part}"), rule(detail))),
    );
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
