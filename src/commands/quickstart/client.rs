//! The HTTP client of the demo, for the API and for the sandbox's inventory.

use std::time::Duration;

use anyhow::{Context, bail};
use reqwest::{Client, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::wire::{Cluster, Operation, Page, Problem};

const POLL_INTERVAL: Duration = Duration::from_millis(100);
const READY_TIMEOUT: Duration = Duration::from_secs(60);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// Maximum number of pages to read of a list.
const PAGES_MAX: usize = 100;

pub(super) struct DemoClient {
    client: Client,
    api: String,
    sandbox: String,
}

impl DemoClient {
    pub(super) fn new(api: &str, sandbox: &str) -> anyhow::Result<Self> {
        // Proxy variables would apply to loopback as well. It has no TLS, so a system without certificates will do.
        let client = Client::builder()
            .no_proxy()
            .tls_certs_only([])
            .timeout(REQUEST_TIMEOUT)
            .build()?;
        Ok(Self {
            client,
            api: api.to_owned(),
            sandbox: sandbox.to_owned(),
        })
    }

    /// Waits until `/readyz` succeeds.
    pub(super) async fn await_ready(&self) -> anyhow::Result<()> {
        let ready = async {
            loop {
                let response = self.client.get(format!("{}/readyz", self.api)).send().await;
                if response.is_ok_and(|response| response.status().is_success()) {
                    return;
                }
                tokio::time::sleep(POLL_INTERVAL).await;
            }
        };
        tokio::time::timeout(READY_TIMEOUT, ready)
            .await
            .context("the service did not become ready")
    }

    pub(super) async fn create(&self, request: &Value) -> anyhow::Result<Operation> {
        let url = format!("{}/v1/clusters", self.api);
        read(self.client.post(&url).json(request).send().await?).await
    }

    /// Polls an operation until it has finished or is blocked, and shows it after each poll.
    pub(super) async fn watch(
        &self,
        accepted: &Operation,
        mut show: impl FnMut(&Operation),
    ) -> anyhow::Result<Operation> {
        loop {
            let operation: Operation = self.get(&format!("/v1/operations/{}", accepted.id)).await?;
            show(&operation);
            if operation.has_stopped() {
                return Ok(operation);
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// The clusters of the API, newest first.
    pub(super) async fn clusters(&self) -> anyhow::Result<Vec<Cluster>> {
        self.list("/v1/clusters").await
    }

    pub(super) async fn endpoint(&self, name: &str) -> anyhow::Result<String> {
        let cluster: Cluster = self.get(&format!("/v1/clusters/{name}")).await?;
        Ok(cluster.endpoint.context("the cluster has no endpoint")?.url)
    }

    /// Names with this prefix that were ever requested or exist in AWS.
    pub(super) async fn used_names(&self, prefix: &str) -> anyhow::Result<Vec<String>> {
        let operations: Vec<Operation> = self.list("/v1/operations?kind=create_cluster").await?;
        let mut names: Vec<String> = operations
            .into_iter()
            .map(|operation| operation.cluster)
            .collect();
        names.extend(self.clusters_in_aws().await?);
        names.retain(|name| name.starts_with(prefix));
        Ok(names)
    }

    /// The names of the clusters that exist in the sandbox.
    pub(super) async fn clusters_in_aws(&self) -> anyhow::Result<Vec<String>> {
        #[derive(Deserialize)]
        struct Inventory {
            clusters: Vec<Named>,
        }
        #[derive(Deserialize)]
        struct Named {
            name: String,
        }
        let url = format!("{}/_sandbox/inventory", self.sandbox);
        let inventory: Inventory = read(self.client.get(&url).send().await?).await?;
        Ok(inventory
            .clusters
            .into_iter()
            .map(|cluster| cluster.name)
            .collect())
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        read(
            self.client
                .get(format!("{}{path}", self.api))
                .send()
                .await?,
        )
        .await
    }

    async fn list<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<Vec<T>> {
        let separator = if path.contains('?') { '&' } else { '?' };
        let mut items = Vec::new();
        let mut cursor = String::new();
        for _ in 0..PAGES_MAX {
            let page: Page<T> = self
                .get(&format!("{path}{separator}limit=100{cursor}"))
                .await?;
            items.extend(page.items);
            match page.next_cursor {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        Ok(items)
    }
}

/// Parses a response. A problem becomes an error with its details.
async fn read<T: DeserializeOwned>(response: Response) -> anyhow::Result<T> {
    let (status, url) = (response.status(), response.url().clone());
    let text = response
        .text()
        .await
        .with_context(|| format!("reading the response of {url}"))?;
    if status.is_success() {
        return serde_json::from_str(&text)
            .with_context(|| format!("unexpected response of {url}"));
    }
    match serde_json::from_str::<Problem>(&text) {
        Ok(problem) => bail!("{status} from {url}: {}", problem.readable().trim_end()),
        Err(_) => bail!("{status} from {url}"),
    }
}
