//! The HTTP contract, as a client meets it.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::http_server::Service;
use crate::support::test_env::TestEnv;

fn request(name: &str) -> Value {
    json!({
        "name": name,
        "node_type": "dax.t3.small",
        "replication_factor": 1,
        "service_role": {"access": "read_write", "tables": ["Orders"]}
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_is_asked_for_polled_read_and_deleted() {
    let world = TestEnv::new().await;
    let service = Service::start(&world).await;
    let accepted = service.post("/v1/clusters", &request("Orders-Cache")).await;
    assert_eq!(accepted.status, StatusCode::ACCEPTED, "{:#}", accepted.body);
    let id = accepted.text("/id").to_owned();
    assert_eq!(accepted.header("location"), format!("/v1/operations/{id}"));
    assert!(!accepted.header("retry-after").is_empty());
    assert_eq!(accepted.text("/cluster"), "orders-cache");

    let done = service
        .until(&id, &["succeeded", "failed", "blocked"])
        .await;
    assert_eq!(done.text("/status"), "succeeded", "{:#}", done.body);
    assert_eq!(done.body["progress"]["percent"], 100);
    let cluster = service.get("/v1/clusters/ORDERS-cache").await;
    assert_eq!(cluster.status, StatusCode::OK);
    assert_eq!(cluster.text("/status"), "available");
    assert!(
        cluster
            .text("/endpoint/url")
            .starts_with("daxs://orders-cache."),
        "{:#}",
        cluster.body
    );
    assert_eq!(cluster.body["endpoint"]["port"], 9111);
    assert_eq!(cluster.text("/account_id"), "123456789012");
    assert_eq!(cluster.text("/service_role/owner"), "managed");
    assert_eq!(cluster.text("/subnet_group/owner"), "external");
    assert_eq!(
        cluster.header("etag"),
        format!("\"{}\"", cluster.body["version"])
    );

    let again = service.post("/v1/clusters", &request("orders-cache")).await;
    assert_eq!(
        (again.status, again.text("/code")),
        (StatusCode::CONFLICT, "cluster_exists")
    );

    let delete = service.delete("/v1/clusters/orders-cache").await;
    assert_eq!(delete.status, StatusCode::ACCEPTED);
    let gone = service
        .until(delete.text("/id"), &["succeeded", "failed", "blocked"])
        .await;
    assert_eq!(gone.text("/status"), "succeeded", "{:#}", gone.body);
    let missing = service.get("/v1/clusters/orders-cache").await;
    assert_eq!(
        (missing.status, missing.text("/code")),
        (StatusCode::NOT_FOUND, "not_found")
    );
    assert_eq!(world.made_in_aws(), Vec::<String>::new());
}

#[tokio::test]
async fn one_operation_at_a_time_but_a_delete_takes_over_and_repeats() {
    let world = TestEnv::new().await;
    let service = Service::without_workers(&world).await;
    let create = service.post("/v1/clusters", &request("orders")).await;
    let busy = service.post("/v1/clusters", &request("orders")).await;
    assert_eq!(
        (busy.status, busy.text("/code")),
        (StatusCode::CONFLICT, "operation_in_progress")
    );
    assert_eq!(
        busy.text("/instance"),
        format!("/v1/operations/{}", create.text("/id"))
    );
    assert!(!busy.header("retry-after").is_empty());
    let delete = service.delete("/v1/clusters/orders").await;
    assert_eq!(delete.status, StatusCode::ACCEPTED);
    let repeated = service.delete("/v1/clusters/orders").await;
    assert_eq!(repeated.text("/id"), delete.text("/id"));
    let superseded = service
        .get(&format!("/v1/operations/{}", create.text("/id")))
        .await;
    assert_eq!(superseded.text("/status"), "cancelled");
    assert_eq!(superseded.text("/superseded_by"), delete.text("/id"));
}

#[tokio::test]
async fn an_idempotency_key_belongs_to_one_request() {
    let world = TestEnv::new().await;
    let service = Service::without_workers(&world).await;
    let send = async |name: &str| {
        service
            .send(
                Method::POST,
                "/v1/clusters",
                &[("idempotency-key", "k-1")],
                Some(&request(name)),
            )
            .await
    };
    let first = send("orders").await;
    let second = send("orders").await;
    assert_eq!(
        (first.status, second.status),
        (StatusCode::ACCEPTED, StatusCode::ACCEPTED)
    );
    assert_eq!(first.text("/id"), second.text("/id"));
    let other = send("others").await;
    assert_eq!(
        (other.status, other.text("/code")),
        (StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused")
    );
}

#[tokio::test]
async fn every_broken_rule_is_told_at_once_with_its_pointer() {
    let world = TestEnv::new().await;
    let service = Service::without_workers(&world).await;
    let body = json!({
        "name": "1-Bad--name",
        "node_type": "cache.t3.small",
        "replication_factor": 12,
        "colour": "blue",
        "service_role": {"access": "read_write", "tables": ["no*wildcards", "Ord"], "shade": 1},
        "subnet_group": {"name": "a", "subnet_ids": ["subnet-1"]},
        "maintenance_window": "sun:05:00-sun:05:30",
        "tags": {"aws:x": "1", "dax-provisioner:operation": "2"}
    });
    let refused = service.post("/v1/clusters", &body).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused.header("content-type"), "application/problem+json");
    let pointers: Vec<&str> = refused.body["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["pointer"].as_str().unwrap())
        .collect();
    for pointer in [
        "/name",
        "/node_type",
        "/replication_factor",
        "/colour",
        "/service_role/tables/0",
        "/service_role/shade",
        "/maintenance_window",
    ] {
        assert!(
            pointers.contains(&pointer),
            "{pointer} is missing in {pointers:?}"
        );
    }
    assert!(
        pointers
            .iter()
            .any(|pointer| pointer.starts_with("/subnet_group")),
        "{pointers:?}"
    );
    assert!(
        pointers
            .iter()
            .filter(|pointer| pointer.starts_with("/tags"))
            .count()
            >= 2,
        "{pointers:?}"
    );
    let nothing: i64 = sqlx::query_scalar("select count(*) from operations")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(nothing, 0);
}

#[tokio::test]
async fn every_path_answers_in_problem_json() {
    let world = TestEnv::new().await;
    let service = Service::without_workers(&world).await;
    let cases = [
        (Method::GET, "/nowhere", StatusCode::NOT_FOUND, "not_found"),
        (
            Method::PUT,
            "/v1/clusters",
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
        ),
        (
            Method::GET,
            "/v1/clusters/nope",
            StatusCode::NOT_FOUND,
            "not_found",
        ),
        (
            Method::GET,
            "/v1/operations/not-a-uuid",
            StatusCode::NOT_FOUND,
            "not_found",
        ),
        (
            Method::POST,
            "/v1/clusters",
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
        ),
    ];
    for (method, path, status, code) in cases {
        let answer = service.send(method.clone(), path, &[], None).await;
        assert_eq!(
            (answer.status, answer.text("/code")),
            (status, code),
            "{method} {path}: {:#}",
            answer.body
        );
        assert_eq!(
            answer.header("content-type"),
            "application/problem+json",
            "{method} {path}"
        );
        assert!(!answer.header("x-request-id").is_empty(), "{method} {path}");
    }
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let token = service.token("raw").await;
    let send = async |body: Vec<u8>| {
        let request = client
            .post(format!("{}/v1/clusters", service.url))
            .bearer_auth(&token);
        let response = request
            .header("content-type", "application/json")
            .body(body)
            .send()
            .await
            .unwrap();
        (
            response.status(),
            response.json::<Value>().await.unwrap()["code"]
                .as_str()
                .unwrap()
                .to_owned(),
        )
    };
    assert_eq!(
        send(b"{".to_vec()).await,
        (StatusCode::BAD_REQUEST, "invalid_request".to_owned())
    );
    let nul = br#"{"name": "a\u0000b"}"#.to_vec();
    assert_eq!(send(nul).await.0, StatusCode::BAD_REQUEST);
    let huge = vec![b' '; 70_000];
    assert_eq!(
        send(huge).await,
        (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large".to_owned())
    );
}

#[tokio::test]
async fn without_a_valid_token_nothing_is_told() {
    let world = TestEnv::new().await;
    let service = Service::without_workers(&world).await;
    let token = service.token("mine").await;
    for path in [
        "/v1/clusters",
        "/v1/operations",
        "/v1/orphans",
        "/v1/clusters/x",
        "/v1/operations/x",
    ] {
        for header in ["", "Bearer nope", "Basic dGVzdDp0ZXN0", "Bearer"] {
            let answer = service
                .send(Method::GET, path, &[("authorization", header)], None)
                .await;
            assert_eq!(
                answer.status,
                StatusCode::UNAUTHORIZED,
                "{path} with {header:?}"
            );
            assert_eq!(answer.header("www-authenticate"), "Bearer");
        }
    }
    let bearer = format!("Bearer {token}");
    let answer = service
        .send(
            Method::GET,
            "/v1/clusters",
            &[("authorization", &bearer)],
            None,
        )
        .await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(world.store.revoke_token("mine").await.unwrap());
    let answer = service
        .send(
            Method::GET,
            "/v1/clusters",
            &[("authorization", &bearer)],
            None,
        )
        .await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    for path in [
        "/healthz",
        "/readyz",
        "/openapi.json",
        "/problems/permission_missing",
        "/docs/",
    ] {
        let answer = service
            .send(Method::GET, path, &[("authorization", "")], None)
            .await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn lists_are_paged_newest_first_without_loss() {
    let world = TestEnv::new().await;
    let service = Service::without_workers(&world).await;
    for number in 0..7 {
        assert_eq!(
            service
                .post("/v1/clusters", &request(&format!("c{number}")))
                .await
                .status,
            StatusCode::ACCEPTED
        );
    }
    let (mut names, mut path) = (
        Vec::new(),
        "/v1/clusters?limit=3&status=creating".to_owned(),
    );
    loop {
        let page = service.get(&path).await;
        assert_eq!(page.status, StatusCode::OK, "{:#}", page.body);
        names.extend(
            page.body["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|one| one["name"].as_str().unwrap().to_owned()),
        );
        let Some(cursor) = page.body["next_cursor"].as_str() else {
            break;
        };
        assert!(page.header("link").contains("rel=\"next\""));
        path = format!("/v1/clusters?limit=3&status=creating&cursor={cursor}");
    }
    assert_eq!(names, ["c6", "c5", "c4", "c3", "c2", "c1", "c0"]);
    let bad = service.get("/v1/clusters?cursor=nonsense&sort=name").await;
    assert!(bad.status.is_client_error(), "{}", bad.status);
}
