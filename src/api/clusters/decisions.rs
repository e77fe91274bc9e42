//! Decisions about the settings that a request would lead to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use crate::authorization::{
    Action, Denial, Permits, Question, Rules, Settings, Subject, changed_fields,
};
use crate::domain::iam::policies::Tables;
use crate::domain::installation::AwsAccount;
use crate::domain::inventory::Owner;
use crate::domain::names::ClusterName;
use crate::domain::project::{ProjectUsage, Scope};
use crate::domain::spec::{ClusterSpec, ServiceRole};
use crate::domain::target::TargetName;
use crate::domain::validation::typed::RoleArn;
use crate::operations::unspecified_role;
use crate::store::{Actor, Limit};

use crate::api::access::CallerApi;
use crate::api::audit::recording::note_policies;
use crate::api::clusters::approvals::{Approvals, Decided};
use crate::api::http::api_error::ApiError;
use crate::api::http::authentication::Caller;
use crate::api::http::responses::now;
use crate::api::targets::TargetApi;

/// Settings to decide about.
pub(crate) struct Proposal {
    /// The action.
    pub(crate) action: Action,
    /// The project and the target.
    pub(crate) scope: Scope,
    /// The settings before; `None` for a new cluster.
    pub(crate) before: Option<ClusterSpec>,
    /// The settings that the request would lead to.
    pub(crate) after: ClusterSpec,
}

/// A decision that needs the counts of the project, which the store makes when it accepts the
/// request.
pub(crate) struct Pending {
    limit: Limit,
    refusal: Refusal,
}

impl Pending {
    /// What the store asks, and where the reason of its refusal will be.
    pub(crate) fn split(self) -> (Limit, Refusal) {
        (self.limit, self.refusal)
    }
}

/// The reason of a refusal, once there is one.
#[derive(Clone, Default)]
pub(crate) struct Refusal(Arc<Mutex<Option<Denial>>>);

/// What a decision about settings needs besides the counts.
struct Case {
    rules: Arc<Rules>,
    caller: Caller,
    actor: Arc<Actor>,
    /// The approvals that the tables need.
    approvals: Approvals,
    proposal: Proposal,
    changed: BTreeSet<String>,
    regions: BTreeMap<TargetName, String>,
}

impl Case {
    fn decide(&self, usage: &ProjectUsage) -> Result<Approvals, Denial> {
        self.needed(self.ask(usage, Rules::decide))
    }

    /// The same for the policies that name no count.
    fn decide_uncounted(&self) -> Result<Approvals, Denial> {
        self.needed(self.ask(&ProjectUsage::default(), Rules::decide_uncounted))
    }

    fn needed(&self, decided: Result<Permits, Denial>) -> Result<Approvals, Denial> {
        note_policies(&self.actor, &decided);
        let mut approvals = self.approvals.clone();
        approvals.note(decided)?;
        Ok(approvals)
    }

    fn ask<T>(&self, usage: &ProjectUsage, ask: impl Fn(&Rules, &Question<'_>) -> T) -> T {
        let Proposal {
            action,
            scope,
            before,
            after,
        } = &self.proposal;
        let nodes = before
            .as_ref()
            .map_or(0, |before| before.replication_factor)
            .max(after.replication_factor);
        let settings = Settings {
            spec: after,
            changed: &self.changed,
            target: &scope.target,
            usage,
            nodes: nodes.into(),
            regions: &self.regions,
            now: now(),
            prices: &self.rules.prices,
        };
        let question = Question {
            caller: &self.caller,
            action: *action,
            subject: Subject::Settings(&settings, scope),
        };
        ask(&self.rules, &question)
    }
}

impl Refusal {
    /// The response.
    pub(crate) fn response(&self, api: &CallerApi, action: Action) -> ApiError {
        let denial = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let unknown = || Denial::Failed("the reason of a refusal is lost".to_owned());
        api.denied(action, denial.unwrap_or_else(unknown))
    }
}

impl TargetApi {
    /// Decides settings. If a rule depends on the counts of the project, the rest of the decision is
    /// returned as well.
    pub(crate) fn decide_settings(
        &self,
        proposal: Proposal,
    ) -> Result<Result<Decided, Denial>, ApiError> {
        if self.rules.permit_everything() {
            return Ok(Ok(Decided::default()));
        }
        let account = self.account()?;
        Ok(self.decide_settings_in(proposal, &account))
    }

    fn decide_settings_in(
        &self,
        proposal: Proposal,
        account: &AwsAccount,
    ) -> Result<Decided, Denial> {
        let case = self.case(proposal, account)?;
        if !case.ask(&ProjectUsage::default(), Rules::is_counted)? {
            return Ok((case.decide(&ProjectUsage::default())?, None));
        }
        // What no count can change is refused before the project is locked.
        let approvals = case.decide_uncounted()?;
        let refusal = Refusal::default();
        let reason = refusal.clone();
        let scope = case.proposal.scope.clone();
        let permits = move |usage: &ProjectUsage| match case.decide(usage) {
            Ok(approvals) => Some(approvals.groups().collect()),
            Err(denial) => {
                *reason.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(denial);
                None
            }
        };
        let permits = Box::new(permits);
        let limit = Limit { scope, permits };
        Ok((approvals, Some(Pending { limit, refusal })))
    }

    /// Rejects an action on a cluster that no policy can permit, whatever its settings are.
    pub(crate) fn check_possible(
        &self,
        action: Action,
        name: &ClusterName,
        scope: &Scope,
    ) -> Result<(), ApiError> {
        let question = Question {
            caller: &self.caller,
            action,
            subject: Subject::Cluster(name, scope),
        };
        self.note_subject(&question.subject);
        if self.rules.can_permit(&question) {
            return Ok(());
        }
        Err(self.denied(action, Denial::Forbidden(Vec::new())))
    }

    /// Rejects settings that the rules do not permit at this moment. It accepts nothing.
    pub(crate) async fn check_permitted(&self, proposal: Proposal) -> Result<(), ApiError> {
        let action = proposal.action;
        let decided = self.would_permit(proposal).await?;
        decided
            .map(|_| ())
            .map_err(|denial| self.denied(action, denial))
    }

    /// Whether the rules permit settings at this moment. It accepts nothing.
    pub(crate) async fn would_permit(
        &self,
        proposal: Proposal,
    ) -> Result<Result<Approvals, Denial>, ApiError> {
        if self.rules.permit_everything() {
            return Ok(Ok(Approvals::default()));
        }
        let cluster = proposal.after.name.clone();
        let usage = self
            .store
            .project_usage(&proposal.scope, cluster.as_str())
            .await?;
        let case = self.case(proposal, &self.account()?);
        Ok(case.and_then(|case| case.decide(&usage)))
    }

    /// The case of a proposal, whose tables are permitted.
    fn case(&self, proposal: Proposal, account: &AwsAccount) -> Result<Case, Denial> {
        let (scope, cluster) = (&proposal.scope, &proposal.after.name);
        self.note_subject(&Subject::Cluster(cluster, scope));
        let approvals = self.decide_tables(&proposal, account)?;
        Ok(Case {
            approvals,
            actor: Arc::clone(&self.actor),
            rules: Arc::clone(&self.rules),
            caller: self.caller.clone(),
            changed: changed_fields(proposal.before.as_ref(), &proposal.after),
            regions: self.regions(),
            proposal,
        })
    }

    /// Decides on each table that a managed role would reach.
    fn decide_tables(
        &self,
        proposal: &Proposal,
        account: &AwsAccount,
    ) -> Result<Approvals, Denial> {
        let mut approvals = Approvals::default();
        let ServiceRole::New { access, tables } = &proposal.after.service_role else {
            return Ok(approvals);
        };
        let Tables::Named(tables) = tables else {
            return Ok(approvals);
        };
        let place = self.place(account);
        for table in tables {
            let subject = Subject::Table(table, Some(*access), &proposal.scope, &place);
            approvals.note(self.decided(Action::UseTable, subject))?;
        }
        Ok(approvals)
    }

    fn regions(&self) -> BTreeMap<TargetName, String> {
        let targets = self.targets.borrow();
        let region = |(name, target): (&TargetName, &Arc<crate::api::targets::Target>)| {
            let account = target.account.borrow();
            Some((name.clone(), account.as_ref()?.region.clone()))
        };
        targets.iter().filter_map(region).collect()
    }

    /// The settings with the role that the discovery finds now, so that what is decided is what is
    /// done. Without rules the operation discovers it.
    pub(crate) async fn with_discovered_role(
        &self,
        mut spec: ClusterSpec,
    ) -> Result<ClusterSpec, ApiError> {
        let ServiceRole::Discover { default_access } = spec.service_role else {
            return Ok(spec);
        };
        if self.rules.permit_everything() {
            return Ok(spec);
        }
        let _permit = self.aws_permit(&self.caller).await?;
        let roles = self.inspector()?.service_roles().await;
        let roles = roles.map_err(|fault| self.error_of(&fault))?;
        let external = roles
            .into_iter()
            .filter(|role| role.owner == Owner::External);
        let found: Vec<String> = external.map(|role| role.arn).collect();
        spec.service_role = match (found.as_slice(), default_access) {
            ([only], _) => ServiceRole::Existing {
                arn: RoleArn::from_aws(only),
            },
            ([], Some(access)) => ServiceRole::New {
                access,
                tables: Tables::All,
            },
            _ => return Err(self.error_of(&unspecified_role(found))),
        };
        Ok(spec)
    }
}
