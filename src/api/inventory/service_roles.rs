//! Service roles: the roles of the account that DAX can assume.

use std::cmp::Reverse;

use axum::response::Response;
use chrono::{DateTime, Utc};
use serde::Serialize;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::inventory::Owner;
use crate::domain::names::{ClusterName, cluster_in_name};
use crate::inspections::choices;

use crate::api::access::CallerApi;
use crate::api::enum_schemas::OwnerSchema;
use crate::api::http::api_error::ApiError;
use crate::api::http::authentication::Caller;
use crate::api::http::paging::{ByAge, Page, PageParameters};
use crate::api::targets::InTarget;

/// A page of roles that trust DAX, newest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct ServiceRoleList {
    items: Vec<ServiceRole>,
    /// Cursor of the next page; null on the last page.
    next_cursor: Option<String>,
}

/// An IAM role that trusts DAX.
#[derive(Serialize, ToSchema)]
pub(crate) struct ServiceRole {
    #[schema(example = "DAXServiceRole")]
    name: String,
    #[schema(example = "arn:aws:iam::123456789012:role/service-role/DAXServiceRole")]
    arn: String,
    /// IAM path.
    #[schema(example = "/service-role/")]
    path: String,
    #[schema(value_type = OwnerSchema)]
    owner: Owner,
    /// Creation time; null if AWS does not report it.
    created_at: Option<DateTime<Utc>>,
}

/// Lists the IAM roles that DAX can assume, newest first.
///
/// These are the roles whose trust policy allows `dax.amazonaws.com`, as in the AWS console. The
/// request reads from AWS. An `external` role can be used as `service_role.arn`; a `managed` role
/// is reserved for its cluster.
#[utoipa::path(
    get, path = "/v1/service_roles", tag = "inventory", operation_id = "list_service_roles",
    params(InTarget, PageParameters),
    responses((status = 200, description = "A page of roles.", body = ServiceRoleList, headers(
        ("Link" = String, description = "URL of the next page, `rel=\"next\"`, if there is one."),
    )))
)]
pub(crate) async fn list_service_roles(
    api: CallerApi,
    page: Page<Reverse<ByAge>, InTarget>,
    caller: Caller,
) -> Result<Response, ApiError> {
    let api = api.to_inspect(page.filter.target.as_ref())?;
    let _permit = api.aws_permit(&caller).await?;
    let roles = api
        .inspector()?
        .service_roles()
        .await
        .map_err(|fault| api.error_of(&fault))?;
    let cluster = |role: &choices::ServiceRole| {
        let name = (role.owner == Owner::Managed).then_some(role.name.as_str())?;
        cluster_in_name(name)
    };
    let clusters: Vec<ClusterName> = roles.iter().filter_map(cluster).collect();
    let hidden = api.hidden_clusters(clusters.iter()).await?;
    let is_visible =
        |role: &choices::ServiceRole| !cluster(role).is_some_and(|name| hidden.contains(&name));
    let roles = roles.into_iter().filter(is_visible);
    let mut items: Vec<ServiceRole> = roles.map(ServiceRole::from).collect();
    let next_cursor = page.sort_and_cut(&mut items, |role| Reverse(role.position()));
    Ok(page.respond(next_cursor, |next_cursor| ServiceRoleList {
        items,
        next_cursor,
    }))
}

impl ServiceRole {
    /// Position in the list: creation time, then a hash of the ARN.
    fn position(&self) -> ByAge {
        let hash = Sha256::digest(self.arn.as_bytes());
        let id = Uuid::from_slice(&hash[..16]).expect("a SHA-256 hash has 32 bytes");
        ByAge(self.created_at.unwrap_or_default(), id)
    }
}

impl From<choices::ServiceRole> for ServiceRole {
    fn from(role: choices::ServiceRole) -> Self {
        Self {
            name: role.name,
            arn: role.arn,
            path: role.path,
            owner: role.owner,
            created_at: role.created_at,
        }
    }
}
