//! A running sandbox on a loopback port, with SDK clients.

use std::path::PathBuf;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sandbox::{Identity, Sandbox, Settings};
use aws_sdk_dax::error::ProvideErrorMetadata;
use aws_smithy_types::retry::RetryConfig;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// The trust policy of a service role in DAX's guide.
pub(crate) const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"dax.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;

/// A shorter form of the guide's permissions for a service role.
pub(crate) const ACCESS: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["dynamodb:DescribeTable","dynamodb:GetItem"],"Resource":["arn:aws:dynamodb:us-east-1:123456789012:*"]}]}"#;

/// Settings with durations that end only when a test moves the clock.
pub(crate) fn settings() -> Settings {
    Settings {
        creating_seconds: 60.0,
        deleting_seconds: 30.0,
        modifying_seconds: 20.0,
        rebooting_seconds: 10.0,
        propagation_seconds: 5.0,
        ..Settings::default()
    }
}

/// A running sandbox, which stops when this is dropped.
pub(crate) struct TestEnv {
    pub(crate) sandbox: Sandbox,
    pub(crate) url: String,
    stop: Option<oneshot::Sender<()>>,
}

impl Drop for TestEnv {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // The server may have stopped already.
            let _ = stop.send(());
        }
    }
}

impl TestEnv {
    pub(crate) async fn new() -> TestEnv {
        TestEnv::with(settings()).await
    }

    pub(crate) async fn with(settings: Settings) -> TestEnv {
        TestEnv::serve(Sandbox::open(settings).unwrap()).await
    }

    pub(crate) async fn serve(sandbox: Sandbox) -> TestEnv {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        let server = sandbox.clone();
        tokio::spawn(async move { server.serve(listener, async { drop(stopped.await) }).await });
        TestEnv {
            sandbox,
            url,
            stop: Some(stop),
        }
    }

    pub(crate) fn dax(&self) -> aws_sdk_dax::Client {
        self.dax_as("sandbox", "sandbox")
    }

    pub(crate) fn dax_as(&self, key: &str, secret: &str) -> aws_sdk_dax::Client {
        let config = aws_sdk_dax::Config::builder()
            .behavior_version(aws_sdk_dax::config::BehaviorVersion::latest())
            .endpoint_url(&self.url)
            .region(aws_sdk_dax::config::Region::new("us-east-1"))
            .credentials_provider(Credentials::from_keys(key, secret, None))
            .retry_config(RetryConfig::disabled())
            .http_client(aws_smithy_http_client::Builder::new().build_http());
        aws_sdk_dax::Client::from_conf(config.build())
    }

    pub(crate) fn iam(&self) -> aws_sdk_iam::Client {
        self.iam_as("sandbox", "sandbox")
    }

    pub(crate) fn iam_as(&self, key: &str, secret: &str) -> aws_sdk_iam::Client {
        let config = aws_sdk_iam::Config::builder()
            .behavior_version(aws_sdk_iam::config::BehaviorVersion::latest())
            .endpoint_url(&self.url)
            .region(aws_sdk_iam::config::Region::new("us-east-1"))
            .credentials_provider(Credentials::from_keys(key, secret, None))
            .retry_config(RetryConfig::disabled())
            .http_client(aws_smithy_http_client::Builder::new().build_http());
        aws_sdk_iam::Client::from_conf(config.build())
    }

    pub(crate) fn sts_as(&self, credentials: Credentials) -> aws_sdk_sts::Client {
        let config = aws_sdk_sts::Config::builder()
            .behavior_version(aws_sdk_sts::config::BehaviorVersion::latest())
            .endpoint_url(&self.url)
            .region(aws_sdk_sts::config::Region::new("us-east-1"))
            .credentials_provider(credentials)
            .retry_config(RetryConfig::disabled())
            .http_client(aws_smithy_http_client::Builder::new().build_http());
        aws_sdk_sts::Client::from_conf(config.build())
    }

    /// Sets the policy of the caller with the key and secret `portal`.
    pub(crate) fn allow(&self, statements: Value) {
        self.sandbox.put_identity("portal", portal(statements));
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.sandbox.advance_clock(Duration::from_secs(seconds));
    }

    /// Creates a role that DAX can assume, and returns its ARN.
    pub(crate) async fn service_role(&self, name: &str) -> String {
        let role = self
            .iam()
            .create_role()
            .role_name(name)
            .assume_role_policy_document(TRUST)
            .send()
            .await
            .unwrap();
        self.advance(5);
        role.role().unwrap().arn().to_owned()
    }

    /// Creates a cluster and advances the clock until it is available.
    pub(crate) async fn cluster(&self, name: &str, nodes: i32) {
        let role = match self.iam().get_role().role_name("Service").send().await {
            Ok(role) => role.role().unwrap().arn().to_owned(),
            Err(_) => self.service_role("Service").await,
        };
        self.create(name, nodes, &role).send().await.unwrap();
        self.advance(60);
    }

    /// A CreateCluster request with the required members.
    pub(crate) fn create(
        &self,
        name: &str,
        nodes: i32,
        role: &str,
    ) -> aws_sdk_dax::operation::create_cluster::builders::CreateClusterFluentBuilder {
        let create = self
            .dax()
            .create_cluster()
            .cluster_name(name)
            .node_type("dax.t3.small");
        create.replication_factor(nodes).iam_role_arn(role)
    }

    /// The cluster in the response of DescribeClusters.
    pub(crate) async fn describe(&self, name: &str) -> aws_sdk_dax::types::Cluster {
        let answer = self
            .dax()
            .describe_clusters()
            .cluster_names(name)
            .send()
            .await
            .unwrap();
        answer.clusters()[0].clone()
    }
}

/// The caller `portal`, with these policy statements.
pub(crate) fn portal(statements: Value) -> Identity {
    Identity {
        secret: "portal".to_owned(),
        arn: "arn:aws:iam::123456789012:user/portal".to_owned(),
        policies: vec![json!({"Version": "2012-10-17", "Statement": statements})],
        permissions_boundary: None,
        session_policies: None,
        service_control_policies: None,
    }
}

/// The error code and message of a call that must fail.
pub(crate) fn rejection<T: std::fmt::Debug, E: ProvideErrorMetadata + std::fmt::Debug>(
    result: Result<T, E>,
) -> (String, String) {
    let error = result.expect_err("the call should fail");
    let code = error
        .code()
        .unwrap_or_else(|| panic!("an error without a code: {error:?}"));
    (
        code.to_owned(),
        error.message().unwrap_or_default().to_owned(),
    )
}

/// The error code of a call that must fail.
pub(crate) fn code<T: std::fmt::Debug, E: ProvideErrorMetadata + std::fmt::Debug>(
    result: Result<T, E>,
) -> String {
    rejection(result).0
}

/// A new, empty folder for one test.
pub(crate) fn folder(name: &str) -> PathBuf {
    let folder =
        PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
    if folder.exists() {
        std::fs::remove_dir_all(&folder).unwrap();
    }
    std::fs::create_dir_all(&folder).unwrap();
    folder
}
