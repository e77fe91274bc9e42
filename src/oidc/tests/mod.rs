//! Tests against an identity provider in this process, with real signatures.

mod attacks;
mod callers;
mod issuers;
mod outages;
mod provider;
mod rotation;
mod signing;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::domain::issuer::{ClaimPath, IssuerSettings, IssuerUrl};

use super::{Issuers, Refusal, Verified};
use provider::Provider;

const AUDIENCE: &str = "dax-provisioner";
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);

/// The settings of an issuer that names groups and nothing else.
fn settings(url: &str) -> IssuerSettings {
    IssuerSettings {
        issuer: IssuerUrl::parse(url).unwrap(),
        audience: AUDIENCE.to_owned(),
        groups_claim: Some(ClaimPath::parse("groups").unwrap()),
        group_map: BTreeMap::from([("dax-admins".to_owned(), "admins".to_owned())]),
        projects_claim: None,
    }
}

fn issuers<const N: usize>(named: [(&str, IssuerSettings); N]) -> Issuers {
    Issuers::new(&named.map(|(name, one)| (name.to_owned(), one)).into())
}

/// The issuers with one provider, `corp`.
fn corp(provider: &Provider) -> Issuers {
    issuers([("corp", settings(&provider.url))])
}

async fn verify(issuers: &Issuers, token: &str) -> Result<Verified, Refusal> {
    issuers.verify(token).await
}

/// Verifies with keys that are older than they are.
async fn verify_later(
    issuers: &Issuers,
    token: &str,
    later: Duration,
) -> Result<Verified, Refusal> {
    issuers.verify_at(token, Instant::now() + later).await
}

/// Asserts that a token is invalid for the expected reason.
#[track_caller]
fn assert_invalid(result: Result<Verified, Refusal>, expected: &str) {
    match result {
        Err(Refusal::Invalid(reason)) if reason.contains(expected) => {}
        other => panic!("expected invalid, {expected:?}, and got {other:?}"),
    }
}

/// Asserts that a key is not available for the expected reason.
#[track_caller]
fn assert_unavailable(result: Result<Verified, Refusal>, expected: &str) {
    match result {
        Err(Refusal::Unavailable(reason)) if reason.contains(expected) => {}
        other => panic!("expected unavailable, {expected:?}, and got {other:?}"),
    }
}
