//! An OpenID provider, `oidc-provider` from npm, as a process on loopback.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Stdio};

use dax_provisioner::domain::issuer::{ClaimPath, IssuerSettings, IssuerUrl};
use serde_json::Value;

use crate::support::node::installed;

/// The audience of its tokens.
pub const AUDIENCE: &str = "dax-provisioner";

/// A running provider. It ends when it is dropped.
pub struct IdentityProvider {
    pub url: String,
    process: Child,
    output: BufReader<ChildStdout>,
}

impl IdentityProvider {
    /// Installs and starts a provider. Returns `None`, with a message, on a machine without npm or
    /// without its registry.
    pub fn start() -> Option<Self> {
        let folder = installed("oidc")?;
        let mut process = Command::new("node")
            .arg("provider.js")
            .arg(AUDIENCE)
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        let mut provider = Self {
            url: String::new(),
            process,
            output,
        };
        provider.url = provider.next_line();
        Some(provider)
    }

    /// Has the provider run a command of `provider.js`: `rotate` or `add`.
    pub fn run(&mut self, command: &str) {
        let input = self.process.stdin.as_mut().unwrap();
        writeln!(input, "{command}").unwrap();
        assert_eq!(self.next_line(), "done");
    }

    /// The next line of output that is no notice of the provider's package.
    fn next_line(&mut self) -> String {
        loop {
            let mut line = String::new();
            let read = self.output.read_line(&mut line).unwrap();
            assert_ne!(read, 0, "the provider ended");
            if !line.starts_with("oidc-provider") {
                return line.trim_end().to_owned();
            }
        }
    }

    /// An access token of the client `pipeline` for a resource: `urn:dax`, or `urn:other` for another
    /// audience.
    pub async fn token(&self, resource: &str) -> String {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let body = format!("grant_type=client_credentials&resource={resource}");
        let response = client
            .post(format!("{}/token", self.url))
            .basic_auth("pipeline", Some("secret"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body)
            .send();
        let answer: Value = response.await.unwrap().json().await.unwrap();
        let token = answer["access_token"].as_str();
        token
            .unwrap_or_else(|| panic!("no token: {answer}"))
            .to_owned()
    }

    /// The table `[oidc.corp]` for this provider.
    pub fn settings(&self) -> BTreeMap<String, IssuerSettings> {
        let settings = IssuerSettings {
            issuer: IssuerUrl::parse(&self.url).unwrap(),
            audience: AUDIENCE.to_owned(),
            groups_claim: Some(ClaimPath::parse("groups").unwrap()),
            group_map: BTreeMap::from([("dax-admins".to_owned(), "admins".to_owned())]),
            projects_claim: Some(ClaimPath::parse("/projects").unwrap()),
        };
        BTreeMap::from([("corp".to_owned(), settings)])
    }

    /// Ends the provider.
    pub fn stop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for IdentityProvider {
    fn drop(&mut self) {
        let _already_ended = self.process.kill();
        let _status = self.process.wait();
    }
}
