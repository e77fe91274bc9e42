//! What tests of a cluster's later life share: clusters of ours and of others, and operations that must succeed.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::Request;
use dax_provisioner::domain::iam::policies::trust_policy;
use dax_provisioner::domain::mutation::Mutation;
use dax_provisioner::domain::mutation::bodies::NewCluster;
use dax_provisioner::domain::operation::{Operation, Status};
use dax_provisioner::worker::Worker;
use serde_json::Value;

use crate::support::api::{Answer, Door, wanted};
use crate::support::test_env::TestEnv;

/// A world with a door and a worker.
pub struct ClusterFixture {
    pub world: TestEnv,
    pub door: Door,
    pub worker: Worker,
}

impl ClusterFixture {
    pub async fn new() -> Self {
        Self::in_world(TestEnv::new().await)
    }

    pub fn in_world(world: TestEnv) -> Self {
        Self {
            door: Door::of(&world),
            worker: world.worker("w"),
            world,
        }
    }

    /// One with a cluster of ours that is `wanted`, and more.
    pub async fn with_cluster(more: &Value) -> Self {
        let house = Self::new().await;
        let mut body = wanted("orders");
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let create = house.door.post("/v1/clusters", &body, &[]).await;
        house.succeeds(&create).await;
        house
    }

    /// Works until an accepted operation is over: it must succeed.
    pub async fn succeeds(&self, accepted: &Answer) -> Operation {
        let operation = self.settle(accepted.accepted()).await;
        assert_eq!(operation.status, Status::Succeeded, "{operation:#?}");
        operation
    }

    /// Works, and polls as a process would, until an operation is over or blocked.
    pub async fn settle(&self, id: uuid::Uuid) -> Operation {
        for _ in 0..2_000 {
            let operation = self.world.operation(id).await;
            if operation.status.is_finished() || operation.status == Status::Blocked {
                return operation;
            }
            self.world.hurry().await;
            self.worker.turn().await.unwrap();
            self.worker.poll().await.unwrap();
        }
        panic!("{:?} is not settled", self.world.operation(id).await);
    }

    pub async fn cluster(&self) -> Value {
        self.door.get("/v1/clusters/orders").await.body
    }

    /// Sends a request about the cluster.
    pub async fn post(&self, verb: &str, body: &Value) -> Answer {
        self.door
            .post(&format!("/v1/clusters/orders/{verb}"), body, &[])
            .await
    }

    /// Patches the cluster as it is.
    pub async fn patch(&self, body: &Value) -> Answer {
        self.patch_with(
            body,
            &[
                ("if-match", "*"),
                ("content-type", "application/merge-patch+json"),
            ],
        )
        .await
    }

    pub async fn patch_with(&self, body: &Value, headers: &[(&str, &str)]) -> Answer {
        let request = Request::patch("/v1/clusters/orders");
        let request = headers.iter().fold(request, |request, (name, value)| {
            request.header(*name, *value)
        });
        self.door
            .send(request.body(Body::from(body.to_string())).unwrap())
            .await
    }

    /// Looks at all clusters, and reads what is due of them.
    pub async fn poll(&self) {
        tokio::time::sleep(std::time::Duration::from_millis(150)).await;
        self.worker.poll().await.unwrap().expect("the poll is due");
    }

    /// Changes something as the administrator of the account.
    pub async fn admin(&self, mutation: &Mutation) -> Option<String> {
        self.world
            .admin
            .send(mutation, &self.world.place)
            .await
            .unwrap()
            .arn
    }

    /// Makes a cluster that is not ours, with a role that is not ours either.
    pub async fn foreign_cluster(&self, name: &str, tags: &[(&str, &str)]) {
        let role = Mutation::CreateRole {
            name: "DAXServiceRole".to_owned(),
            path: "/service-role/".to_owned(),
            trust_policy: trust_policy().to_json(),
            permissions_boundary: None,
            description: "made by hand".to_owned(),
            tags: BTreeMap::new(),
        };
        let iam_role_arn = self.admin(&role).await.unwrap();
        let cluster = NewCluster {
            name: name.to_owned(),
            description: Some("made by hand".to_owned()),
            node_type: "dax.r5.large".to_owned(),
            replication_factor: 2,
            availability_zones: Vec::new(),
            iam_role_arn,
            subnet_group: "default".to_owned(),
            security_group_ids: Vec::new(),
            network_type: None,
            parameter_group: None,
            encryption_at_rest: true,
            encryption_in_transit: false,
            maintenance_window: Some("sun:05:00-sun:06:00".to_owned()),
            notification_topic_arn: None,
            tags: tags
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect(),
        };
        self.admin(&Mutation::CreateCluster(Box::new(cluster)))
            .await;
    }
}

/// The ARNs in AWS that contain a text, among those that were made.
pub fn names(house: &ClusterFixture, text: &str) -> Vec<String> {
    house
        .world
        .made_in_aws()
        .into_iter()
        .filter(|arn| arn.contains(text))
        .collect()
}

impl Answer {
    /// The pointers of every broken rule, with their codes.
    pub fn faults(&self) -> Vec<(&str, &str)> {
        let errors = self.body["errors"]
            .as_array()
            .unwrap_or_else(|| panic!("{self:?}"))
            .iter();
        let mut faults: Vec<_> = errors
            .map(|error| {
                (
                    error["pointer"].as_str().unwrap(),
                    error["code"].as_str().unwrap(),
                )
            })
            .collect();
        faults.sort_unstable();
        faults
    }
}
