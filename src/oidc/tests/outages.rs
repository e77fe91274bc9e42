//! An issuer that is away or answers wrongly: known keys work for a day, unknown ones are unavailable.

use std::time::Duration;

use super::provider::{Mode, Provider};
use super::signing::{TestKey, claims};
use super::{
    HOUR, assert_invalid, assert_unavailable, corp, issuers, settings, verify, verify_later,
};

#[tokio::test]
async fn known_keys_work_for_a_day_while_the_issuer_is_away() {
    let [known, unknown] = ["known", "unknown"].map(TestKey::new);
    let provider = Provider::start(&[&known]).await;
    let issuers = corp(&provider);
    let [by_known, by_unknown] = [&known, &unknown].map(|key| key.sign(&claims(&provider.url)));
    verify(&issuers, &by_known).await.unwrap();

    provider.set(Mode::Away);
    for hours in [1, 5, 23] {
        let later = hours * HOUR;
        verify_later(&issuers, &by_known, later).await.unwrap();
        let refused = verify_later(&issuers, &by_unknown, later).await;
        assert_unavailable(
            refused,
            "identity provider \"corp\" does not answer; try again later",
        );
    }
    let a_day = verify_later(&issuers, &by_known, 24 * HOUR).await;
    assert_unavailable(a_day, "does not answer");

    provider.set(Mode::Normal);
    verify_later(&issuers, &by_known, 25 * HOUR).await.unwrap();
    let refused = verify_later(&issuers, &by_unknown, 25 * HOUR).await;
    assert_invalid(refused, "no usable key");
}

#[tokio::test]
async fn an_issuer_that_never_answered_makes_every_token_unavailable() {
    let key = TestKey::new("a");
    let provider = Provider::start(&[&key]).await;
    provider.set(Mode::Away);
    let issuers = corp(&provider);
    let token = key.sign(&claims(&provider.url));
    for _ in 0..10 {
        assert_unavailable(verify(&issuers, &token).await, "does not answer");
    }
    assert_eq!(provider.fetches(), 1);
    provider.set(Mode::Normal);
    assert_unavailable(verify(&issuers, &token).await, "does not answer");
    verify_later(&issuers, &token, Duration::from_secs(11))
        .await
        .unwrap();
}

#[tokio::test]
async fn an_outage_does_not_make_requests_with_known_keys_wait() {
    let key = TestKey::new("a");
    let provider = Provider::start(&[&key]).await;
    let issuers = corp(&provider);
    let token = key.sign(&claims(&provider.url));
    verify(&issuers, &token).await.unwrap();
    provider.set(Mode::Away);
    verify_later(&issuers, &token, 2 * HOUR).await.unwrap();
    assert_eq!(provider.fetches(), 2);

    // The next fetch never ends, and requests do not wait for it.
    provider.set(Mode::Silent);
    let later = 2 * HOUR + Duration::from_secs(15);
    for _ in 0..10 {
        let answer = verify_later(&issuers, &token, later);
        let answer = tokio::time::timeout(Duration::from_secs(4), answer);
        answer.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_silent_issuer_is_given_up_after_five_seconds() {
    let key = TestKey::new("a");
    let provider = Provider::start(&[&key]).await;
    provider.set(Mode::Silent);
    let token = key.sign(&claims(&provider.url));
    let refused = verify(&corp(&provider), &token).await;
    assert_unavailable(refused, "does not answer within 5 s");
}

#[tokio::test]
async fn wrong_answers_are_not_taken() {
    let key = TestKey::new("a");
    let provider = Provider::start(&[&key]).await;
    let elsewhere = Provider::start(&[&key]).await;
    let token = key.sign(&claims(&provider.url));
    let there = elsewhere.url.clone();
    for (mode, expected) in [
        (Mode::Status(500), "status 500"),
        (Mode::Status(404), "status 404"),
        (Mode::Status(203), "status 203"),
        (Mode::Redirect(format!("{there}/keys")), "status 302"),
        (Mode::Padded(600 * 1024), "more than 524288 bytes"),
        (Mode::Endless, "more than 524288 bytes"),
        (Mode::Page, "unexpected document"),
        (Mode::Discovery("issuer", there), "of another issuer"),
        (
            Mode::Discovery("issuer", format!("{}/", provider.url)),
            "of another issuer",
        ),
        (
            Mode::Discovery("jwks_uri", "http://192.0.2.1/keys".to_owned()),
            "not https",
        ),
        (
            Mode::Discovery("jwks_uri", "file:///etc/passwd".to_owned()),
            "not https",
        ),
        (Mode::Discovery("jwks_uri", "/keys".to_owned()), "not https"),
    ] {
        provider.set(mode);
        assert_unavailable(verify(&corp(&provider), &token).await, expected);
    }
    assert_eq!(elsewhere.requests(), 0);
    provider.set(Mode::Padded(500 * 1024));
    verify(&corp(&provider), &token).await.unwrap();
}

#[tokio::test]
async fn an_issuer_that_is_away_does_not_affect_another() {
    let key = TestKey::new("a");
    let [away, here] = [
        Provider::start(&[&key]).await,
        Provider::start(&[&key]).await,
    ];
    away.set(Mode::Silent);
    let issuers = issuers([("away", settings(&away.url)), ("here", settings(&here.url))]);
    let waiting = {
        let (issuers, token) = (issuers.clone(), key.sign(&claims(&away.url)));
        tokio::spawn(async move { issuers.verify(&token).await })
    };
    verify(&issuers, &key.sign(&claims(&here.url)))
        .await
        .unwrap();
    assert!(!waiting.is_finished());
    assert_unavailable(waiting.await.unwrap(), "within 5 s");
}
