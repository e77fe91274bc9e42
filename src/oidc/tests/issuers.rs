//! Which keys of an issuer are used, and a new version of the settings.

use std::collections::BTreeMap;

use jsonwebtoken::Algorithm;
use serde_json::{Value, json};

use crate::oidc::{Issuers, Refusal, Verified};

use super::provider::Provider;
use super::signing::{TestKey, claims};
use super::{assert_invalid, assert_unavailable, corp, settings, verify};

/// An RSA modulus of 1,024 bits.
fn weak_modulus() -> String {
    "z".repeat(1024 / 6) + "A"
}

/// Verifies a token of a key that is published with a change.
async fn with_published(
    key: &TestKey,
    change: impl FnOnce(&mut Value),
) -> Result<Verified, Refusal> {
    let provider = Provider::start(&[]).await;
    let mut public = key.public();
    change(&mut public);
    provider.publish_values(vec![public]);
    verify(&corp(&provider), &key.sign(&claims(&provider.url))).await
}

#[tokio::test]
async fn every_asymmetric_algorithm_is_accepted_with_its_key() {
    for algorithm in [
        Algorithm::RS256,
        Algorithm::RS384,
        Algorithm::RS512,
        Algorithm::PS256,
        Algorithm::PS384,
        Algorithm::PS512,
        Algorithm::ES256,
        Algorithm::ES384,
        Algorithm::EdDSA,
    ] {
        let key = TestKey::of("a", algorithm);
        let provider = Provider::start(&[&key]).await;
        let token = key.sign(&claims(&provider.url));
        verify(&corp(&provider), &token).await.unwrap();
        let without_algorithm = with_published(&key, |public| {
            public.as_object_mut().unwrap().remove("alg");
            public.as_object_mut().unwrap().remove("use");
        });
        without_algorithm.await.unwrap();
    }
}

#[tokio::test]
async fn a_key_is_used_with_its_own_algorithm_only() {
    let key = TestKey::of("a", Algorithm::RS256);
    for other in ["RS512", "PS256", "RSA-OAEP", "HS256", "ES256", "none"] {
        let refused = with_published(&key, |public| public["alg"] = json!(other)).await;
        assert_invalid(refused, "no usable key");
    }
    let key = TestKey::of("a", Algorithm::ES384);
    let refused = with_published(&key, |public| public["alg"] = json!("ES256")).await;
    assert_invalid(refused, "no usable key");
}

#[tokio::test]
async fn keys_that_are_not_for_signatures_are_ignored() {
    let key = TestKey::new("a");
    for (name, value) in [
        ("use", json!("enc")),
        ("use", json!("other")),
        ("key_ops", json!(["encrypt"])),
        ("key_ops", json!(["sign"])),
        ("crv", json!("P-521")),
        ("kty", json!("oct")),
        ("kid", Value::Null),
        ("kid", json!("other")),
    ] {
        let refused = with_published(&key, |public| public[name] = value.clone()).await;
        assert_invalid(refused, "no usable key");
    }
    let verifies = with_published(&key, |public| public["key_ops"] = json!(["verify"]));
    verifies.await.unwrap();
}

#[tokio::test]
async fn a_weak_rsa_key_is_ignored() {
    let key = TestKey::of("a", Algorithm::RS256);
    let zeros = "A".repeat(400);
    for modulus in [
        weak_modulus(),
        zeros + &weak_modulus(),
        "AAAA".to_owned(),
        String::new(),
    ] {
        let refused = with_published(&key, |public| public["n"] = json!(modulus)).await;
        assert_invalid(refused, "no usable key");
    }
}

#[tokio::test]
async fn a_key_that_cannot_be_read_does_not_hide_the_others() {
    let [good, same] = [TestKey::new("a"), TestKey::of("a", Algorithm::EdDSA)];
    let provider = Provider::start(&[]).await;
    let strange = [
        json!(7),
        json!({}),
        json!({"kty": "PQC", "kid": "a"}),
        json!({"kty": "RSA", "kid": 7}),
    ];
    let keys = strange.into_iter().chain([same.public(), good.public()]);
    provider.publish_values(keys.collect());
    let issuers = corp(&provider);
    for key in [&good, &same] {
        verify(&issuers, &key.sign(&claims(&provider.url)))
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_new_version_of_the_settings_keeps_the_keys_of_the_same_issuer() {
    let key = TestKey::new("a");
    let [kept, new] = [
        Provider::start(&[&key]).await,
        Provider::start(&[&key]).await,
    ];
    let issuers = corp(&kept);
    let token = key.sign(&claims(&kept.url));
    verify(&issuers, &token).await.unwrap();

    let two = [
        ("renamed", settings(&kept.url)),
        ("new", settings(&new.url)),
    ];
    issuers.replace(&BTreeMap::from(
        two.map(|(name, one)| (name.to_owned(), one)),
    ));
    assert_eq!(verify(&issuers, &token).await.unwrap().issuer, "renamed");
    let token_of_new = key.sign(&claims(&new.url));
    verify(&issuers, &token_of_new).await.unwrap();
    assert_eq!((kept.fetches(), new.fetches()), (1, 1));

    issuers.replace(&BTreeMap::new());
    for token in [token, token_of_new] {
        assert_invalid(verify(&issuers, &token).await, "`iss`");
    }
}

#[tokio::test]
async fn without_issuers_every_token_is_invalid() {
    let token = TestKey::new("a").sign(&claims("https://login.example.com"));
    let none = Issuers::new(&BTreeMap::new());
    assert_invalid(verify(&none, &token).await, "`iss`");
}

#[tokio::test]
async fn https_needs_a_valid_certificate() {
    let key = TestKey::new("a");
    let provider = Provider::start(&[&key]).await;
    let url = provider.url.replace("http:", "https:");
    let issuers = super::issuers([("corp", settings(&url))]);
    assert_unavailable(verify(&issuers, &key.sign(&claims(&url))).await, "\"corp\"");
}
