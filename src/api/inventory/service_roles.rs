//! Service roles: which roles of the account DAX can assume.

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

/// Roles that trust DAX, newest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct ServiceRoleList {
    /// The roles of this page.
    items: Vec<ServiceRole>,
    /// Where the next page begins; null on the last.
    next_cursor: Option<String>,
}

/// A role that trusts DAX.
#[derive(Serialize, ToSchema)]
pub(crate) struct ServiceRole {
    /// Its name.
    #[schema(example = "DAXServiceRole")]
    name: String,
    /// Its ARN.
    #[schema(example = "arn:aws:iam::123456789012:role/service-role/DAXServiceRole")]
    arn: String,
    /// Its IAM path.
    #[schema(example = "/service-role/")]
    path: String,
    /// Whether it is ours: under our path, or with our tag.
    #[schema(value_type = OwnerSchema)]
    owner: Owner,
    /// When it was made, where AWS says so.
    created_at: Option<DateTime<Utc>>,
}

/// Lists the roles of the account that trust `dax.amazonaws.com`, newest first, as the AWS console looks for them.
///
/// AWS is asked. One that is `external` can be named as `service_role.arn`; one that is `managed` serves its own cluster.
#[utoipa::path(
    get, path = "/v1/service_roles", tag = "inventory", operation_id = "list_service_roles",
    params(PageParameters),
    responses((status = 200, description = "A page of roles.", body = ServiceRoleList, headers(
        ("Link" = String, description = "The next page, `rel=\"next\"`, if there is one."),
    )))
)]
pub(crate) async fn list_service_roles(
    State(api): State<Api>,
    mut parameters: Parameters,
) -> Result<Response, ApiError> {
    let page = Page::<ByAge>::read(&mut parameters);
    parameters.finish()?;
    let _leave = api.aws_permit().await?;
    let roles = api
        .inspector
        .service_roles()
        .await
        .map_err(|fault| api.error_of(&fault))?;
    let mut roles: Vec<ServiceRole> = roles.into_iter().map(ServiceRole::from).collect();
    roles.sort_by_key(|role| std::cmp::Reverse(role.place()));
    roles.retain(|role| {
        page.after
            .is_none_or(|ByAge(at, id)| role.place() < (at, id))
    });
    let next_cursor = page.cut(&mut roles, |role| {
        let (at, id) = role.place();
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
    /// Where it stands in the list: by age, and by its ARN's hash among roles of the same moment.
    fn place(&self) -> (DateTime<Utc>, Uuid) {
        let hash = Sha256::digest(self.arn.as_bytes());
        let id = Uuid::from_slice(&hash[..16]).expect("a hash has more than 16 bytes");
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
