//! Lookups: what a build without them says, and what one with them finds.

use std::collections::BTreeSet;

use dax_provisioner::domain::spec::{ClusterSpec, SubnetGroup};
use serde_json::{Value, json};

use crate::support::api::{ApiClient, ApiResponse, cluster_request};
use crate::support::requests::full_spec;
use crate::support::test_env::TestEnv;

#[cfg(feature = "lookups")]
mod built_in;
#[cfg(feature = "lookups")]
mod ingress;
#[cfg(feature = "lookups")]
mod ingress_errors;
#[cfg(feature = "lookups")]
mod ingress_properties;
#[cfg(not(feature = "lookups"))]
mod left_out;

/// A VPC that is not the account's default one.
const VPC: &str = "vpc-0b1b2c3d";

fn spec_of_vpc(vpc_id: &str) -> ClusterSpec {
    ClusterSpec {
        subnet_group: SubnetGroup::OfVpc {
            vpc_id: vpc_id.to_owned(),
        },
        ..full_spec("orders")
    }
}

fn body_of_vpc(vpc_id: &str) -> Value {
    let mut body = cluster_request("orders");
    body["subnet_group"] = json!({"vpc_id": vpc_id});
    body
}

/// What was made, beside what the test put there itself.
fn made_by_us(world: &TestEnv) -> Vec<String> {
    world
        .created_in_aws()
        .into_iter()
        .filter(|name| name.contains("orders"))
        .collect()
}

async fn preflight(door: &ApiClient, body: &Value) -> ApiResponse {
    let answer = door.post("/v1/preflights", body, &[]).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer
}

fn check<'a>(answer: &'a ApiResponse, name: &str) -> &'a Value {
    let checks = answer.body["checks"].as_array().unwrap();
    checks
        .iter()
        .find(|check| check["name"] == name)
        .unwrap_or_else(|| panic!("no check {name}: {:#}", answer.body))
}

#[tokio::test]
async fn both_builds_know_the_vpc_of_a_request_by_its_form() {
    let world = TestEnv::new().await;
    let door = world.api();
    let problem = door
        .post("/v1/plans", &body_of_vpc("subnet-0a1b2c3d"), &[])
        .await;
    let problem = problem.rejected(422, "invalid_request");
    assert_eq!(problem["errors"][0]["pointer"], "/subnet_group/vpc_id");
    let both = json!({"vpc_id": VPC, "subnet_ids": ["subnet-0a1b2c3d"]});
    let mut body = cluster_request("orders");
    body["subnet_group"] = both;
    let codes: BTreeSet<String> = door
        .post("/v1/plans", &body, &[])
        .await
        .rejected(422, "invalid_request")["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["code"].as_str().unwrap().to_owned())
        .collect();
    assert!(
        codes.contains("exclusive") || codes.contains("not_offered"),
        "{codes:?}"
    );
}
