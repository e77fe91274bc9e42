//! Limits as a platform team writes them, and counts that hold under races.

use std::sync::Arc;

use dax_provisioner::authorization::Rules;
use dax_provisioner::domain::prices::Prices;
use dax_provisioner::oidc::Issuers;
use serde_json::{Value, json};

use super::with_policies;
use crate::support::api::cluster_request;
use crate::support::cluster_fixture::ClusterFixture;
use crate::support::test_env::TestEnv;

const CLUSTERS: &str = r#"@id("few_clusters") @advice("Delete a cluster first.")
    forbid (principal, action in Action::"configure", resource) when { context.project_clusters > 10 };"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_parallel_creates_under_a_limit_of_ten_make_ten() {
    let env = TestEnv::new().await;
    // Two replicas: each has its own turns, and only the database is shared.
    let replicas = [0, 1].map(|_| {
        env.governed_api_of(
            env.database.open_store(6),
            with_policies(CLUSTERS),
            Issuers::default(),
        )
    });
    let token = env
        .token_with("op", super::rights(&["operators"], &[]))
        .await;
    let [first, second] = replicas.map(|(mut api, rules)| {
        api.token = Some(token.clone());
        Arc::new((api, rules))
    });
    let requests = (0..50).map(|number| {
        let api = Arc::clone(if number % 2 == 0 { &first } else { &second });
        tokio::spawn(async move {
            let mut body = cluster_request(&format!("c{number}"));
            body["project"] = json!("payments");
            loop {
                let response = api.0.post("/v1/clusters", &body, &[]).await;
                // The database can be busy; then nothing was accepted.
                if response.status != 503 {
                    return response;
                }
            }
        })
    });
    let (mut accepted, mut refused) = (0, 0);
    for request in requests.collect::<Vec<_>>() {
        let response = request.await.unwrap();
        match response.status.as_u16() {
            202 => accepted += 1,
            403 => {
                let problem = response.rejected(403, "forbidden");
                assert_eq!(problem["policies"][0]["id"], "few_clusters");
                assert_eq!(problem["policies"][0]["advice"], "Delete a cluster first.");
                refused += 1;
            }
            _ => panic!("{response:?}"),
        }
    }
    assert_eq!((accepted, refused), (10, 40));
    // A project that the caller may not read is refused before anything is counted.
    let token = env
        .token_with("seeker", super::rights(&["operators"], &["search"]))
        .await;
    let (mut seeker, _rules) = env.governed_api(with_policies(CLUSTERS));
    seeker.token = Some(token);
    let mut hidden = cluster_request("hidden");
    hidden["project"] = json!("payments");
    let refused = seeker.post("/v1/clusters", &hidden, &[]).await;
    let policies = &refused.rejected(403, "forbidden")["policies"];
    assert_eq!(policies.as_array().unwrap().len(), 1, "{policies}");
    assert_eq!(policies[0]["id"], "own_projects");
    let mut other = cluster_request("other");
    other["project"] = json!("search");
    first.0.post("/v1/clusters", &other, &[]).await.accepted();
}

/// Whether settings are accepted, by the IDs of the policies that refuse them.
async fn ask(fixture: &ClusterFixture, rules: Rules, settings: &[(&str, Value)]) -> Vec<String> {
    let (mut api, _rules) = fixture.env.governed_api(rules);
    fixture
        .env
        .act_as(&mut api, "asker", &["operators"], &[])
        .await;
    let mut body = cluster_request("asked");
    body["project"] = json!("payments");
    for (field, value) in settings {
        body[*field] = value.clone();
    }
    let question = json!({"action": "create_cluster", "project": "payments", "settings": body});
    let answer = api.post("/v1/authorizations", &question, &[]).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let policies = answer.body["policies"].as_array().unwrap();
    let ids: Vec<String> = policies
        .iter()
        .map(|policy| policy["id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(answer.body["allowed"], json!(ids.is_empty()), "{answer:?}");
    ids
}

fn node_limits() -> Rules {
    with_policies(
        r#"@id("nodes") forbid (principal, action in Action::"configure", resource)
        when { context.project_nodes > 4 };
        @id("types") forbid (principal, action in Action::"configure", resource)
        unless { context.node_type like "dax.t3.*" };
        @id("encrypted") forbid (principal, action in Action::"configure", resource)
        unless { context.encryption_at_rest && context.encryption_in_transit };
        @id("team_tag") forbid (principal, action == Action::"create_cluster", resource)
        when { context.node_type == "dax.t3.medium" && !context.tag_keys.contains("team") };"#,
    )
}

#[tokio::test]
async fn limits_are_on_the_settings_with_all_defaults() {
    let fixture = ClusterFixture::new().await;
    let ask = async |settings: &[(&str, Value)]| ask(&fixture, node_limits(), settings).await;
    let none: [String; 0] = [];
    assert_eq!(ask(&[]).await, none);
    assert_eq!(ask(&[("replication_factor", json!(5))]).await, ["nodes"]);
    let large = [
        ("node_type", json!("dax.r5.large")),
        ("encryption_in_transit", json!(false)),
    ];
    assert_eq!(ask(&large).await, ["encrypted", "types"]);
    let medium = ("node_type", json!("dax.t3.medium"));
    assert_eq!(ask(std::slice::from_ref(&medium)).await, ["team_tag"]);
    assert_eq!(ask(&[medium, ("tags", json!({"team": "a"}))]).await, none);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counts_are_what_would_be() {
    let fixture = ClusterFixture::new().await;
    let (mut api, _rules) = fixture.env.governed_api(node_limits());
    fixture
        .env
        .act_as(&mut api, "op", &["operators"], &[])
        .await;
    let may_have = async |nodes: u8| {
        let settings = [("replication_factor", json!(nodes))];
        let refused = ask(&fixture, node_limits(), &settings).await;
        assert!(refused.is_empty() || refused == ["nodes"], "{refused:?}");
        refused.is_empty()
    };
    let mut body = cluster_request("pay");
    (body["project"], body["replication_factor"]) = (json!("payments"), json!(2));
    fixture
        .succeeds(&api.post("/v1/clusters", &body, &[]).await)
        .await;
    assert!(may_have(2).await && !may_have(3).await);
    let scale = |count: u8| json!({"replication_factor": count});
    let path = "/v1/clusters/pay/scale";
    let refused = api.post(path, &scale(5), &[]).await;
    assert_eq!(
        refused.rejected(403, "forbidden")["policies"][0]["id"],
        "nodes"
    );
    fixture
        .succeeds(&api.post(path, &scale(3), &[]).await)
        .await;
    assert!(may_have(1).await && !may_have(2).await);
    // While a cluster shrinks, the nodes that it still has count.
    let shrink = api.post(path, &scale(1), &[]).await;
    assert!(may_have(1).await && !may_have(2).await);
    fixture.succeeds(&shrink).await;
    assert!(may_have(3).await && !may_have(4).await);
    fixture
        .succeeds(&api.delete("/v1/clusters/pay").await)
        .await;
    assert!(may_have(4).await);
}

#[tokio::test]
async fn a_budget_knows_what_it_does_not_know() {
    let fixture = ClusterFixture::new().await;
    let none: [String; 0] = [];
    let budget = |prices: &[(&str, i64)]| Rules {
        prices: Prices {
            hourly_micros: prices
                .iter()
                .map(|(name, price)| (("us-east-1".to_owned(), (*name).to_owned()), *price))
                .collect(),
        },
        ..with_policies(
            r#"@id("budget") forbid (principal, action in Action::"configure", resource)
            when { context.project_monthly_cost_cents > 10000 };
            @id("price") @advice("The price of this node type is not known; ask an operator.")
            forbid (principal, action in Action::"configure", resource) unless { context.cost_known };"#,
        )
    };
    // 0.04 dollars an hour are 29.20 a month.
    let prices = [("dax.t3.small", 40_000)];
    for (count, refused) in [(1, false), (3, false), (4, true)] {
        let asked = ask(
            &fixture,
            budget(&prices),
            &[("replication_factor", json!(count))],
        )
        .await;
        assert_eq!(asked == ["budget"], refused, "{count}: {asked:?}");
    }
    let other = [("node_type", json!("dax.t3.medium"))];
    assert_eq!(ask(&fixture, budget(&prices), &other).await, ["price"]);
    assert_eq!(ask(&fixture, budget(&[]), &[]).await, ["price"]);
    assert_eq!(ask(&fixture, budget(&prices), &[]).await, none);
}
