//! Load: how many requests run at the same time. Others of a burst wait a moment; under a load that
//! lasts they are rejected at once, because a queue would only make every answer slow.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

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
/// How long after a rejection no request waits for a place.
const OVERLOADED: Duration = Duration::from_secs(1);

/// The places of a process.
pub(crate) struct Places {
    free: Arc<Semaphore>,
    rejected_at: Mutex<Option<Instant>>,
}

impl Places {
    pub(crate) fn new(requests_max: usize) -> Self {
        Self {
            free: Arc::new(Semaphore::new(requests_max)),
            rejected_at: Mutex::default(),
        }
    }

    /// A place, or `None` if the request must be rejected.
    async fn take(&self) -> Option<OwnedSemaphorePermit> {
        let free = || Arc::clone(&self.free);
        if let Ok(place) = free().try_acquire_owned() {
            return Some(place);
        }
        let rejected_at = || {
            self.rejected_at
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        let is_overloaded = rejected_at().is_some_and(|at| at.elapsed() < OVERLOADED);
        if !is_overloaded
            && let Ok(Ok(place)) = timeout(PLACE_TIMEOUT, free().acquire_owned()).await
        {
            return Some(place);
        }
        *rejected_at() = Some(Instant::now());
        None
    }
}

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
    let Some(place) = api.places.take().await else {
        let detail = "too many requests run at the same time; retry later";
        return Err(ApiError::new(ProblemCode::Unavailable, detail));
    };
    let place = RefCell::new(Some(place));
    Ok(PLACE.scope(place, next.run(request)).await)
}

/// Ends the place of this request, before it waits for something else than the database.
pub(crate) fn leave() {
    // Outside of a request there is no place.
    let _ = PLACE.try_with(RefCell::take);
}
