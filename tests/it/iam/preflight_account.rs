//! Preflights of the account: quota, names, the service role and the groups.

use dax_provisioner::aws::LOOKUPS_BUILT_IN;
use dax_provisioner::domain::iam::policies::service::simulation_policy;
use dax_provisioner::domain::iam::policies::trust_policy;
use dax_provisioner::domain::mutation::Mutation;
use dax_provisioner::domain::mutation::bodies::NewCluster;
use serde_json::{Value, json};

use crate::iam::preflights::{check, preflight, role, with};
use crate::support::api::cluster_request;
use crate::support::identity::SERVICE_ARN;
use crate::support::requests::{small_nodes, unmanaged_cluster};
use crate::support::test_env::TestEnv;

/// Sends a mutation as the account's administrator. Returns the ARN of what it created.
async fn by_admin(env: &TestEnv, mutation: &Mutation) -> String {
    let effect = env.admin.send(mutation, &env.account).await.unwrap();
    effect.arn.unwrap()
}

/// Creates clusters of other owners, so that the quota of the account has two nodes left.
async fn use_up_nodes(env: &TestEnv, role_arn: &str) {
    for (number, nodes) in [11, 11, 11, 11, 4].into_iter().enumerate() {
        let cluster = NewCluster {
            node_type: small_nodes(),
            replication_factor: nodes,
            ..unmanaged_cluster(&format!("taken{number}"), role_arn)
        };
        by_admin(env, &Mutation::CreateCluster(Box::new(cluster))).await;
    }
}

/// Checks the result of one check, and its hint, for requests with these members added.
async fn check_results(env: &TestEnv, cases: Vec<(Value, &str, &str, Option<&str>)>) {
    let api = env.api();
    for (more, name, result, hint) in cases {
        let body = with(cluster_request("orders"), more.clone());
        let response = preflight(&api, &body).await;
        let check = check(&response, name);
        assert_eq!(check["result"], result, "{more}: {check:#}");
        assert_eq!(check["hints"][0]["id"].as_str(), hint, "{more}");
    }
}

#[tokio::test]
async fn the_node_quota_and_the_cluster_name_are_checked() {
    let env = TestEnv::new().await;
    let role_arn = by_admin(&env, &role("Existing", "/", &trust_policy().to_json())).await;
    use_up_nodes(&env, &role_arn).await;
    let cases = vec![
        (json!({}), "node_quota", "pass", None),
        (
            json!({"replication_factor": 3}),
            "node_quota",
            // AWS may have raised the quota of the account.
            "not_checked",
            Some("dax_nodes_per_account_quota"),
        ),
        (
            json!({"name": "taken0"}),
            "cluster_name",
            "fail",
            Some("dax_cluster_exists"),
        ),
    ];
    check_results(&env, cases).await;
}

#[tokio::test]
async fn the_service_role_is_checked() {
    let env = TestEnv::new().await;
    let trust = trust_policy().to_json();
    let trusts_dax = by_admin(&env, &role("TrustsDax", "/", &trust)).await;
    let trust = trust.replace("dax.amazonaws.com", "ec2.amazonaws.com");
    let trusts_ec2 = by_admin(&env, &role("TrustsEc2", "/", &trust)).await;
    let passed = [trusts_ec2.clone(), trusts_dax.clone()];
    env.grant(&passed, vec![simulation_policy(SERVICE_ARN)]);
    let with_role = |arn: &str| json!({"service_role": {"arn": arn}});
    let unknown = "arn:aws:iam::123456789012:role/Unknown";
    let cases = vec![
        (
            with_role(&trusts_ec2),
            "service_role",
            "fail",
            Some("dax_role_not_assumable"),
        ),
        (with_role(&trusts_dax), "service_role", "pass", None),
        (with_role(&trusts_dax), "iam:PassRole", "pass", None),
        (with_role(unknown), "service_role", "fail", None),
        (json!({}), "service_linked_role", "pass", None),
    ];
    check_results(&env, cases).await;
}

#[tokio::test]
async fn groups_network_type_and_tables_are_checked() {
    let env = TestEnv::new().await;
    let tables = if LOOKUPS_BUILT_IN {
        "pass"
    } else {
        "not_checked"
    };
    let cases = vec![
        (
            json!({"subnet_group": {"name": "none"}}),
            "subnet_group",
            "fail",
            Some("dax_cluster_subnet_group_missing"),
        ),
        (
            json!({"network_type": "ipv6"}),
            "network_type",
            "fail",
            Some("dax_subnet_not_allowed"),
        ),
        (
            json!({"network_type": "ipv4"}),
            "network_type",
            "pass",
            None,
        ),
        (
            json!({"parameter_group": {"name": "none"}}),
            "parameter_group",
            "fail",
            Some("dax_cluster_parameter_group_missing"),
        ),
        (json!({}), "tables", tables, None),
    ];
    check_results(&env, cases).await;
}

#[tokio::test]
async fn a_trust_policy_with_conditions_is_not_checked() {
    let env = TestEnv::new().await;
    let mut trust: Value = serde_json::from_str(&trust_policy().to_json()).unwrap();
    trust["Statement"][0]["Condition"] =
        json!({"StringEquals": {"aws:SourceAccount": "123456789012"}});
    let arn = by_admin(&env, &role("Limited", "/", &trust.to_string())).await;
    env.grant(
        std::slice::from_ref(&arn),
        vec![simulation_policy(SERVICE_ARN)],
    );
    let body = with(
        cluster_request("orders"),
        json!({"service_role": {"arn": arn}}),
    );
    let response = preflight(&env.api(), &body).await;
    let check = check(&response, "service_role");
    assert_eq!(check["result"], "not_checked");
    assert_eq!(check["by_design"], false);
    assert!(
        check["detail"]
            .as_str()
            .unwrap()
            .contains("aws:SourceAccount"),
        "{check}"
    );
    assert_eq!(response.body["result"], "not_checked");
}
