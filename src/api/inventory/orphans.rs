//! Orphans: AWS resources with ownership tags that belong to no managed cluster, and altered roles.

use axum::Json;
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::authorization::Action;
use crate::domain::iam::alteration::Alteration;
use crate::domain::inventory::ResourceKind;
use crate::domain::orphan::{self, orphans};
use crate::inspections::altered_roles::{AlteredRole, ExpectedRoles};

use crate::api::access::CallerApi;
use crate::api::enum_schemas::ResourceKindSchema;
use crate::api::http::api_error::ApiError;
use crate::api::http::authentication::Caller;
use crate::api::http::query::Query;
use crate::api::http::responses;
use crate::api::targets::InTarget;

/// All orphans of the target. IAM knows no Region, so its orphans are those of the account.
#[derive(Serialize, ToSchema)]
pub(crate) struct OrphanList {
    items: Vec<Orphan>,
    /// Always null: the list has one page.
    next_cursor: Option<String>,
}

/// An AWS resource that is marked as created by this service and belongs to no managed cluster, or
/// a role under its IAM path that differs from those that it creates.
#[derive(Serialize, ToSchema)]
pub(crate) struct Orphan {
    #[schema(value_type = ResourceKindSchema)]
    kind: ResourceKind,
    name: String,
    /// ARN; null if the resource has none.
    arn: Option<String>,
    /// Why the resource is listed.
    reason: String,
    /// Whether it is a role whose trust policy or permissions boundary is not the one that this
    /// service writes. Such a role can admit others to the tables.
    altered: bool,
    /// Creation time; null if AWS does not report it.
    created_at: Option<DateTime<Utc>>,
    /// Age in seconds; null if AWS does not report the creation time.
    age_seconds: Option<i64>,
    /// Whether this database has a record of the resource. The sweep deletes only those.
    #[serde(rename = "ours")]
    is_recorded: bool,
    /// ID of the operation that created the resource; null if unknown.
    operation_id: Option<Uuid>,
}

/// Lists orphans: AWS resources of this service that belong to no managed cluster.
///
/// Resources are found by IAM path, ownership tags and descriptions. Roles under the service's IAM
/// path whose trust policy or permissions boundary was altered are listed as well. The request
/// reads from AWS and changes nothing.
#[utoipa::path(
    get, path = "/v1/orphans", tag = "inventory", operation_id = "list_orphans",
    params(InTarget),
    responses((status = 200, description = "All orphans.", body = OrphanList))
)]
pub(crate) async fn list_orphans(
    api: CallerApi,
    Query(query): Query<InTarget>,
    caller: Caller,
) -> Result<Json<OrphanList>, ApiError> {
    let api = api.to_inspect(query.target.as_ref())?;
    api.decide_target(Action::ListOrphans)?;
    let installation = api.store.installation().await?;
    let managed = api.store.managed_names().await?.into_iter().collect();
    let _permit = api.aws_permit(&caller).await?;
    let tagged = api
        .inspector()?
        .tagged(installation.id, &managed)
        .await
        .map_err(|fault| api.error_of(&fault))?;
    let expected = ExpectedRoles {
        installation: Some(installation.id),
        boundary: api.target.permissions_boundary.as_deref(),
        other_boundaries: &api.target.other_boundaries,
    };
    let review = api
        .inspector()?
        .review_roles(expected)
        .await
        .map_err(|fault| api.error_of(&fault))?;
    // The store is read after AWS, so it has a record of everything that AWS returned.
    let altered = review.altered.iter().map(|role| &role.name);
    let names: Vec<String> = tagged
        .iter()
        .map(|resource| &resource.name)
        .chain(altered)
        .cloned()
        .collect();
    let evidence = api.store.evidence(&names).await?;
    let now = responses::now();
    let mut items: Vec<Orphan> = orphans(tagged, &evidence)
        .into_iter()
        .map(|orphan| Orphan::of(orphan, now))
        .collect();
    for role in review.altered {
        let same = |item: &&mut Orphan| item.kind == ResourceKind::Role && item.name == role.name;
        match items.iter_mut().find(same) {
            Some(item) => item.mark_altered(role.alteration),
            None => items.push(Orphan::of_altered(role, &evidence, now)),
        }
    }
    Ok(Json(OrphanList {
        items,
        next_cursor: None,
    }))
}

impl Orphan {
    fn mark_altered(&mut self, alteration: Alteration) {
        self.reason = format!("{}; {alteration}", self.reason);
        self.altered = true;
    }

    /// An altered role of a managed cluster or of an operation in progress.
    fn of_altered(role: AlteredRole, evidence: &[orphan::Evidence], now: DateTime<Utc>) -> Self {
        let creator = evidence
            .iter()
            .filter(|one| one.kind == ResourceKind::Role && one.name == role.name)
            .map(|one| one.operation_id)
            .max();
        Self {
            kind: ResourceKind::Role,
            name: role.name,
            arn: Some(role.arn),
            reason: role.alteration.to_string(),
            altered: true,
            age_seconds: role.created_at.map(|at| (now - at).num_seconds().max(0)),
            created_at: role.created_at,
            is_recorded: creator.is_some(),
            operation_id: creator,
        }
    }

    fn of(orphan: orphan::Orphan, now: DateTime<Utc>) -> Self {
        Self {
            is_recorded: orphan.is_managed(),
            reason: orphan.reason.to_string(),
            altered: false,
            kind: orphan.kind,
            name: orphan.name,
            arn: orphan.arn,
            age_seconds: orphan.created_at.map(|at| (now - at).num_seconds().max(0)),
            created_at: orphan.created_at,
            operation_id: orphan.operation_id,
        }
    }
}
