//! Tokens that must not be accepted.

use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

use super::provider::Provider;
use super::signing::{TestKey, claims, claims_with, encode, now, sign};
use super::{assert_invalid, corp, issuers, settings, verify};

/// Asserts that a header of this content is refused, though the signature is right.
async fn assert_header_refused(name: &str, value: Value, expected: &str) {
    let key = TestKey::new("a");
    let provider = Provider::start(&[&key]).await;
    let mut header = key.header();
    header[name] = value;
    let token = key.sign_with(&header, &claims(&provider.url));
    assert_invalid(verify(&corp(&provider), &token).await, expected);
}

/// Asserts that a claim of this content is refused, though the signature is right.
async fn assert_claim_refused(name: &str, value: Value, expected: &str) {
    let key = TestKey::new("a");
    let provider = Provider::start(&[&key]).await;
    let issuers = corp(&provider);
    let good = key.sign(&claims(&provider.url));
    verify(&issuers, &good).await.unwrap();
    let bad = key.sign(&claims_with(&provider.url, name, value));
    assert_invalid(verify(&issuers, &bad).await, expected);
}

#[tokio::test]
async fn a_token_without_a_signature_is_refused() {
    let key = TestKey::new("a");
    let provider = Provider::start(&[&key]).await;
    for alg in ["none", "None", "NONE", ""] {
        let header = json!({"alg": alg, "typ": "JWT", "kid": "a"});
        for signature in ["", "AAAA"] {
            let message = format!("{}.{}", encode(&header), encode(&claims(&provider.url)));
            let token = format!("{message}.{signature}");
            assert_invalid(verify(&corp(&provider), &token).await, "is not a JWT");
        }
    }
    let token = key.sign(&claims(&provider.url));
    let message = token.rsplit_once('.').unwrap().0;
    let unsigned = format!("{message}.");
    assert_invalid(verify(&corp(&provider), &unsigned).await, "signature");
    assert_invalid(verify(&corp(&provider), message).await, "is not a JWT");
}

#[tokio::test]
async fn a_public_key_is_never_a_secret() {
    let key = TestKey::of("a", Algorithm::RS256);
    let provider = Provider::start(&[&key]).await;
    let public = key.public();
    let secrets = [
        public.to_string(),
        public["n"].as_str().unwrap().to_owned(),
        String::from("a"),
    ];
    for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
        for secret in &secrets {
            let secret = EncodingKey::from_secret(secret.as_bytes()).unwrap();
            let header = json!({"alg": algorithm, "kid": "a"});
            let token = sign(&header, &claims(&provider.url), &secret, algorithm);
            assert_invalid(verify(&corp(&provider), &token).await, "is not a JWT");
        }
    }
    assert_eq!(provider.requests(), 0);
}

#[tokio::test]
async fn a_published_secret_is_not_used() {
    let key = TestKey::new("a");
    let provider = Provider::start(&[&key]).await;
    provider.publish_values(vec![
        json!({"kty": "oct", "k": "AAAA", "kid": "a", "alg": "HS256"}),
    ]);
    let token = key.sign(&claims(&provider.url));
    assert_invalid(verify(&corp(&provider), &token).await, "no usable key");
}

#[tokio::test]
async fn a_changed_token_is_refused() {
    let key = TestKey::new("a");
    let provider = Provider::start(&[&key]).await;
    let token = key.sign(&claims(&provider.url));
    let [header, _, signature] =
        <[&str; 3]>::try_from(token.split('.').collect::<Vec<_>>()).unwrap();
    let other = encode(&claims_with(&provider.url, "sub", json!("eve")));
    let changed = format!("{header}.{other}.{signature}");
    assert_invalid(verify(&corp(&provider), &changed).await, "signature");
}

#[tokio::test]
async fn a_token_with_one_other_character_is_refused() {
    let key = TestKey::new("a");
    let provider = Provider::start(&[&key]).await;
    let issuers = corp(&provider);
    let token = key.sign(&claims(&provider.url));
    verify(&issuers, &token).await.unwrap();
    for at in 0..token.len() {
        for other in ["A", "B", "_", ".", "=", "\0", "ä", ""] {
            let mut changed = token.clone();
            changed.replace_range(at..=at, other);
            let result = verify(&issuers, &changed).await;
            assert!(changed == token || result.is_err(), "{changed}");
        }
    }
}

#[tokio::test]
async fn another_form_of_a_token_is_refused() {
    let key = TestKey::new("a");
    let provider = Provider::start(&[&key]).await;
    let token = key.sign(&claims(&provider.url));
    let signature = token.rsplit_once('.').unwrap().1;
    let parts: Vec<&str> = token.split('.').collect();
    let json = json!({"payload": parts[1], "signatures": [
        {"protected": parts[0], "signature": parts[2]},
        {"protected": parts[0], "signature": parts[2]},
    ]});
    for text in [
        format!("{token}.{signature}"),
        format!("{}.{token}", parts[0]),
        format!("{token}="),
        format!(" {token}"),
        format!("{token}\n"),
        json.to_string(),
        "..".to_owned(),
        String::new(),
    ] {
        let refused = verify(&corp(&provider), &text).await;
        assert!(refused.is_err(), "{text}: {refused:?}");
    }
}

#[tokio::test]
async fn a_large_token_is_refused_before_it_is_read() {
    let key = TestKey::new("a");
    let provider = Provider::start(&[&key]).await;
    let fits = key.sign(&claims_with(
        &provider.url,
        "x",
        json!("x".repeat(8 * 1024)),
    ));
    verify(&corp(&provider), &fits).await.unwrap();
    let large = key.sign(&claims_with(
        &provider.url,
        "x",
        json!("x".repeat(9 * 1024)),
    ));
    assert!(large.len() > 12 * 1024);
    assert_invalid(
        verify(&corp(&provider), &large).await,
        "larger than 12288 bytes",
    );
}

#[tokio::test]
async fn every_required_claim_is_required_and_has_its_type() {
    for (claim, other) in [
        ("exp", json!("tomorrow")),
        ("sub", json!(7)),
        ("iss", json!(7)),
        ("aud", json!(7)),
    ] {
        for value in [Value::Null, other] {
            assert_claim_refused(claim, value, &format!("`{claim}`")).await;
        }
    }
    for subject in [
        String::new(),
        "a\nb".to_owned(),
        "ä".to_owned(),
        "a".repeat(256),
    ] {
        assert_claim_refused("sub", json!(subject), "`sub`").await;
    }
}

#[tokio::test]
async fn times_are_checked_with_a_leeway_of_a_minute() {
    assert_claim_refused("exp", json!(now() - 90), "has expired").await;
    assert_claim_refused("nbf", json!(now() + 90), "`nbf`").await;
    assert_claim_refused("nbf", json!("never"), "`nbf`").await;
    let key = TestKey::new("a");
    let provider = Provider::start(&[&key]).await;
    for (claim, time) in [("exp", now() - 30), ("nbf", now() + 30), ("exp", u64::MAX)] {
        let token = key.sign(&claims_with(&provider.url, claim, json!(time)));
        verify(&corp(&provider), &token).await.unwrap();
    }
}

#[tokio::test]
async fn another_audience_is_refused() {
    for audience in [
        json!("other"),
        json!(["other"]),
        json!([]),
        json!("dax-provisioner-other"),
        json!("Dax-Provisioner"),
        json!({"dax-provisioner": true}),
    ] {
        assert_claim_refused("aud", audience, "`aud`").await;
    }
}

#[tokio::test]
async fn another_issuer_is_refused_and_not_asked() {
    let key = TestKey::new("a");
    let [known, unknown] = [
        Provider::start(&[&key]).await,
        Provider::start(&[&key]).await,
    ];
    let issuers = corp(&known);
    for issuer in [
        unknown.url.clone(),
        format!("{}/", known.url),
        format!("{}@127.0.0.1", known.url),
        String::new(),
    ] {
        let token = key.sign(&claims(&issuer));
        assert_invalid(verify(&issuers, &token).await, "`iss`");
    }
    let both = claims_with(&known.url, "iss", json!([known.url, unknown.url]));
    assert_invalid(verify(&issuers, &key.sign(&both)).await, "`iss`");
    assert_eq!((known.requests(), unknown.requests()), (0, 0));
}

#[tokio::test]
async fn a_key_of_another_issuer_does_not_count() {
    let [ours, theirs, same] = ["ours", "theirs", "ours"].map(TestKey::new);
    let [a, b] = [
        Provider::start(&[&ours]).await,
        Provider::start(&[&theirs, &same]).await,
    ];
    let issuers = issuers([("a", settings(&a.url)), ("b", settings(&b.url))]);
    verify(&issuers, &theirs.sign(&claims(&b.url)))
        .await
        .unwrap();
    let token = theirs.sign(&claims(&a.url));
    assert_invalid(verify(&issuers, &token).await, "no usable key");
    let token = same.sign(&claims(&a.url));
    assert_invalid(verify(&issuers, &token).await, "signature");
}

#[tokio::test]
async fn a_header_never_brings_a_key() {
    let [known, evil] = [TestKey::new("a"), TestKey::new("a")];
    let provider = Provider::start(&[&known]).await;
    let elsewhere = Provider::start(&[&evil]).await;
    let keys = format!("{}/keys", elsewhere.url);
    for (name, value) in [
        ("jku", json!(keys)),
        ("x5u", json!(keys)),
        ("jwk", evil.public()),
        ("x5c", json!(["AAAA"])),
    ] {
        let mut header = evil.header();
        header[name] = value;
        let token = evil.sign_with(&header, &claims(&provider.url));
        assert_invalid(verify(&corp(&provider), &token).await, "signature");
        header["kid"] = json!("b");
        let token = evil.sign_with(&header, &claims(&provider.url));
        assert_invalid(verify(&corp(&provider), &token).await, "no usable key");
    }
    assert_eq!(elsewhere.requests(), 0);
}

#[tokio::test]
async fn a_key_name_is_required_and_never_a_path() {
    assert_header_refused("kid", Value::Null, "`kid`").await;
    for kid in ["", "../keys", "/dev/null", "a' or '1'='1", "A", "a\0"] {
        assert_header_refused("kid", json!(kid), "no usable key").await;
    }
    assert_header_refused("kid", json!(7), "is not a JWT").await;
}

#[tokio::test]
async fn headers_that_change_the_meaning_are_refused() {
    for critical in [json!(["exp"]), json!(["b64"]), json!([])] {
        assert_header_refused("crit", critical, "`crit`").await;
    }
    assert_header_refused("crit", json!("exp"), "is not a JWT").await;
    assert_header_refused("b64", json!(false), "is not valid").await;
    for typ in ["logout+jwt", "secevent+jwt", "dpop+jwt", "JWE", ""] {
        assert_header_refused("typ", json!(typ), "`typ`").await;
    }
}

#[tokio::test]
async fn a_claim_that_occurs_twice_is_refused() {
    let key = TestKey::new("a");
    let provider = Provider::start(&[&key]).await;
    let elsewhere = Provider::start(&[&key]).await;
    let issuers = issuers([
        ("a", settings(&provider.url)),
        ("b", settings(&elsewhere.url)),
    ]);
    for (name, value) in [
        ("iss", elsewhere.url.as_str()),
        ("sub", "eve"),
        ("aud", "other"),
    ] {
        let claims = claims(&provider.url).to_string();
        let twice = claims.replacen('{', &format!("{{\"{name}\":\"{value}\","), 1);
        let message = format!(
            "{}.{}",
            encode(&key.header()),
            super::signing::encode_text(&twice)
        );
        let refused = verify(&issuers, &key.sign_message(&message)).await;
        assert!(refused.is_err(), "{name}: {refused:?}");
    }
}
