//! Clusters that expire: announcements, the delete, and what holds it off.

use chrono::{SecondsFormat, TimeDelta};
use dax_provisioner::worker::SharedJobs;
use serde_json::{Value, json};

use crate::support::api::strings;
use crate::support::cluster_fixture::ClusterFixture;

impl ClusterFixture {
    /// The time in this number of minutes.
    async fn in_minutes(&self, minutes: i64) -> String {
        let at = self.env.store.clock().await.unwrap() + TimeDelta::minutes(minutes);
        at.to_rfc3339_opts(SecondsFormat::Secs, true)
    }

    /// The cluster `orders`, which expires in this number of minutes.
    async fn expiring_in(minutes: i64, more: Value) -> Self {
        let fixture = Self::with_cluster(&more).await;
        let body = json!({"expires_at": fixture.in_minutes(minutes).await});
        fixture.succeeds(&fixture.patch(&body).await).await;
        fixture
    }

    /// Moves the expiry, as the time does.
    async fn pass_time_until(&self, minutes: i64) {
        sqlx::query(
            "update clusters set desired = desired || jsonb_build_object('expires_at', $1::text)",
        )
        .bind(self.in_minutes(minutes).await)
        .execute(&self.env.pool)
        .await
        .unwrap();
    }

    async fn expire(&self) {
        let jobs = SharedJobs::new(self.env.store.clone());
        jobs.expire().await.unwrap();
    }

    /// The types of the events about the expiry, oldest first.
    async fn announced(&self) -> Vec<String> {
        let events = self
            .api
            .get("/v1/clusters/orders/events?limit=100")
            .await
            .body;
        let types = strings(&events["items"], "type").into_iter().rev();
        let types = types.filter(|name| name.starts_with("cluster_exp"));
        types.map(str::to_owned).collect()
    }

    async fn deletes(&self) -> Vec<Value> {
        let deletes = self.api.get("/v1/operations?kind=delete_cluster").await;
        deletes.body["items"].as_array().unwrap().clone()
    }

    async fn names_needing(&self, attention: &str) -> Vec<Value> {
        let list = self.api.get(&format!("/v1/clusters?{attention}")).await;
        let items = list.body["items"].as_array().unwrap().iter();
        items.map(|item| item["name"].clone()).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_is_announced_twice_and_deleted_at_its_expiry() {
    let fixture = ClusterFixture::expiring_in(25 * 60, json!({})).await;
    fixture.expire().await;
    let cluster = fixture.cluster().await;
    assert_eq!(cluster["attention"], json!(null));
    assert_eq!(cluster["expires_at"], cluster["desired"]["expires_at"]);
    assert!(fixture.announced().await.is_empty());
    for (minutes, announced) in [(23 * 60, 1), (2 * 60, 1), (59, 2), (1, 2)] {
        fixture.pass_time_until(minutes).await;
        let before = fixture.cluster().await["version"].clone();
        for _ in 0..2 {
            fixture.expire().await;
        }
        let cluster = fixture.cluster().await;
        assert_eq!(
            fixture.announced().await,
            vec!["cluster_expiring"; announced]
        );
        assert_eq!(cluster["attention"], "expiring");
        assert_eq!(
            cluster["version"] != before,
            [23 * 60, 59].contains(&minutes)
        );
    }
    assert!(fixture.deletes().await.is_empty());
    fixture.pass_time_until(-1).await;
    let expiries = [(); 4].map(|()| fixture.expire());
    futures_util::future::join_all(expiries).await;
    let deletes = fixture.deletes().await;
    assert_eq!(deletes.len(), 1);
    assert_eq!(deletes[0]["requested_by"], "schedule:expiry");
    fixture
        .settle(deletes[0]["id"].as_str().unwrap().parse().unwrap())
        .await;
    fixture
        .api
        .get("/v1/clusters/orders")
        .await
        .rejected(404, "not_found");
    assert!(fixture.env.created_in_aws().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deletion_protection_holds_the_delete_off_and_is_announced() {
    let fixture = ClusterFixture::expiring_in(30, json!({"deletion_protection": true})).await;
    fixture.expire().await;
    fixture.pass_time_until(-1).await;
    for _ in 0..2 {
        fixture.expire().await;
    }
    assert_eq!(
        fixture.announced().await,
        ["cluster_expiring", "cluster_expiry_held"]
    );
    assert!(fixture.deletes().await.is_empty());
    for (filter, expected) in [
        ("attention=expiring", 1),
        ("attention=drifted&attention=expiring", 1),
        ("attention=drifted", 0),
        ("attention=blocked&attention=failed", 0),
    ] {
        assert_eq!(
            fixture.names_needing(filter).await.len(),
            expected,
            "{filter}"
        );
    }
    fixture
        .succeeds(&fixture.patch(&json!({"deletion_protection": false})).await)
        .await;
    fixture.expire().await;
    assert_eq!(fixture.deletes().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_patch_moves_or_removes_the_expiry() {
    let fixture = ClusterFixture::expiring_in(30, json!({})).await;
    fixture.expire().await;
    assert_eq!(fixture.cluster().await["attention"], "expiring");
    let past = json!({"expires_at": fixture.in_minutes(-1).await});
    let rejected = fixture.patch(&past).await;
    rejected.rejected(422, "invalid_request");
    assert_eq!(rejected.violations(), [("/expires_at", "out_of_range")]);
    // Another field can be changed, whatever the expiry.
    fixture.pass_time_until(-1).await;
    let later = json!({"expires_at": fixture.in_minutes(48 * 60).await});
    let described = json!({"description": "x", "deletion_protection": true});
    fixture.succeeds(&fixture.patch(&described).await).await;
    fixture.succeeds(&fixture.patch(&later).await).await;
    fixture.expire().await;
    let cluster = fixture.cluster().await;
    assert_eq!(
        (&cluster["attention"], &cluster["expires_at"]),
        (&json!(null), &later["expires_at"])
    );
    fixture.pass_time_until(30).await;
    fixture.expire().await;
    assert_eq!(fixture.announced().await.len(), 2);
    let removed = json!({"expires_at": null, "deletion_protection": false});
    fixture.succeeds(&fixture.patch(&removed).await).await;
    fixture.expire().await;
    let cluster = fixture.cluster().await;
    assert_eq!(
        (&cluster["attention"], &cluster["expires_at"]),
        (&json!(null), &json!(null))
    );
    assert!(fixture.deletes().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expiry_supersedes_an_operation_and_is_not_repeated_after_a_cancel() {
    let fixture = ClusterFixture::expiring_in(30, json!({})).await;
    let scale = fixture
        .post("scale", &json!({"replication_factor": 4}))
        .await;
    fixture.pass_time_until(-1).await;
    fixture.expire().await;
    let scale = fixture.env.operation(scale.accepted()).await;
    let deletes = fixture.deletes().await;
    let delete = deletes[0]["id"].as_str().unwrap();
    assert_eq!(
        scale.superseded_by.map(|id| id.to_string()).as_deref(),
        Some(delete)
    );
    fixture.settle(delete.parse().unwrap()).await;

    let fixture = ClusterFixture::expiring_in(30, json!({})).await;
    fixture.pass_time_until(-1).await;
    fixture.expire().await;
    let delete = fixture.deletes().await[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let cancelled = fixture
        .api
        .send_empty("POST", &format!("/v1/operations/{delete}/cancel"))
        .await;
    fixture.settle(cancelled.accepted()).await;
    fixture.expire().await;
    assert_eq!(fixture.deletes().await.len(), 1);
    assert_eq!(fixture.cluster().await["attention"], "expiring");
}
