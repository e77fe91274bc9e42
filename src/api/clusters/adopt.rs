//! `POST /v1/clusters/{name}/adopt`.

use std::collections::{BTreeMap, BTreeSet};

use axum::response::Response;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::schema::Array;

use crate::authorization::Action;
use crate::domain::change::settings_of;
use crate::domain::installation::AwsAccount;
use crate::domain::names::{ClusterName, INSTALLATION_TAG};
use crate::domain::observed::Observed;
use crate::domain::operation::{ClusterStatus, Kind};
use crate::domain::problems::fault::Difference;
use crate::domain::problems::problem_code::ProblemCode;
use crate::domain::project::{ProjectName, Scope};
use crate::domain::spec::{ClusterSpec, NetworkType, OnFailure};
use crate::domain::validation::fields;
use crate::domain::validation::typed::{NodeType, SecurityGroupId};
use crate::store::{Accepted, NewOperation};

use crate::api::access::CallerApi;
use crate::api::clusters::decisions::{Pending, Proposal};
use crate::api::clusters::request::security_group_list;
use crate::api::clusters::submit::{AcceptedOperation, Submission};
use crate::api::enum_schemas::{NetworkTypeSchema, OnFailureSchema};
use crate::api::http::api_error::ApiError;
use crate::api::http::authentication::Caller;
use crate::api::http::body::OptionalBody;
use crate::api::http::body_schema;
use crate::api::http::path::ClusterPath;
use crate::api::http::problem::{FieldDifference, Problem};
use crate::api::http::query::Query;
use crate::api::targets::{InTarget, TargetApi};

/// How to manage the adopted cluster.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AdoptRequest {
    /// Settings that the cluster must have. If any differ, nothing changes and all differences are
    /// returned.
    #[schema(value_type = ExpectedClusterRequest, required = false)]
    expected: Option<ExpectedClusterRequest>,
    /// Whether DELETE is rejected. Default: false.
    #[schema(value_type = bool, required = false)]
    deletion_protection: Option<bool>,
    /// What later operations do after a failure that an operator can fix. Default: `hold`.
    #[schema(value_type = OnFailureSchema, required = false)]
    on_failure: Option<OnFailure>,
    /// Project of the cluster. It never changes. Default: the only project of the caller, or none.
    #[schema(value_type = String, required = false, min_length = 1, max_length = 40,
             pattern = "^[a-z][a-z0-9-]*$", example = "payments")]
    project: Option<String>,
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
    security_group_ids: Option<Vec<String>>,
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
    params(ClusterPath, InTarget, Submission),
    request_body(content = AdoptRequest, description = "Expected settings; can be omitted."),
    responses(AcceptedOperation)
)]
pub(crate) async fn adopt_cluster(
    api: CallerApi,
    ClusterPath(name): ClusterPath,
    Query(query): Query<InTarget>,
    submission: Submission,
    OptionalBody(body): OptionalBody,
) -> Result<Response, ApiError> {
    let api = api.to_change(query.target.as_ref())?.usable()?;
    let key = submission.key(&api, &body)?;
    let request = read(body)?;
    let project = request
        .project
        .as_deref()
        .and_then(|name| ProjectName::parse(name).ok());
    let project = project.or_else(|| submission.caller.default_project().cloned());
    api.check_readable(project.as_ref())?;
    let scope = Scope::of(project.as_ref(), &api.target.name);
    // Before AWS is read, so that the answer says nothing of the cluster.
    api.check_possible(Action::AdoptCluster, &name, &scope)?;
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
    let (observed, tags) = api
        .find_adoptable(&name, &account, &submission.caller)
        .await?;
    let settings = settings_of(&request.desired(name.clone()), &observed, &tags);
    let action = Action::AdoptCluster;
    let proposal = || Proposal {
        action,
        scope: scope.clone(),
        before: None,
        after: settings.clone(),
    };
    // Before the differences, which say what the cluster is.
    api.check_permitted(proposal()).await?;
    let decided = api.decide_settings(proposal())?;
    let (approvals, pending) = decided.map_err(|denial| api.denied(action, denial))?;
    request.reject_unexpected(&observed)?;
    let new = NewOperation {
        project,
        approval: approvals.state(),
        ..submission.new_operation(Kind::AdoptCluster, key)
    };
    let (limit, refusal) = pending.map(Pending::split).unzip();
    let accepted = api.store.accept_adopt(&new, &settings, limit).await?;
    if let (Accepted::NotPermitted, Some(refusal)) = (&accepted, &refusal) {
        return Err(refusal.response(&api, action));
    }
    api.note_project(new.project.as_ref());
    api.answer_accepted(accepted, name.as_str(), submission.preference)
        .await
}

fn expected_groups() -> Array {
    let mut groups = security_group_list();
    groups.min_items = Some(1);
    groups.description = Some("All security groups of the nodes, in any order.".to_owned());
    groups
}

pub(super) fn read(body: Value) -> Result<AdoptRequest, ApiError> {
    let request = body_schema::validate(body, |request: AdoptRequest, violations| {
        let expected = request.expected.as_ref();
        if let Some(ids) = expected.and_then(|expected| expected.security_group_ids.as_ref()) {
            let pointer = "/expected/security_group_ids";
            violations.length(pointer, ids.len(), fields::SECURITY_GROUPS_MAX);
            violations.items(pointer, ids, SecurityGroupId::parse);
        }
        violations.optional("/project", request.project.as_deref(), ProjectName::parse);
        Some(request)
    });
    request.map_err(|errors| Problem::invalid(errors).into())
}

impl AdoptRequest {
    /// Rejects a cluster that differs from what the caller expects.
    fn reject_unexpected(&self, observed: &Observed) -> Result<(), ApiError> {
        let expected = self.expected.as_ref();
        let differences = expected.map(|expected| expected.differences(observed));
        reject_differences(
            differences.unwrap_or_default(),
            "the cluster differs from `expected`; nothing was changed",
        )
    }
}

fn reject_differences(differences: Vec<Difference>, detail: &str) -> Result<(), ApiError> {
    if differences.is_empty() {
        return Ok(());
    }
    let mut problem = Problem::new(ProblemCode::ResourceConflict, detail);
    problem.differences = differences.into_iter().map(FieldDifference::from).collect();
    Err(problem.into())
}

impl TargetApi {
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
        caller: &Caller,
    ) -> Result<(Observed, BTreeMap<String, String>), ApiError> {
        let _permit = self.aws_permit(caller).await?;
        let observed = self.inspector()?.cluster(name.as_str()).await;
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
            .inspector()?
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
        let mut spec = ClusterSpec::with_defaults(name, NodeType::from_aws(""), 1);
        spec.local.deletion_protection = self.deletion_protection.unwrap_or_default();
        spec.local.on_failure = self.on_failure.unwrap_or_default();
        spec
    }
}

impl ExpectedClusterRequest {
    /// Every expected setting that the cluster does not have.
    fn differences(&self, observed: &Observed) -> Vec<Difference> {
        let nodes_and_groups = self.compare_nodes_and_groups(observed).into_iter();
        let others = self.compare_network_and_maintenance(observed);
        nodes_and_groups.chain(others).flatten().collect()
    }

    fn compare_nodes_and_groups(&self, observed: &Observed) -> [Option<Difference>; 7] {
        let description = observed.description.as_deref().unwrap_or_default();
        let role = self.service_role_arn.as_deref();
        let subnets = self.subnet_group.as_deref().map(str::to_ascii_lowercase);
        let parameters = self.parameter_group.as_deref();
        let joined = |ids: &BTreeSet<String>| ids.iter().cloned().collect::<Vec<_>>().join(", ");
        let ids = self.security_group_ids.as_ref();
        let ids = ids.map(|ids| joined(&ids.iter().cloned().collect()));
        [
            compare(
                "description",
                self.description.as_deref(),
                Some(description),
            ),
            compare(
                "node_type",
                self.node_type.as_deref(),
                observed.node_type.as_deref(),
            ),
            compare(
                "replication_factor",
                self.replication_factor.map(|count| count.to_string()),
                Some(observed.node_count().to_string()),
            ),
            compare("service_role_arn", role, observed.iam_role_arn.as_deref()),
            compare("subnet_group", subnets, observed.subnet_group.clone()),
            compare(
                "parameter_group",
                parameters,
                observed.parameter_group.as_deref(),
            ),
            compare(
                "security_group_ids",
                ids,
                Some(joined(&observed.security_group_ids)),
            ),
        ]
    }

    fn compare_network_and_maintenance(&self, observed: &Observed) -> [Option<Difference>; 5] {
        let network = self.network_type.map(NetworkType::as_str);
        let flag = |on: Option<bool>| on.map(|on| on.to_string());
        let window = self
            .maintenance_window
            .as_deref()
            .map(str::to_ascii_lowercase);
        [
            compare("network_type", network, observed.network_type.as_deref()),
            compare(
                "encryption_at_rest",
                flag(self.encryption_at_rest),
                flag(observed.encryption_at_rest),
            ),
            compare(
                "encryption_in_transit",
                flag(self.encryption_in_transit),
                flag(observed.encryption_in_transit),
            ),
            compare(
                "maintenance_window",
                window,
                observed.maintenance_window.clone(),
            ),
            compare(
                "notification_topic_arn",
                self.notification_topic_arn.as_deref(),
                observed.notification_topic_arn.as_deref(),
            ),
        ]
    }
}

/// The difference of a field, if a value is expected.
fn compare<T: AsRef<str>>(
    field: &str,
    expected: Option<T>,
    observed: Option<T>,
) -> Option<Difference> {
    Difference::between(field, expected?.as_ref(), observed.as_ref().map(T::as_ref))
}
