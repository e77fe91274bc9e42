//! Parameter groups: cache settings that clusters can share.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::inventory::Owner;
use crate::inspections::choices;

use crate::api::Api;
use crate::api::http::api_error::ApiError;
use crate::api::http::enum_schemas::OwnerSchema;
use crate::api::http::paging::{ByName, Page, PageParameters};
use crate::api::http::query::Parameters;
use crate::api::http::responses;

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
    params(PageParameters),
    responses((status = 200, description = "A page of groups.", body = ParameterGroupList, headers(
        ("Link" = String, description = "URL of the next page, `rel=\"next\"`, if there is one."),
    )))
)]
pub(crate) async fn list_parameter_groups(
    State(api): State<Api>,
    mut parameters: Parameters,
) -> Result<Response, ApiError> {
    let page = Page::<ByName>::read(&mut parameters);
    parameters.finish()?;
    let installation = api.store.installation().await?;
    let _permit = api.aws_permit().await?;
    let groups = api
        .inspector
        .parameter_groups(installation.id)
        .await
        .map_err(|fault| api.error_of(&fault))?;
    let mut groups: Vec<ParameterGroup> = groups.into_iter().map(ParameterGroup::from).collect();
    groups.sort_by(|a, b| a.name.cmp(&b.name));
    groups.retain(|group| {
        page.after
            .as_ref()
            .is_none_or(|ByName(name)| group.name > *name)
    });
    let next_cursor = page.cut(&mut groups, |group| ByName(group.name.clone()));
    let link = next_cursor
        .as_deref()
        .map(|next| page.link("/v1/parameter_groups", &[], next));
    Ok(responses::list(
        &ParameterGroupList {
            items: groups,
            next_cursor,
        },
        link.as_deref(),
    ))
}

impl From<choices::Group> for ParameterGroup {
    fn from(group: choices::Group) -> Self {
        let choices::Group {
            name,
            description,
            owner,
            cluster,
        } = group;
        Self {
            name,
            description,
            owner,
            cluster: cluster.map(String::from),
        }
    }
}
