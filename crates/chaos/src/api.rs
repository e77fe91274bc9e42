//! The clients' side of the API: requests through any replica, and a ledger of what was accepted.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use reqwest::Client;
use serde_json::Value;

use crate::random::Random;

const REQUEST_TIMEOUT: Duration = Duration::from_secs(12);
/// How long a client repeats a request whose outcome it does not know.
const PERSISTENCE: Duration = Duration::from_secs(120);

/// What the clients know, and what they saw that must not be.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// What was accepted, by the operation's ID: kind, cluster and key.
    pub(crate) accepted: BTreeMap<String, String>,
    by_key: HashMap<String, String>,
    /// Version and status of each operation as last read.
    seen: HashMap<String, (i64, String)>,
    pub(crate) statuses: BTreeMap<u16, usize>,
    pub(crate) without_answer: usize,
    pub(crate) violations: Vec<String>,
}

#[derive(Debug)]
pub(crate) struct Api {
    http: Client,
    ports: Vec<u16>,
    tokens: Vec<String>,
    ledger: Mutex<Ledger>,
}

#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
    pub(crate) etag: Option<String>,
}

/// A request: method, path, body and headers.
#[derive(Debug, Clone)]
pub(crate) struct Request<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) body: Option<&'a Value>,
    pub(crate) if_match: Option<&'a str>,
}

impl<'a> Request<'a> {
    pub(crate) fn new(method: &'a str, path: &'a str, body: Option<&'a Value>) -> Self {
        Self {
            method,
            path,
            body,
            if_match: None,
        }
    }
}

impl Api {
    pub(crate) fn new(ports: Vec<u16>, tokens: Vec<String>) -> anyhow::Result<Self> {
        Ok(Self {
            http: Client::builder()
                .no_proxy()
                // Before the service closes an idle connection: a request that is sent at that moment has
                // no answer.
                .pool_idle_timeout(Duration::from_secs(3))
                .timeout(REQUEST_TIMEOUT)
                .build()?,
            ports,
            tokens,
            ledger: Mutex::default(),
        })
    }

    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a request once, through one replica. `None`: no answer.
    pub(crate) async fn send(
        &self,
        random: &mut Random,
        caller: usize,
        request: &Request<'_>,
        key: Option<&str>,
    ) -> Option<Answer> {
        let port = *random.pick(&self.ports);
        let url = format!("http://127.0.0.1:{port}{}", request.path);
        let method = request.method.parse().ok()?;
        let token = &self.tokens[caller % self.tokens.len()];
        let mut sent = self.http.request(method, url).bearer_auth(token);
        if let Some(body) = request.body {
            sent = sent.json(body);
        }
        if let Some(version) = request.if_match {
            sent = sent.header("if-match", version);
        }
        if let Some(key) = key {
            sent = sent.header("idempotency-key", key);
        }
        let answer = read(sent).await;
        let mut ledger = self.ledger();
        match &answer {
            None => ledger.without_answer += 1,
            Some(answer) => *ledger.statuses.entry(answer.status).or_default() += 1,
        }
        answer
    }

    /// Reads until a replica answers.
    pub(crate) async fn get(
        &self,
        random: &mut Random,
        caller: usize,
        path: &str,
    ) -> Option<Answer> {
        for _ in 0..40 {
            let request = Request::new("GET", path, None);
            if let Some(answer) = self.send(random, caller, &request, None).await
                && answer.status < 500
                && answer.status != 429
            {
                return Some(answer);
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        None
    }

    /// Reads an operation and checks that it never goes back.
    pub(crate) async fn operation(&self, random: &mut Random, id: &str) -> Option<Value> {
        let answer = self.get(random, 0, &format!("/v1/operations/{id}")).await?;
        let status = answer.body["status"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let version = answer.body["version"].as_i64().unwrap_or(-1);
        let mut ledger = self.ledger();
        if answer.status != 200 {
            let lost = format!(
                "lost: operation {id} was accepted and is now {}",
                answer.status
            );
            ledger.violations.push(lost);
            return None;
        }
        // Reads of one operation are sequential: only its own client reads it.
        let before = ledger.seen.insert(id.to_owned(), (version, status.clone()));
        if let Some((before, earlier)) = before
            && (version < before || is_finished(&earlier) && status != earlier)
        {
            let back =
                format!("out of order: {id} went from {before} {earlier} to {version} {status}");
            ledger.violations.push(back);
        }
        Some(answer.body)
    }

    /// Sends a change with a key until its outcome is known. Returns the operation's ID if it was
    /// accepted, or else the rejection.
    pub(crate) async fn submit(
        &self,
        random: &mut Random,
        caller: usize,
        request: &Request<'_>,
        key: &str,
    ) -> Result<String, Answer> {
        let began = Instant::now();
        let mut is_in_doubt = false;
        let mut rejections = 0;
        loop {
            let answer = self.send(random, caller, request, Some(key)).await;
            match answer {
                Some(answer) if answer.status == 202 => return Ok(self.accepted(&answer, key)),
                Some(answer) if answer.status < 500 && answer.status != 429 => {
                    rejections += 1;
                    // An attempt without an answer may still run, and this one may have met it.
                    if !is_in_doubt || rejections > 3 {
                        return Err(answer);
                    }
                    tokio::time::sleep(Duration::from_secs(2)).await;
                }
                unknown => {
                    is_in_doubt = true;
                    let pause = if unknown.is_some() { 400 } else { 150 };
                    tokio::time::sleep(Duration::from_millis(pause)).await;
                    if began.elapsed() > PERSISTENCE {
                        let gone = "no replica answered for two minutes".to_owned();
                        self.ledger().violations.push(gone);
                        return Err(Answer {
                            status: 0,
                            body: Value::Null,
                            etag: None,
                        });
                    }
                }
            }
        }
    }

    /// Writes an accepted operation down. A key always stands for the same operation.
    pub(crate) fn accepted(&self, answer: &Answer, key: &str) -> String {
        let text = |name: &str| answer.body[name].as_str().unwrap_or_default().to_owned();
        let id = text("id");
        let mut ledger = self.ledger();
        let before = ledger.by_key.insert(key.to_owned(), id.clone());
        if let Some(before) = before.filter(|before| *before != id) {
            let doubled = format!("doubled: key {key} started {before} and {id}");
            ledger.violations.push(doubled);
        }
        let accepted = format!("{} {} {key}", text("kind"), text("cluster"));
        ledger.accepted.insert(id.clone(), accepted);
        id
    }
}

pub(crate) fn is_finished(status: &str) -> bool {
    ["succeeded", "failed", "cancelled"].contains(&status)
}

async fn read(request: reqwest::RequestBuilder) -> Option<Answer> {
    let response = request.send().await.ok()?;
    let status = response.status().as_u16();
    let etag = response.headers().get("etag");
    let etag = etag.and_then(|etag| etag.to_str().ok()).map(str::to_owned);
    let text = response.text().await.ok()?;
    Some(Answer {
        status,
        body: serde_json::from_str(&text).unwrap_or(Value::Null),
        etag,
    })
}
