//! The caller of the demonstration: an HTTP client of the API like any other, and a look at the sandbox.

use std::time::Duration;

use anyhow::{Context, bail};
use reqwest::{Client, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::wire::{Cluster, Operation, Page, Problem};

/// Between two looks at an operation.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long the service may take to be ready.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// Longest wait for one answer.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Most pages that are read of a list.
const PAGES_MAX: usize = 100;

/// A client of one API and its sandbox.
pub(super) struct Caller {
    client: Client,
    api: String,
    sandbox: String,
}

impl Caller {
    pub(super) fn new(api: &str, sandbox: &str) -> anyhow::Result<Self> {
        // Proxy variables would take loopback traffic too.
        let client = Client::builder().no_proxy().timeout(TIMEOUT).build()?;
        Ok(Self {
            client,
            api: api.to_owned(),
            sandbox: sandbox.to_owned(),
        })
    }

    /// Waits until the service says that it is ready.
    pub(super) async fn until_ready(&self) -> anyhow::Result<()> {
        let ready = async {
            loop {
                let answer = self.client.get(format!("{}/readyz", self.api)).send().await;
                if answer.is_ok_and(|answer| answer.status().is_success()) {
                    return;
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        tokio::time::timeout(READY_WITHIN, ready)
            .await
            .context("the service did not become ready")
    }

    /// Sends the request for a cluster.
    pub(super) async fn create(&self, request: &Value) -> anyhow::Result<Operation> {
        let url = format!("{}/v1/clusters", self.api);
        read(self.client.post(&url).json(request).send().await?).await
    }

    /// Looks at an operation until it is over, and shows it at each look.
    pub(super) async fn watch(
        &self,
        accepted: &Operation,
        mut show: impl FnMut(&Operation),
    ) -> anyhow::Result<Operation> {
        loop {
            let operation: Operation = self.get(&format!("/v1/operations/{}", accepted.id)).await?;
            show(&operation);
            if operation.is_over() {
                return Ok(operation);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// The clusters the service knows, newest first.
    pub(super) async fn clusters(&self) -> anyhow::Result<Vec<Cluster>> {
        self.list("/v1/clusters").await
    }

    /// The endpoint of a cluster.
    pub(super) async fn endpoint(&self, name: &str) -> anyhow::Result<String> {
        let cluster: Cluster = self.get(&format!("/v1/clusters/{name}")).await?;
        Ok(cluster.endpoint.context("the cluster has no endpoint")?.url)
    }

    /// Names with this beginning that were ever asked for, or exist in AWS.
    pub(super) async fn names_ever_used(&self, beginning: &str) -> anyhow::Result<Vec<String>> {
        let operations: Vec<Operation> = self.list("/v1/operations?kind=create_cluster").await?;
        let mut names: Vec<String> = operations
            .into_iter()
            .map(|operation| operation.cluster)
            .collect();
        names.extend(self.clusters_in_aws().await?);
        names.retain(|name| name.starts_with(beginning));
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
        let joint = if path.contains('?') { '&' } else { '?' };
        let mut items = Vec::new();
        let mut cursor = String::new();
        for _ in 0..PAGES_MAX {
            let page: Page<T> = self.get(&format!("{path}{joint}limit=100{cursor}")).await?;
            items.extend(page.items);
            match page.next_cursor {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        Ok(items)
    }
}

/// Reads an answer; a problem is an error with its words.
async fn read<T: DeserializeOwned>(answer: Response) -> anyhow::Result<T> {
    let (status, url) = (answer.status(), answer.url().clone());
    let text = answer
        .text()
        .await
        .with_context(|| format!("reading the answer of {url}"))?;
    if status.is_success() {
        return serde_json::from_str(&text)
            .with_context(|| format!("the answer of {url} is not what was expected"));
    }
    match serde_json::from_str::<Problem>(&text) {
        Ok(problem) => bail!("{status} from {url}: {}", problem.readable().trim_end()),
        Err(_) => bail!("{status} from {url}"),
    }
}
