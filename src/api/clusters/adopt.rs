//! Adoption: an existing cluster is taken under management, differences first.

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

/// How to take a cluster under management.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AdoptRequest {
    /// Settings the cluster must have; if one differs, nothing is done and every difference is told.
    #[schema(value_type = ExpectedClusterRequest, required = false)]
    expected: Option<ExpectedClusterRequest>,
    /// Whether DELETE is refused from now on.
    #[schema(value_type = bool, required = false, default = false)]
    deletion_protection: Option<bool>,
    /// What later changes do when something goes wrong that a person could cure. Absent: `hold`.
    #[schema(value_type = OnFailureSchema, required = false)]
    on_failure: Option<OnFailure>,
}

/// Settings a cluster is expected to have. What is left out may be as it is.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExpectedClusterRequest {
    /// Free text.
    #[schema(value_type = String, required = false)]
    description: Option<String>,
    /// Which machine the nodes are.
    #[schema(value_type = String, required = false, example = "dax.r5.large")]
    node_type: Option<String>,
    /// Number of nodes.
    #[schema(value_type = i32, required = false, example = 3)]
    replication_factor: Option<i64>,
    /// The role DAX uses.
    #[schema(value_type = String, required = false)]
    service_role_arn: Option<String>,
    /// The name of its subnet group.
    #[schema(value_type = String, required = false, example = "default")]
    subnet_group: Option<String>,
    /// The name of its parameter group.
    #[schema(value_type = String, required = false, example = "default.dax1.0")]
    parameter_group: Option<String>,
    /// Exactly these, in any order.
    #[schema(schema_with = expected_groups, required = false)]
    security_group_ids: Option<BTreeSet<String>>,
    /// Address family.
    #[schema(value_type = NetworkTypeSchema, required = false)]
    network_type: Option<NetworkType>,
    /// Encryption of the nodes' disks.
    #[schema(value_type = bool, required = false)]
    encryption_at_rest: Option<bool>,
    /// TLS between clients and nodes.
    #[schema(value_type = bool, required = false)]
    encryption_in_transit: Option<bool>,
    /// Its weekly maintenance window, in UTC.
    #[schema(value_type = String, required = false, example = "sun:05:00-sun:06:00")]
    maintenance_window: Option<String>,
    /// The topic that hears of its events.
    #[schema(value_type = String, required = false)]
    notification_topic_arn: Option<String>,
}

/// Takes an existing AWS cluster under management, with the settings it has.
///
/// AWS is asked first: a cluster that is not as `expected` is refused with every difference, and nothing is done. The
/// cluster gets our two tags and is not touched otherwise; its role and groups stay `external`. DELETE then deletes it.
#[utoipa::path(
    post, path = "/v1/clusters/{name}/adopt", tag = "clusters", operation_id = "adopt_cluster",
    params(("name" = String, Path, description = "Its name in AWS."), IdempotencyHeader, MutationHeaders),
    request_body(content = AdoptRequest, description = "What is expected of it; may be left out."),
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
    let place = api.account_soon().await?;
    let (found, tags) = api.look_at(&name, &place).await?;
    let expected = request
        .expected
        .as_ref()
        .map(|expected| expected.differences(&found));
    refuse_different(
        expected.unwrap_or_default(),
        "the cluster is not as expected; nothing was done",
    )?;
    let settings = settings_of(&request.wanted(name.clone()), &found, &tags);
    let new = submission.new_operation(Kind::AdoptCluster, key);
    let accepted = api.store.accept_adopt(&new, &settings).await?;
    api.answer_accepted(accepted, name.as_str(), submission.preference)
        .await
}

fn expected_groups() -> Array {
    let mut groups = security_group_list();
    groups.description = Some("Exactly these, in any order.".to_owned());
    groups
}

fn read(body: Value) -> Result<AdoptRequest, ApiError> {
    static SCHEMA: LazyLock<BodySchema> = LazyLock::new(|| BodySchema::of("AdoptRequest"));
    let (request, faults) = SCHEMA.read::<AdoptRequest>(body);
    let errors = faults.merged_with(Vec::new());
    request
        .filter(|_| errors.is_empty())
        .ok_or_else(|| Problem::invalid(errors).into())
}

fn refuse_different(differences: Vec<Difference>, detail: &str) -> Result<(), ApiError> {
    if differences.is_empty() {
        return Ok(());
    }
    let mut problem = Problem::new(ProblemCode::ResourceConflict, detail);
    problem.differences = differences.into_iter().map(FieldDifference::from).collect();
    Err(problem.into())
}

impl Api {
    /// Why a cluster of this name cannot be adopted: it is managed, or is just becoming or ceasing to be so.
    async fn name_in_use(&self, name: &ClusterName) -> Result<Option<Accepted>, ApiError> {
        let Some(cluster) = self.store.cluster(name.as_str()).await? else {
            return Ok(None);
        };
        if let Some(live) = self.store.live_operation(name.as_str()).await? {
            return Ok(Some(Accepted::InProgress(live)));
        }
        Ok((cluster.status != ClusterStatus::Failed).then_some(Accepted::ClusterExists))
    }

    /// The cluster in AWS and its tags, if it can be adopted.
    async fn look_at(
        &self,
        name: &ClusterName,
        place: &AwsAccount,
    ) -> Result<(Observed, BTreeMap<String, String>), ApiError> {
        let _leave = self.aws_permit().await?;
        let found = self.inspector.cluster(name.as_str()).await;
        let found =
            found.map_err(|fault| ApiError::from(self.advice(Some(place)).problem_of(&fault)))?;
        let Some(found) = found else {
            let detail = format!(
                "AWS has no cluster {:?} in {} of {}",
                name.as_str(),
                place.region,
                place.account_id
            );
            return Err(ApiError::new(ProblemCode::NotFound, detail));
        };
        if found.is_deleting() {
            return Err(ApiError::new(
                ProblemCode::ResourceConflict,
                "AWS is deleting the cluster",
            ));
        }
        // Tags that cannot be read here are read by the operation, which explains why if it cannot.
        let tags = self
            .inspector
            .details(found.arn.as_deref(), None)
            .await
            .tags
            .unwrap_or_default();
        let installation = self.store.installation().await?.id.to_string();
        let mark = tags.get(INSTALLATION_TAG);
        let foreign =
            mark.and_then(|mark| Difference::between(INSTALLATION_TAG, &installation, Some(mark)));
        let detail =
            "another installation of this service manages the cluster; release it there first";
        refuse_different(foreign.into_iter().collect(), detail)?;
        Ok((found, tags))
    }
}

impl AdoptRequest {
    /// What AWS does not know of the cluster; the rest is filled in from what it says.
    fn wanted(&self, name: ClusterName) -> ClusterSpec {
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
    /// Every field in which a cluster is not as expected.
    fn differences(&self, found: &Observed) -> Vec<Difference> {
        let text = |field: &str, expected: Option<&str>, found: Option<&str>| {
            expected.and_then(|expected| Difference::between(field, expected, found))
        };
        let folded = |text: &Option<String>| text.as_ref().map(|text| text.to_ascii_lowercase());
        let word = |on: Option<bool>| on.map(|on| on.to_string());
        let joined = |ids: &BTreeSet<String>| ids.iter().cloned().collect::<Vec<_>>().join(", ");
        let nodes = self.replication_factor.map(|count| count.to_string());
        let (subnets, window) = (folded(&self.subnet_group), folded(&self.maintenance_window));
        let groups = self.security_group_ids.as_ref().map(joined);
        let at_rest = (
            word(self.encryption_at_rest),
            word(found.encryption_at_rest),
        );
        let in_transit = (
            word(self.encryption_in_transit),
            word(found.encryption_in_transit),
        );
        let topic = found.notification_topic_arn.as_deref();
        [
            text(
                "description",
                self.description.as_deref(),
                Some(found.description.as_deref().unwrap_or_default()),
            ),
            text(
                "node_type",
                self.node_type.as_deref(),
                found.node_type.as_deref(),
            ),
            text(
                "replication_factor",
                nodes.as_deref(),
                Some(&found.node_count().to_string()),
            ),
            text(
                "service_role_arn",
                self.service_role_arn.as_deref(),
                found.iam_role_arn.as_deref(),
            ),
            text(
                "subnet_group",
                subnets.as_deref(),
                found.subnet_group.as_deref(),
            ),
            text(
                "parameter_group",
                self.parameter_group.as_deref(),
                found.parameter_group.as_deref(),
            ),
            text(
                "security_group_ids",
                groups.as_deref(),
                Some(&joined(&found.security_group_ids)),
            ),
            text(
                "network_type",
                self.network_type.map(NetworkType::as_str),
                found.network_type.as_deref(),
            ),
            text(
                "encryption_at_rest",
                at_rest.0.as_deref(),
                at_rest.1.as_deref(),
            ),
            text(
                "encryption_in_transit",
                in_transit.0.as_deref(),
                in_transit.1.as_deref(),
            ),
            text(
                "maintenance_window",
                window.as_deref(),
                found.maintenance_window.as_deref(),
            ),
            text(
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
