//! The end of a run: waits until every operation has ended, then removes every cluster.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde_json::{Value, json};

use crate::api::{Api, Request};
use crate::arena::Arena;
use crate::aws::{FOREIGN_CLUSTERS, TARGETS};
use crate::random::Random;
use crate::workload::text;

/// Time for all operations to end after the faults, and for each operation of a backlog.
const QUIET: Duration = Duration::from_secs(150);
const EACH: Duration = Duration::from_millis(100);
const LIVE: &str = "select id::text, kind, cluster_name, status, current_step, waiting_for,
    fault->>'class' as class, epoch, wake_at::text
    from operations where finished_at is null order by created_at";

/// Waits until no operation is live. Blocked ones are retried, as an operator would.
pub(crate) async fn await_quiet(arena: &Arena, api: &Api) -> Result<f64> {
    let began = Instant::now();
    let mut random = Random::new(0, 5);
    let mut limit = None;
    loop {
        let live = arena.database.lock().await.rows(LIVE).await?;
        let backlog = u32::try_from(live.len()).unwrap_or(u32::MAX);
        let limit = *limit.get_or_insert(QUIET + EACH.saturating_mul(backlog));
        if live.is_empty() {
            return Ok(began.elapsed().as_secs_f64());
        }
        if began.elapsed() > limit {
            for operation in &live {
                arena.violation(format!("unsettled: {operation}"));
            }
            bail!("{} operations did not end", live.len());
        }
        for operation in live.iter().filter(|live| text(live, "status") == "blocked") {
            let path = format!("/v1/operations/{}/retry", text(operation, "id"));
            let request = Request::new("POST", &path, None);
            api.send(&mut random, 0, &request, None).await;
        }
        arena.supervise().await;
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
}

/// Deletes every managed cluster through the API, and what was made by hand as its maker would.
pub(crate) async fn remove_all(arena: &Arc<Arena>, api: &Api) -> Result<()> {
    let mut random = Random::new(0, 6);
    let names = "select name, target from clusters where deleted_at is null order by name";
    let clusters = arena.database.lock().await.rows(names).await?;
    for (number, cluster) in clusters.iter().enumerate() {
        let (name, target) = (text(cluster, "name"), text(cluster, "target"));
        let path = format!("/v1/clusters/{name}?target={target}");
        let request = Request::new("DELETE", &path, None);
        let key = format!("remove-{number}");
        if let Err(answer) = api.submit(&mut random, 0, &request, &key).await {
            arena.violation(format!(
                "unsettled: {name} cannot be deleted: {}",
                answer.body
            ));
        }
    }
    await_quiet(arena, api).await?;
    for (_, region) in TARGETS {
        let inventory = arena.sandbox.inventory(region).await?;
        for cluster in items(&inventory, "clusters") {
            let name = text(cluster, "name");
            if !FOREIGN_CLUSTERS.contains(&name) && is_left(arena, name).await? {
                let input = json!({"ClusterName": name});
                let _ = arena.sandbox.dax(region, "DeleteCluster", &input).await;
            }
        }
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    Ok(())
}

/// Whether a cluster in AWS is rightly not managed: it was released, or made by hand and not
/// adopted, or deleted by the service before.
async fn is_left(arena: &Arena, name: &str) -> Result<bool> {
    let query = format!(
        "select kind from operations where cluster_name = '{name}' and status = 'succeeded'
            and kind in ('release_cluster', 'delete_cluster', 'create_cluster', 'adopt_cluster')
        order by created_at desc limit 1"
    );
    let last = arena.database.lock().await.rows(&query).await?;
    let last = last.first().map(|row| text(row, "kind").to_owned());
    Ok(last.is_none_or(|kind| kind != "create_cluster"))
}

/// Waits until the sweep and the deliveries of webhooks have caught up.
pub(crate) async fn await_followers(arena: &Arena, api: &Api, webhook: &str) -> Result<()> {
    let began = Instant::now();
    let mut random = Random::new(0, 7);
    let open = "select id::text from webhook_deliveries where status <> 'succeeded'";
    let behind = "select 1 from operation_events e left join event_feed f
        using (operation_id, sequence) where f.position is null limit 1";
    loop {
        let database = arena.database.lock().await;
        let (deliveries, behind) = (database.rows(open).await?, database.rows(behind).await?);
        drop(database);
        let is_done = deliveries.is_empty() && behind.is_empty();
        if is_done && began.elapsed() > Duration::from_secs(20)
            || began.elapsed() > Duration::from_secs(60)
        {
            return Ok(());
        }
        for delivery in &deliveries {
            let id = text(delivery, "id");
            let path = format!("/v1/webhooks/{webhook}/deliveries/{id}/redeliver");
            let body = json!({});
            let request = Request::new("POST", &path, Some(&body));
            api.send(&mut random, 0, &request, None).await;
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
}

pub(crate) fn items<'a>(inventory: &'a Value, kind: &str) -> impl Iterator<Item = &'a Value> {
    inventory[kind].as_array().into_iter().flatten()
}

/// The names of resources that are neither built in nor service-linked: kind and name.
pub(crate) fn names(inventory: &Value) -> BTreeSet<(String, String)> {
    let kinds = [
        "roles",
        "policies",
        "clusters",
        "subnet_groups",
        "parameter_groups",
    ];
    let mut names = BTreeSet::new();
    for kind in kinds {
        for item in items(inventory, kind) {
            if item["builtin"] != json!(true) && item["service_linked"] != json!(true) {
                names.insert((kind.to_owned(), text(item, "name").to_owned()));
            }
        }
    }
    names
}
