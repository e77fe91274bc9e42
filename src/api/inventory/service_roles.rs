//! Service roles: the roles of the account that DAX can assume.

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde::Serialize;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::inventory::Owner;
use crate::inspections::choices;

use crate::api::Api;
use crate::api::http::api_error::ApiError;
use crate::api::http::enum_schemas::OwnerSchema;
use crate::api::http::paging::{ByAge, Page, PageParameters};
use crate::api::http::query::Parameters;
use crate::api::http::responses;

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
    params(PageParameters),
    responses((status = 200, description = "A page of roles.", body = ServiceRoleList, headers(
        ("Link" = String, description = "URL of the next page, `rel=\"next\"`, if there is one."),
    )))
)]
pub(crate) async fn list_service_roles(
    State(api): State<Api>,
    mut parameters: Parameters,
) -> Result<Response, ApiError> {
    let page = Page::<ByAge>::read(&mut parameters);
    parameters.finish()?;
    let _permit = api.aws_permit().await?;
    let roles = api
        .inspector
        .service_roles()
        .await
        .map_err(|fault| api.error_of(&fault))?;
    let mut roles: Vec<ServiceRole> = roles.into_iter().map(ServiceRole::from).collect();
    roles.sort_by_key(|role| std::cmp::Reverse(role.position()));
    roles.retain(|role| {
        page.after
            .is_none_or(|ByAge(at, id)| role.position() < (at, id))
    });
    let next_cursor = page.cut(&mut roles, |role| {
        let (at, id) = role.position();
        ByAge(at, id)
    });
    let link = next_cursor
        .as_deref()
        .map(|next| page.link("/v1/service_roles", &[], next));
    Ok(responses::list(
        &ServiceRoleList {
            items: roles,
            next_cursor,
        },
        link.as_deref(),
    ))
}

impl ServiceRole {
    /// Position in the list: creation time, then a hash of the ARN.
    fn position(&self) -> (DateTime<Utc>, Uuid) {
        let hash = Sha256::digest(self.arn.as_bytes());
        let id = Uuid::from_slice(&hash[..16]).expect("a SHA-256 hash has 32 bytes");
        (self.created_at.unwrap_or_default(), id)
    }
}

impl From<choices::ServiceRole> for ServiceRole {
    fn from(role: choices::ServiceRole) -> Self {
        let choices::ServiceRole {
            name,
            arn,
            path,
            owner,
            created_at,
        } = role;
        Self {
            name,
            arn,
            path,
            owner,
            created_at,
        }
    }
}
