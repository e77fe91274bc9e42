//! Floor 2, operations: what the product does. One file per kind, each a plan of steps; they see `aws` and `domain`.
//!
//! A step looks, and says what should follow; it never writes, sleeps, loops or reaches the store. The one mutating call
//! it may ask for is data: the worker commits it as the intent, sends it, and commits the outcome.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use chrono::{DateTime, Utc};

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
pub mod tear_down;
pub mod timing;
pub mod update_cluster;

use timing::Settings;

/// How often a security group that was given is looked for in vain: one made moments ago is not seen by all of EC2 yet.
const TRIES_FOR_A_NEW_GROUP: u32 = 3;

/// The AWS that operations work in, and what the operator has set.
#[derive(Debug, Clone)]
pub struct StepEnvironment {
    /// AWS, to be asked.
    pub aws: Aws,
    /// Which account and Region it is.
    pub place: AwsAccount,
    /// What the operator has set.
    pub settings: Settings,
}

/// What a step may look at.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// AWS, to be asked.
    pub aws: &'a Aws,
    /// Which account and Region it is.
    pub place: &'a AwsAccount,
    /// The operation at its step.
    pub task: &'a Task,
    /// What the operator has set.
    pub settings: &'a Settings,
}

impl<'a> Context<'a> {
    /// What the step of a task may look at.
    pub fn new(world: &'a StepEnvironment, task: &'a Task) -> Self {
        Self {
            aws: &world.aws,
            place: &world.place,
            task,
            settings: &world.settings,
        }
    }
}

/// What a look says should follow.
#[derive(Debug)]
pub enum StepOutcome {
    /// The step is done.
    Done(Findings),
    /// The step is not needed.
    Skip,
    /// Not yet: look again later.
    CheckAgain {
        /// How much later.
        after: Duration,
        /// What for.
        waiting_for: WaitingFor,
        /// What was found out meanwhile.
        findings: Findings,
    },
    /// This call must be sent.
    Act {
        /// The call.
        mutation: Box<Mutation>,
        /// Until when a refusal "role not assumable" only means that the role is young.
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

/// The future of a look.
pub type StepFuture<'a> = Pin<Box<dyn Future<Output = Result<StepOutcome, Fault>> + Send + 'a>>;

/// The look of a step.
pub type StepFn = for<'a> fn(&'a Context<'a>) -> StepFuture<'a>;

/// One named, repeatable act. A look that meets a fault comes back with it by `?`.
pub struct Step {
    /// Its name, which never changes once released.
    pub name: &'static str,
    /// How long it may be tried before it blocks.
    pub deadline: fn(&Task) -> Duration,
    /// What a deadline means here.
    pub late: DeadlineCause,
    /// Reads, and says what should follow.
    pub check: StepFn,
}

/// What it means when a step's deadline has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeadlineCause {
    /// The last fault is the reason.
    LastFault,
    /// The cluster did not become available: AWS's events about it are the reason.
    ClusterNotAvailable,
}

/// The ordered steps of a kind.
pub struct Plan {
    /// Forward steps.
    pub steps: &'static [Step],
    /// Steps that undo what the forward ones made.
    pub undo: &'static [Step],
    /// How long the whole may take before it blocks.
    pub deadline: Duration,
}

impl Step {
    /// A step that may take so long, and whose last fault is the reason when it takes longer.
    const fn new(name: &'static str, deadline: fn(&Task) -> Duration, check: StepFn) -> Self {
        Self {
            name,
            deadline,
            late: DeadlineCause::LastFault,
            check,
        }
    }

    /// A step that waits for the cluster: AWS's events are the reason when it takes too long.
    const fn awaiting(name: &'static str, deadline: fn(&Task) -> Duration, check: StepFn) -> Self {
        Self {
            name,
            deadline,
            late: DeadlineCause::ClusterNotAvailable,
            check,
        }
    }
}

impl Plan {
    /// The names of the forward steps, as they are written down when an operation is accepted.
    pub fn step_names(&self) -> Vec<&'static str> {
        self.steps.iter().map(|step| step.name).collect()
    }

    /// The names of the undo steps.
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

/// Every step name this program knows, for claims.
pub fn known_steps() -> Vec<String> {
    let plans = Kind::ALL.into_iter().map(plan);
    let mut names: Vec<String> = plans
        .flat_map(|plan| plan.steps.iter().chain(plan.undo))
        .map(|step| step.name.to_owned())
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Looks for what a mutation makes: it is done when ours is there, a conflict when another's is, else it must be made.
async fn make(context: &Context<'_>, mutation: Mutation) -> Result<StepOutcome, Fault> {
    let task = context.task;
    if mutation
        .makes()
        .is_some_and(|(kind, name)| task.present_named(kind, name).is_some())
    {
        return Ok(StepOutcome::done());
    }
    let mutation = task.open_call_like(&mutation).cloned().unwrap_or(mutation);
    match evidence::find_evidence(
        context.aws,
        context.place,
        task.installation_id,
        task.operation_id,
        &mutation,
    )
    .await?
    {
        evidence::Existence::Ours(item) => Ok(StepOutcome::Done(Findings::of(*item))),
        evidence::Existence::Foreign(differences)
        | evidence::Existence::Altered(_, differences) => Err(conflict(&mutation, differences)),
        evidence::Existence::Absent | evidence::Existence::Undecided => {
            Ok(StepOutcome::act(mutation))
        }
    }
}

fn conflict(mutation: &Mutation, differences: Vec<Difference>) -> Fault {
    let detail = format!(
        "something named {} exists and was not made by this operation",
        mutation.target()
    );
    Fault {
        differences,
        ..Fault::new(FaultClass::Conflict, detail)
    }
}

/// Sends the one call of a turn and says what it made.
pub async fn act(context: &Context<'_>, mutation: &Mutation) -> Result<Findings, Fault> {
    let sent = context.aws.send(mutation, context.place).await;
    let effect = sent.map_err(|fault| {
        sent_twice(
            context,
            mutation,
            missing_external_group(context, mutation, fault),
        )
    })?;
    let made = mutation.makes().map(|(kind, name)| {
        let arn = effect.arn.clone();
        Item::made(kind, name, arn, context.task.operation_id)
    });
    Ok(Findings {
        inventory: made.into_iter().collect(),
        observed: effect.observed,
        ..Findings::default()
    })
}

/// A group that was given and is not there is a wrong input; one that we made is only not visible yet.
fn missing_external_group(context: &Context<'_>, mutation: &Mutation, fault: Fault) -> Fault {
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
    let present = context.task.inventory.iter().rev();
    let group = present
        .into_iter()
        .find(|item| item.kind == kind && item.presence == Presence::Present);
    let given = group.is_some_and(|group| group.owner == Owner::External);
    let uses = matches!(
        mutation,
        Mutation::CreateCluster(_) | Mutation::UpdateCluster(_)
    );
    // So is a group that shall be let in, once a few tries have not found it either.
    let opens = matches!(mutation, Mutation::AuthorizeIngress { .. });
    let never_there = opens && context.task.step.faults_in_row >= TRIES_FOR_A_NEW_GROUP;
    if (uses && given || never_there) && fault.class == FaultClass::NotFound {
        return Fault {
            class: FaultClass::Invalid,
            ..fault
        };
    }
    fault
}

/// A refusal of a call whose twin may have taken effect: "there are three nodes already" says that it has. Look again.
fn sent_twice(context: &Context<'_>, mutation: &Mutation, fault: Fault) -> Fault {
    let twin = context.task.open_call_like(mutation).is_some();
    if twin && fault.class == FaultClass::Invalid {
        return Fault {
            class: FaultClass::WrongState,
            ..fault
        };
    }
    fault
}

/// The fault of a step whose deadline has passed: the last one it met, or what AWS says about the cluster.
pub async fn late_fault(context: &Context<'_>, step: &Step, last: Option<Fault>) -> Fault {
    match step.late {
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
                format!("{} took longer than it may", step.name),
            )
        }),
    }
}
