//! Cluster events: what DAX says happened to a cluster, and what was done to it here, in one timeline.

use axum::extract::State;
use axum::response::Response;

use crate::domain::operation::Kind;
use crate::domain::timeline::{Entry, Position, entries_of_dax, timeline};

use crate::api::Api;
use crate::api::http::api_error::ApiError;
use crate::api::http::paging::{ByPosition, Page, PageParameters};
use crate::api::http::path::PathSegment;
use crate::api::http::query::{Parameters, cluster_in_path, no_such_cluster};
use crate::api::http::responses;
use crate::api::operations::events::{Event, EventList};

/// Lists what happened to a cluster, newest first: DAX's own events of the last 14 days and those of every operation on it.
///
/// AWS is asked. An event of an operation names it in `data.operation_id` and has its `sequence` there; DAX's events have
/// none, and are told apart from those of an earlier cluster of the same name by the time at which this one was asked for;
/// of an adopted cluster all are shown.
#[utoipa::path(
    get, path = "/v1/clusters/{name}/events", tag = "clusters", operation_id = "list_cluster_events",
    params(("name" = String, Path, description = "Its name."), PageParameters),
    responses((status = 200, description = "A page of the timeline.", body = EventList, headers(
        ("Link" = String, description = "The next page, `rel=\"next\"`, if there is one."),
    )))
)]
pub(crate) async fn list_cluster_events(
    State(api): State<Api>,
    PathSegment(name): PathSegment,
    mut parameters: Parameters,
) -> Result<Response, ApiError> {
    let page = Page::<ByPosition>::read(&mut parameters);
    parameters.finish()?;
    let name = cluster_in_path(&name)?;
    let cluster = api
        .store
        .cluster(name.as_str())
        .await?
        .ok_or_else(|| no_such_cluster(name.as_str()))?;
    let leave = api.aws_permit().await?;
    let mut dax = api
        .inspector
        .cluster_events(&name)
        .await
        .map_err(|fault| api.error_of(&fault))?;
    // An adopted cluster had a life before this row; one that we made had none, and DAX tells clusters apart by name only.
    let first = api
        .store
        .operation(cluster.id)
        .await?
        .map(|operation| operation.kind);
    dax.retain(|event| first == Some(Kind::AdoptCluster) || event.at >= cluster.created_at);
    drop(leave);
    let before = page.after.map(|ByPosition(place)| place);
    let place = |Position {
                     at,
                     operation,
                     number,
                 }| (at, operation, number);
    let managed = api
        .store
        .events_of_cluster(&cluster, before.map(place), page.rows())
        .await?;
    let managed = managed
        .into_iter()
        .map(|(operation, event)| Entry::of_operation(operation, event))
        .collect();
    let mut entries = timeline(entries_of_dax(dax), managed, before);
    let next_cursor = page.cut(&mut entries, |entry| ByPosition(entry.place));
    let link = next_cursor
        .as_deref()
        .map(|next| page.link(&format!("/v1/clusters/{name}/events"), &[], next));
    let items = entries.into_iter().map(Event::of_entry).collect();
    Ok(responses::list(
        &EventList { items, next_cursor },
        link.as_deref(),
    ))
}
