//! The cargo feature `lookups`, in builds with it and without it.

use std::collections::BTreeSet;

use dax_provisioner::domain::spec::{ClusterSpec, SubnetGroup};
use dax_provisioner::domain::validation::typed::VpcId;
use serde_json::{Value, json};

use crate::support::api::{cluster_request, strings};
use crate::support::requests::full_spec;
use crate::support::test_env::TestEnv;

#[cfg(feature = "lookups")]
mod ingress;
#[cfg(feature = "lookups")]
mod ingress_errors;
#[cfg(feature = "lookups")]
mod ingress_properties;
#[cfg(not(feature = "lookups"))]
mod not_built_in;
#[cfg(feature = "lookups")]
mod preflights;
#[cfg(feature = "lookups")]
mod shared_rules;
#[cfg(feature = "lookups")]
mod vpc_subnets;

/// A VPC that is not the account's default one.
const VPC: &str = "vpc-0b1b2c3d";

fn spec_of_vpc(vpc_id: &str) -> ClusterSpec {
    ClusterSpec {
        subnet_group: SubnetGroup::OfVpc {
            vpc_id: VpcId::parse(vpc_id).unwrap(),
        },
        ..full_spec("orders")
    }
}

fn body_of_vpc(vpc_id: &str) -> Value {
    let mut body = cluster_request("orders");
    body["subnet_group"] = json!({"vpc_id": vpc_id});
    body
}

/// The resources created for the cluster `orders`.
fn created_for_cluster(env: &TestEnv) -> Vec<String> {
    let mut arns = env.created_in_aws();
    arns.retain(|arn| arn.contains("orders"));
    arns
}

#[tokio::test]
async fn both_builds_validate_the_format_of_a_vpc_id() {
    let env = TestEnv::new().await;
    let body = body_of_vpc("subnet-0a1b2c3d");
    let response = env.api().post("/v1/plans", &body, &[]).await;
    let problem = response.rejected(422, "invalid_request");
    assert_eq!(problem["errors"][0]["pointer"], "/subnet_group/vpc_id");
}

#[tokio::test]
async fn both_builds_reject_a_vpc_with_subnets() {
    let env = TestEnv::new().await;
    let mut body = cluster_request("orders");
    body["subnet_group"] = json!({"vpc_id": VPC, "subnet_ids": ["subnet-0a1b2c3d"]});
    let response = env.api().post("/v1/plans", &body, &[]).await;
    let problem = response.rejected(422, "invalid_request");
    let codes: BTreeSet<&str> = strings(&problem["errors"], "code").into_iter().collect();
    assert!(
        codes.contains("exclusive") || codes.contains("not_offered"),
        "{codes:?}"
    );
}
