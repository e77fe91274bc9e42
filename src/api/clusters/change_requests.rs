//! Changing: a request about a cluster that is managed, from the cluster as it is to an accepted operation.

use axum::response::Response;

use crate::domain::cluster::Cluster;
use crate::domain::names::ClusterName;
use crate::domain::operation::{ClusterStatus, Kind};
use crate::domain::spec::Spec;
use crate::store::{Accepted, Change, IdempotencyKey};

use crate::api::Api;
use crate::api::clusters::submit::Submission;
use crate::api::http::api_error::ApiError;
use crate::api::http::query::no_such_cluster;

/// How often a request is read against its cluster, when others were faster each time.
const READS: u32 = 3;

impl Api {
    /// What a request has led to, if it came before: the answer then depends on nothing that has changed since.
    pub(crate) async fn known_request(
        &self,
        key: Option<&IdempotencyKey>,
    ) -> Result<Option<Accepted>, ApiError> {
        match key {
            Some(key) => Ok(self.store.known_key(key).await?),
            None => Ok(None),
        }
    }

    /// Accepts a change of a cluster. `read` makes of the cluster what shall be done, or refuses; it is asked again when
    /// the cluster has changed meanwhile.
    ///
    /// In this order: a repeated request is answered with its operation; a cluster there is not, one that is at work and
    /// one that was never made are refused; then the request is read.
    pub(crate) async fn change(
        &self,
        name: &ClusterName,
        kind: Kind,
        submission: &Submission,
        key: Option<IdempotencyKey>,
        read: impl Fn(&Cluster) -> Result<Spec, ApiError>,
    ) -> Result<Response, ApiError> {
        let accepted = match self.known_request(key.as_ref()).await? {
            Some(known) => known,
            None => {
                self.accept_change(name, kind, submission, key.as_ref(), read)
                    .await?
            }
        };
        self.answer_accepted(accepted, name.as_str(), submission.preference)
            .await
    }

    async fn accept_change(
        &self,
        name: &ClusterName,
        kind: Kind,
        submission: &Submission,
        key: Option<&IdempotencyKey>,
        read: impl Fn(&Cluster) -> Result<Spec, ApiError>,
    ) -> Result<Accepted, ApiError> {
        for _ in 0..READS {
            let cluster = self.store.cluster(name.as_str()).await?;
            let cluster = cluster.ok_or_else(|| no_such_cluster(name.as_str()))?;
            let new = submission.new_operation(kind, key.cloned());
            let accepted = if let Some(live) = self.store.live_operation(name.as_str()).await? {
                Ok(Accepted::InProgress(live))
            } else if cluster.status == ClusterStatus::Failed {
                Ok(Accepted::ClusterFailed)
            } else {
                match read(&cluster) {
                    Ok(spec) => {
                        let change = Change {
                            cluster: name.to_string(),
                            since: cluster.operation_id,
                            spec,
                        };
                        Ok(self.store.accept_change(&new, &change).await?)
                    }
                    Err(refusal) => Err(refusal),
                }
            };
            match accepted {
                Ok(Accepted::Stale) => {}
                Ok(Accepted::Created(id)) => return Ok(Accepted::Created(id)),
                // A twin of this request may have been accepted since it was asked for.
                refused => return self.known_request(key).await?.map_or(refused, Ok),
            }
        }
        Ok(Accepted::Stale)
    }
}
