//! Subnet groups: the subnets in which the nodes of a cluster can run.

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

/// A page of subnet groups, by name.
#[derive(Serialize, ToSchema)]
pub(crate) struct SubnetGroupList {
    items: Vec<SubnetGroup>,
    /// Cursor of the next page; null on the last page.
    next_cursor: Option<String>,
}

/// A DAX subnet group.
#[derive(Serialize, ToSchema)]
pub(crate) struct SubnetGroup {
    #[schema(example = "default")]
    name: String,
    description: String,
    /// VPC of the subnets; null if AWS does not report it.
    #[schema(example = "vpc-0a1b2c3d")]
    vpc_id: Option<String>,
    subnets: Vec<Subnet>,
    /// Address families of the subnets, as AWS names them; empty if AWS does not report them.
    #[schema(example = json!(["ipv4"]))]
    network_types: Vec<String>,
    #[schema(value_type = OwnerSchema)]
    owner: Owner,
    /// Name of the cluster that this service created the group for; null if `external`.
    cluster: Option<String>,
}

/// A subnet of a group.
#[derive(Serialize, ToSchema)]
pub(crate) struct Subnet {
    #[schema(example = "subnet-0a1b2c3d")]
    subnet_id: String,
    /// Availability zone; null if AWS does not report it.
    #[schema(example = "us-east-1a")]
    availability_zone: Option<String>,
}

/// Lists the subnet groups of the account by name.
///
/// The request reads from AWS. An `external` group can be used as `subnet_group.name`; a `managed`
/// group is reserved for its cluster.
#[utoipa::path(
    get, path = "/v1/subnet_groups", tag = "inventory", operation_id = "list_subnet_groups",
    params(PageParameters),
    responses((status = 200, description = "A page of groups.", body = SubnetGroupList, headers(
        ("Link" = String, description = "URL of the next page, `rel=\"next\"`, if there is one."),
    )))
)]
pub(crate) async fn list_subnet_groups(
    State(api): State<Api>,
    mut parameters: Parameters,
) -> Result<Response, ApiError> {
    let page = Page::<ByName>::read(&mut parameters);
    parameters.finish()?;
    let installation = api.store.installation().await?;
    let _permit = api.aws_permit().await?;
    let groups = api
        .inspector
        .subnet_groups(installation.id)
        .await
        .map_err(|fault| api.error_of(&fault))?;
    let mut groups: Vec<SubnetGroup> = groups.into_iter().map(SubnetGroup::from).collect();
    groups.sort_by(|a, b| a.name.cmp(&b.name));
    groups.retain(|group| {
        page.after
            .as_ref()
            .is_none_or(|ByName(name)| group.name > *name)
    });
    let next_cursor = page.cut(&mut groups, |group| ByName(group.name.clone()));
    let link = next_cursor
        .as_deref()
        .map(|next| page.link("/v1/subnet_groups", &[], next));
    Ok(responses::list(
        &SubnetGroupList {
            items: groups,
            next_cursor,
        },
        link.as_deref(),
    ))
}

impl From<choices::SubnetGroup> for SubnetGroup {
    fn from(group: choices::SubnetGroup) -> Self {
        let subnet = |(subnet_id, availability_zone)| Subnet {
            subnet_id,
            availability_zone,
        };
        let choices::Group {
            name,
            description,
            owner,
            cluster,
        } = group.group;
        Self {
            name,
            description,
            vpc_id: group.vpc_id,
            subnets: group.subnets.into_iter().map(subnet).collect(),
            network_types: group.network_types.into_iter().collect(),
            owner,
            cluster: cluster.map(String::from),
        }
    }
}
