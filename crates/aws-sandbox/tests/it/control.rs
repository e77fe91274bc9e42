//! The control API under `/_sandbox/`.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::test_env::{TestEnv, code};

async fn send(
    env: &TestEnv,
    method: Method,
    path: &str,
    body: Option<Value>,
) -> (StatusCode, Value) {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = http.request(method, format!("{}/_sandbox/{path}", env.url));
    let request = if let Some(body) = body {
        request.json(&body)
    } else {
        request
    };
    let response = request.send().await.unwrap();
    let status = response.status();
    let text = response.text().await.unwrap();
    (
        status,
        if text.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&text).unwrap()
        },
    )
}

#[tokio::test]
async fn health_clock_and_reset() {
    let env = TestEnv::new().await;
    let (_, health) = send(&env, Method::GET, "health", None).await;
    assert_eq!(
        health,
        json!({"id": env.sandbox.id(), "account_id": "123456789012", "region": "us-east-1"})
    );
    let role = env.service_role("Service").await;
    env.create("c1", 1, &role).send().await.unwrap();
    let moved = send(
        &env,
        Method::POST,
        "clock",
        Some(json!({"advance_seconds": 60})),
    )
    .await;
    assert_eq!(moved, (StatusCode::NO_CONTENT, Value::Null));
    assert_eq!(env.describe("c1").await.status(), Some("available"));
    let (_, reset) = send(&env, Method::POST, "reset", None).await;
    assert_ne!(reset["id"], health["id"]);
    assert!(env.sandbox.inventory().clusters.is_empty() && env.sandbox.calls().is_empty());
}

#[tokio::test]
async fn identities_are_created_and_replaced() {
    let env = TestEnv::new().await;
    let put = |body| send(&env, Method::PUT, "identities/portal", Some(body));
    let policy = |effect: &str| {
        json!({"Version": "2012-10-17",
        "Statement": [{"Effect": effect, "Action": "*", "Resource": "*"}]})
    };
    let identity = |policy: Value| {
        json!({"secret": "s", "arn": "arn:aws:iam::123456789012:user/portal",
        "policies": [policy], "permissions_boundary": null})
    };
    assert_eq!(
        put(identity(policy("Allow"))).await.0,
        StatusCode::NO_CONTENT
    );
    let describe = || env.dax_as("portal", "s").describe_clusters().send();
    describe().await.unwrap();
    put(identity(policy("Deny"))).await;
    assert_eq!(code(describe().await), "AccessDeniedException");
    for (body, expected) in [
        (json!({"secret": "s"}), "arn"),
        (json!({"secret": "s", "arn": "not-an-arn"}), "arn"),
        (
            json!({"secret": "s", "arn": "arn:aws:iam::123456789012:user/x", "extra": 1}),
            "extra",
        ),
        (identity(json!({"Version": "2012-10-17"})), "malformed"),
    ] {
        let (status, response) = put(body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert!(
            response["error"].as_str().unwrap().contains(expected),
            "{response}"
        );
    }
}

#[tokio::test]
async fn faults_are_added_listed_and_cleared() {
    let env = TestEnv::new().await;
    let rule = json!({"call": "dax:DescribeClusters", "fault": "throttle", "count": 2, "seconds": null,
        "seed": null, "rate": null});
    let (status, _) = send(&env, Method::POST, "faults", Some(rule)).await;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(
        code(env.dax().describe_clusters().send().await),
        "ThrottlingException"
    );
    let (_, listed) = send(&env, Method::GET, "faults", None).await;
    let fault = &listed["faults"][0];
    assert_eq!(
        (&fault["fault"], &fault["count"], &fault["left"]),
        (&json!("throttle"), &json!(2), &json!(1))
    );
    assert_eq!(
        send(&env, Method::DELETE, "faults", None).await.0,
        StatusCode::NO_CONTENT
    );
    env.dax().describe_clusters().send().await.unwrap();
    for (rule, expected) in [
        (json!({"call": "dax:*", "fault": "explode"}), "lose_answer"),
        (
            json!({"call": "dax:DescribeCluster", "fault": "slow"}),
            "service:Operation",
        ),
        (
            json!({"call": "dax:*", "fault": "slow", "rate": 1.5}),
            "rate",
        ),
        (
            json!({"call": "dax:*", "fault": "slow", "seconds": -1}),
            "seconds",
        ),
    ] {
        let (status, response) = send(&env, Method::POST, "faults", Some(rule)).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert!(
            response["error"].as_str().unwrap().contains(expected),
            "{response}"
        );
    }
}

#[tokio::test]
async fn rate_limits_are_replaced_and_removed() {
    let env = TestEnv::new().await;
    let put = |body| send(&env, Method::PUT, "rate-limits", Some(body));
    let limit = json!([{"call": "dax:*", "burst": 1, "per_second": 0}]);
    let describe = || env.dax().describe_clusters().send();
    assert_eq!(put(limit).await.0, StatusCode::NO_CONTENT);
    describe().await.unwrap();
    assert_eq!(code(describe().await), "ThrottlingException");
    for (wrong, expected) in [
        (
            json!({"call": "dax:Describe", "burst": 1, "per_second": 1}),
            "service:Operation",
        ),
        (json!({"call": "*", "burst": 0, "per_second": 1}), "burst"),
        (
            json!({"call": "*", "burst": 1, "per_second": -1}),
            "per_second",
        ),
    ] {
        let (status, response) = put(json!([wrong])).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert!(
            response["error"].as_str().unwrap().contains(expected),
            "{response}"
        );
    }
    assert_eq!(put(json!([])).await.0, StatusCode::NO_CONTENT);
    describe().await.unwrap();
}

#[tokio::test]
async fn the_journal_names_caller_call_target_and_outcome() {
    let env = TestEnv::new().await;
    env.service_role("Service").await;
    let _ = env.iam_as("unknown", "x").list_roles().send().await;
    let (_, journal) = send(&env, Method::GET, "journal", None).await;
    let created = &journal["calls"][0];
    assert_eq!(created["caller"], "arn:aws:iam::123456789012:user/sandbox");
    assert_eq!(
        (&created["call"], &created["target"]),
        (&json!("iam:CreateRole"), &json!("Service"))
    );
    assert_eq!(
        (&created["effect"], &created["outcome"]),
        (&json!(true), &json!("ok"))
    );
    assert_eq!(journal["calls"][1]["caller"], "unknown");
    assert_eq!(journal["calls"][1]["outcome"], "InvalidClientTokenId");
    let (_, inventory) = send(&env, Method::GET, "inventory", None).await;
    assert_eq!(inventory["roles"][0]["name"], "Service");
    assert_eq!(inventory["subnet_groups"][0]["builtin"], true);
}

#[tokio::test]
async fn tables_subnets_and_security_groups_are_created() {
    let env = TestEnv::new().await;
    assert_eq!(
        send(&env, Method::PUT, "tables/Orders", None).await.0,
        StatusCode::NO_CONTENT
    );
    assert_eq!(env.sandbox.inventory().tables, ["Orders"]);
    let body = json!({"vpc_id": "vpc-0000000a", "availability_zone": "us-east-1a", "network_types": ["ipv6"]});
    let put = send(&env, Method::PUT, "subnets/subnet-0000000a", Some(body)).await;
    assert_eq!(put.0, StatusCode::NO_CONTENT);
    let wrong = send(
        &env,
        Method::PUT,
        "subnets/net",
        Some(json!({"vpc_id": "v", "availability_zone": "",
        "network_types": []})),
    )
    .await;
    assert_eq!(wrong.0, StatusCode::BAD_REQUEST);
    let group = |vpc_id: &str| Some(json!({"vpc_id": vpc_id, "name": "clients"}));
    let put = send(
        &env,
        Method::PUT,
        "security-groups/sg-0000000b",
        group("vpc-0000000a"),
    )
    .await;
    assert_eq!(put.0, StatusCode::NO_CONTENT);
    assert!(
        env.sandbox
            .inventory()
            .security_groups
            .iter()
            .any(|group| group.name == "clients")
    );
    let wrong = send(
        &env,
        Method::PUT,
        "security-groups/sg-0000000c",
        group("vpc-0000000b"),
    )
    .await;
    assert_eq!(wrong.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn unknown_paths_wrong_methods_and_browser_requests_are_rejected() {
    let env = TestEnv::new().await;
    let (status, response) = send(&env, Method::GET, "nothing", None).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(
        response["error"]
            .as_str()
            .unwrap()
            .contains("/_sandbox/nothing"),
        "{response}"
    );
    assert_eq!(
        send(&env, Method::PUT, "clock", None).await.0,
        StatusCode::METHOD_NOT_ALLOWED
    );
    let (status, response) = send(
        &env,
        Method::POST,
        "clock",
        Some(json!({"advance_seconds": -1})),
    )
    .await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(
        response["error"]
            .as_str()
            .unwrap()
            .contains("advance_seconds"),
        "{response}"
    );
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let from_page = http
        .post(format!("{}/_sandbox/reset", env.url))
        .header("origin", "http://evil.example");
    assert_eq!(
        from_page.send().await.unwrap().status(),
        StatusCode::FORBIDDEN
    );
    for (host, allowed) in [
        ("evil.example", false),
        ("localhost.evil.example:4566", false),
        ("127.0.0.1.evil.example", false),
        ("localhost:4566", true),
        ("[::1]", true),
        ("192.0.2.7:4566", true),
    ] {
        let journal = http.get(format!("{}/_sandbox/journal", env.url));
        let status = journal.header("host", host).send().await.unwrap().status();
        let expected = if allowed { 200 } else { 403 };
        assert_eq!(status, expected, "{host}");
    }
}
