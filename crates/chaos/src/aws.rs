//! The AWS sandbox as a process: its control API, and calls of an administrator.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, bail};
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use reqwest::Client;
use serde_json::{Value, json};

use crate::process::{self, Process};

pub(crate) const ACCOUNT: &str = "123456789012";
/// The targets of the installation and their Regions.
pub(crate) const TARGETS: [(&str, &str); 2] = [("default", "us-east-1"), ("west", "eu-west-1")];
/// Access key ID and secret access key of the service.
pub(crate) const SERVICE_KEY: &str = "service";
pub(crate) const SERVICE_ARN: &str = "arn:aws:iam::123456789012:user/dax-provisioner";
const ADMINISTRATOR: &str = "sandbox";
/// Times of the sandbox, in seconds.
const TIMES: [(&str, &str); 5] = [
    ("--creating-seconds", "0.8"),
    ("--deleting-seconds", "0.4"),
    ("--modifying-seconds", "0.4"),
    ("--rebooting-seconds", "1.5"),
    ("--propagation-seconds", "0.4"),
];
/// Enough for every client: a full account would only stop the run.
const QUOTAS: &str =
    "nodes=100000,clusters=100000,certificates=1000000,parameter_groups=2000,subnet_groups=2000";

#[derive(Debug)]
pub(crate) struct Sandbox {
    _process: Process,
    pub(crate) port: u16,
    http: Client,
    /// What the service may do, as its own command prints it.
    policies: Vec<Value>,
}

impl Sandbox {
    pub(crate) async fn start(binary: &Path, root: &Path) -> Result<Self> {
        let port = process::free_port()?;
        let mut command = Command::new(binary);
        command.env_clear().arg("sandbox");
        command.args(["--port", &port.to_string()]);
        command.args(TIMES.iter().flat_map(|(flag, value)| [*flag, *value]));
        command.args(["--sandbox-more-regions", TARGETS[1].1, "--quota", QUOTAS]);
        command.arg("--data-dir").arg(root.join("sandbox"));
        let process = Process::start(command, &root.join("sandbox.log"))?;
        let mut policies = Vec::new();
        for (_, region) in TARGETS {
            let mut policy = Command::new(binary);
            policy.env_clear().args(["policy", "--account-id", ACCOUNT]);
            policy.args(["--region", region, "--permissions-boundary", "none"]);
            policy.args(["--service-role-arn", &hand_made_role_arn()]);
            policies.push(serde_json::from_str(&process::run(policy).await?)?);
        }
        let sandbox = Self {
            _process: process,
            port,
            http: Client::builder().no_proxy().build()?,
            policies,
        };
        let began = Instant::now();
        while sandbox.control("GET", "health", None).await.is_err() {
            if began.elapsed() > Duration::from_secs(20) {
                bail!("the sandbox did not start");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        sandbox.permit(&[]).await?;
        Ok(sandbox)
    }

    /// A request of the control API.
    pub(crate) async fn control(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value> {
        let url = format!("http://127.0.0.1:{}/_sandbox/{path}", self.port);
        let mut request = self.http.request(method.parse()?, url);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await?;
        let status = response.status();
        let text = response.text().await?;
        anyhow::ensure!(status.is_success(), "{method} {path}: {status} {text}");
        Ok(serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    /// Gives the service exactly the shipped policy, without the actions `denied`.
    pub(crate) async fn permit(&self, denied: &[&str]) -> Result<()> {
        let mut policies = self.policies.clone();
        if !denied.is_empty() {
            let deny = json!({"Effect": "Deny", "Action": denied, "Resource": "*"});
            policies.push(json!({"Version": "2012-10-17", "Statement": [deny]}));
        }
        let identity = json!({"secret": SERVICE_KEY, "arn": SERVICE_ARN, "policies": policies});
        let path = format!("identities/{SERVICE_KEY}");
        self.control("PUT", &path, Some(&identity)).await?;
        Ok(())
    }

    /// All resources of a Region.
    pub(crate) async fn inventory(&self, region: &str) -> Result<Value> {
        let path = format!("inventory?account_id={ACCOUNT}&region={region}");
        self.control("GET", &path, None).await
    }

    /// A call of the administrator to DAX.
    pub(crate) async fn dax(&self, region: &str, call: &str, input: &Value) -> Result<Value> {
        let headers = [
            ("content-type", "application/x-amz-json-1.1".to_owned()),
            ("x-amz-target", format!("AmazonDAXV3.{call}")),
        ];
        let text = self
            .signed("dax", region, &headers, input.to_string())
            .await;
        Ok(serde_json::from_str(
            &text.with_context(|| call.to_owned())?,
        )?)
    }

    /// A call of the administrator to IAM.
    pub(crate) async fn iam(&self, call: &str, input: &[(&str, &str)]) -> Result<String> {
        let encode = |text: &str| {
            percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC)
                .to_string()
        };
        let mut form = format!("Action={call}&Version=2010-05-08");
        for (name, value) in input {
            form = format!("{form}&{}={}", encode(name), encode(value));
        }
        let headers = [(
            "content-type",
            "application/x-www-form-urlencoded".to_owned(),
        )];
        let text = self.signed("iam", "us-east-1", &headers, form).await;
        text.with_context(|| call.to_owned())
    }

    async fn signed(
        &self,
        service: &str,
        region: &str,
        headers: &[(&str, String)],
        body: String,
    ) -> Result<String> {
        let credentials = Credentials::new(ADMINISTRATOR, ADMINISTRATOR, None, None, "chaos");
        let identity = credentials.into();
        let params = SigningParams::builder()
            .identity(&identity)
            .region(region)
            .name(service)
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()?
            .into();
        let url = format!("http://127.0.0.1:{}/", self.port);
        let signed = headers.iter().map(|(name, value)| (*name, value.as_str()));
        let request =
            SignableRequest::new("POST", &url, signed, SignableBody::Bytes(body.as_bytes()))?;
        let (instructions, _) = sign(request, &params)?.into_parts();
        let mut request = self.http.post(&url).body(body);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        for (name, value) in instructions.headers() {
            request = request.header(name, value);
        }
        let response = request.send().await?;
        let status = response.status();
        let text = response.text().await?;
        anyhow::ensure!(status.is_success(), "{status} {text}");
        Ok(text)
    }

    /// Creates the resources that the service must never touch, and the role that requests name.
    pub(crate) async fn create_foreign(&self) -> Result<()> {
        let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
            "Principal": {"Service": "dax.amazonaws.com"}, "Action": "sts:AssumeRole"}]})
        .to_string();
        for name in [HAND_MADE_ROLE, "foreign-role-a", "dax-foreign-aaaaaaaaaa"] {
            let input = [("RoleName", name), ("AssumeRolePolicyDocument", &trust)];
            self.iam("CreateRole", &input).await?;
        }
        let tags = [
            ("Tags.member.1.Key", "dax-provisioner:installation"),
            (
                "Tags.member.1.Value",
                "00000000-0000-0000-0000-000000000000",
            ),
            ("Path", "/dax-provisioner/"),
            ("RoleName", "dax-foreign-bbbbbbbbbb"),
            ("AssumeRolePolicyDocument", &trust),
        ];
        self.iam("CreateRole", &tags).await?;
        tokio::time::sleep(Duration::from_secs(1)).await;
        for (_, region) in TARGETS {
            // A Region has resources from its first call on.
            self.dax(region, "DescribeClusters", &json!({})).await?;
            let subnet = self.inventory(region).await?["subnets"][0]["id"].clone();
            for name in FOREIGN_GROUPS {
                let group = json!({"SubnetGroupName": name, "SubnetIds": [subnet]});
                self.dax(region, "CreateSubnetGroup", &group).await?;
                let group = json!({"ParameterGroupName": name, "Description": "by hand"});
                self.dax(region, "CreateParameterGroup", &group).await?;
            }
            for name in FOREIGN_CLUSTERS {
                self.create_cluster_by_hand(region, name).await?;
            }
        }
        Ok(())
    }

    pub(crate) async fn create_cluster_by_hand(&self, region: &str, name: &str) -> Result<()> {
        let cluster = json!({"ClusterName": name, "NodeType": "dax.t3.small",
            "ReplicationFactor": 1, "IamRoleArn": hand_made_role_arn()});
        self.dax(region, "CreateCluster", &cluster).await?;
        Ok(())
    }
}

pub(crate) const HAND_MADE_ROLE: &str = "hand-made-role";
pub(crate) const FOREIGN_GROUPS: [&str; 2] = ["foreign-group", "dax-foreign-aaaaaaaaaa"];
pub(crate) const FOREIGN_CLUSTERS: [&str; 2] = ["foreign-one", "foreign-two"];

pub(crate) fn hand_made_role_arn() -> String {
    format!("arn:aws:iam::{ACCOUNT}:role/{HAND_MADE_ROLE}")
}
