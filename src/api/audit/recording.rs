//! Recording: gives each request an actor, whose writes the store records, and records the requests
//! that were not permitted.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use utoipa::openapi::OpenApi;

use crate::authorization::{Denial, Permits};
use crate::domain::problems::problem_code::ProblemCode;
use crate::store::{Actor, Entry};

use crate::api::Api;
use crate::api::http::api_error::{ApiError, Reason};
use crate::api::http::request_context::RequestContext;

/// The operation IDs by method and path, as in the OpenAPI document.
#[derive(Debug, Default)]
pub(crate) struct OperationIds(HashMap<(Method, String), String>);

impl OperationIds {
    pub(crate) fn of(document: &OpenApi) -> Self {
        let mut ids = HashMap::new();
        for (path, item) in &document.paths.paths {
            let methods = [
                (Method::GET, &item.get),
                (Method::HEAD, &item.get),
                (Method::POST, &item.post),
                (Method::PATCH, &item.patch),
                (Method::DELETE, &item.delete),
            ];
            for (method, operation) in methods {
                let id = operation.as_ref().and_then(|one| one.operation_id.clone());
                if let Some(id) = id {
                    ids.insert((method, path.clone()), id);
                }
            }
        }
        Self(ids)
    }
}

/// The actor of a request.
pub(crate) fn actor_of(parts: &Parts) -> Result<Arc<Actor>, ApiError> {
    let actor = parts.extensions.get::<Arc<Actor>>().cloned();
    actor.ok_or_else(|| ApiError::new(ProblemCode::Internal, "the request has no actor"))
}

/// Notes the policies that permit something, or that ask for an approval of it.
pub(crate) fn note_policies(actor: &Actor, decided: &Result<Permits, Denial>) {
    match decided {
        Ok(permits) => actor.note_permits(permits.0.iter().cloned()),
        Err(Denial::NeedsApproval(by)) => {
            actor.note_permits(by.iter().map(|policy| policy.id.clone()));
        }
        Err(Denial::Forbidden(_) | Denial::Failed(_)) => {}
    }
}

/// Gives a request its actor, and records or counts it if it is not permitted. A denial is recorded
/// before the response is sent.
pub(crate) async fn audit(
    State((api, ids)): State<(Api, Arc<OperationIds>)>,
    mut request: Request,
    next: Next,
) -> Response {
    let extensions = request.extensions();
    let path = extensions.get::<MatchedPath>().map(MatchedPath::as_str);
    let key = path.map(|path| (request.method().clone(), path.to_owned()));
    let proxies = &api.settings.trusted_proxies;
    let action = key.and_then(|key| ids.0.get(&key).cloned());
    let context = extensions.get::<RequestContext>();
    let request_id = context.map(|context| context.request_id.clone());
    let address = proxies.client(extensions, request.headers());
    let actor = Arc::new(Actor::new(action, request_id, address));
    request.extensions_mut().insert(Arc::clone(&actor));
    let response = next.run(request).await;
    match (response.status(), response.extensions().get::<Reason>()) {
        (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, Some(Reason(reason))) => {
            api.count_failure(reason, actor.address);
        }
        (StatusCode::FORBIDDEN, None) => api.record_denial(actor).await,
        _ => {}
    }
    response
}

impl Api {
    /// Records a denial, or counts it if the caller has had many within a minute.
    async fn record_denial(&self, actor: Arc<Actor>) {
        let denied = Entry {
            decision: "denied",
            ..Entry::default()
        };
        if !self.counts.admit_denial(&actor) {
            return self.count_denial(&actor);
        }
        if let Err(error) = self.store.record_entry(Arc::clone(&actor), denied).await {
            tracing::warn!(%error, "a denial is counted, because it could not be recorded");
            self.count_denial(&actor);
        }
    }
}
