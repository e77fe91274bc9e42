//! Node types: what a cluster's nodes can be.

use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::node_types::{self, Offered};

use crate::api::access::CallerApi;
use crate::api::enum_schemas::OfferedSchema;
use crate::api::http::api_error::ApiError;
use crate::api::http::paging::{Page, PageParameters};
use crate::api::targets::InTarget;

/// A page of node types, by name.
#[derive(Serialize, ToSchema)]
pub(crate) struct NodeTypeList {
    items: Vec<NodeType>,
    /// Cursor of the next page; null on the last page.
    next_cursor: Option<String>,
}

/// A node type that AWS publishes. AWS can accept others.
#[derive(Serialize, ToSchema)]
pub(crate) struct NodeType {
    /// Value of `node_type` in a request.
    #[schema(example = "dax.r5.large")]
    name: String,
    #[schema(value_type = String, example = "r5")]
    family: &'static str,
    /// Number of virtual CPUs: those that EC2 documents for its instance type of the same name.
    /// Not verified for nodes of DAX.
    #[schema(value_type = i32, minimum = 1)]
    vcpus: u16,
    /// Memory in GiB, from the same source as `vcpus`.
    #[schema(example = 16.0)]
    memory_gib: f64,
    /// Whether its performance depends on CPU credits. Such a type does not suit steady load.
    burstable: bool,
    /// Whether it can encrypt at rest.
    encryption_at_rest: bool,
    /// Whether the service's Region offers it. `unknown` if AWS publishes no node types for the
    /// Region, or if the Region is not known yet.
    #[schema(value_type = OfferedSchema)]
    offered: Offered,
    /// Price of an hour of a node in the Region of the target, in US dollars on demand, by the price
    /// list of the installation; null if that has none.
    #[schema(example = 0.269)]
    hourly_price_usd: Option<f64>,
}

/// Lists the node types that AWS publishes, by name, and whether the Region offers them.
///
/// The names, and the Regions of each family, are those that CloudFormation publishes for
/// `AWS::DAX::Cluster`. The table belongs to this version of the service. A request is not limited
/// to it.
#[utoipa::path(
    get, path = "/v1/node_types", tag = "inventory", operation_id = "list_node_types",
    params(InTarget, PageParameters),
    responses((status = 200, description = "A page of node types.", body = NodeTypeList, headers(
        ("Link" = String, description = "URL of the next page, `rel=\"next\"`, if there is one."),
    )))
)]
pub(crate) async fn list_node_types(
    api: CallerApi,
    page: Page<String, InTarget>,
) -> Result<Response, ApiError> {
    let api = api.to_read(page.filter.target.as_ref())?;
    let region = api.account().ok().map(|account| account.region);
    let offered = |name: &str| match &region {
        Some(region) => Offered::from(node_types::offer(name, region)),
        None => Offered::Unknown,
    };
    let price = |name: &str| {
        let region = region.as_deref()?;
        api.rules.prices.cost(region, name, 1).hourly_usd
    };
    let mut items: Vec<NodeType> = node_types::published()
        .map(|published| NodeType {
            offered: offered(&published.name),
            hourly_price_usd: price(&published.name),
            burstable: node_types::is_burstable(&published.name),
            encryption_at_rest: published.encryption_at_rest,
            family: published.family,
            vcpus: published.vcpus,
            memory_gib: f64::from(published.memory_mib) / 1_024.0,
            name: published.name,
        })
        .collect();
    let next_cursor = page.sort_and_cut(&mut items, |item| item.name.clone());
    Ok(page.respond(next_cursor, |next_cursor| NodeTypeList {
        items,
        next_cursor,
    }))
}
