//! Changes of a cluster whose plans are compared with what their operations do.

use std::collections::BTreeMap;

use dax_provisioner::domain::mutation::Mutation;
use dax_provisioner::domain::mutation::bodies::ClusterUpdate;
use serde_json::{Value, json};

use crate::support::api::{ApiResponse, cluster_request};
use crate::support::cluster_fixture::ClusterFixture;
use crate::support::requests::unmanaged_role;
use crate::support::test_env::{TestEnv, instant};

/// What happens to the cluster outside the service before the change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    Nothing,
    /// The cluster has nodes, a group and tags that differ from the desired ones.
    Drift,
    /// The cluster was adopted.
    Adoption,
    /// The cluster has a role that the service did not create.
    GivenRole,
}

/// A change of a cluster with these settings.
pub struct Change {
    pub name: &'static str,
    settings: Value,
    before: Before,
    /// The body of its plan.
    body: Value,
}

fn change(name: &'static str, settings: Value, body: Value) -> Change {
    Change {
        name,
        settings,
        before: Before::Nothing,
        body,
    }
}

fn many_tables() -> Vec<String> {
    (0..70)
        .map(|number| format!("a-table-with-a-long-name-{number}"))
        .collect()
}

fn updates() -> Vec<Change> {
    let parameters = json!({"parameters": {"record_ttl_millis": 60000}, "replication_factor": 2});
    vec![
        change(
            "settings and tags",
            json!({"tags": {"team": "orders", "old": "1"}}),
            json!({"update": {"description": "new", "maintenance_window": "mon:05:00-mon:06:00",
                "tags": {"team": "billing", "old": null}}}),
        ),
        change(
            "only a tag less",
            json!({"tags": {"old": "1"}}),
            json!({"update": {"tags": {"old": null}}}),
        ),
        change(
            "a project",
            json!({}),
            json!({"update": {"project": "payments"}}),
        ),
        change(
            "nothing",
            json!({"description": "same"}),
            json!({"update": {"description": "same"}}),
        ),
        change(
            "deletion protection",
            json!({}),
            json!({"update": {"deletion_protection": true}}),
        ),
        change(
            "new values",
            parameters.clone(),
            json!({"update": {"parameters": {"query_ttl_millis": 5000}}}),
        ),
        change(
            "new values with reboots",
            parameters.clone(),
            json!({"update": {"parameters": {"query_ttl_millis": 5000}, "reboot_nodes_if_needed": true}}),
        ),
        change(
            "the default group",
            parameters,
            json!({"update": {"parameters": null}}),
        ),
        change(
            "the first group",
            json!({}),
            json!({"update": {"parameters": {"query_ttl_millis": 5000}}}),
        ),
        change(
            "other tables",
            json!({}),
            json!({"update": {"service_role": {"tables": ["Orders", "Customers"]}}}),
        ),
        change(
            "many tables",
            json!({}),
            json!({"update": {"service_role": {"access": "read_only", "tables": many_tables()}}}),
        ),
    ]
}

#[expect(clippy::too_many_lines, reason = "a table of changes")]
pub fn changes() -> Vec<Change> {
    let two = || json!({"replication_factor": 2});
    let groups = || json!({"parameters": {"record_ttl_millis": 60000}});
    let repair = |name, before| Change {
        before,
        ..change(
            name,
            json!({"parameters": {"record_ttl_millis": 60000}, "tags": {"team": "orders"}}),
            json!({"repair": {}}),
        )
    };
    let of = |before, name, settings, body| Change {
        before,
        ..change(name, settings, body)
    };
    let mut changes = updates();
    changes.extend([
        change(
            "more nodes",
            json!({}),
            json!({"scale": {"replication_factor": 3}}),
        ),
        change(
            "fewer nodes",
            two(),
            json!({"scale": {"replication_factor": 1, "node_ids_to_remove": ["orders-b"]}}),
        ),
        change(
            "as many nodes",
            two(),
            json!({"scale": {"replication_factor": 2}}),
        ),
        change("every reboot", two(), json!({"reboot": {}})),
        change(
            "one reboot",
            two(),
            json!({"reboot": {"node_ids": ["orders-b"]}}),
        ),
        of(
            Before::Adoption,
            "a reboot after an adoption",
            json!({}),
            json!({"reboot": {}}),
        ),
        repair("a repair of nothing", Before::Nothing),
        repair("a repair", Before::Drift),
        change("a delete", groups(), json!({"delete": {}})),
        change(
            "a delete of many policies",
            json!({"service_role": {"access": "read_write", "tables": many_tables()}}),
            json!({"delete": {}}),
        ),
        change(
            "a delete but the role",
            groups(),
            json!({"delete": {"retain": ["service_role"]}}),
        ),
        of(
            Before::GivenRole,
            "a delete with a given role",
            json!({}),
            json!({"delete": {}}),
        ),
        of(
            Before::Adoption,
            "a delete after an adoption",
            json!({}),
            json!({"delete": {}}),
        ),
    ]);
    changes
}

impl Change {
    pub async fn fixture(&self) -> ClusterFixture {
        let settings = aws_sandbox::Settings {
            parameter_changes_need_reboot: true,
            ..instant()
        };
        let fixture = ClusterFixture::in_env(TestEnv::with(settings).await);
        let mut body = cluster_request("orders");
        if self.before == Before::Adoption {
            fixture.create_foreign_cluster("orders", &[]).await;
            let adopted = fixture.post("adopt", &json!({})).await;
            fixture.succeeds(&adopted).await;
        } else {
            if self.before == Before::GivenRole {
                let role = unmanaged_role("DAXServiceRole", "/service-role/");
                let arn = fixture.admin(&role).await.unwrap();
                fixture.env.grant(std::slice::from_ref(&arn), Vec::new());
                body["service_role"] = json!({"arn": arn});
            }
            let settings = self.settings.as_object().unwrap().clone();
            body.as_object_mut().unwrap().extend(settings);
            let created = fixture.api.post("/v1/clusters", &body, &[]).await;
            fixture.succeeds(&created).await;
        }
        if self.before == Before::Drift {
            drift(&fixture).await;
        }
        fixture.poll().await;
        fixture
    }

    pub async fn plan(&self, fixture: &ClusterFixture) -> Value {
        let answer = fixture.post("plans", &self.body).await;
        assert_eq!(answer.status, 200, "{}: {answer:?}", self.name);
        answer.body
    }

    /// Sends the request that the plan is of.
    pub async fn send(&self, fixture: &ClusterFixture) -> ApiResponse {
        let (verb, body) = self.body.as_object().unwrap().iter().next().unwrap();
        match verb.as_str() {
            "update" => fixture.patch(body).await,
            "delete" => {
                let retain = body["retain"].as_array().into_iter().flatten();
                let retain: Vec<&str> = retain.filter_map(Value::as_str).collect();
                let query = match retain.as_slice() {
                    [] => String::new(),
                    kinds => format!("?retain={}", kinds.join(",")),
                };
                let path = format!("/v1/clusters/orders{query}");
                fixture.api.delete(&path).await
            }
            verb => fixture.post(verb, body).await,
        }
    }
}

/// Changes the nodes, a tag and the parameter group, as the account's administrator.
async fn drift(fixture: &ClusterFixture) {
    let cluster = fixture.cluster().await;
    fixture
        .admin(&Mutation::IncreaseReplicationFactor {
            name: "orders".to_owned(),
            count: 2,
            availability_zones: Vec::new(),
        })
        .await;
    let tags = BTreeMap::from([("team".to_owned(), "billing".to_owned())]);
    let arn = cluster["observed"]["arn"].as_str().unwrap().to_owned();
    fixture.admin(&Mutation::TagCluster { arn, tags }).await;
    let update = ClusterUpdate {
        name: "orders".to_owned(),
        parameter_group: Some("default.dax1.0".to_owned()),
        ..ClusterUpdate::default()
    };
    fixture
        .admin(&Mutation::UpdateCluster(Box::new(update)))
        .await;
}
