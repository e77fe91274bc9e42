//! A test environment with an API client and a worker, for tests of the cluster `orders`.

use axum::body::Body;
use axum::http::Request;
use dax_provisioner::domain::mutation::Mutation;
use dax_provisioner::domain::mutation::bodies::NewCluster;
use dax_provisioner::domain::operation::{Operation, Status};
use dax_provisioner::worker::Worker;
use serde_json::Value;

use crate::support::api::{ApiClient, ApiResponse, cluster_request};
use crate::support::requests::{unmanaged_cluster, unmanaged_role, window};
use crate::support::test_env::{TURNS, TestEnv};

pub struct ClusterFixture {
    pub env: TestEnv,
    pub api: ApiClient,
    pub worker: Worker,
}

impl ClusterFixture {
    pub async fn new() -> Self {
        Self::in_env(TestEnv::new().await)
    }

    pub fn in_env(env: TestEnv) -> Self {
        Self {
            api: env.api(),
            worker: env.worker("w"),
            env,
        }
    }

    /// Creates the cluster `orders`, with these members added to its request.
    pub async fn with_cluster(more: &Value) -> Self {
        let fixture = Self::new().await;
        let mut body = cluster_request("orders");
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let create = fixture.api.post("/v1/clusters", &body, &[]).await;
        fixture.succeeds(&create).await;
        fixture
    }

    /// Works until an accepted operation has finished. It must succeed.
    pub async fn succeeds(&self, accepted: &ApiResponse) -> Operation {
        let operation = self.settle(accepted.accepted()).await;
        assert_eq!(operation.status, Status::Succeeded, "{operation:#?}");
        operation
    }

    /// Works, and polls as a process does, until an operation is finished or blocked.
    pub async fn settle(&self, id: uuid::Uuid) -> Operation {
        for _ in 0..TURNS {
            let status = self.env.status(id).await;
            if status.is_finished() || status == Status::Blocked {
                return self.env.operation(id).await;
            }
            self.env.make_due().await;
            self.worker.turn().await.unwrap();
            self.worker.poll().await.unwrap();
        }
        panic!("not settled: {:#?}", self.env.operation(id).await);
    }

    /// Works until no operation is unfinished.
    pub async fn settle_all(&self) {
        let unfinished =
            "select id from operations where finished_at is null and status <> 'blocked'";
        let ids: Vec<uuid::Uuid> = sqlx::query_scalar(unfinished)
            .fetch_all(&self.env.pool)
            .await
            .unwrap();
        for id in ids {
            self.settle(id).await;
        }
    }

    pub async fn cluster(&self) -> Value {
        self.api.get("/v1/clusters/orders").await.body
    }

    /// Posts to a path below the cluster.
    pub async fn post(&self, verb: &str, body: &Value) -> ApiResponse {
        self.api
            .post(&format!("/v1/clusters/orders/{verb}"), body, &[])
            .await
    }

    /// Patches the cluster, whatever its version.
    pub async fn patch(&self, body: &Value) -> ApiResponse {
        self.api.patch("/v1/clusters/orders", body).await
    }

    pub async fn patch_with(&self, body: &Value, headers: &[(&str, &str)]) -> ApiResponse {
        let request = Request::patch("/v1/clusters/orders");
        let request = headers.iter().fold(request, |request, (name, value)| {
            request.header(*name, *value)
        });
        self.api
            .send(request.body(Body::from(body.to_string())).unwrap())
            .await
    }

    /// Polls AWS for all clusters. The pause makes the details of each cluster due as well.
    pub async fn poll(&self) {
        tokio::time::sleep(std::time::Duration::from_millis(150)).await;
        self.worker.poll().await.unwrap().expect("the poll is due");
    }

    /// Sends a call as the account's administrator. Returns the ARN of what it created.
    pub async fn admin(&self, mutation: &Mutation) -> Option<String> {
        self.env
            .admin
            .send(mutation, &self.env.account)
            .await
            .unwrap()
            .arn
    }

    /// Creates a cluster and its role as the account's administrator.
    pub async fn create_foreign_cluster(&self, name: &str, tags: &[(&str, &str)]) {
        let role = unmanaged_role("DAXServiceRole", "/service-role/");
        let role_arn = self.admin(&role).await.unwrap();
        let cluster = NewCluster {
            description: Some("created by hand".to_owned()),
            maintenance_window: window("sun:05:00-sun:06:00"),
            tags: tags
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect(),
            ..unmanaged_cluster(name, &role_arn)
        };
        self.admin(&Mutation::CreateCluster(Box::new(cluster)))
            .await;
    }
}

impl ApiClient {
    /// Patches a resource, whatever its version.
    pub async fn patch(&self, path: &str, body: &Value) -> ApiResponse {
        let headers = [
            ("if-match", "*"),
            ("content-type", "application/merge-patch+json"),
        ];
        let request = self.request("PATCH", path, &headers);
        self.send(request.body(Body::from(body.to_string())).unwrap())
            .await
    }
}

/// The ARNs that contain a text, among the resources created in AWS.
pub fn names(fixture: &ClusterFixture, text: &str) -> Vec<String> {
    let mut names = fixture.env.created_in_aws();
    names.retain(|arn| arn.contains(text));
    names
}
