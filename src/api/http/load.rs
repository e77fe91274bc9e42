//! Load: how many requests run at the same time. Others wait a moment and are rejected then, because
//! a longer queue would only make every answer slow.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::domain::problems::problem_code::ProblemCode;

use crate::api::Api;
use crate::api::http::api_error::ApiError;

/// Requests of one process that run at the same time: a short queue for each of its connections to
/// the database.
pub(crate) const REQUESTS_MAX: usize = 64;
/// How long a request waits for its place, so that a burst is not rejected.
const PLACE_TIMEOUT: Duration = Duration::from_millis(30);

tokio::task_local! {
    /// The place of the request that this task handles.
    static PLACE: RefCell<Option<OwnedSemaphorePermit>>;
}

/// Runs a request, or rejects it if too many run.
pub(crate) async fn admit(
    State(api): State<Api>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let place = Arc::clone(&api.places).acquire_owned();
    let Ok(Ok(place)) = timeout(PLACE_TIMEOUT, place).await else {
        let detail = "too many requests run at the same time; retry later";
        return Err(ApiError::new(ProblemCode::Unavailable, detail));
    };
    let place = RefCell::new(Some(place));
    Ok(PLACE.scope(place, next.run(request)).await)
}

/// The places of a process.
pub(crate) fn places(requests_max: usize) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(requests_max))
}

/// Ends the place of this request, before it waits for something else than the database.
pub(crate) fn leave() {
    // Outside of a request there is no place.
    let _ = PLACE.try_with(RefCell::take);
}
