//! Operations (layer 2): what the product does, as plans of steps, one file per kind. They depend
//! on `aws` and `domain` only.
//!
//! A step's check reads from AWS and returns what follows. It never writes, sleeps, loops or uses
//! the store. The one mutating call it may need is returned as data: the worker commits the call
//! as an intent, sends it, and commits the outcome.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use chrono::{DateTime, Utc};
use strum::VariantArray;

use crate::aws::Aws;
use crate::domain::installation::AwsAccount;
use crate::domain::inventory::{Item, Owner, Presence, ResourceKind};
use crate::domain::mutation::Mutation;
use crate::domain::operation::Kind;
use crate::domain::problems::fault::{Difference, Fault, FaultClass};
use crate::domain::task::Task;
use crate::domain::verdict::Findings;
use crate::domain::waiting::WaitingFor;

mod access_policies;
pub mod adopt_cluster;
pub mod change_ingress;
mod changes;
mod cluster;
pub mod create_cluster;
mod delete_action;
pub mod delete_cluster;
mod environment;
mod evidence;
mod groups;
mod ingress_rules;
pub mod leftovers;
mod observation;
pub mod reboot_nodes;
pub mod release_cluster;
pub mod repair_cluster;
pub mod scale_cluster;
mod service_role;
mod settle;
pub mod tear_down;
pub mod timing;
pub mod update_cluster;

pub use environment::StepEnvironment;
pub use service_role::{RoleCandidates, unspecified_role};

use timing::Settings;

/// Failed attempts after which a security group counts as missing: EC2 may not find a group yet
/// that was created moments ago.
const ATTEMPTS_FOR_A_NEW_GROUP: u32 = 3;

/// What a step's check can read.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// AWS clients with the service's credentials.
    pub aws: &'a Aws,
    /// The account and Region of these clients.
    pub account: &'a AwsAccount,
    /// The operation at its current step.
    pub task: &'a Task,
    /// The operator's settings.
    pub settings: &'a Settings,
    candidates: &'a RoleCandidates,
}

impl<'a> Context<'a> {
    /// The context of the current step of `task`.
    pub fn new(env: &'a StepEnvironment, task: &'a Task) -> Self {
        Self {
            aws: &env.aws,
            account: &env.account,
            task,
            settings: &env.settings,
            candidates: &env.candidates,
        }
    }
}

/// The result of a step's check: what follows.
#[derive(Debug)]
pub enum StepOutcome {
    /// The step is done.
    Done(Findings),
    /// The step is not needed.
    Skip,
    /// The step must wait and be checked again.
    CheckAgain {
        /// Delay before the next check.
        after: Duration,
        /// The reason that clients see.
        waiting_for: WaitingFor,
        /// What the check has found so far.
        findings: Findings,
    },
    /// This call must be sent.
    Act {
        /// The one mutating call of the turn.
        mutation: Box<Mutation>,
        /// Until this time the error "role not assumable" only means that the role is too new.
        propagating_until: Option<DateTime<Utc>>,
    },
}

impl StepOutcome {
    fn act(mutation: Mutation) -> Self {
        Self::Act {
            mutation: Box::new(mutation),
            propagating_until: None,
        }
    }

    fn done() -> Self {
        Self::Done(Findings::default())
    }
}

/// The future of a step's check.
pub type StepFuture<'a> = Pin<Box<dyn Future<Output = Result<StepOutcome, Fault>> + Send + 'a>>;

/// A step's check.
pub type StepFn = for<'a> fn(&'a Context<'a>) -> StepFuture<'a>;

/// One named, idempotent part of a plan.
pub struct Step {
    /// Stored with each operation; never changes once released.
    pub name: &'static str,
    /// How long the step may take before the operation blocks.
    pub deadline: fn(&Task) -> Duration,
    /// How an exceeded deadline is explained.
    pub deadline_cause: DeadlineCause,
    /// Reads from AWS and returns what follows; a fault ends the check early.
    pub check: StepFn,
}

/// How an exceeded deadline of a step is explained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeadlineCause {
    /// By the last fault of the step.
    LastFault,
    /// By AWS's events about the cluster, which did not become available.
    ClusterNotAvailable,
}

/// The ordered steps of a kind of operation.
pub struct Plan {
    /// The forward steps.
    pub steps: &'static [Step],
    /// The steps that undo what the forward steps created.
    pub undo: &'static [Step],
    /// How long the whole operation may take before it blocks.
    pub deadline: Duration,
}

impl Step {
    /// A step whose exceeded deadline is explained by its last fault.
    const fn new(name: &'static str, deadline: fn(&Task) -> Duration, check: StepFn) -> Self {
        Self {
            name,
            deadline,
            deadline_cause: DeadlineCause::LastFault,
            check,
        }
    }

    /// A step that waits for the cluster: its exceeded deadline is explained by AWS's events.
    const fn awaiting(name: &'static str, deadline: fn(&Task) -> Duration, check: StepFn) -> Self {
        Self {
            name,
            deadline,
            deadline_cause: DeadlineCause::ClusterNotAvailable,
            check,
        }
    }
}

impl Plan {
    /// The names of the forward steps, which are stored when an operation is accepted.
    pub fn step_names(&self) -> Vec<&'static str> {
        self.steps.iter().map(|step| step.name).collect()
    }

    /// The names of the undo steps, which are stored when a roll-back starts.
    pub fn undo_names(&self) -> Vec<&'static str> {
        self.undo.iter().map(|step| step.name).collect()
    }
}

/// The plan of a kind.
pub fn plan(kind: Kind) -> &'static Plan {
    match kind {
        Kind::CreateCluster => &create_cluster::PLAN,
        Kind::DeleteCluster => &delete_cluster::PLAN,
        Kind::UpdateCluster => &update_cluster::PLAN,
        Kind::ScaleCluster => &scale_cluster::PLAN,
        Kind::RebootNodes => &reboot_nodes::PLAN,
        Kind::RepairCluster => &repair_cluster::PLAN,
        Kind::AdoptCluster => &adopt_cluster::PLAN,
        Kind::ReleaseCluster => &release_cluster::PLAN,
        Kind::ChangeIngress => &change_ingress::PLAN,
    }
}

/// The step of a kind by its name; forward and undo steps have different names.
pub fn step(kind: Kind, name: &str) -> Option<&'static Step> {
    let plan = plan(kind);
    plan.steps
        .iter()
        .chain(plan.undo)
        .find(|step| step.name == name)
}

/// Every step name of this binary: a worker claims only operations at one of these steps.
pub fn known_steps() -> Vec<String> {
    let plans = Kind::VARIANTS.iter().copied().map(plan);
    let mut names: Vec<String> = plans
        .flat_map(|plan| plan.steps.iter().chain(plan.undo))
        .map(|step| step.name.to_owned())
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Creates the resource of `mutation` unless it exists. An existing one completes the step if this
/// operation created it; otherwise it is a conflict.
async fn ensure_created(context: &Context<'_>, mutation: Mutation) -> Result<StepOutcome, Fault> {
    let task = context.task;
    if mutation
        .creates()
        .is_some_and(|(kind, name)| task.present_named(kind, name).is_some())
    {
        return Ok(StepOutcome::done());
    }
    let mutation = task.open_call_like(&mutation).cloned().unwrap_or(mutation);
    match evidence::find_evidence(
        context.aws,
        context.account,
        task.installation_id,
        task.operation_id,
        &mutation,
    )
    .await?
    {
        evidence::Existence::Owned(item) => Ok(StepOutcome::Done(Findings::of(*item))),
        evidence::Existence::Foreign(differences)
        | evidence::Existence::Altered(_, differences) => Err(conflict(&mutation, differences)),
        evidence::Existence::Absent | evidence::Existence::Undecided => {
            Ok(StepOutcome::act(mutation))
        }
    }
}

fn conflict(mutation: &Mutation, differences: Vec<Difference>) -> Fault {
    let detail = format!(
        "{} exists in AWS and was not created by this operation",
        mutation.target()
    );
    Fault {
        differences,
        ..Fault::new(FaultClass::Conflict, detail)
    }
}

/// The fault of an operation whose stored spec belongs to another kind.
fn wrong_spec() -> Fault {
    let detail = "the stored spec does not match the kind of the operation";
    Fault::new(FaultClass::Invalid, detail)
}

/// Sends the one call of a turn. The findings contain the resource that it created.
pub async fn act(context: &Context<'_>, mutation: &Mutation) -> Result<Findings, Fault> {
    let sent = context.aws.send(mutation, context.account).await;
    let effect = sent.map_err(|fault| {
        reclassify_repeated_call(
            context,
            mutation,
            reclassify_missing_group(context, mutation, fault),
        )
    })?;
    let created = mutation.creates().map(|(kind, name)| {
        let arn = effect.arn.clone();
        Item::managed(kind, name, arn, context.task.operation_id)
    });
    Ok(Findings {
        inventory: created.into_iter().collect(),
        observed: effect.observed,
        ..Findings::default()
    })
}

/// NotFound for a group that this service did not create is invalid input. A group that it created
/// is only not visible yet, and the call is retried.
fn reclassify_missing_group(context: &Context<'_>, mutation: &Mutation, fault: Fault) -> Fault {
    let code = fault
        .aws
        .as_ref()
        .map(|aws| aws.code.as_str())
        .unwrap_or_default();
    let kind = if code.starts_with("SubnetGroup") {
        ResourceKind::SubnetGroup
    } else {
        ResourceKind::ParameterGroup
    };
    let group = context
        .task
        .inventory
        .iter()
        .rev()
        .find(|item| item.kind == kind && item.presence == Presence::Present);
    let is_external = group.is_some_and(|group| group.owner == Owner::External);
    let uses_group = matches!(
        mutation,
        Mutation::CreateCluster(_) | Mutation::UpdateCluster(_)
    );
    // The peer of an ingress rule is invalid once several attempts have not found it.
    let opens = matches!(mutation, Mutation::AuthorizeIngress { .. });
    let never_found = opens && context.task.step.faults_in_row >= ATTEMPTS_FOR_A_NEW_GROUP;
    if (uses_group && is_external || never_found) && fault.class == FaultClass::NotFound {
        return Fault {
            class: FaultClass::Invalid,
            ..fault
        };
    }
    fault
}

/// A call is repeated after its first attempt ended with an unknown outcome. If that attempt took
/// effect, AWS rejects the repetition as invalid ("there are already three nodes"). The class
/// `WrongState` makes the worker check the step again instead of failing the operation.
fn reclassify_repeated_call(context: &Context<'_>, mutation: &Mutation, fault: Fault) -> Fault {
    let is_repeated = context.task.open_call_like(mutation).is_some();
    if is_repeated && fault.class == FaultClass::Invalid {
        return Fault {
            class: FaultClass::WrongState,
            ..fault
        };
    }
    fault
}

/// The fault of a step that exceeded its deadline: its last fault, or AWS's events about the
/// cluster.
pub async fn deadline_fault(context: &Context<'_>, step: &Step, last: Option<Fault>) -> Fault {
    match step.deadline_cause {
        DeadlineCause::ClusterNotAvailable => {
            let detail = format!(
                "the cluster {} did not become available in time",
                context.task.cluster
            );
            cluster::not_available(context, detail).await
        }
        DeadlineCause::LastFault => last.unwrap_or_else(|| {
            Fault::new(
                FaultClass::Deadline,
                format!("{} exceeded its deadline", step.name),
            )
        }),
    }
}
