//! Expiry: clusters are deleted at the time that they were created or changed with, by the same
//! operation as after a DELETE. Every process with workers does it; versions exclude two deletes.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::domain::operation::Kind;
use crate::domain::spec::DeleteSpec;
use crate::operations;
use crate::store::{Accepted, ApprovalState, Expired, NewOperation, StoreError};

use super::shared_jobs::SharedJobs;

/// Interval between two checks for clusters that expire.
const INTERVAL: Duration = Duration::from_secs(10);
/// How long an operation can wait for an approval.
const APPROVALS_KEPT: Duration = Duration::from_secs(7 * 24 * 3_600);
/// The caller of the deletes.
const CALLER: &str = "schedule:expiry";

impl SharedJobs {
    /// Announces and deletes clusters that expire, until `stop` is cancelled.
    pub(super) async fn expire_clusters(self, stop: CancellationToken) {
        let due = || tokio::time::sleep(INTERVAL);
        while stop.run_until_cancelled(due()).await.is_some() {
            if let Err(error) = self.expire().await {
                tracing::debug!(%error, "clusters that expire were not all announced or deleted");
            }
            if let Err(error) = self.store.expire_approvals(APPROVALS_KEPT).await {
                tracing::debug!(%error, "operations that were not approved in time were not ended");
            }
        }
    }

    /// Announces clusters that expire soon, and requests the delete of those that have expired.
    pub async fn expire(&self) -> Result<(), StoreError> {
        if self.store.announce_expiries().await? > 0 {
            self.store.wake_worker();
        }
        for cluster in self.store.expired().await? {
            if self.delete_expired(&cluster).await? {
                self.store.mark_expired(&cluster).await?;
            }
        }
        Ok(())
    }

    /// Requests a delete. False if the cluster was changed since it was read.
    async fn delete_expired(&self, cluster: &Expired) -> Result<bool, StoreError> {
        let plan = operations::plan(Kind::DeleteCluster);
        let new = NewOperation {
            id: Uuid::now_v7(),
            steps: plan.step_names(),
            deadline: plan.deadline,
            requested_by: CALLER.to_owned(),
            requested_for: None,
            project: None,
            request_id: None,
            traceparent: None,
            idempotency_key: None,
            actor: None,
            approval: ApprovalState::NotNeeded,
        };
        let store = self.store.of_target(&cluster.target);
        let spec = DeleteSpec::default();
        let versions = [cluster.version];
        let accepted = store
            .accept_delete_of(
                &new,
                &cluster.name,
                Some(cluster.id),
                &spec,
                Some(&versions),
            )
            .await?;
        match accepted {
            Accepted::Created(operation) => {
                store.announce_work();
                tracing::info!(
                    operation.kind = operation.kind.as_str(),
                    cluster.name = cluster.name,
                    caller = operation.requested_by,
                    "operation accepted"
                );
                Ok(true)
            }
            Accepted::Replayed(_) => Ok(true),
            Accepted::KeyReused
            | Accepted::ClusterExists
            | Accepted::InProgress(_)
            | Accepted::NoSuchCluster
            | Accepted::DeletionProtected
            | Accepted::ClusterFailed
            | Accepted::NotPermitted
            | Accepted::Stale
            | Accepted::OtherVersion(_) => Ok(false),
        }
    }
}
