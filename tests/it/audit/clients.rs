//! Requests that are not permitted: denials, failed authentications, and whose address is recorded.

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use dax_provisioner::api::http::address::TrustedProxies;
use dax_provisioner::api::{ApiSettings, Authentication};
use serde_json::{Value, json};

use crate::authorization::built_in;
use crate::support::api::{ApiClient, cluster_request, open_settings};
use crate::support::test_env::TestEnv;

impl TestEnv {
    /// Ends the API, which records its counts, and waits for this number of them.
    async fn counts(&self, api: &ApiClient, number: usize) -> Vec<Value> {
        api.shutdown.cancel();
        for _ in 0..500 {
            let mut records = self.audit().await;
            // A count is of no single request.
            records.retain(|record| {
                record["request_id"].is_null() && record["decision"] != "accepted"
            });
            if records.len() >= number {
                return records;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{:#?}", self.audit().await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_denials_of_a_caller_in_a_minute_are_recorded_and_the_rest_counted() {
    let env = TestEnv::new().await;
    let (mut api, _rules) = env.governed_api(built_in(&[]));
    env.act_as(&mut api, "viewer", &["viewers"], &[]).await;
    for _ in 0..25 {
        let denied = api
            .post("/v1/clusters", &cluster_request("orders"), &[])
            .await;
        denied.rejected(403, "forbidden");
    }
    api.get("/v1/webhooks").await.rejected(403, "forbidden");
    // Another caller has its own ten.
    env.act_as(&mut api, "other", &["viewers"], &[]).await;
    api.get("/v1/webhooks").await.rejected(403, "forbidden");
    // What the service cannot read is no denial.
    api.get("/v1/clusters/orders")
        .await
        .rejected(404, "not_found");
    let counts = env.counts(&api, 2).await;
    let shown: Vec<_> = counts
        .iter()
        .map(|record| {
            (
                &record["caller"],
                &record["action"],
                &record["decision"],
                &record["count"],
            )
        })
        .map(|(caller, action, decision, count)| json!([caller, action, decision, count]))
        .collect();
    let expected = [
        json!(["token:viewer", "create_cluster", "denied", 15]),
        json!(["token:viewer", "list_webhooks", "denied", 1]),
    ];
    assert_eq!(shown, expected);
    let records = env.audit().await;
    let denied = |caller: &str, action: &str| {
        let is = |record: &&Value| {
            record["caller"] == caller
                && record["action"] == action
                && record["decision"] == "denied"
        };
        let found: Vec<i64> = records
            .iter()
            .filter(is)
            .map(|record| record["count"].as_i64().unwrap())
            .collect();
        (found.len(), found.iter().sum::<i64>())
    };
    assert_eq!(denied("token:viewer", "create_cluster"), (11, 25));
    assert_eq!(denied("token:viewer", "list_webhooks"), (1, 1));
    assert_eq!(denied("token:other", "list_webhooks"), (1, 1));
}

async fn send(api: &ApiClient, peer: &str, headers: &[(&str, &str)]) -> u16 {
    let mut request = Request::get("/v1/clusters").body(Body::empty()).unwrap();
    request
        .extensions_mut()
        .insert(ConnectInfo(peer.parse::<SocketAddr>().unwrap()));
    for (name, value) in headers {
        let name: axum::http::HeaderName = name.parse().unwrap();
        request.headers_mut().append(name, value.parse().unwrap());
    }
    api.send(request).await.status.as_u16()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failed_authentications_are_counted_by_reason_and_client() {
    let env = TestEnv::new().await;
    let settings = ApiSettings {
        authentication: Authentication::On,
        trusted_proxies: TrustedProxies::parse(&["10.0.0.0/8".to_owned()]).unwrap(),
        ..open_settings()
    };
    let api = env.api_with(env.store.clone(), settings);
    let revoked = format!("Bearer {}", env.token("old").await);
    env.store.revoke_token("old").await.unwrap();
    let unknown = "Bearer dxp_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let client = "192.0.2.7:4711";
    for (peer, headers, times) in [
        (client, vec![], 3),
        (client, vec![("authorization", unknown)], 2),
        (client, vec![("authorization", revoked.as_str())], 1),
        (client, vec![("authorization", "Basic eA==")], 1),
        // One whose address a trusted proxy reports, and one that claims another.
        (
            "10.0.0.1:1",
            vec![("x-forwarded-for", "203.0.113.9, 198.51.100.4")],
            2,
        ),
        (client, vec![("x-forwarded-for", "198.51.100.4")], 1),
    ] {
        for _ in 0..times {
            assert_eq!(send(&api, peer, &headers).await, 401);
        }
    }
    let counts = env.counts(&api, 5).await;
    let mut shown: Vec<(String, String, i64)> = counts
        .iter()
        .map(|record| {
            assert_eq!(
                (&record["action"], &record["decision"]),
                (&json!("authenticate"), &json!("failed"))
            );
            assert_eq!(record["caller"], Value::Null);
            let text = |member: &str| record[member].as_str().unwrap().to_owned();
            (
                text("subject"),
                text("address"),
                record["count"].as_i64().unwrap(),
            )
        })
        .collect();
    shown.sort();
    let expected = [
        ("malformed", "192.0.2.7", 1),
        ("missing", "192.0.2.7", 4),
        ("missing", "198.51.100.4", 2),
        ("revoked", "192.0.2.7", 1),
        ("unknown", "192.0.2.7", 2),
    ];
    let expected =
        expected.map(|(reason, address, count)| (reason.to_owned(), address.to_owned(), count));
    assert_eq!(shown, expected);
    let text = serde_json::to_string(&env.audit().await).unwrap();
    assert!(!text.contains("dxp_"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn web_pages_that_are_rejected_are_counted() {
    let env = TestEnv::new().await;
    let api = env.api();
    let headers = [("host", "localhost"), ("origin", "https://evil.example")];
    assert_eq!(send(&api, "127.0.0.1:1", &headers).await, 403);
    let counts = env.counts(&api, 1).await;
    assert_eq!(
        (&counts[0]["subject"], &counts[0]["address"]),
        (&json!("web_page"), &json!("127.0.0.1"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_address_of_an_accepted_request_is_recorded() {
    let env = TestEnv::new().await;
    let server = env.serve(0).await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let created = client
        .post(format!("{}/v1/clusters", server.url))
        .bearer_auth(env.token("portal").await)
        .header("x-forwarded-for", "198.51.100.4")
        .json(&cluster_request("orders"))
        .send()
        .await
        .unwrap();
    assert_eq!(created.status(), 202);
    let records = env.audit_of("create_cluster").await;
    assert_eq!(records[0]["address"], "127.0.0.1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::too_many_lines, reason = "one sequence of events")]
async fn auditors_read_the_list_with_filters_and_others_do_not() {
    let env = TestEnv::new().await;
    let (mut api, _rules) = env.governed_api(built_in(&[]));
    env.act_as(&mut api, "admin", &["admins"], &[]).await;
    for number in 0..3 {
        let name = format!("c{number}");
        api.post("/v1/clusters", &cluster_request(&name), &[])
            .await
            .accepted();
    }
    env.act_as(&mut api, "viewer", &["viewers"], &[]).await;
    api.post("/v1/clusters", &cluster_request("c3"), &[])
        .await
        .rejected(403, "forbidden");
    env.seal(None).await.unwrap();
    for (caller, groups, projects) in [
        ("v", &["viewers"][..], &[][..]),
        ("o", &["operators"], &[]),
        ("p", &["auditors"], &["payments"]),
        ("s", &[], &[]),
    ] {
        env.act_as(&mut api, caller, groups, projects).await;
        api.get("/v1/audit").await.rejected(403, "forbidden");
    }
    env.act_as(&mut api, "auditor", &["auditors"], &[]).await;
    api.post("/v1/clusters", &cluster_request("c4"), &[])
        .await
        .rejected(403, "forbidden");
    env.number_events().await;
    let page = api
        .get("/v1/audit?action=create_cluster&decision=accepted&limit=2")
        .await;
    let clusters = |body: &Value| -> Vec<String> {
        let items = body["items"].as_array().unwrap().iter();
        items
            .map(|item| item["cluster"].as_str().unwrap_or_default().to_owned())
            .collect()
    };
    assert_eq!(clusters(&page.body), ["c2", "c1"]);
    assert_eq!(
        (&page.body["seal"]["keyed"], &page.body["seal"]["number"]),
        (&json!(false), &json!(1))
    );
    let next = page
        .header("link")
        .split(['<', '>'])
        .nth(1)
        .unwrap()
        .to_owned();
    let rest = api.get(&next).await;
    assert_eq!(
        (clusters(&rest.body), &rest.body["next_cursor"]),
        (vec!["c0".to_owned()], &Value::Null)
    );
    let operation = page.body["items"][0]["operation_id"].as_str().unwrap();
    let at = page.body["items"][0]["at"].as_str().unwrap();
    for (query, expected) in [
        (format!("operation_id={operation}"), vec!["c2"]),
        ("caller=token:viewer".to_owned(), vec!["c3"]),
        ("decision=denied&cluster=c3".to_owned(), vec!["c3"]),
        ("cluster=c1&target=default".to_owned(), vec!["c1"]),
        ("project=payments".to_owned(), vec![]),
        ("target=other".to_owned(), vec![]),
        (
            format!("action=create_cluster&until={at}"),
            vec!["c1", "c0"],
        ),
        (
            format!("action=create_cluster&decision=accepted&since={at}"),
            vec!["c2"],
        ),
    ] {
        let list = api.get(&format!("/v1/audit?{query}")).await;
        assert_eq!(list.status, 200, "{query}: {list:?}");
        assert_eq!(clusters(&list.body), expected, "{query}");
    }
    for bad in [
        "decision=lost",
        "since=yesterday",
        "operation_id=1",
        "colour=blue",
        "until=10000-01-01T00:00:00Z",
    ] {
        api.get(&format!("/v1/audit?{bad}"))
            .await
            .rejected(422, "invalid_request");
    }
}
