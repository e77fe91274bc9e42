//! Clients that send every kind of request, and change clusters behind the service.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::watch;

use crate::api::{Answer, Api, Request, is_finished};
use crate::aws::{FOREIGN_CLUSTERS, Sandbox, TARGETS, hand_made_role_arn};
use crate::random::Random;

/// Names of clusters that one client uses.
const NAMES_OF_A_CLIENT: usize = 3;

/// One client. No other client uses its clusters, so it knows what it asked for.
pub(crate) struct Workload {
    api: Arc<Api>,
    sandbox: Arc<Sandbox>,
    random: Random,
    number: usize,
    requests: usize,
    subnets: Vec<Vec<String>>,
    stop: watch::Receiver<bool>,
}

/// A cluster by its target and name.
#[derive(Clone)]
struct Subject {
    name: String,
    target: &'static str,
    region: &'static str,
}

impl Workload {
    pub(crate) fn new(
        api: &Arc<Api>,
        sandbox: &Arc<Sandbox>,
        seed: u64,
        number: usize,
        subnets: Vec<Vec<String>>,
        stop: watch::Receiver<bool>,
    ) -> Self {
        Self {
            api: Arc::clone(api),
            sandbox: Arc::clone(sandbox),
            random: Random::new(seed, 1_000 + number as u64),
            number,
            requests: 0,
            subnets,
            stop,
        }
    }

    pub(crate) async fn run(mut self) {
        while !*self.stop.borrow() {
            self.act().await;
            let pause = self.random.between(0.0, 0.3);
            tokio::time::sleep(Duration::from_secs_f64(pause)).await;
        }
    }

    async fn act(&mut self) {
        if self.random.chance(0.01) {
            return self.try_foreign().await;
        }
        let at = self.random.below(NAMES_OF_A_CLIENT);
        let (target, region) = TARGETS[(self.number + at) % TARGETS.len()];
        let subject = Subject {
            name: format!("c{}-{at}", self.number),
            target,
            region,
        };
        let path = format!("/v1/clusters/{}?target={target}", subject.name);
        let Some(cluster) = self.api.get(&mut self.random, self.number, &path).await else {
            return;
        };
        if cluster.status == 404 {
            return self.begin(&subject).await;
        }
        let id = cluster.body["operation_id"].as_str().unwrap_or_default();
        match self.api.operation(&mut self.random, id).await {
            Some(operation) if !is_finished(text(&operation, "status")) => {
                self.interfere(&subject, id).await;
            }
            _ => self.change(&subject, &cluster).await,
        }
    }

    /// A cluster that does not exist is created, or made by hand and adopted.
    async fn begin(&mut self, subject: &Subject) {
        if self.random.chance(0.12) {
            let (region, name) = (subject.region, &subject.name);
            if self
                .sandbox
                .create_cluster_by_hand(region, name)
                .await
                .is_ok()
            {
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
            let adopt = json!({});
            return self.post(subject, "/adopt", &adopt).await;
        }
        let body = self.new_cluster(subject);
        let request = Request::new("POST", "/v1/clusters", Some(&body));
        let accepted = if self.random.chance(0.1) {
            self.submit_twice(&request).await
        } else {
            self.submit(&request).await
        };
        match accepted {
            Ok(id) => self.follow(subject, &id).await,
            // Left by a release or made by hand: adopt it next time, or remove it.
            Err(_) if self.random.chance(0.3) => self.delete_by_hand(subject).await,
            Err(_) => {}
        }
    }

    fn new_cluster(&mut self, subject: &Subject) -> Value {
        let node_type = *self.random.pick(&["dax.t3.small", "dax.r5.large"]);
        let mut body = json!({
            "name": subject.name, "target": subject.target, "node_type": node_type,
            "replication_factor": 1 + self.random.below(3),
        });
        body["service_role"] = if self.random.chance(0.7) {
            json!({"access": "read_only", "tables": ["Orders"]})
        } else {
            json!({"arn": hand_made_role_arn()})
        };
        if self.random.chance(0.5) {
            let at = usize::from(subject.target != TARGETS[0].0);
            body["subnet_group"] = json!({"subnet_ids": self.subnets[at]});
        }
        if self.random.chance(0.5) {
            body["parameters"] = json!({"record_ttl_millis": 60_000 + self.random.below(1_000)});
        }
        if self.random.chance(0.5) {
            body["on_failure"] = json!("roll_back");
        }
        if self.random.chance(0.5) {
            body["tags"] = json!({"team": "chaos"});
        }
        body
    }

    /// Waits for an operation for a while, or disturbs it.
    async fn follow(&mut self, subject: &Subject, id: &str) {
        if self.random.chance(0.35) {
            let pause = self.random.between(0.0, 2.5);
            tokio::time::sleep(Duration::from_secs_f64(pause)).await;
            return self.interfere(subject, id).await;
        }
        let (began, most) = (Instant::now(), self.random.between(4.0, 25.0));
        while began.elapsed().as_secs_f64() < most && !*self.stop.borrow() {
            let Some(operation) = self.api.operation(&mut self.random, id).await else {
                return;
            };
            let status = text(&operation, "status");
            if is_finished(status) || status == "blocked" {
                return;
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }

    async fn interfere(&mut self, subject: &Subject, id: &str) {
        let act = *self.random.pick(&[
            "cancel",
            "retry",
            "roll_back",
            "retry",
            "delete",
            "wait",
            "wait",
        ]);
        match act {
            "wait" => tokio::time::sleep(Duration::from_millis(400)).await,
            "delete" => {
                let path = format!("/v1/clusters/{}?target={}", subject.name, subject.target);
                let _ = self.submit(&Request::new("DELETE", &path, None)).await;
            }
            act => {
                let path = format!("/v1/operations/{id}/{act}");
                let request = Request::new("POST", &path, None);
                self.api
                    .send(&mut self.random, self.number, &request, None)
                    .await;
            }
        }
    }

    /// Changes a cluster that no operation works on.
    async fn change(&mut self, subject: &Subject, cluster: &Answer) {
        if text(&cluster.body, "status") != "available" {
            return match self.random.chance(0.5) {
                true => self.begin(subject).await,
                false => self.delete(subject).await,
            };
        }
        if self.random.chance(0.15) {
            self.change_by_hand(subject).await;
            return self.post(subject, "/repair", &json!({})).await;
        }
        match self.random.below(10) {
            0 | 1 => self.update(subject, cluster).await,
            2 | 3 => {
                let nodes = json!({"replication_factor": 1 + self.random.below(4)});
                self.post(subject, "/scale", &nodes).await;
            }
            4 => self.post(subject, "/reboot", &json!({})).await,
            5 => self.post(subject, "/repair", &json!({})).await,
            6 => self.release(subject).await,
            _ => self.delete(subject).await,
        }
    }

    async fn update(&mut self, subject: &Subject, cluster: &Answer) {
        let value = self.random.below(10_000);
        let patch = match self.random.below(4) {
            0 => json!({"tags": {"round": value.to_string()}}),
            1 => json!({"parameters": {"query_ttl_millis": 100_000 + value}}),
            2 => json!({"description": format!("number {value}")}),
            _ => json!({"maintenance_window": "sun:05:00-sun:06:00"}),
        };
        let path = format!("/v1/clusters/{}?target={}", subject.name, subject.target);
        let mut request = Request::new("PATCH", &path, Some(&patch));
        request.if_match = cluster.etag.as_deref();
        if let Ok(id) = self.submit(&request).await {
            self.follow(subject, &id).await;
        }
    }

    async fn release(&mut self, subject: &Subject) {
        self.post(subject, "/release", &json!({})).await;
        match self.random.chance(0.7) {
            true => self.post(subject, "/adopt", &json!({})).await,
            false => self.delete_by_hand(subject).await,
        }
    }

    async fn delete(&mut self, subject: &Subject) {
        let path = format!("/v1/clusters/{}?target={}", subject.name, subject.target);
        if let Ok(id) = self.submit(&Request::new("DELETE", &path, None)).await {
            self.follow(subject, &id).await;
        }
    }

    async fn post(&mut self, subject: &Subject, what: &str, body: &Value) {
        let path = format!(
            "/v1/clusters/{}{what}?target={}",
            subject.name, subject.target
        );
        let request = Request::new("POST", &path, Some(body));
        if let Ok(id) = self.submit(&request).await {
            self.follow(subject, &id).await;
        }
    }

    /// Asks for a cluster of a name that belongs to others: that must end without a trace.
    async fn try_foreign(&mut self) {
        let (target, region) = *self.random.pick(&TARGETS);
        let subject = Subject {
            name: (*self.random.pick(&FOREIGN_CLUSTERS)).to_owned(),
            target,
            region,
        };
        let body = self.new_cluster(&subject);
        let request = Request::new("POST", "/v1/clusters", Some(&body));
        if let Ok(id) = self.submit(&request).await {
            self.follow(&subject, &id).await;
        }
    }

    async fn change_by_hand(&mut self, subject: &Subject) {
        let name = &subject.name;
        let value = self.random.below(10_000).to_string();
        let (call, input) = match self.random.below(4) {
            0 => (
                "UpdateCluster",
                json!({"ClusterName": name, "Description": value}),
            ),
            1 => (
                "IncreaseReplicationFactor",
                json!({"ClusterName": name, "NewReplicationFactor": 4}),
            ),
            2 => (
                "DecreaseReplicationFactor",
                json!({"ClusterName": name, "NewReplicationFactor": 1}),
            ),
            _ => ("DeleteCluster", json!({"ClusterName": name})),
        };
        // A cluster that is being changed rejects the call.
        let _ = self.sandbox.dax(subject.region, call, &input).await;
    }

    async fn delete_by_hand(&mut self, subject: &Subject) {
        let input = json!({"ClusterName": subject.name});
        let _ = self
            .sandbox
            .dax(subject.region, "DeleteCluster", &input)
            .await;
    }

    async fn submit(&mut self, request: &Request<'_>) -> Result<String, Answer> {
        let key = self.key();
        self.api
            .submit(&mut self.random, self.number, request, &key)
            .await
    }

    /// The same request twice at the same time: one operation.
    async fn submit_twice(&mut self, request: &Request<'_>) -> Result<String, Answer> {
        let key = self.key();
        let mut other = Random::new(self.random.next(), 0);
        let (first, second) = tokio::join!(
            self.api
                .submit(&mut self.random, self.number, request, &key),
            self.api.submit(&mut other, self.number, request, &key),
        );
        first.or(second)
    }

    fn key(&mut self) -> String {
        self.requests += 1;
        format!("client-{}-{}", self.number, self.requests)
    }
}

pub(crate) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}
