//! Ingress: the port of a cluster, opened to its clients and closed again.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use crate::domain::cluster::Cluster;
use crate::domain::ingress::{Ingress, IngressSpec, PLAIN_PORT, Peer, TLS_PORT, source_cidr};
use crate::domain::inventory::ResourceKind;
use crate::domain::operation::Kind;
use crate::domain::spec::Spec;
use crate::domain::validation::fields;
use crate::domain::validation::violation::RuleViolation;

use crate::api::Api;
use crate::api::clusters::submit::{
    AcceptedOperation, IdempotencyHeader, MutationHeaders, Submission,
};
use crate::api::http::api_error::ApiError;
use crate::api::http::body::JsonBody;
use crate::api::http::body_schema::BodySchema;
use crate::api::http::idempotency::SentKey;
use crate::api::http::path::PathSegment;
use crate::api::http::problem::{FieldError, Problem};
use crate::api::http::query::{Parameters, cluster_in_path};
use crate::api::http::violations::Violations;

/// Whom to let in: what carries a security group, or a network. One of the two.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct IngressRequest {
    /// Clients that carry this security group.
    #[schema(
        required = false,
        nullable = false,
        pattern = "^sg-([0-9a-f]{8}|[0-9a-f]{17})$",
        example = "sg-4d3c2b1a"
    )]
    source_security_group_id: Option<String>,
    /// Clients in this network, IPv4 or IPv6, without bits beyond its prefix. Never the whole Internet: a prefix of length
    /// 0, such as `0.0.0.0/0` or `::/0`, is refused (`too_wide`).
    #[schema(
        required = false,
        nullable = false,
        max_length = 43,
        example = "10.0.0.0/16"
    )]
    cidr: Option<String>,
    /// The security group of the cluster to open. Absent: the only one it has.
    #[schema(
        required = false,
        nullable = false,
        pattern = "^sg-([0-9a-f]{8}|[0-9a-f]{17})$",
        example = "sg-0a1b2c3d"
    )]
    security_group_id: Option<String>,
}

/// Whom not to let in any more: what carries a security group, or a network. One of the two.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(
    dead_code,
    reason = "it stands for the parameters in the API document; the handler reads them"
)]
pub(crate) struct CloseIngress {
    /// Clients that carry this security group; or else `cidr`.
    #[param(value_type = String, required = false, pattern = "^sg-([0-9a-f]{8}|[0-9a-f]{17})$")]
    source_security_group_id: (),
    /// Clients in this network; or else `source_security_group_id`.
    #[param(value_type = String, required = false, max_length = 43, example = "10.0.0.0/16")]
    cidr: (),
    /// The security group to close. Absent: the only one that this was opened in, or that the cluster has.
    #[param(value_type = String, required = false, pattern = "^sg-([0-9a-f]{8}|[0-9a-f]{17})$")]
    security_group_id: (),
}

/// Lets clients reach a cluster: opens its port (9111, or 8111 without encryption in transit) in one of its security groups.
///
/// The rule is ours, carries our tags, and is closed with the cluster at the latest. Where somebody else has opened the same
/// already, that is noted as found and never closed by us. Programs built without lookups refuse it (422, `not_offered`).
#[utoipa::path(
    post, path = "/v1/clusters/{name}/ingress", tag = "clusters", operation_id = "open_ingress",
    params(("name" = String, Path, description = "The cluster's name."), IdempotencyHeader, MutationHeaders),
    request_body(content = IngressRequest, description = "Whom to let in."),
    responses(AcceptedOperation)
)]
pub(crate) async fn open_ingress(
    State(api): State<Api>,
    PathSegment(name): PathSegment,
    submission: Submission,
    key: SentKey,
    parameters: Parameters,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    parameters.finish()?;
    let name = cluster_in_path(&name)?;
    api.offers_ingress()?;
    let key = key.of_request(&submission.caller, &body);
    let read = |cluster: &Cluster| {
        Ok(Spec::ChangeIngress(
            believe(body.clone(), cluster).map_err(Problem::invalid)?,
        ))
    };
    api.change(&name, Kind::ChangeIngress, &submission, key, read)
        .await
}

/// Closes what was opened. Parameters say what, because a body of a DELETE does not reach everybody.
///
/// Only a rule of ours is closed. One that somebody else has made is left, and the receipt says so.
#[utoipa::path(
    delete, path = "/v1/clusters/{name}/ingress", tag = "clusters", operation_id = "close_ingress",
    params(("name" = String, Path, description = "The cluster's name."), CloseIngress, IdempotencyHeader, MutationHeaders),
    responses(AcceptedOperation)
)]
pub(crate) async fn close_ingress(
    State(api): State<Api>,
    PathSegment(name): PathSegment,
    submission: Submission,
    key: SentKey,
    mut parameters: Parameters,
) -> Result<Response, ApiError> {
    let group = |text: &str| fields::security_group_id(text);
    let source = parameters.take("source_security_group_id", group);
    let cidr = parameters.take("cidr", source_cidr);
    let security_group_id = parameters.take("security_group_id", group);
    parameters.finish()?;
    let name = cluster_in_path(&name)?;
    api.offers_ingress()?;
    let peer = match (source, cidr) {
        (Some(id), None) => Peer::SecurityGroup(id),
        (None, Some(network)) => network,
        (None, None) => {
            return Err(refused(
                "source_security_group_id",
                "required",
                "or cidr must say whom",
            ));
        }
        (Some(_), Some(_)) => {
            return Err(refused(
                "cidr",
                "exclusive",
                "must not stand beside source_security_group_id",
            ));
        }
    };
    let asked = json!({"peer": &peer, "security_group_id": security_group_id});
    let key = key.of_request(&submission.caller, &asked);
    let read = |cluster: &Cluster| {
        let (security_group_id, peer) = (security_group_id.clone(), peer.clone());
        let spec = IngressSpec {
            open: false,
            security_group_id,
            port: port_of(cluster),
            peer,
        };
        let wrong = group_fault(&spec, &groups_opened(cluster, &spec), &groups_of(cluster));
        let wrong = wrong.map(|rule| {
            Problem::invalid(vec![FieldError::of_parameter("security_group_id", rule)])
        });
        wrong.map_or(Ok(Spec::ChangeIngress(spec)), |problem| Err(problem.into()))
    };
    api.change(&name, Kind::ChangeIngress, &submission, key, read)
        .await
}

fn refused(parameter: &str, code: &'static str, detail: &str) -> ApiError {
    Problem::invalid(vec![FieldError::of_parameter(
        parameter,
        RuleViolation::new(code, detail),
    )])
    .into()
}

impl Api {
    fn offers_ingress(&self) -> Result<(), ApiError> {
        if self.inspector.looks_up() {
            return Ok(());
        }
        let detail = "is not offered: this build has no lookups, so it cannot open or close ports";
        Err(Problem::invalid(vec![FieldError::at(
            "",
            RuleViolation::new("not_offered", detail),
        )])
        .into())
    }
}

/// Reads a body against the cluster it is about.
fn believe(body: Value, cluster: &Cluster) -> Result<IngressSpec, Vec<FieldError>> {
    static SCHEMA: LazyLock<BodySchema> = LazyLock::new(|| BodySchema::of("IngressRequest"));
    let (request, faults) = SCHEMA.read::<IngressRequest>(body);
    let mut broken = Violations::default();
    let spec = request.and_then(|request| request.accept(&mut broken, cluster));
    let errors = faults.merged_with(broken.0);
    spec.filter(|_| errors.is_empty()).ok_or(errors)
}

impl IngressRequest {
    fn accept(self, broken: &mut Violations, cluster: &Cluster) -> Option<IngressSpec> {
        let mut group = |pointer: &str, id: &Option<String>| {
            broken.check(pointer, fields::security_group_id(id.as_deref()?))
        };
        let source = group("/source_security_group_id", &self.source_security_group_id);
        let named = group("/security_group_id", &self.security_group_id);
        let peer = match (&self.source_security_group_id, &self.cidr) {
            (Some(_), None) => source.map(Peer::SecurityGroup),
            (None, Some(cidr)) => broken.check("/cidr", source_cidr(cidr)),
            (None, None) => {
                broken.add("", "required", "must hold source_security_group_id or cidr");
                None
            }
            (Some(_), Some(_)) => {
                broken.add(
                    "/cidr",
                    "exclusive",
                    "must not stand beside source_security_group_id",
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
        let wrong = group_fault(&spec, &BTreeSet::new(), &groups_of(cluster));
        wrong.map_or(Some(spec), |rule| {
            broken.check("/security_group_id", Err(rule))
        })
    }
}

/// The port of a cluster's endpoint: it depends on the encryption in transit, which never changes.
fn port_of(cluster: &Cluster) -> u16 {
    let seen = cluster
        .observed
        .as_ref()
        .and_then(|seen| seen.encryption_in_transit);
    if seen.unwrap_or(cluster.desired.encryption_in_transit) {
        TLS_PORT
    } else {
        PLAIN_PORT
    }
}

/// The security groups of a cluster, as AWS reported them; none if it has not.
fn groups_of(cluster: &Cluster) -> BTreeSet<String> {
    cluster
        .observed
        .as_ref()
        .map(|seen| seen.security_group_ids.clone())
        .unwrap_or_default()
}

/// The security groups in which this is opened by a rule of ours.
fn groups_opened(cluster: &Cluster, spec: &IngressSpec) -> BTreeSet<String> {
    let rules = cluster
        .inventory
        .iter()
        .filter(|item| item.kind == ResourceKind::SecurityGroupRule);
    let opened = rules
        .filter(|item| item.is_managed_and_present())
        .filter_map(|item| Ingress::parse(&item.name));
    opened
        .filter(|ingress| spec.means(ingress))
        .map(|ingress| ingress.security_group_id)
        .collect()
}

/// Why a security group is not the one that is meant, as far as it is known here; the operation asks AWS.
fn group_fault(
    spec: &IngressSpec,
    opened: &BTreeSet<String>,
    has: &BTreeSet<String>,
) -> Option<RuleViolation> {
    let listed = |groups: &BTreeSet<String>| {
        groups
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join(", ")
    };
    match &spec.security_group_id {
        Some(named) if opened.contains(named) || has.contains(named) || has.is_empty() => None,
        Some(_) => {
            let detail = format!("must be a security group of the cluster: {}", listed(has));
            Some(RuleViolation::new("unknown_security_group", detail))
        }
        None => {
            let meant = if opened.is_empty() { has } else { opened };
            let detail = || format!("is required where there are several: {}", listed(meant));
            (meant.len() > 1).then(|| RuleViolation::new("required", detail()))
        }
    }
}
