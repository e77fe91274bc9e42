//! `POST /v1/clusters/{name}/adopt`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::schema::Array;

use crate::domain::change::settings_of;
use crate::domain::installation::AwsAccount;
use crate::domain::names::{ClusterName, INSTALLATION_TAG};
use crate::domain::observed::Observed;
use crate::domain::operation::{ClusterStatus, Kind};
use crate::domain::problems::fault::Difference;
use crate::domain::problems::problem_code::ProblemCode;
use crate::domain::spec::{
    ClusterSpec, NetworkType, OnFailure, ParameterGroup, ServiceRole, SubnetGroup,
};
use crate::store::Accepted;

use crate::api::Api;
use crate::api::clusters::request::security_group_list;
use crate::api::clusters::submit::{
    AcceptedOperation, IdempotencyHeader, MutationHeaders, Submission,
};
use crate::api::http::api_error::ApiError;
use crate::api::http::body::OptionalBody;
use crate::api::http::body_schema::BodySchema;
use crate::api::http::enum_schemas::{NetworkTypeSchema, OnFailureSchema};
use crate::api::http::idempotency::SentKey;
use crate::api::http::path::PathSegment;
use crate::api::http::problem::{FieldDifference, Problem};
use crate::api::http::query::{Parameters, cluster_in_path};

/// How to manage the adopted cluster.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AdoptRequest {
    /// Settings that the cluster must have. If any differ, nothing changes and all differences are
    /// returned.
    #[schema(value_type = ExpectedClusterRequest, required = false)]
    expected: Option<ExpectedClusterRequest>,
    /// Whether DELETE is rejected.
    #[schema(value_type = bool, required = false, default = false)]
    deletion_protection: Option<bool>,
    /// What later operations do after a failure that an operator can fix. Default: `hold`.
    #[schema(value_type = OnFailureSchema, required = false)]
    on_failure: Option<OnFailure>,
}

/// Expected settings of a cluster. An absent field is not compared.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExpectedClusterRequest {
    /// Description of the cluster.
    #[schema(value_type = String, required = false)]
    description: Option<String>,
    /// Instance type of the nodes.
    #[schema(value_type = String, required = false, example = "dax.r5.large")]
    node_type: Option<String>,
    /// Number of nodes.
    #[schema(value_type = i32, required = false, example = 3)]
    replication_factor: Option<i64>,
    /// ARN of the service role.
    #[schema(value_type = String, required = false)]
    service_role_arn: Option<String>,
    /// Name of the subnet group.
    #[schema(value_type = String, required = false, example = "default")]
    subnet_group: Option<String>,
    /// Name of the parameter group.
    #[schema(value_type = String, required = false, example = "default.dax1.0")]
    parameter_group: Option<String>,
    /// All security groups of the nodes, in any order.
    #[schema(schema_with = expected_groups, required = false)]
    security_group_ids: Option<BTreeSet<String>>,
    /// Address family of the cluster's endpoint.
    #[schema(value_type = NetworkTypeSchema, required = false)]
    network_type: Option<NetworkType>,
    /// Encryption of the disks of the nodes.
    #[schema(value_type = bool, required = false)]
    encryption_at_rest: Option<bool>,
    /// TLS between clients and nodes.
    #[schema(value_type = bool, required = false)]
    encryption_in_transit: Option<bool>,
    /// Weekly maintenance window, in UTC.
    #[schema(value_type = String, required = false, example = "sun:05:00-sun:06:00")]
    maintenance_window: Option<String>,
    /// ARN of the SNS topic that receives DAX events.
    #[schema(value_type = String, required = false)]
    notification_topic_arn: Option<String>,
}

/// Starts managing an existing AWS cluster with its current settings.
///
/// The cluster is read from AWS first. If it differs from `expected`, the request is rejected with
/// all differences. The operation adds the ownership tags `dax-provisioner:operation` and
/// `dax-provisioner:installation`, and changes nothing else. The role and the groups stay
/// `external`. A later DELETE deletes the cluster.
#[utoipa::path(
    post, path = "/v1/clusters/{name}/adopt", tag = "clusters", operation_id = "adopt_cluster",
    params(
        ("name" = String, Path, description = "Name of the cluster in AWS."),
        IdempotencyHeader, MutationHeaders,
    ),
    request_body(content = AdoptRequest, description = "Expected settings; can be omitted."),
    responses(AcceptedOperation)
)]
pub(crate) async fn adopt_cluster(
    State(api): State<Api>,
    PathSegment(name): PathSegment,
    submission: Submission,
    key: SentKey,
    parameters: Parameters,
    OptionalBody(body): OptionalBody,
) -> Result<Response, ApiError> {
    parameters.finish()?;
    let name = cluster_in_path(&name)?;
    let key = key.of_request(&submission.caller, &body);
    let request = read(body)?;
    let known = match api.known_request(key.as_ref()).await? {
        None => api.name_in_use(&name).await?,
        known => known,
    };
    if let Some(known) = known {
        return api
            .answer_accepted(known, name.as_str(), submission.preference)
            .await;
    }
    let account = api.account_soon().await?;
    let (observed, tags) = api.find_adoptable(&name, &account).await?;
    let differences = request
        .expected
        .as_ref()
        .map(|expected| expected.differences(&observed));
    reject_differences(
        differences.unwrap_or_default(),
        "the cluster differs from `expected`; nothing was changed",
    )?;
    let settings = settings_of(&request.desired(name.clone()), &observed, &tags);
    let new = submission.new_operation(Kind::AdoptCluster, key);
    let accepted = api.store.accept_adopt(&new, &settings).await?;
    api.answer_accepted(accepted, name.as_str(), submission.preference)
        .await
}

fn expected_groups() -> Array {
    let mut groups = security_group_list();
    groups.description = Some("All security groups of the nodes, in any order.".to_owned());
    groups
}

fn read(body: Value) -> Result<AdoptRequest, ApiError> {
    static SCHEMA: LazyLock<BodySchema> = LazyLock::new(|| BodySchema::of("AdoptRequest"));
    let (request, schema_errors) = SCHEMA.read::<AdoptRequest>(body);
    let errors = schema_errors.merged_with(Vec::new());
    request
        .filter(|_| errors.is_empty())
        .ok_or_else(|| Problem::invalid(errors).into())
}

fn reject_differences(differences: Vec<Difference>, detail: &str) -> Result<(), ApiError> {
    if differences.is_empty() {
        return Ok(());
    }
    let mut problem = Problem::new(ProblemCode::ResourceConflict, detail);
    problem.differences = differences.into_iter().map(FieldDifference::from).collect();
    Err(problem.into())
}

impl Api {
    /// Why the name cannot be adopted: the cluster is managed, or has an operation in progress.
    async fn name_in_use(&self, name: &ClusterName) -> Result<Option<Accepted>, ApiError> {
        let Some(cluster) = self.store.cluster(name.as_str()).await? else {
            return Ok(None);
        };
        if let Some(live) = self.store.live_operation(name.as_str()).await? {
            return Ok(Some(Accepted::InProgress(live)));
        }
        Ok((cluster.status != ClusterStatus::Failed).then_some(Accepted::ClusterExists))
    }

    /// Reads a cluster and its tags from AWS. Fails if the cluster cannot be adopted.
    async fn find_adoptable(
        &self,
        name: &ClusterName,
        account: &AwsAccount,
    ) -> Result<(Observed, BTreeMap<String, String>), ApiError> {
        let _permit = self.aws_permit().await?;
        let observed = self.inspector.cluster(name.as_str()).await;
        let renderer = self.problem_renderer(Some(account));
        let observed = observed.map_err(|fault| ApiError::from(renderer.problem_of(&fault)))?;
        let Some(observed) = observed else {
            let detail = format!(
                "AWS has no cluster {:?} in Region {} of account {}",
                name.as_str(),
                account.region,
                account.account_id
            );
            return Err(ApiError::new(ProblemCode::NotFound, detail));
        };
        if observed.is_deleting() {
            return Err(ApiError::new(
                ProblemCode::ResourceConflict,
                "AWS is deleting the cluster",
            ));
        }
        // If the tags cannot be read here, the operation reads them and reports why it cannot.
        let tags = self
            .inspector
            .details(observed.arn.as_deref(), None)
            .await
            .tags
            .unwrap_or_default();
        let installation = self.store.installation().await?.id.to_string();
        let tag = tags.get(INSTALLATION_TAG);
        let foreign =
            tag.and_then(|tag| Difference::between(INSTALLATION_TAG, &installation, Some(tag)));
        let detail =
            "another installation of this service manages the cluster; release it there first";
        reject_differences(foreign.into_iter().collect(), detail)?;
        Ok((observed, tags))
    }
}

impl AdoptRequest {
    /// Settings that AWS does not store. The others are placeholders, replaced by what AWS reports.
    fn desired(&self, name: ClusterName) -> ClusterSpec {
        ClusterSpec {
            name,
            description: None,
            node_type: String::new(),
            replication_factor: 1,
            availability_zones: Vec::new(),
            service_role: ServiceRole::Discover {
                default_access: None,
            },
            subnet_group: SubnetGroup::Default,
            security_group_ids: Vec::new(),
            network_type: None,
            parameter_group: ParameterGroup::Default,
            encryption_at_rest: false,
            encryption_in_transit: false,
            maintenance_window: None,
            notification_topic_arn: None,
            tags: BTreeMap::new(),
            deletion_protection: self.deletion_protection.unwrap_or_default(),
            on_failure: self.on_failure.unwrap_or(OnFailure::Hold),
        }
    }
}

impl ExpectedClusterRequest {
    /// Every expected setting that the cluster does not have.
    fn differences(&self, observed: &Observed) -> Vec<Difference> {
        let compare = |field: &str, expected: Option<&str>, observed: Option<&str>| {
            expected.and_then(|expected| Difference::between(field, expected, observed))
        };
        let lower = |text: &Option<String>| text.as_ref().map(|text| text.to_ascii_lowercase());
        let flag = |on: Option<bool>| on.map(|on| on.to_string());
        let joined = |ids: &BTreeSet<String>| ids.iter().cloned().collect::<Vec<_>>().join(", ");
        let nodes = self.replication_factor.map(|count| count.to_string());
        let subnets = lower(&self.subnet_group);
        let window = lower(&self.maintenance_window);
        let groups = self.security_group_ids.as_ref().map(joined);
        let at_rest = (
            flag(self.encryption_at_rest),
            flag(observed.encryption_at_rest),
        );
        let in_transit = (
            flag(self.encryption_in_transit),
            flag(observed.encryption_in_transit),
        );
        let topic = observed.notification_topic_arn.as_deref();
        [
            compare(
                "description",
                self.description.as_deref(),
                Some(observed.description.as_deref().unwrap_or_default()),
            ),
            compare(
                "node_type",
                self.node_type.as_deref(),
                observed.node_type.as_deref(),
            ),
            compare(
                "replication_factor",
                nodes.as_deref(),
                Some(&observed.node_count().to_string()),
            ),
            compare(
                "service_role_arn",
                self.service_role_arn.as_deref(),
                observed.iam_role_arn.as_deref(),
            ),
            compare(
                "subnet_group",
                subnets.as_deref(),
                observed.subnet_group.as_deref(),
            ),
            compare(
                "parameter_group",
                self.parameter_group.as_deref(),
                observed.parameter_group.as_deref(),
            ),
            compare(
                "security_group_ids",
                groups.as_deref(),
                Some(&joined(&observed.security_group_ids)),
            ),
            compare(
                "network_type",
                self.network_type.map(NetworkType::as_str),
                observed.network_type.as_deref(),
            ),
            compare(
                "encryption_at_rest",
                at_rest.0.as_deref(),
                at_rest.1.as_deref(),
            ),
            compare(
                "encryption_in_transit",
                in_transit.0.as_deref(),
                in_transit.1.as_deref(),
            ),
            compare(
                "maintenance_window",
                window.as_deref(),
                observed.maintenance_window.as_deref(),
            ),
            compare(
                "notification_topic_arn",
                self.notification_topic_arn.as_deref(),
                topic,
            ),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}
