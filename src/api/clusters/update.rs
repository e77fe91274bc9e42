//! Update: new settings of a cluster, by JSON merge patch.

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

/// A setting that DAX fixes when a cluster is created.
const FIXED: &str = "is fixed when a cluster is created: make a new one with POST /v1/clusters, move the clients, and \
    delete this one";
/// What the role of a cluster may do, where the role is not ours.
const EXTERNAL: &str = "is not ours to change: the role was given or found; change its policies in IAM, or make a new \
    cluster with a role of its own";

/// Fields of a create that no patch can change, and the way round.
const IMMUTABLE: [(&str, &str); 9] = [
    (
        "name",
        "cannot change: make a new cluster of this name with POST /v1/clusters, and delete this one",
    ),
    ("node_type", FIXED),
    (
        "replication_factor",
        "is changed by POST /v1/clusters/{name}/scale",
    ),
    (
        "availability_zones",
        "are chosen for nodes as they are added: POST /v1/clusters/{name}/scale",
    ),
    ("subnet_group", FIXED),
    ("network_type", FIXED),
    ("encryption_at_rest", FIXED),
    ("encryption_in_transit", FIXED),
    (
        "require_preflight",
        "is for creations only: POST /v1/clusters",
    ),
];

/// The header that says which version a change is meant for.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(
    dead_code,
    reason = "it stands for the header in the API document; the extractor reads it"
)]
pub(crate) struct PreconditionHeader {
    /// The `ETag` of the cluster as it was read; `*` for whatever it is. 428 without, 412 if the cluster has changed.
    #[param(rename = "If-Match", value_type = String, required = true, example = "\"7\"")]
    if_match: (),
}

/// Changes settings of a cluster.
///
/// The body is a JSON merge patch (RFC 7396) of the settings that can change. All others are refused with the way round,
/// whatever their value. A patch that changes nothing is an operation that finds nothing to do.
#[utoipa::path(
    patch, path = "/v1/clusters/{name}", tag = "clusters", operation_id = "update_cluster",
    params(("name" = String, Path, description = "Its name."), PreconditionHeader, IdempotencyHeader, MutationHeaders),
    request_body(description = "The new settings.",
        content((ClusterPatch = "application/merge-patch+json"), (ClusterPatch = "application/json"))),
    responses(AcceptedOperation)
)]
pub(crate) async fn update_cluster(
    State(api): State<Api>,
    PathSegment(name): PathSegment,
    submission: Submission,
    key: SentKey,
    wanted: IfMatch,
    parameters: Parameters,
    PatchBody(body): PatchBody,
) -> Result<Response, ApiError> {
    parameters.finish()?;
    let name = cluster_in_path(&name)?;
    let key = key.of_request(&submission.caller, &body);
    let place = api.account_soon().await?;
    let group = body
        .pointer("/parameter_group/name")
        .and_then(Value::as_str);
    api.refuse_groups_of_others(&[("/parameter_group/name", ResourceKind::ParameterGroup, group)])
        .await?;
    let read = |cluster: &Cluster| {
        check_version(&wanted, cluster.version)?;
        Ok(Spec::UpdateCluster(Box::new(believe(
            body.clone(),
            cluster,
            &place,
        )?)))
    };
    api.change(&name, Kind::UpdateCluster, &submission, key, read)
        .await
}

fn check_version(wanted: &IfMatch, version: i64) -> Result<(), ApiError> {
    if !wanted.is_given() {
        let detail = "send If-Match with the ETag of the cluster as you read it";
        return Err(ApiError::new(ProblemCode::PreconditionRequired, detail));
    }
    if !wanted.allows(version) {
        let detail = format!("the cluster is at version {} now", etag(version));
        return Err(ApiError::new(ProblemCode::PreconditionFailed, detail));
    }
    Ok(())
}

/// Reads a patch against the cluster it is about.
pub(crate) fn believe(
    mut body: Value,
    cluster: &Cluster,
    place: &AwsAccount,
) -> Result<ChangeSpec, Problem> {
    static SCHEMA: LazyLock<BodySchema> = LazyLock::new(|| BodySchema::of("ClusterPatch"));
    let mut immutable = take_immutable(&mut body, cluster);
    let (patch, faults) = SCHEMA.read::<ClusterPatch>(body);
    let mut broken = Violations::default();
    let change = patch.map(|patch| patch.accept(&mut broken, cluster, place));
    let errors = faults.merged_with(broken.0);
    if !immutable.is_empty() {
        immutable.extend(errors);
        return Err(Problem::immutable(immutable));
    }
    change
        .filter(|_| errors.is_empty())
        .ok_or_else(|| Problem::invalid(errors))
}

/// Takes out of a patch what cannot change, each with a rule that names the way round.
fn take_immutable(body: &mut Value, cluster: &Cluster) -> Vec<FieldError> {
    let Value::Object(members) = body else {
        return Vec::new();
    };
    let rule = |detail: &str| {
        let detail = detail.replace("{name}", cluster.name.as_str());
        RuleViolation::new(ProblemCode::ImmutableField.as_str(), detail)
    };
    let taken = IMMUTABLE
        .iter()
        .filter(|(name, _)| members.remove(*name).is_some());
    let mut errors: Vec<FieldError> = taken
        .map(|(name, detail)| FieldError::at(format!("/{name}"), rule(detail)))
        .collect();
    let mut taken_of_role = Vec::new();
    match members.get_mut("service_role") {
        Some(Value::Null) => errors.push(FieldError::at("/service_role", rule(FIXED))),
        Some(Value::Object(role)) => {
            taken_of_role.extend(role.remove("arn").map(|_| ("arn", FIXED)));
            if !has_own_role(cluster) {
                let external = ["access", "tables", "all_tables"]
                    .into_iter()
                    .filter(|part| role.remove(*part).is_some());
                taken_of_role.extend(external.map(|part| (part, EXTERNAL)));
            }
            if taken_of_role.is_empty() || !role.is_empty() {
                return errors_with(errors, taken_of_role, rule);
            }
        }
        Some(_) | None => return errors,
    }
    members.remove("service_role");
    errors_with(errors, taken_of_role, rule)
}

fn errors_with(
    mut errors: Vec<FieldError>,
    of_role: Vec<(&str, &str)>,
    rule: impl Fn(&str) -> RuleViolation,
) -> Vec<FieldError> {
    errors.extend(
        of_role
            .into_iter()
            .map(|(part, detail)| FieldError::at(format!("/service_role/{part}"), rule(detail))),
    );
    errors
}

/// Whether the cluster's role is one that was made for it.
fn has_own_role(cluster: &Cluster) -> bool {
    let made = cluster
        .part(ResourceKind::Role)
        .is_some_and(|role| role.owner == Owner::Managed);
    match &cluster.desired.service_role {
        ServiceRole::New { .. }
        | ServiceRole::Discover {
            default_access: Some(_),
        } => made,
        ServiceRole::Existing { .. }
        | ServiceRole::Discover {
            default_access: None,
        } => false,
    }
}
