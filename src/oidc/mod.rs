//! OIDC (layer 1): validates the JWTs of callers against the identity providers of the organisation.
//! It is the only module that uses `jsonwebtoken`, and depends on `domain` only.
//!
//! A token chooses its issuer by `iss` and `aud`. Everything else that it contains counts only after
//! its signature was verified with a key that this issuer published over https. Headers that name a
//! key (`jku`, `x5u`, `jwk`) are never used.
//!
//! Whether a token has expired is decided by the clock of this process: the issuer's clock and the
//! database's are no closer to each other, and the leeway covers the difference.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use chrono::{DateTime, Utc};

use crate::domain::issuer::IssuerSettings;

mod claims;
mod fetch;
mod key_cache;
mod keys;
#[cfg(test)]
mod tests;
mod token;

use key_cache::KeyCache;
use token::Token;

/// The identity providers, with their keys. Clones share them.
#[derive(Clone, Default)]
pub struct Issuers(Arc<RwLock<BTreeMap<String, Arc<Issuer>>>>);

/// An identity provider of one version of the settings.
struct Issuer {
    settings: IssuerSettings,
    keys: Arc<KeyCache>,
}

/// The caller of a valid token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The name of the issuer's table.
    pub issuer: String,
    /// The `sub`: 1 to 255 printable ASCII characters, unique for this issuer only.
    pub subject: String,
    /// The groups: those of the map, and `<issuer>:<group>` for all others. Sorted.
    pub groups: Vec<String>,
    /// The projects that the caller is limited to; empty if the issuer has no `projects_claim`.
    pub projects: Vec<String>,
    /// Other names of the caller: `preferred_username`, `email` and `upn`, as far as the token has them.
    pub aliases: Vec<String>,
    /// When the token expires, without the leeway.
    pub expires_at: DateTime<Utc>,
}

/// Why a token is not accepted. No variant contains text of the token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The token is not valid: 401.
    #[error("{0}")]
    Invalid(String),
    /// The issuer does not answer, and its key is not known: 503.
    #[error("{0}")]
    Unavailable(String),
}

impl Issuers {
    /// The issuers of an organisation, without keys: the first token of each fetches them.
    pub fn new(settings: &BTreeMap<String, IssuerSettings>) -> Self {
        let issuers = Self::default();
        issuers.replace(settings);
        issuers
    }

    /// Takes a new version of the settings. The keys of an issuer with the same URL stay.
    pub fn replace(&self, settings: &BTreeMap<String, IssuerSettings>) {
        let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let mut caches: BTreeMap<_, _> = current
            .values()
            .map(|issuer| (issuer.settings.issuer.clone(), issuer.keys.clone()))
            .collect();
        let mut issuer = |settings: &IssuerSettings| {
            let url = settings.issuer.clone();
            let new = || Arc::new(KeyCache::new(url.clone()));
            let keys = caches.entry(url.clone()).or_insert_with(new).clone();
            let settings = settings.clone();
            Arc::new(Issuer { settings, keys })
        };
        *current = settings
            .iter()
            .map(|(name, settings)| (name.clone(), issuer(settings)))
            .collect();
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        let issuers = self.0.read().unwrap_or_else(PoisonError::into_inner);
        issuers.is_empty()
    }

    /// Validates a token, and returns its caller.
    pub async fn verify(&self, token: &str) -> Result<Verified, Refusal> {
        self.verify_at(token, Instant::now()).await
    }

    /// The same with the time by which keys age.
    async fn verify_at(&self, token: &str, now: Instant) -> Result<Verified, Refusal> {
        let token = Token::parse(token).map_err(Refusal::Invalid)?;
        let (name, issuer) = self.issuer_of(&token).map_err(Refusal::Invalid)?;
        let key = issuer.keys.find(&token.kid, token.algorithm, now).await;
        let key = key.map_err(|refusal| refusal.of(&name))?;
        let claims = token.verify(&key, &issuer.settings);
        let verified = claims.and_then(|claims| claims::caller(&name, &issuer.settings, &claims));
        verified.map_err(Refusal::Invalid)
    }

    /// The one issuer that a token names by its issuer and audience.
    fn issuer_of(&self, token: &Token<'_>) -> Result<(String, Arc<Issuer>), String> {
        let issuers = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let of_issuer: Vec<_> = issuers
            .iter()
            .filter(|(_, issuer)| issuer.settings.issuer.as_str() == token.issuer)
            .collect();
        if of_issuer.is_empty() {
            return Err("the token's `iss` is not an identity provider of this service".to_owned());
        }
        let mut of_audience = of_issuer
            .into_iter()
            .filter(|(_, issuer)| token.audiences.contains(&issuer.settings.audience));
        match (of_audience.next(), of_audience.next()) {
            (Some((name, issuer)), None) => Ok((name.clone(), issuer.clone())),
            (None, _) => Err("the token's `aud` is not the audience of this service".to_owned()),
            (Some(_), Some(_)) => {
                Err("the token's `aud` has more than one audience of this service".to_owned())
            }
        }
    }
}

impl Refusal {
    /// The refusal with the name of the issuer whose keys were looked for.
    fn of(self, issuer: &str) -> Self {
        match self {
            Self::Invalid(reason) => Self::Invalid(reason),
            Self::Unavailable(reason) => Self::Unavailable(format!(
                "identity provider {issuer:?} {reason}; try again later"
            )),
        }
    }
}
