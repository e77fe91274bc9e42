//! `POST` and `DELETE /v1/clusters/{name}/ingress`.

use std::collections::BTreeSet;

use axum::response::Response;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use crate::domain::cluster::Cluster;
use crate::domain::ingress::{
    AllowedSources, Ingress, IngressSpec, Peer, existing_cidr, source_cidr, tcp_port,
};
use crate::domain::inventory::ResourceKind;
use crate::domain::operation::Kind;
use crate::domain::spec::Spec;
use crate::domain::validation::typed::SecurityGroupId;
use crate::domain::validation::violation::RuleViolation;
use crate::inspections::has_lookups;

use crate::api::access::CallerApi;
use crate::api::clusters::submit::{AcceptedOperation, Submission};
use crate::api::http::api_error::ApiError;
use crate::api::http::body::JsonBody;
use crate::api::http::body_schema;
use crate::api::http::path::ClusterPath;
use crate::api::http::problem::{FieldError, Problem};
use crate::api::http::query::{Query, by_rule};
use crate::api::http::violations::Violations;
use crate::api::targets::{InTarget, InTargetWith, TargetApi};

/// Maximum length of a network: an IPv6 address and its prefix length.
const CIDR_MAX: usize = 43;

/// The clients to allow: exactly one of `source_security_group_id` and `cidr`.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct IngressRequest {
    /// Allows clients with this security group.
    #[schema(
        required = false,
        nullable = false,
        pattern = "^sg-([0-9a-f]{8}|[0-9a-f]{17})$",
        example = "sg-4d3c2b1a"
    )]
    source_security_group_id: Option<String>,
    /// Allows clients in this IPv4 or IPv6 network. It must have no bits set beyond its prefix. The
    /// prefix of a public network must have at least 8 (IPv4) or 32 bits (IPv6), else it is
    /// rejected (`too_wide`). A network outside the operator's list is rejected (`not_allowed`).
    #[schema(
        required = false,
        nullable = false,
        max_length = 43,
        example = "10.0.0.0/16"
    )]
    cidr: Option<String>,
    /// Security group of the cluster that gets the rule. Default: its only security group.
    #[schema(
        required = false,
        nullable = false,
        pattern = "^sg-([0-9a-f]{8}|[0-9a-f]{17})$",
        example = "sg-0a1b2c3d"
    )]
    security_group_id: Option<String>,
}

/// The clients to remove: exactly one of `source_security_group_id` and `cidr`.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct CloseIngress {
    /// Removes the rule for clients with this security group.
    #[param(value_type = String, required = false, pattern = "^sg-([0-9a-f]{8}|[0-9a-f]{17})$")]
    #[serde(default, deserialize_with = "security_group")]
    source_security_group_id: Option<SecurityGroupId>,
    /// Removes the rule for clients in this network.
    #[param(value_type = String, required = false, max_length = 43, example = "10.0.0.0/16")]
    #[serde(default, deserialize_with = "cidr")]
    cidr: Option<Peer>,
    /// Security group that has the rule. Default: the only security group with this rule, or the
    /// cluster's only one.
    #[param(value_type = String, required = false, pattern = "^sg-([0-9a-f]{8}|[0-9a-f]{17})$")]
    #[serde(default, deserialize_with = "security_group")]
    security_group_id: Option<SecurityGroupId>,
}

fn security_group<'de, D: Deserializer<'de>>(text: D) -> Result<Option<SecurityGroupId>, D::Error> {
    by_rule(text, SecurityGroupId::parse)
}

fn cidr<'de, D: Deserializer<'de>>(text: D) -> Result<Option<Peer>, D::Error> {
    by_rule(text, |text| within_length(text, existing_cidr))
}

/// Validates a source network and the length of its text.
fn within_length(
    text: &str,
    rule: impl FnOnce(&str) -> Result<Peer, RuleViolation>,
) -> Result<Peer, RuleViolation> {
    let peer = rule(text)?;
    if text.len() > CIDR_MAX {
        let detail = format!("must have at most {CIDR_MAX} characters");
        return Err(RuleViolation::new("out_of_range", detail));
    }
    Ok(peer)
}

/// Allows clients to connect to a cluster, by a rule in one of its security groups.
///
/// The rule allows the cluster's TCP port: 9111, or 8111 without encryption in transit. It has the
/// ownership tags, and is removed with the cluster at the latest. An existing rule that allows the
/// same is recorded as external, and is never removed. Servers built without the `lookups` feature
/// reject the request (422, `not_offered`).
#[utoipa::path(
    post, path = "/v1/clusters/{name}/ingress", tag = "clusters", operation_id = "open_ingress",
    params(ClusterPath, InTarget, Submission),
    request_body(content = IngressRequest, description = "The clients to allow."),
    responses(AcceptedOperation)
)]
pub(crate) async fn open_ingress(
    api: CallerApi,
    ClusterPath(name): ClusterPath,
    Query(query): Query<InTarget>,
    submission: Submission,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let api = api.to_change(query.target.as_ref())?;
    api.check_ingress_support()?;
    let allowed = &api.settings.ingress_sources;
    let read = |cluster: &Cluster| {
        Ok(Spec::ChangeIngress(
            validate(body.clone(), cluster, allowed).map_err(Problem::invalid)?,
        ))
    };
    api.change(&name, Kind::ChangeIngress, &submission, &body, read)
        .await
}

/// Removes an ingress rule of a cluster.
///
/// The rule is given as query parameters, because many clients and proxies drop the body of a
/// DELETE. Only a rule created by this service is removed. Any other rule is left, and the receipt
/// of the operation records it.
#[utoipa::path(
    delete,
    path = "/v1/clusters/{name}/ingress",
    tag = "clusters",
    operation_id = "close_ingress",
    params(ClusterPath, InTarget, CloseIngress, Submission),
    responses(AcceptedOperation)
)]
pub(crate) async fn close_ingress(
    api: CallerApi,
    ClusterPath(name): ClusterPath,
    InTargetWith(in_target, query): InTargetWith<CloseIngress>,
    submission: Submission,
) -> Result<Response, ApiError> {
    let api = api.to_change(in_target.target.as_ref())?;
    api.check_ingress_support()?;
    let security_group_id = query.security_group_id;
    let peer = match (query.source_security_group_id, query.cidr) {
        (Some(id), None) => Peer::SecurityGroup(id),
        (None, Some(network)) => network,
        (None, None) => {
            return Err(invalid(
                "source_security_group_id",
                "required",
                "give `source_security_group_id` or `cidr`",
            ));
        }
        (Some(_), Some(_)) => {
            return Err(invalid(
                "cidr",
                "exclusive",
                "cannot be combined with `source_security_group_id`",
            ));
        }
    };
    let request = json!({"peer": &peer, "security_group_id": security_group_id});
    let read = |cluster: &Cluster| {
        let (security_group_id, peer) = (security_group_id.clone(), peer.clone());
        let spec = IngressSpec {
            open: false,
            security_group_id,
            port: port_of(cluster),
            peer,
        };
        let error = check_group(
            &spec,
            &groups_with_rule(cluster, &spec),
            &groups_of(cluster),
        );
        let problem = error.map(|rule| {
            Problem::invalid(vec![FieldError::of_parameter("security_group_id", rule)])
        });
        problem.map_or(Ok(Spec::ChangeIngress(spec)), |problem| Err(problem.into()))
    };
    api.change(&name, Kind::ChangeIngress, &submission, &request, read)
        .await
}

fn invalid(parameter: &str, code: &'static str, detail: &str) -> ApiError {
    Problem::invalid(vec![FieldError::of_parameter(
        parameter,
        RuleViolation::new(code, detail),
    )])
    .into()
}

impl TargetApi {
    fn check_ingress_support(&self) -> Result<(), ApiError> {
        if has_lookups() {
            return Ok(());
        }
        let detail = "opening and closing ports is not available: this server was built without \
            the `lookups` feature";
        let rule = RuleViolation::new("not_offered", detail);
        let mut problem = Problem::invalid(vec![FieldError::at("", rule)]);
        problem.detail = detail.to_owned();
        Err(problem.into())
    }
}

/// Validates a body against its cluster.
pub(super) fn validate(
    body: Value,
    cluster: &Cluster,
    allowed: &AllowedSources,
) -> Result<IngressSpec, Vec<FieldError>> {
    body_schema::validate(body, |request: IngressRequest, violations| {
        request.accept(violations, cluster, allowed)
    })
}

impl IngressRequest {
    fn accept(
        self,
        violations: &mut Violations,
        cluster: &Cluster,
        allowed: &AllowedSources,
    ) -> Option<IngressSpec> {
        let mut group = |pointer: &str, id: &Option<String>| {
            violations.check(pointer, SecurityGroupId::parse(id.as_deref()?))
        };
        let source = group("/source_security_group_id", &self.source_security_group_id);
        let named = group("/security_group_id", &self.security_group_id);
        let peer = match (&self.source_security_group_id, &self.cidr) {
            (Some(_), None) => source.map(Peer::SecurityGroup),
            (None, Some(cidr)) => violations.check(
                "/cidr",
                within_length(cidr, |text| source_cidr(text, allowed)),
            ),
            (None, None) => {
                violations.add(
                    "",
                    "required",
                    "must have `source_security_group_id` or `cidr`",
                );
                None
            }
            (Some(_), Some(_)) => {
                violations.add(
                    "/cidr",
                    "exclusive",
                    "cannot be combined with `source_security_group_id`",
                );
                None
            }
        };
        if named.is_none() && self.security_group_id.is_some() {
            return None;
        }
        let spec = IngressSpec {
            open: true,
            security_group_id: named,
            port: port_of(cluster),
            peer: peer?,
        };
        let error = check_group(&spec, &BTreeSet::new(), &groups_of(cluster));
        error.map_or(Some(spec), |rule| {
            violations.check("/security_group_id", Err(rule))
        })
    }
}

/// The port of a cluster's endpoint. It depends on encryption in transit, which cannot change.
fn port_of(cluster: &Cluster) -> u16 {
    let observed = cluster
        .observed
        .as_ref()
        .and_then(|observed| observed.encryption_in_transit);
    tcp_port(observed.unwrap_or(cluster.desired.encryption_in_transit))
}

/// The security groups of a cluster as AWS last reported them; empty before the first report.
fn groups_of(cluster: &Cluster) -> BTreeSet<String> {
    cluster
        .observed
        .as_ref()
        .map(|observed| observed.security_group_ids.clone())
        .unwrap_or_default()
}

/// The security groups in which this service has created the rule.
fn groups_with_rule(cluster: &Cluster, spec: &IngressSpec) -> BTreeSet<String> {
    let rules = cluster
        .inventory
        .iter()
        .filter(|item| item.kind == ResourceKind::SecurityGroupRule);
    let ingresses = rules
        .filter(|item| item.is_managed_and_present())
        .filter_map(|item| Ingress::parse(&item.name));
    ingresses
        .filter(|ingress| spec.matches(ingress))
        .map(|ingress| ingress.security_group_id.into())
        .collect()
}

/// Checks the choice of the security group against the last observation; the operation checks it
/// again in AWS. `with_rule` are the groups that have the rule, `of_cluster` all of the cluster.
fn check_group(
    spec: &IngressSpec,
    with_rule: &BTreeSet<String>,
    of_cluster: &BTreeSet<String>,
) -> Option<RuleViolation> {
    let listed = |groups: &BTreeSet<String>| {
        groups
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join(", ")
    };
    match &spec.security_group_id {
        Some(id) if with_rule.contains(id.as_str()) || of_cluster.contains(id.as_str()) => None,
        Some(_) if of_cluster.is_empty() => None,
        Some(_) => {
            let detail = format!(
                "must be a security group of the cluster; it has {}",
                listed(of_cluster)
            );
            Some(RuleViolation::new("unknown_security_group", detail))
        }
        None => {
            let candidates = if with_rule.is_empty() {
                of_cluster
            } else {
                with_rule
            };
            let detail = || format!("is required; choose one of {}", listed(candidates));
            (candidates.len() > 1).then(|| RuleViolation::new("required", detail()))
        }
    }
}
