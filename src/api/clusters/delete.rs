//! `DELETE /v1/clusters/{name}`.

use axum::response::Response;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use utoipa::IntoParams;

use crate::authorization::{Action, Subject};
use crate::domain::inventory::ResourceKind;
use crate::domain::names::ClusterName;
use crate::domain::operation::Kind;
use crate::domain::spec::DeleteSpec;
use crate::domain::validation::violation::RuleViolation;
use crate::store::{Accepted, NewOperation};

use crate::api::access::CallerApi;
use crate::api::clusters::approvals::Approvals;
use crate::api::clusters::change_requests::ATTEMPTS;
use crate::api::clusters::submit::{AcceptedOperation, Submission};
use crate::api::http::api_error::ApiError;
use crate::api::http::path::ClusterPath;
use crate::api::http::query::by_rule;
use crate::api::http::responses::{IfMatch, OptionalIfMatch};
use crate::api::targets::{InTarget, InTargetWith, TargetApi};

/// Resources that a delete can be asked to keep, by their names in the API.
pub(crate) const RETAINABLE: [(&str, ResourceKind); 3] = [
    ("service_role", ResourceKind::Role),
    ("subnet_group", ResourceKind::SubnetGroup),
    ("parameter_group", ResourceKind::ParameterGroup),
];

/// Which resources a delete keeps.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeleteCluster {
    /// Resources created by this service to keep, comma-separated: `service_role`,
    /// `subnet_group`, `parameter_group`.
    #[param(value_type = String, required = false, example = "service_role,subnet_group",
            pattern = "^(service_role|subnet_group|parameter_group)(,(service_role|subnet_group|parameter_group))*$")]
    #[serde(default, deserialize_with = "retained")]
    retain: Option<Vec<ResourceKind>>,
}

fn retained<'de, D: Deserializer<'de>>(text: D) -> Result<Option<Vec<ResourceKind>>, D::Error> {
    by_rule(text, parse_retain)
}

/// Deletes a cluster in any status, and the resources created for it.
///
/// Supersedes an operation in progress. Existing resources that the cluster uses are not deleted.
/// Repeating the request returns the same operation, until it has finished; with the same
/// `Idempotency-Key` also afterwards.
#[utoipa::path(
    delete,
    path = "/v1/clusters/{name}",
    tag = "clusters",
    operation_id = "delete_cluster",
    params(ClusterPath, InTarget, DeleteCluster, OptionalIfMatch, Submission),
    responses(AcceptedOperation)
)]
pub(crate) async fn delete_cluster(
    api: CallerApi,
    ClusterPath(name): ClusterPath,
    InTargetWith(in_target, query): InTargetWith<DeleteCluster>,
    if_match: IfMatch,
    submission: Submission,
) -> Result<Response, ApiError> {
    let api = api.to_change(in_target.target.as_ref())?;
    let key = submission.key(&api, &Value::Null)?;
    let spec = DeleteSpec {
        retain: query.retain.unwrap_or_default(),
    };
    let accepted = match api.known_request(key.as_ref()).await? {
        Some(known) => known,
        None => {
            let new = submission.new_operation(Kind::DeleteCluster, key);
            api.accept_delete(&new, &name, &spec, &if_match).await?
        }
    };
    api.answer_accepted(accepted, name.as_str(), submission.preference)
        .await
}

impl TargetApi {
    /// Accepts a delete if the rules permit it. It is decided again if another cluster has the name
    /// by then.
    async fn accept_delete(
        &self,
        new: &NewOperation,
        name: &ClusterName,
        spec: &DeleteSpec,
        if_match: &IfMatch,
    ) -> Result<Accepted, ApiError> {
        let versions = if_match.versions();
        for _ in 0..ATTEMPTS {
            let cluster = self.cluster(name).await?;
            let action = Action::DeleteCluster;
            let subject = Subject::Cluster(&cluster.name, &cluster.scope());
            let approvals = Approvals::of(self.decided(action, subject));
            let approvals = approvals.map_err(|denial| self.denied(action, denial))?;
            let new = NewOperation {
                approval: approvals.state(),
                ..new.clone()
            };
            let accepted = self
                .store
                .accept_delete_of(
                    &new,
                    name.as_str(),
                    Some(cluster.id),
                    spec,
                    versions.as_deref(),
                )
                .await?;
            if accepted != Accepted::Stale {
                return Ok(accepted);
            }
        }
        Ok(Accepted::Stale)
    }
}

fn parse_retain(text: &str) -> Result<Vec<ResourceKind>, RuleViolation> {
    let mut kinds = Vec::new();
    for part in text.split(',') {
        let Some(kind) = retainable(part.trim()) else {
            let names = RETAINABLE.map(|(name, _)| name).join(", ");
            return Err(RuleViolation::new(
                "unknown_value",
                format!("must be a comma-separated list of {names}"),
            ));
        };
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    Ok(kinds)
}

/// The kind of resource that a delete can keep, by its name.
pub(crate) fn retainable(name: &str) -> Option<ResourceKind> {
    let mut known = RETAINABLE.iter();
    known.find_map(|(known, kind)| (*known == name).then_some(*kind))
}
