//! Changes of managed clusters: validates a request against its cluster and accepts an operation.

use axum::response::Response;
use serde_json::Value;

use crate::domain::cluster::Cluster;
use crate::domain::names::ClusterName;
use crate::domain::operation::{ClusterStatus, Kind};
use crate::domain::spec::Spec;
use crate::store::{Accepted, Change, IdempotencyKey, NewOperation};

use crate::api::clusters::approvals::action_of;
use crate::api::clusters::decisions::Pending;
use crate::api::clusters::submit::Submission;
use crate::api::http::api_error::ApiError;
use crate::api::http::path::no_such_cluster;
use crate::api::targets::TargetApi;

/// Attempts to accept a change while concurrent requests change the cluster.
pub(super) const ATTEMPTS: u32 = 3;

impl TargetApi {
    pub(crate) async fn cluster(&self, name: &ClusterName) -> Result<Cluster, ApiError> {
        let cluster = self.store.cluster(name.as_str()).await?;
        let readable = cluster.filter(|cluster| self.may_read(&cluster.scope()));
        readable.ok_or_else(|| no_such_cluster(name.as_str()))
    }

    /// The outcome of an earlier request with the same idempotency key.
    pub(crate) async fn known_request(
        &self,
        key: Option<&IdempotencyKey>,
    ) -> Result<Option<Accepted>, ApiError> {
        match key {
            Some(key) => Ok(self.store.known_key(key).await?),
            None => Ok(None),
        }
    }

    /// Accepts a change of a cluster. `read` turns the cluster into the spec of the operation, or
    /// rejects the request. It runs again if the cluster changes before the operation is stored.
    ///
    /// Order of the checks: a replayed idempotency key, a missing cluster, an operation in
    /// progress, a failed creation, then `read`.
    pub(crate) async fn change(
        &self,
        name: &ClusterName,
        kind: Kind,
        submission: &Submission,
        body: &Value,
        read: impl Fn(&Cluster) -> Result<Spec, ApiError>,
    ) -> Result<Response, ApiError> {
        let key = submission.key(self, body)?;
        let accepted = match self.known_request(key.as_ref()).await? {
            Some(known) => known,
            None => {
                self.accept_change(name, kind, submission, key.as_ref(), read)
                    .await?
            }
        };
        self.answer_accepted(accepted, name.as_str(), submission.preference.clone())
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
        for _ in 0..ATTEMPTS {
            let cluster = self.cluster(name).await?;
            let new = submission.new_operation(kind, key.cloned());
            let accepted = if let Some(live) = self.store.live_operation(name.as_str()).await? {
                Ok(Accepted::InProgress(live))
            } else if cluster.status == ClusterStatus::Failed {
                Ok(Accepted::ClusterFailed)
            } else {
                match read(&cluster) {
                    Ok(spec) => self.accept_decided(new, &cluster, spec).await,
                    Err(error) => Err(error),
                }
            };
            match accepted {
                Ok(Accepted::Stale) => {}
                Ok(created @ Accepted::Created(_)) => return Ok(created),
                // The same request may have been accepted concurrently under its key.
                rejected => return self.known_request(key).await?.map_or(rejected, Ok),
            }
        }
        Ok(Accepted::Stale)
    }

    /// Accepts a change if the rules permit it.
    async fn accept_decided(
        &self,
        new: NewOperation,
        cluster: &Cluster,
        spec: Spec,
    ) -> Result<Accepted, ApiError> {
        let action = action_of(&spec);
        let decided = self.decide_operation(&cluster.name, &cluster.scope(), &spec)?;
        let (approvals, pending) =
            decided.map_err(|(action, denial)| self.denied(action, denial))?;
        let new = NewOperation {
            approval: approvals.state(),
            ..new
        };
        let change = Change {
            cluster: cluster.name.to_string(),
            since: cluster.operation_id,
            spec,
        };
        let (limit, refusal) = pending.map(Pending::split).unzip();
        let accepted = self.store.accept_change(&new, &change, limit).await?;
        match (accepted, refusal) {
            (Accepted::NotPermitted, Some(refusal)) => Err(refusal.response(self, action)),
            (accepted, _) => Ok(accepted),
        }
    }
}
