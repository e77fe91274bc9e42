//! When keys are fetched: rotation, unknown keys, many callers at a time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;

use super::provider::Provider;
use super::signing::{TestKey, claims};
use super::{HOUR, MINUTE, assert_invalid, corp, verify, verify_later};

/// The shortest time between two fetches.
const INTERVAL: Duration = Duration::from_secs(10);

/// Waits until the provider had so many fetches, which run in the background.
async fn await_fetches(provider: &Provider, expected: usize) {
    let fetched = async {
        while provider.fetches() < expected {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let fetched = tokio::time::timeout(MINUTE, fetched).await;
    fetched.expect("the fetch did not start");
}

#[tokio::test]
async fn keys_are_fetched_once_for_many_callers_at_a_time() {
    let key = TestKey::new("a");
    let provider = Provider::start(&[&key]).await;
    let issuers = corp(&provider);
    let token: Arc<str> = key.sign(&claims(&provider.url)).into();
    let callers = (0..100).map(|_| {
        let (issuers, token) = (issuers.clone(), token.clone());
        tokio::spawn(async move { issuers.verify(&token).await })
    });
    for caller in futures_util::future::join_all(callers).await {
        caller.unwrap().unwrap();
    }
    assert_eq!(provider.fetches(), 1);
}

#[tokio::test]
async fn a_caller_that_gives_up_does_not_end_the_fetch() {
    let key = TestKey::new("a");
    let provider = Provider::start(&[&key]).await;
    let issuers = corp(&provider);
    let token = key.sign(&claims(&provider.url));
    let gave_up = issuers.verify(&token).now_or_never();
    assert!(gave_up.is_none());
    issuers.verify(&token).await.unwrap();
    assert_eq!(provider.fetches(), 1);
}

#[tokio::test]
async fn a_new_key_is_found_and_the_old_one_ends_with_its_publication() {
    let [old, new] = ["old", "new"].map(TestKey::new);
    let provider = Provider::start(&[&old]).await;
    let issuers = corp(&provider);
    let [by_old, by_new] = [&old, &new].map(|key| key.sign(&claims(&provider.url)));
    verify(&issuers, &by_old).await.unwrap();

    provider.publish(&[&old, &new]);
    assert_invalid(verify(&issuers, &by_new).await, "no usable key");
    verify_later(&issuers, &by_new, INTERVAL).await.unwrap();
    verify_later(&issuers, &by_old, INTERVAL).await.unwrap();

    provider.publish(&[&new]);
    verify_later(&issuers, &by_old, HOUR / 2).await.unwrap();
    assert_eq!(provider.fetches(), 2);
    let refused = verify_later(&issuers, &by_old, INTERVAL + HOUR).await;
    assert_invalid(refused, "no usable key");
    verify_later(&issuers, &by_new, INTERVAL + HOUR)
        .await
        .unwrap();
    assert_eq!(provider.fetches(), 3);
}

#[tokio::test]
async fn a_thousand_unknown_keys_cause_one_fetch_in_ten_seconds() {
    let key = TestKey::new("a");
    let provider = Provider::start(&[&key]).await;
    let issuers = corp(&provider);
    let start = Instant::now();
    let tokens: Vec<String> = (0..1000)
        .map(|at| TestKey::new(&format!("unknown-{at}")).sign(&claims(&provider.url)))
        .collect();
    for (second, fetches) in [(0, 1), (9, 1), (10, 2), (19, 2), (20, 3)] {
        let now = start + Duration::from_secs(second);
        let all = tokens.iter().map(|token| issuers.verify_at(token, now));
        for refused in futures_util::future::join_all(all).await {
            assert_invalid(refused, "no usable key");
        }
        assert_eq!(provider.fetches(), fetches, "at {second} s");
    }
    let known = key.sign(&claims(&provider.url));
    issuers.verify_at(&known, start).await.unwrap();
}

#[tokio::test]
async fn keys_are_refreshed_in_the_background_before_they_are_an_hour_old() {
    let key = TestKey::new("a");
    let provider = Provider::start(&[&key]).await;
    let issuers = corp(&provider);
    let token = key.sign(&claims(&provider.url));
    let unknown = TestKey::new("unknown").sign(&claims(&provider.url));
    let mut before = 0;
    for (minutes, fetches) in [(0, 1), (49, 1), (51, 2), (99, 2), (102, 3)] {
        verify_later(&issuers, &token, minutes * MINUTE)
            .await
            .unwrap();
        await_fetches(&provider, fetches).await;
        assert_eq!(provider.fetches(), fetches, "at {minutes} min");
        if fetches > before {
            // A token with an unknown key waits for the end of the fetch.
            let refused = verify_later(&issuers, &unknown, minutes * MINUTE).await;
            assert_invalid(refused, "no usable key");
        }
        before = fetches;
    }
}
