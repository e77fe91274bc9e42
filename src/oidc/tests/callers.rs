//! What a verified token says about its caller.

use chrono::DateTime;
use serde_json::{Value, json};

use crate::domain::issuer::{ClaimPath, IssuerSettings};
use crate::oidc::{Refusal, Verified};

use super::provider::Provider;
use super::signing::{TestKey, claims, claims_with, now};
use super::{assert_invalid, issuers, settings, verify};

/// The caller of a token with this claim, under settings that a test has changed.
async fn caller(
    change: impl FnOnce(&mut IssuerSettings),
    claim: &str,
    value: Value,
) -> Result<Verified, Refusal> {
    let key = TestKey::new("a");
    let provider = Provider::start(&[&key]).await;
    let mut settings = settings(&provider.url);
    change(&mut settings);
    let token = key.sign(&claims_with(&provider.url, claim, value));
    verify(&issuers([("corp", settings)]), &token).await
}

async fn groups(value: Value) -> Vec<String> {
    caller(|_| {}, "groups", value).await.unwrap().groups
}

/// Settings with a claim for projects.
fn with_projects(settings: &mut IssuerSettings) {
    settings.projects_claim = Some(ClaimPath::parse("projects").unwrap());
}

#[tokio::test]
async fn a_caller_has_issuer_subject_and_expiry() {
    let key = TestKey::new("a");
    let provider = Provider::start(&[&key]).await;
    let expiry = now() + 600;
    for exp in [json!(expiry), json!(expiry as f64 + 0.25)] {
        let token = key.sign(&claims_with(&provider.url, "exp", exp));
        let caller = verify(&issuers([("corp", settings(&provider.url))]), &token).await;
        let expected = Verified {
            issuer: "corp".to_owned(),
            subject: "ada".to_owned(),
            groups: Vec::new(),
            projects: Vec::new(),
            aliases: Vec::new(),
            expires_at: DateTime::from_timestamp(expiry as i64, 0).unwrap(),
        };
        assert_eq!(caller, Ok(expected));
    }
}

#[tokio::test]
async fn an_issuer_cannot_assert_a_group_of_the_service_or_of_another_issuer() {
    let asserted = json!(["admins", "operators", "other:admins", "dax-admins"]);
    assert_eq!(
        groups(asserted).await,
        [
            "admins",
            "corp:admins",
            "corp:operators",
            "corp:other:admins"
        ]
    );
    for name in ["admins", "Dax-Admins", " dax-admins", "dax-admins "] {
        assert_eq!(groups(json!(name)).await, [format!("corp:{name}")]);
    }
}

#[tokio::test]
async fn groups_are_a_string_or_a_list_and_each_counts_once() {
    assert_eq!(groups(json!("dax-admins")).await, ["admins"]);
    assert_eq!(groups(json!(["b", "a", "b"])).await, ["corp:a", "corp:b"]);
    assert_eq!(groups(json!("a b")).await, ["corp:a b"]);
    for none in [Value::Null, json!([])] {
        assert_eq!(groups(none).await, [""; 0]);
    }
}

#[tokio::test]
async fn groups_of_another_form_refuse_the_token() {
    let many: Vec<String> = (0..201).map(|at| format!("g{at}")).collect();
    for value in [
        json!(7),
        json!(true),
        json!({"admins": true}),
        json!(["a", 7]),
        json!([["admins"]]),
        json!(many),
    ] {
        assert_invalid(
            caller(|_| {}, "groups", value).await,
            "`groups` must be a string",
        );
    }
    for value in [
        json!(""),
        json!(["a", ""]),
        json!("a\nb"),
        json!("x".repeat(256)),
    ] {
        assert_invalid(caller(|_| {}, "groups", value).await, "each group");
    }
    assert_eq!(groups(json!(many[..200])).await.len(), 200);
}

#[tokio::test]
async fn a_claim_is_found_by_its_pointer() {
    let pointer = |settings: &mut IssuerSettings| {
        settings.groups_claim = Some(ClaimPath::parse("/realm_access/roles").unwrap());
    };
    let nested = json!({"roles": ["dax-admins"]});
    let found = caller(pointer, "realm_access", nested.clone())
        .await
        .unwrap();
    assert_eq!(found.groups, ["admins"]);
    let none = |settings: &mut IssuerSettings| settings.groups_claim = None;
    let without = caller(none, "realm_access", nested).await.unwrap();
    assert_eq!(without.groups, [""; 0]);
}

#[tokio::test]
async fn projects_are_read_and_a_wrong_one_refuses_the_token() {
    for (value, expected) in [
        (json!("payments"), vec!["payments"]),
        (
            json!(["search", "payments", "search"]),
            vec!["payments", "search"],
        ),
    ] {
        let found = caller(with_projects, "projects", value).await.unwrap();
        assert_eq!(found.projects, expected);
    }
    for value in [
        json!("Payments"),
        json!(["payments", "a b"]),
        json!("*"),
        json!(""),
        json!("x".repeat(41)),
    ] {
        let refused = caller(with_projects, "projects", value).await;
        assert_invalid(refused, "each project");
    }
    let refused = caller(with_projects, "projects", json!({"payments": true})).await;
    assert_invalid(refused, "`projects` must be a string");
}

#[tokio::test]
async fn a_caller_without_projects_is_refused_where_projects_are_asserted() {
    for value in [Value::Null, json!([])] {
        let refused = caller(with_projects, "projects", value).await;
        assert_invalid(refused, "must name a project");
    }
    let free = caller(|_| {}, "projects", json!("payments")).await.unwrap();
    assert_eq!(free.projects, [""; 0]);
}

#[tokio::test]
async fn equal_subjects_of_two_issuers_are_two_callers() {
    let [a_key, b_key] = ["a", "b"].map(TestKey::new);
    let [a, b] = [
        Provider::start(&[&a_key]).await,
        Provider::start(&[&b_key]).await,
    ];
    let issuers = issuers([("a", settings(&a.url)), ("b", settings(&b.url))]);
    for (name, key, provider) in [("a", &a_key, &a), ("b", &b_key, &b)] {
        let token = key.sign(&claims_with(&provider.url, "groups", json!("dev")));
        let caller = verify(&issuers, &token).await.unwrap();
        assert_eq!(
            (caller.issuer.as_str(), caller.subject.as_str()),
            (name, "ada")
        );
        assert_eq!(caller.groups, [format!("{name}:dev")]);
    }
}

#[tokio::test]
async fn tables_of_one_issuer_differ_by_the_audience_and_share_its_keys() {
    let key = TestKey::new("a");
    let provider = Provider::start(&[&key]).await;
    let mut other = settings(&provider.url);
    other.audience = "other".to_owned();
    let issuers = issuers([("corp", settings(&provider.url)), ("other", other)]);
    for (audience, name) in [
        (json!("dax-provisioner"), "corp"),
        (json!(["account", "other"]), "other"),
    ] {
        let token = key.sign(&claims_with(&provider.url, "aud", audience));
        assert_eq!(verify(&issuers, &token).await.unwrap().issuer, name);
    }
    let both = json!(["dax-provisioner", "other"]);
    let token = key.sign(&claims_with(&provider.url, "aud", both));
    assert_invalid(verify(&issuers, &token).await, "more than one audience");
    assert_eq!(provider.fetches(), 1);
}

#[tokio::test]
async fn reasons_contain_nothing_of_the_token() {
    let key = TestKey::new("a");
    let provider = Provider::start(&[&key]).await;
    let secret = "hunter2";
    let corp = issuers([("corp", settings(&provider.url))]);
    for claim in ["iss", "aud", "exp", "nbf", "groups", "sub"] {
        for value in [
            json!(secret),
            json!({secret: secret}),
            json!([secret, 7]),
            json!("hunter2\n"),
        ] {
            let token = key.sign(&claims_with(&provider.url, claim, value));
            if let Err(refusal) = verify(&corp, &token).await {
                assert!(!refusal.to_string().contains(secret), "{refusal}");
            }
        }
    }
    for header in ["alg", "kid", "typ", "crit"] {
        let mut changed = key.header();
        changed[header] = json!(secret);
        let token = key.sign_with(&changed, &claims(&provider.url));
        let refusal = verify(&corp, &token).await.unwrap_err();
        assert!(!refusal.to_string().contains(secret), "{refusal}");
    }
}

#[tokio::test]
async fn other_names_are_those_that_a_portal_can_send() {
    let aliases =
        async |claim: &str, value: Value| caller(|_| {}, claim, value).await.unwrap().aliases;
    for claim in ["preferred_username", "email", "upn"] {
        assert_eq!(
            aliases(claim, json!("Ann@example.com")).await,
            ["Ann@example.com"]
        );
        for unusable in [
            json!(""),
            json!(7),
            json!("\u{e4}nn"),
            json!("x".repeat(201)),
        ] {
            assert!(aliases(claim, unusable).await.is_empty());
        }
    }
    assert!(aliases("name", json!("Ann")).await.is_empty());
}
