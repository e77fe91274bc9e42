//! DescribeClusters.

use serde::{Deserialize, Serialize};

use crate::authorization::AccessRequest;
use crate::dax::cluster_view::ClusterView;
use crate::dax::clusters::authorize_on_cluster;
use crate::dax::messages::fault;
use crate::dax::names::cluster_name;
use crate::dax::paging::page;
use crate::state::cluster::Cluster;
use crate::turn::Turn;
use crate::wire::fault::ServiceFault;
use crate::wire::json::{read, write};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DescribeClustersRequest {
    cluster_names: Option<Vec<String>>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct DescribeClustersResult<'a> {
    clusters: Vec<ClusterView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

pub(super) fn describe_clusters(turn: &mut Turn<'_>, body: &[u8]) -> Result<Vec<u8>, ServiceFault> {
    let request: DescribeClustersRequest = read(body)?;
    let names = request.cluster_names.unwrap_or_default();
    let clusters: Vec<&Cluster> = if names.is_empty() {
        turn.authorize(&AccessRequest::anywhere("dax:DescribeClusters"))?;
        turn.state.clusters.values().collect()
    } else {
        named(turn, &names)?
    };
    let (clusters, next_token) = page(
        request.max_results,
        request.next_token.as_deref(),
        clusters,
        |cluster| cluster.name.clone(),
    )?;
    let clusters = clusters
        .into_iter()
        .map(|cluster| ClusterView::of(cluster, turn.region(), turn.now))
        .collect();
    write(&DescribeClustersResult {
        clusters,
        next_token,
    })
}

/// The clusters of these names, ordered by name. An unknown name fails the call.
fn named<'a>(turn: &mut Turn<'a>, names: &[String]) -> Result<Vec<&'a Cluster>, ServiceFault> {
    let mut names = names
        .iter()
        .map(|name| cluster_name(name))
        .collect::<Result<Vec<String>, ServiceFault>>()?;
    names.sort_unstable();
    names.dedup();
    for name in &names {
        authorize_on_cluster(turn, "dax:DescribeClusters", name)?;
    }
    let find = |name: &String| {
        turn.state
            .clusters
            .get(name)
            .ok_or_else(|| fault("ClusterNotFoundFault"))
    };
    names.iter().map(find).collect()
}
