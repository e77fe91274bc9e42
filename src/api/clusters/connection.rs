//! `GET /v1/clusters/{name}/connection`: what a program needs to use a cluster.

use std::time::Duration;

use axum::response::Response;
use serde::Serialize;
use serde_json::Value;
use strum::VariantArray;
use utoipa::ToSchema;

use crate::domain::cluster::Cluster;
use crate::domain::iam::policies::{Access, application_policy};
use crate::domain::installation::AwsAccount;
use crate::domain::observed::{Endpoint, Observed};
use crate::domain::operation::ClusterStatus;
use crate::domain::problems::problem_code::ProblemCode;
use crate::domain::samples::{Destination, Language, is_dual_stack, sample};

use crate::api::access::CallerApi;
use crate::api::enum_schemas::SampleLanguageSchema;
use crate::api::http::api_error::ApiError;
use crate::api::http::path::ClusterPath;
use crate::api::http::problem::Problem;
use crate::api::http::query::Query;
use crate::api::http::responses;
use crate::api::http::responses::IfNoneMatch;
use crate::api::permissions::problem_renderer::json;
use crate::api::targets::InTarget;

/// `Retry-After` while the cluster has no endpoint: DAX needs minutes to create one.
const ENDPOINT_RETRY: Duration = Duration::from_secs(10);

/// What a program needs to use a cluster.
#[derive(Serialize, ToSchema)]
pub(crate) struct Connection {
    /// URL for DAX clients: `daxs://…`, or `dax://…` without encryption in transit.
    #[schema(example = "daxs://orders-cache.l6fzcv.dax-clusters.us-east-1.amazonaws.com")]
    url: String,
    /// Host name of the endpoint.
    #[schema(example = "orders-cache.l6fzcv.dax-clusters.us-east-1.amazonaws.com")]
    address: String,
    /// TCP port: 9111, or 8111 without encryption in transit.
    port: i32,
    /// Whether connections are encrypted.
    tls: bool,
    /// Security groups of the nodes. They must allow clients on the port.
    #[schema(example = json!(["sg-0a1b2c3d"]))]
    security_group_ids: Vec<String>,
    /// IAM policies for programs that use the cluster.
    policies: ConnectionPolicies,
    /// Code samples that read an item, one for each language with a DAX client.
    samples: Vec<ConnectionSample>,
}

/// IAM policies for programs that use a cluster.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConnectionPolicies {
    /// Policy for programs that only read.
    #[schema(value_type = Object)]
    read_only: Value,
    /// Policy for programs that read and write.
    #[schema(value_type = Object)]
    read_write: Value,
}

/// Code that reads an item through a cluster.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConnectionSample {
    /// Programming language of the sample.
    #[schema(value_type = SampleLanguageSchema)]
    language: Language,
    /// The code. Replace its table and key with your own.
    code: String,
}

/// Returns how programs connect to a cluster: endpoint, IAM policies and code samples.
///
/// Fails with 409 `endpoint_not_ready` while the cluster has no endpoint.
#[utoipa::path(
    get, path = "/v1/clusters/{name}/connection", tag = "clusters", operation_id = "get_connection",
    params(ClusterPath, InTarget, IfNoneMatch),
    responses((
        status = 200, body = Connection,
        description = "The connection. If `If-None-Match` has its version: 304 without a body.",
        headers(("ETag" = String, description = "Version of the cluster.")),
    ))
)]
pub(crate) async fn get_connection(
    api: CallerApi,
    ClusterPath(name): ClusterPath,
    Query(query): Query<InTarget>,
    known: IfNoneMatch,
) -> Result<Response, ApiError> {
    let api = api.to_read(query.target.as_ref())?;
    let cluster = api.cluster(&name).await?;
    let observed = cluster.observed.as_ref();
    match observed.and_then(|observed| {
        observed
            .endpoint
            .as_ref()
            .map(|endpoint| (observed, endpoint))
    }) {
        Some((observed, endpoint)) => {
            let connection = Connection::of(&cluster, observed, endpoint, &api.account()?);
            Ok(responses::single(cluster.version, &connection, &known))
        }
        None => Err(not_ready(&cluster)),
    }
}

fn not_ready(cluster: &Cluster) -> ApiError {
    let vanished = cluster.observed_at.is_some() && cluster.observed.is_none();
    let detail = match cluster.status {
        ClusterStatus::Failed => "its creation failed; see `instance` for the reason",
        ClusterStatus::Available if vanished => "it no longer exists in AWS; see its `drift`",
        ClusterStatus::Creating
        | ClusterStatus::Available
        | ClusterStatus::Updating
        | ClusterStatus::Deleting => {
            "the endpoint is not known yet; `instance` is the last operation on the cluster"
        }
    };
    let problem = Problem::new(
        ProblemCode::EndpointNotReady,
        format!("cluster {:?}: {detail}", cluster.name.as_str()),
    );
    let error = ApiError::from(problem.about_operation(cluster.operation_id));
    let is_transient = match cluster.status {
        ClusterStatus::Creating | ClusterStatus::Updating => true,
        ClusterStatus::Available => !vanished,
        ClusterStatus::Deleting | ClusterStatus::Failed => false,
    };
    if is_transient {
        error.with_retry_after(ENDPOINT_RETRY)
    } else {
        error
    }
}

impl Connection {
    fn of(
        cluster: &Cluster,
        observed: &Observed,
        endpoint: &Endpoint,
        account: &AwsAccount,
    ) -> Self {
        let AwsAccount {
            partition,
            region,
            account_id,
            ..
        } = account;
        let policy = |mode| {
            json(&application_policy(
                mode,
                partition,
                region,
                account_id,
                cluster.name.as_str(),
            ))
        };
        let dual_stack = is_dual_stack(
            observed.network_type.as_deref(),
            cluster.desired.network_type,
        );
        let destination = Destination {
            url: &endpoint.url,
            region,
            dual_stack,
        };
        let samples = Language::VARIANTS.iter().map(|&language| ConnectionSample {
            language,
            code: sample(language, destination),
        });
        Self {
            url: endpoint.url.clone(),
            address: endpoint.address.clone(),
            port: endpoint.port,
            tls: endpoint.tls,
            security_group_ids: observed.security_group_ids.iter().cloned().collect(),
            policies: ConnectionPolicies {
                read_only: policy(Access::ReadOnly),
                read_write: policy(Access::ReadWrite),
            },
            samples: samples.collect(),
        }
    }
}
