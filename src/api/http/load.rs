//! Load: how many requests run at the same time. Others of a burst wait a moment; under a load that
//! lasts they are rejected at once, because a queue would only make every answer slow. The workers of
//! this process learn when many run, and leave the processors to them.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
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
/// A process is busy while one in so many places is taken. Fewer are while the database answers soon.
const BUSY_PART: usize = 8;

/// The places of a process.
pub(crate) struct Places {
    all: usize,
    free: Arc<Semaphore>,
    rejected_at: Mutex<Option<Instant>>,
    is_busy: watch::Sender<bool>,
}

/// The place of one request; dropping it returns it.
struct Place {
    permit: Option<OwnedSemaphorePermit>,
    places: Arc<Places>,
}

impl Places {
    pub(crate) fn new(requests_max: usize) -> Self {
        Self {
            all: requests_max,
            free: Arc::new(Semaphore::new(requests_max)),
            rejected_at: Mutex::default(),
            is_busy: watch::Sender::default(),
        }
    }

    /// Whether many requests run.
    pub(crate) fn is_busy(&self) -> watch::Receiver<bool> {
        self.is_busy.subscribe()
    }

    /// A place, or `None` if the request must be rejected.
    async fn take(self: &Arc<Self>) -> Option<Place> {
        // Also a caller that stops waiting reports, because it may have returned a permit.
        let mut place = Place {
            permit: None,
            places: Arc::clone(self),
        };
        place.permit = Some(self.permit().await?);
        self.report();
        Some(place)
    }

    /// Reports whether the process is busy. Every change is followed by a report.
    fn report(&self) {
        self.is_busy.send_if_modified(|is_busy| {
            let taken = self.all.saturating_sub(self.free.available_permits());
            let was_busy = std::mem::replace(is_busy, taken * BUSY_PART >= self.all);
            was_busy != *is_busy
        });
    }

    async fn permit(&self) -> Option<OwnedSemaphorePermit> {
        let free = || Arc::clone(&self.free);
        if let Ok(permit) = free().try_acquire_owned() {
            return Some(permit);
        }
        let rejected_at = || {
            self.rejected_at
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        let is_overloaded = rejected_at().is_some_and(|at| at.elapsed() < OVERLOADED);
        if !is_overloaded
            && let Ok(Ok(permit)) = timeout(PLACE_TIMEOUT, free().acquire_owned()).await
        {
            return Some(permit);
        }
        *rejected_at() = Some(Instant::now());
        None
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        drop(self.permit.take());
        self.places.report();
    }
}

tokio::task_local! {
    /// The place of the request that this task handles.
    static PLACE: RefCell<Option<Place>>;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_process_is_busy_while_an_eighth_of_its_places_are_taken() {
        let places = Arc::new(Places::new(16));
        let is_busy = places.is_busy();
        let first = places.take().await.unwrap();
        assert!(!*is_busy.borrow());
        let second = places.take().await.unwrap();
        assert!(*is_busy.borrow());
        drop(first);
        assert!(!*is_busy.borrow());
        drop(second);
        assert_eq!(places.free.available_permits(), 16);
    }
}
