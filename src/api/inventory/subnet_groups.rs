//! Subnet groups: the subnets in which the nodes of a cluster can run.

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
    params(InTarget, PageParameters),
    responses((status = 200, description = "A page of groups.", body = SubnetGroupList, headers(
        ("Link" = String, description = "URL of the next page, `rel=\"next\"`, if there is one."),
    )))
)]
pub(crate) async fn list_subnet_groups(
    api: CallerApi,
    page: Page<String, InTarget>,
    caller: Caller,
) -> Result<Response, ApiError> {
    let api = api.to_inspect(page.filter.target.as_ref())?;
    let installation = api.store.installation().await?;
    let _permit = api.aws_permit(&caller).await?;
    let groups = api
        .inspector()?
        .subnet_groups(installation.id)
        .await
        .map_err(|fault| api.error_of(&fault))?;
    let hidden = api
        .hidden_clusters(
            groups
                .iter()
                .filter_map(|group| group.group.cluster.as_ref()),
        )
        .await?;
    let is_visible = |group: &choices::SubnetGroup| {
        !group
            .group
            .cluster
            .as_ref()
            .is_some_and(|name| hidden.contains(name))
    };
    let groups = groups.into_iter().filter(is_visible);
    let mut items: Vec<SubnetGroup> = groups.map(SubnetGroup::from).collect();
    let next_cursor = page.sort_and_cut(&mut items, |group| group.name.clone());
    Ok(page.respond(next_cursor, |next_cursor| SubnetGroupList {
        items,
        next_cursor,
    }))
}

impl From<choices::SubnetGroup> for SubnetGroup {
    fn from(subnet_group: choices::SubnetGroup) -> Self {
        let subnet = |(subnet_id, availability_zone)| Subnet {
            subnet_id,
            availability_zone,
        };
        let group = subnet_group.group;
        Self {
            name: group.name,
            description: group.description,
            vpc_id: subnet_group.vpc_id,
            subnets: subnet_group.subnets.into_iter().map(subnet).collect(),
            network_types: subnet_group.network_types.into_iter().collect(),
            owner: group.owner,
            cluster: group.cluster.map(String::from),
        }
    }
}
