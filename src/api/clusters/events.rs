//! `GET /v1/clusters/{name}/events`: DAX's events and those of this service, in one timeline.

use axum::response::Response;

use crate::domain::operation::Kind;
use crate::domain::timeline::{Entry, Position, entries_of_dax, timeline};

use crate::api::access::CallerApi;
use crate::api::http::api_error::ApiError;
use crate::api::http::authentication::Caller;
use crate::api::http::paging::{ByPosition, Page, PageParameters};
use crate::api::http::path::ClusterPath;
use crate::api::operations::events::{Event, EventList};
use crate::api::targets::InTarget;

/// Lists the events of a cluster, newest first.
///
/// They are DAX's events of the last 14 days, and the events of the cluster's operations. The
/// request reads from AWS. Events of an operation have `data.operation_id` and their `sequence`
/// in that operation. Events of DAX have neither. DAX events from before the create request are
/// left out, because they belong to an earlier cluster of the same name. An adopted cluster shows
/// all of them.
#[utoipa::path(
    get, path = "/v1/clusters/{name}/events", tag = "clusters",
    operation_id = "list_cluster_events",
    params(ClusterPath, InTarget, PageParameters),
    responses((status = 200, description = "A page of the timeline.", body = EventList, headers(
        ("Link" = String, description = "The next page, `rel=\"next\"`, if there is one."),
    )))
)]
pub(crate) async fn list_cluster_events(
    api: CallerApi,
    ClusterPath(name): ClusterPath,
    page: Page<ByPosition, InTarget>,
    caller: Caller,
) -> Result<Response, ApiError> {
    let api = api.to_read(page.filter.target.as_ref())?.usable()?;
    let cluster = api.cluster(&name).await?;
    let permit = api.aws_permit(&caller).await?;
    let mut dax = api
        .inspector()?
        .cluster_events(&name)
        .await
        .map_err(|fault| api.error_of(&fault))?;
    // DAX events name the cluster only, so older events belong to an earlier cluster of that name.
    // An adopted cluster is older than its row, and keeps them.
    let first_kind = api
        .store
        .operation(cluster.id)
        .await?
        .map(|operation| operation.kind);
    dax.retain(|event| first_kind == Some(Kind::AdoptCluster) || event.at >= cluster.created_at);
    drop(permit);
    let before = page
        .after
        .map(|ByPosition(at, operation, number)| (at, operation, number));
    let managed = api
        .store
        .events_of_cluster(&cluster, before, page.rows())
        .await?;
    let managed = managed
        .into_iter()
        .map(|(operation, event)| Entry::of_operation(operation, event))
        .collect();
    let before = before.map(|(at, operation, number)| Position {
        at,
        operation,
        number,
    });
    let mut entries = timeline(entries_of_dax(dax), managed, before);
    let next_cursor = page.cut(&mut entries, |entry| {
        let position = entry.position;
        ByPosition(position.at, position.operation, position.number)
    });
    let items = entries.into_iter().map(Event::of_entry).collect();
    Ok(page.respond(next_cursor, |next_cursor| EventList { items, next_cursor }))
}
