//! Parameter groups: cache settings that clusters can share.

use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::inventory::Owner;
use crate::inspections::choices;

use crate::api::access::CallerApi;
use crate::api::enum_schemas::OwnerSchema;
use crate::api::http::api_error::ApiError;
use crate::api::http::authentication::Caller;
use crate::api::http::paging::{Page, PageParameters};
use crate::api::targets::InTarget;

/// A page of parameter groups, by name.
#[derive(Serialize, ToSchema)]
pub(crate) struct ParameterGroupList {
    items: Vec<ParameterGroup>,
    /// Cursor of the next page; null on the last page.
    next_cursor: Option<String>,
}

/// A DAX parameter group.
#[derive(Serialize, ToSchema)]
pub(crate) struct ParameterGroup {
    #[schema(example = "default.dax1.0")]
    name: String,
    description: String,
    #[schema(value_type = OwnerSchema)]
    owner: Owner,
    /// Name of the cluster that this service created the group for; null if `external`.
    cluster: Option<String>,
}

/// Lists the parameter groups of the account by name.
///
/// The request reads from AWS. An `external` group can be used as `parameter_group.name`; a
/// `managed` group is reserved for its cluster.
#[utoipa::path(
    get, path = "/v1/parameter_groups", tag = "inventory", operation_id = "list_parameter_groups",
    params(InTarget, PageParameters),
    responses((status = 200, description = "A page of groups.", body = ParameterGroupList, headers(
        ("Link" = String, description = "URL of the next page, `rel=\"next\"`, if there is one."),
    )))
)]
pub(crate) async fn list_parameter_groups(
    api: CallerApi,
    page: Page<String, InTarget>,
    caller: Caller,
) -> Result<Response, ApiError> {
    let api = api.to_inspect(page.filter.target.as_ref())?;
    let installation = api.store.installation().await?;
    let _permit = api.aws_permit(&caller).await?;
    let groups = api
        .inspector()?
        .parameter_groups(installation.id)
        .await
        .map_err(|fault| api.error_of(&fault))?;
    let hidden = api
        .hidden_clusters(groups.iter().filter_map(|group| group.cluster.as_ref()))
        .await?;
    let is_visible = |group: &choices::Group| {
        !group
            .cluster
            .as_ref()
            .is_some_and(|name| hidden.contains(name))
    };
    let groups = groups.into_iter().filter(is_visible);
    let mut items: Vec<ParameterGroup> = groups.map(ParameterGroup::from).collect();
    let next_cursor = page.sort_and_cut(&mut items, |group| group.name.clone());
    Ok(page.respond(next_cursor, |next_cursor| ParameterGroupList {
        items,
        next_cursor,
    }))
}

impl From<choices::Group> for ParameterGroup {
    fn from(group: choices::Group) -> Self {
        Self {
            name: group.name,
            description: group.description,
            owner: group.owner,
            cluster: group.cluster.map(String::from),
        }
    }
}
