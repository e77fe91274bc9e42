//! Tokens of a real OpenID provider are verified by its keys, which rotate.

use std::time::Duration;

use dax_provisioner::oidc::{Issuers, Refusal};
use dax_provisioner::store::TokenRights;
use serde_json::json;

use crate::authorization::{built_in, with_policies};
use crate::support::api::cluster_request;
use crate::support::identity_provider::IdentityProvider;
use crate::support::test_env::TestEnv;

/// Starts a provider outside of the asynchronous threads.
async fn provider() -> Option<IdentityProvider> {
    tokio::task::spawn_blocking(IdentityProvider::start)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_names_its_caller_with_groups_and_project() {
    let Some(provider) = provider().await else {
        return;
    };
    let issuers = Issuers::new(&provider.settings());
    let caller = issuers
        .verify(&provider.token("urn:dax").await)
        .await
        .unwrap();
    assert_eq!(
        (caller.issuer.as_str(), caller.subject.as_str()),
        ("corp", "pipeline")
    );
    assert_eq!(caller.groups, ["admins", "corp:admins"]);
    assert_eq!(caller.projects, ["payments"]);

    let other = provider.token("urn:other").await;
    let refused = issuers.verify(&other).await.unwrap_err();
    assert!(
        matches!(&refused, Refusal::Invalid(reason) if reason.contains("`aud`")),
        "{refused}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_of_the_provider_calls_the_api_with_the_rights_of_the_token() {
    let Some(mut provider) = provider().await else {
        return;
    };
    let env = TestEnv::new().await;
    let issuers = Issuers::new(&provider.settings());
    let (mut api, _rules) = env.governed_api_of(env.store.clone(), built_in(&[]), issuers);
    api.token = Some(provider.token("urn:dax").await);
    let me = api.get("/v1/me").await.body;
    assert_eq!(me["id"], "oidc:corp/pipeline");
    assert_eq!(me["groups"], json!(["admins", "corp:admins"]));
    assert_eq!(me["default_project"], "payments");
    let created = api.post("/v1/clusters", &cluster_request("pay"), &[]).await;
    created.accepted();
    assert_eq!(created.body["requested_by"], "oidc:corp/pipeline");
    assert_eq!(created.body["project"], "payments");
    let person = [("x-requested-for", "ann@example.com")];
    api.get_with("/v1/me", &person)
        .await
        .rejected(403, "forbidden");
    let valid = api
        .token
        .replace(provider.token("urn:other").await)
        .unwrap();
    api.get("/v1/me").await.rejected(401, "unauthenticated");
    let mut forged = valid.clone();
    forged.replace_range(valid.len() - 8.., "AAAAAAAA");
    api.token = Some(forged);
    api.get("/v1/me").await.rejected(401, "unauthenticated");
    // Without the provider an unknown key is no reason for 401, and no way in.
    provider.run("add");
    let unknown = provider.token("urn:dax").await;
    provider.stop();
    let never_asked = Issuers::new(&provider.settings());
    let (mut other, _rules) = env.governed_api_of(env.store.clone(), built_in(&[]), never_asked);
    other.token = Some(unknown);
    other.get("/v1/me").await.rejected(503, "unavailable");
    api.token = Some(valid);
    assert_eq!(api.get("/v1/me").await.status, 200);
}

/// The caller is `oidc:corp/pipeline`, in the group `corp:admins` and the project `payments`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_of_the_provider_approves_for_others_only() {
    let Some(provider) = provider().await else {
        return;
    };
    let env = TestEnv::new().await;
    let rules = with_policies(
        r#"@id("asked") @approval("corp:admins")
        forbid (principal, action == Action::"create_cluster", resource);"#,
    );
    let issuers = Issuers::new(&provider.settings());
    let (mut api, _rules) = env.governed_api_of(env.store.clone(), rules, issuers);
    let user = provider.token("urn:dax").await;
    let rights = TokenRights {
        groups: vec!["operators".to_owned()],
        acts_for: true,
        ..TokenRights::default()
    };
    let portal = env.token_with("portal", rights.clone()).await;
    let same_name = env.token_with("pipeline", rights).await;
    let mut request = async |token: &str, name: &str, person: Option<&str>| {
        api.token = Some(token.to_owned());
        let mut body = cluster_request(name);
        body["project"] = json!("payments");
        let person = person.map(|person| ("x-requested-for", person));
        let requested = api.post("/v1/clusters", &body, person.as_slice()).await;
        assert_eq!(requested.body["status"], "awaiting_approval");
        api.token = Some(user.clone());
        let path = format!("/v1/operations/{}/approve", requested.accepted());
        api.post(&path, &json!({}), &[]).await
    };
    let own = [
        request(&user, "a", None).await,
        request(&portal, "b", Some("PIPELINE")).await,
        request(&portal, "c", Some("oidc:corp/pipeline")).await,
        request(&same_name, "d", Some("ann")).await,
    ];
    for answer in own {
        answer.rejected(403, "approval_not_allowed");
    }
    let approved = request(&portal, "e", Some("ann")).await;
    assert_eq!(approved.body["status"], "pending", "{approved:?}");
    assert_eq!(approved.body["approvals"][0]["by"], "oidc:corp/pipeline");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_rotate_and_known_ones_outlive_the_provider() {
    let Some(mut provider) = provider().await else {
        return;
    };
    let issuers = Issuers::new(&provider.settings());
    let first = provider.token("urn:dax").await;
    issuers.verify(&first).await.unwrap();

    // A process that starts now knows the new key; this one asks again after ten seconds.
    provider.run("add");
    let second = provider.token("urn:dax").await;
    for (token, issuers) in [
        (&second, &Issuers::new(&provider.settings())),
        (&first, &issuers),
    ] {
        issuers.verify(token).await.unwrap();
    }
    let refused = issuers.verify(&second).await.unwrap_err();
    assert!(
        matches!(&refused, Refusal::Invalid(reason) if reason.contains("`kid`")),
        "{refused}"
    );
    await_known(&issuers, &second).await;

    provider.run("rotate");
    let third = provider.token("urn:dax").await;
    let started_now = Issuers::new(&provider.settings());
    started_now.verify(&third).await.unwrap();
    let withdrawn = started_now.verify(&second).await.unwrap_err();
    assert!(matches!(withdrawn, Refusal::Invalid(_)), "{withdrawn}");

    provider.stop();
    issuers.verify(&second).await.unwrap();
    started_now.verify(&third).await.unwrap();
    let never_asked = Issuers::new(&provider.settings());
    let unavailable = never_asked.verify(&third).await.unwrap_err();
    assert!(
        matches!(unavailable, Refusal::Unavailable(_)),
        "{unavailable}"
    );
}

/// Waits until the keys are asked for again, ten seconds after the last time.
async fn await_known(issuers: &Issuers, token: &str) {
    for _ in 0..150 {
        if issuers.verify(token).await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the new key is not known after 15 s");
}
