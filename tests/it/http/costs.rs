//! Costs: what nodes cost by the price list of the installation; null where it has no price.

use std::collections::BTreeMap;
use std::sync::Arc;

use dax_provisioner::authorization::Rules;
use dax_provisioner::domain::prices::Prices;
use serde_json::{Value, json};

use crate::support::api::cluster_request;
use crate::support::cluster_fixture::ClusterFixture;

/// Rules that permit everything, with prices of these node types in us-east-1.
fn with_prices(prices: &[(&str, i64)]) -> Rules {
    let price = |(node_type, micros): &(&str, i64)| {
        (("us-east-1".to_owned(), (*node_type).to_owned()), *micros)
    };
    Rules {
        prices: Prices {
            hourly_micros: prices.iter().map(price).collect::<BTreeMap<_, _>>(),
        },
        ..Rules::default()
    }
}

/// The costs of an answer: for an hour and a month, afterwards and before.
fn costs(body: &Value) -> [&Value; 4] {
    [
        "hourly_cost_usd",
        "monthly_cost_usd",
        "hourly_cost_usd_before",
        "monthly_cost_usd_before",
    ]
    .map(|name| &body[name])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_has_the_cost_by_the_price_list_or_null() {
    let mut fixture = ClusterFixture::new().await;
    let prices = [("dax.t3.small", 40_000), ("dax.r5.large", 269_000)];
    let (mut api, rules) = fixture.env.governed_api(with_prices(&prices));
    api.token = Some(fixture.env.token("portal").await);
    fixture.api = api;
    let mut request = cluster_request("orders");
    request["node_type"] = json!("dax.r5.large");
    request["replication_factor"] = json!(3);
    let api = &fixture.api;
    let null = &Value::Null;

    let plan = api.post("/v1/plans", &request, &[]).await.body;
    let (hour, month) = (json!(0.807), json!(589.11));
    let nothing = json!(0.0);
    assert_eq!(costs(&plan), [&hour, &month, &nothing, &nothing]);
    let preflight = api.post("/v1/preflights", &request, &[]).await.body;
    assert_eq!(costs(&preflight), [&hour, &month, null, null]);
    let created = api.post("/v1/clusters", &request, &[]).await;
    fixture.succeeds(&created).await;
    fixture.poll().await;
    assert_eq!(costs(&fixture.cluster().await), [&hour, &month, null, null]);

    let scale = json!({"scale": {"replication_factor": 1}});
    let smaller = fixture.post("plans", &scale).await.body;
    assert_eq!(
        costs(&smaller),
        [&json!(0.269), &json!(196.37), &hour, &month]
    );
    let delete = fixture.post("plans", &json!({"delete": {}})).await.body;
    assert_eq!(costs(&delete), [&nothing, &nothing, &hour, &month]);

    let types = api.get("/v1/node_types?limit=100").await.body;
    let types = types["items"].as_array().unwrap();
    let priced: Vec<(&str, &Value)> = types
        .iter()
        .map(|one| (one["name"].as_str().unwrap(), &one["hourly_price_usd"]))
        .filter(|(_, price)| !price.is_null())
        .collect();
    let expected = [
        ("dax.r5.large", &json!(0.269)),
        ("dax.t3.small", &json!(0.04)),
    ];
    assert_eq!(priced, expected);

    // A price of another node type is no price of this one.
    rules.send_replace(Arc::new(with_prices(&prices[..1])));
    assert_eq!(costs(&fixture.cluster().await), [null; 4]);
    let plan = api.post("/v1/plans", &request, &[]).await.body;
    assert_eq!(costs(&plan), [null, null, &nothing, &nothing]);
}
