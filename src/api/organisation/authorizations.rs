//! `POST /v1/authorizations`: may the caller do this?

use axum::Json;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa::openapi::schema::Array;

use crate::authorization::{Action, Denial, Subject};
use crate::domain::caller::{ADMINS, Identity, is_group};
use crate::domain::cluster::Cluster;
use crate::domain::iam::policies::Access;
use crate::domain::ingress::{AllowedSources, IngressSpec, Peer, source_cidr, tcp_port};
use crate::domain::names::ClusterName;
use crate::domain::problems::problem_code::ProblemCode;
use crate::domain::project::{ProjectName, Scope};
use crate::domain::spec::ClusterSpec;
use crate::domain::target::TargetName;
use crate::domain::validation::fields;
use crate::domain::validation::violation::RuleViolation;

use crate::api::access::CallerApi;
use crate::api::clusters::approvals::Approvals;
use crate::api::clusters::decisions::Proposal;
use crate::api::clusters::request::list;
use crate::api::clusters::rules;
use crate::api::enum_schemas::ActionSchema;
use crate::api::http::api_error::ApiError;
use crate::api::http::body::JsonBody;
use crate::api::http::body_schema;
use crate::api::http::problem::{FieldError, ForbiddingPolicy, Problem};
use crate::api::http::query::NoQuery;
use crate::api::http::violations::Violations;
use crate::api::targets::TargetApi;

/// Most groups and most projects of another caller.
const NAMES_MAX: usize = 200;

/// A question: may the caller do this?
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuthorizationRequest {
    /// The action: the operation ID of the request, `read`, or `use_table`.
    #[schema(value_type = ActionSchema)]
    action: Option<String>,
    /// The target. Required if there is more than one.
    #[schema(value_type = String, required = false, min_length = 1, max_length = 40,
             pattern = "^[a-z][a-z0-9-]*$", example = "default")]
    target: Option<String>,
    /// The project. Default: that of the cluster, or the caller's default.
    #[schema(value_type = String, required = false, min_length = 1, max_length = 40,
             pattern = "^[a-z][a-z0-9-]*$", example = "payments")]
    project: Option<String>,
    /// The cluster that the action is about. Its settings are those of the decision, if the request
    /// names none.
    #[schema(value_type = String, required = false, min_length = 1, max_length = 20,
             pattern = "^[A-Za-z](-?[A-Za-z0-9])*$", example = "orders-cache")]
    cluster: Option<String>,
    /// The settings of a new cluster, as in `POST /v1/clusters`; for `create_cluster`.
    #[schema(value_type = Object, required = false)]
    settings: Option<Value>,
    /// The table, for `use_table`.
    #[schema(value_type = String, required = false, min_length = 3, max_length = 255,
             pattern = "^[A-Za-z0-9_.-]+$", example = "Orders")]
    table: Option<String>,
    /// The source network, for `open_ingress` and `close_ingress`.
    #[schema(value_type = String, required = false, max_length = 43, example = "10.0.0.0/16")]
    cidr: Option<String>,
    /// Another caller. Only members of the group `admins` can ask for others.
    #[schema(value_type = CallerRequest, required = false)]
    caller: Option<CallerRequest>,
}

/// A caller to ask for.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CallerRequest {
    /// The groups of the caller.
    #[schema(schema_with = group_list, required = false)]
    #[serde(default)]
    groups: Vec<String>,
    /// The projects that the caller is limited to.
    #[schema(schema_with = project_list, required = false)]
    #[serde(default)]
    projects: Vec<String>,
}

fn group_list() -> Array {
    let about = "The groups of the caller.";
    let mut groups = list(about, "^[A-Za-z0-9._:/-]+$", 128, NAMES_MAX);
    groups.examples = vec![json!(["operators"])];
    groups
}

fn project_list() -> Array {
    let about = "The projects that the caller is limited to; empty for no limit.";
    let mut projects = list(about, "^[a-z][a-z0-9-]*$", 40, NAMES_MAX);
    projects.examples = vec![json!(["payments"])];
    projects
}

/// The decision.
#[derive(Serialize, ToSchema)]
pub(crate) struct Authorization {
    /// Whether the request would be accepted at this moment.
    allowed: bool,
    /// The groups whose approval it would wait for; empty if it needs none.
    approvals: Vec<String>,
    /// The policies that forbid it; empty if none does.
    policies: Vec<ForbiddingPolicy>,
    /// Why it is not permitted; null if it is.
    detail: Option<String>,
}

/// A valid question.
struct Asked {
    action: Action,
    target: Option<TargetName>,
    project: Option<ProjectName>,
    cluster: Option<ClusterName>,
    settings: Option<Value>,
    table: Option<String>,
    peer: Option<Peer>,
    caller: Option<Identity>,
}

/// Decides whether the caller may do something, without doing it.
///
/// A portal can hide or explain what a user may not do. The decision is that of this moment: the
/// request itself is decided again.
#[utoipa::path(
    post, path = "/v1/authorizations", tag = "organisation", operation_id = "authorize_request",
    request_body(content = AuthorizationRequest, description = "The question."),
    responses((status = 200, description = "The decision.", body = Authorization))
)]
pub(crate) async fn authorize_request(
    api: CallerApi,
    _: NoQuery,
    JsonBody(body): JsonBody,
) -> Result<Json<Authorization>, ApiError> {
    let allowed_sources = api.settings.ingress_sources.clone();
    let asked = body_schema::validate(body, |request: AuthorizationRequest, violations| {
        request.accept(violations, &allowed_sources)
    });
    let asked = asked.map_err(Problem::invalid)?;
    if asked.caller.is_some() && !api.caller.groups.iter().any(|group| group == ADMINS) {
        let detail = "only members of the group `admins` can ask for other callers";
        return Err(ApiError::new(ProblemCode::Forbidden, detail));
    }
    let decided = api.to_read(asked.target.as_ref())?.answer(asked).await?;
    Ok(Json(match decided {
        Ok(approvals) => Authorization {
            allowed: true,
            approvals: approvals.groups().collect(),
            policies: Vec::new(),
            detail: None,
        },
        Err((action, denial)) => api.explained(action, denial)?,
    }))
}

impl CallerApi {
    /// The answer for a denial. A failed evaluation is an error.
    fn explained(&self, action: Action, denial: Denial) -> Result<Authorization, ApiError> {
        if matches!(denial, Denial::Failed(_)) {
            return Err(self.denied(action, denial));
        }
        let problem = self.denied(action, denial).into_problem();
        Ok(Authorization {
            allowed: false,
            approvals: Vec::new(),
            detail: Some(problem.detail),
            policies: problem.policies,
        })
    }
}

/// The answer where nothing can wait for an approval.
fn answer(decided: Result<(), Denial>) -> Result<Approvals, Denial> {
    decided.map(|()| Approvals::default())
}

impl TargetApi {
    /// Decides a question.
    async fn answer(&self, asked: Asked) -> Result<Result<Approvals, (Action, Denial)>, ApiError> {
        let action = asked.action;
        // What the asker may not read does not exist in an answer about another caller either.
        let cluster = match &asked.cluster {
            Some(name) => Some(self.cluster(name).await?),
            None => None,
        };
        let caller = asked.caller.as_ref().unwrap_or(&self.caller);
        let own = caller.default_project().cloned();
        let project = match &cluster {
            Some(cluster) => cluster.project.clone(),
            None => asked.project.clone().or(own),
        };
        if action != Action::Read {
            self.check_readable(project.as_ref())?;
        }
        match asked.caller.clone() {
            Some(other) => {
                self.seen_by(other)
                    .decide_asked(asked, cluster, project)
                    .await
            }
            None => self.decide_asked(asked, cluster, project).await,
        }
    }

    /// Decides a question about what the asker may read.
    async fn decide_asked(
        &self,
        asked: Asked,
        cluster: Option<Cluster>,
        project: Option<ProjectName>,
    ) -> Result<Result<Approvals, (Action, Denial)>, ApiError> {
        let action = asked.action;
        let scope = Scope::of(project.as_ref(), &self.target.name);
        let decided = match action {
            Action::Read => answer(self.decided(action, Subject::Scope(&scope))),
            _ if action.is_on_webhooks() && project.is_some() => {
                answer(self.decided(action, Subject::Scope(&scope)))
            }
            _ if action.is_on_target() => answer(self.decided_target(action)),
            Action::UseTable => {
                let table = asked.table.as_deref().unwrap_or("Example");
                let (account, access) = (self.account()?, Some(Access::ReadWrite));
                let place = self.place(&account);
                Approvals::of(self.decided(action, Subject::Table(table, access, &scope, &place)))
            }
            Action::CreateCluster | Action::AdoptCluster if cluster.is_none() => {
                let after = self.proposed(asked.settings).await?;
                let proposal = Proposal {
                    action,
                    scope,
                    before: None,
                    after,
                };
                self.would_permit(proposal).await?
            }
            _ => {
                let cluster = cluster.ok_or_else(cluster_needed)?;
                self.answer_about(action, cluster, asked.peer).await?
            }
        };
        Ok(decided.map_err(|denial| (action, denial)))
    }

    /// Decides an action on a cluster with the settings that it has.
    async fn answer_about(
        &self,
        action: Action,
        cluster: Cluster,
        peer: Option<Peer>,
    ) -> Result<Result<Approvals, Denial>, ApiError> {
        let scope = cluster.scope();
        match action {
            Action::CreateCluster
            | Action::AdoptCluster
            | Action::UpdateCluster
            | Action::ScaleCluster
            | Action::RepairCluster => {
                let proposal = Proposal {
                    action,
                    scope,
                    before: Some(cluster.desired.clone()),
                    after: cluster.desired,
                };
                self.would_permit(proposal).await
            }
            Action::OpenIngress | Action::CloseIngress => {
                let ingress = IngressSpec {
                    open: action == Action::OpenIngress,
                    security_group_id: None,
                    port: tcp_port(cluster.desired.encryption_in_transit),
                    peer: peer.unwrap_or_else(|| Peer::cidr("10.0.0.0/8")),
                };
                let subject = Subject::Ingress(&cluster.name, &ingress, &scope);
                Ok(Approvals::of(self.decided(action, subject)))
            }
            _ => {
                let decided = self.decided(action, Subject::Cluster(&cluster.name, &scope));
                Ok(if action.starts_operation() {
                    Approvals::of(decided)
                } else {
                    answer(decided)
                })
            }
        }
    }

    /// The settings of a new cluster.
    async fn proposed(&self, settings: Option<Value>) -> Result<ClusterSpec, ApiError> {
        let account = self.account_soon().await?;
        let mut settings = settings.unwrap_or_else(|| serde_json::json!({}));
        rules::take_target(&mut settings);
        rules::take_project(&mut settings);
        let spec = rules::validate(settings, &self.validation_context(&account));
        let spec = spec.map_err(|errors| {
            Problem::invalid(
                errors
                    .into_iter()
                    .map(|error| error.below("/settings"))
                    .collect(),
            )
        })?;
        self.with_discovered_role(spec).await
    }
}

fn cluster_needed() -> ApiError {
    let rule = RuleViolation::new("required", "is required for this action");
    Problem::invalid(vec![FieldError::at("/cluster", rule)]).into()
}

impl AuthorizationRequest {
    fn accept(
        self,
        violations: &mut Violations,
        allowed_sources: &AllowedSources,
    ) -> Option<Asked> {
        let parse_action = |text: &str| {
            let rule = || RuleViolation::new("unknown_value", "is not an action");
            text.parse::<Action>().map_err(|_| rule())
        };
        let action = violations.required("/action", self.action.as_deref(), parse_action);
        let target = violations.optional("/target", self.target.as_deref(), TargetName::parse);
        let project = violations.optional("/project", self.project.as_deref(), ProjectName::parse);
        let cluster = violations.optional("/cluster", self.cluster.as_deref(), ClusterName::parse);
        let table = violations.optional("/table", self.table.as_deref(), fields::table_name);
        let peer = violations.optional("/cidr", self.cidr.as_deref(), |text| {
            source_cidr(text, allowed_sources)
        });
        let caller = self.caller.map(|other| other.accept(violations));
        Some(Asked {
            action: action?,
            target,
            project,
            cluster,
            settings: self.settings,
            table,
            peer,
            caller,
        })
    }
}

impl CallerRequest {
    fn accept(self, violations: &mut Violations) -> Identity {
        let lists = [
            ("/caller/groups", self.groups.len()),
            ("/caller/projects", self.projects.len()),
        ];
        for (pointer, length) in lists {
            if length > NAMES_MAX {
                let detail = format!("must have at most {NAMES_MAX} names");
                violations.add(pointer, "out_of_range", &detail);
            }
        }
        let parse_group = |text: &str| {
            let rule = || RuleViolation::new("invalid_format", "is not the name of a group");
            is_group(text).then(|| text.to_owned()).ok_or_else(rule)
        };
        Identity {
            id: "other".to_owned(),
            shown_as: "other".to_owned(),
            groups: violations.items("/caller/groups", &self.groups, parse_group),
            projects: violations.items("/caller/projects", &self.projects, ProjectName::parse),
            ..Identity::default()
        }
    }
}
