//! create_cluster: the role, its policies, the groups, the cluster, and the wait until it can be used.

use std::time::Duration;

use crate::domain::problems::fault::{Fault, FaultClass};
use crate::domain::spec::{ClusterSpec, Spec};
use crate::domain::task::Task;

use super::{
    Context, Plan, Step, StepFuture, access_policies, cluster, groups, service_role, tear_down,
};

/// How long IAM may take to show what was made: other provisioners allow two minutes.
const IAM_PATIENCE: Duration = Duration::from_secs(120);
/// How long CreateCluster may be refused for a state that passes: a role that is young, a name that is being freed.
const CREATE_PATIENCE: Duration = Duration::from_secs(15 * 60);
/// How long a cluster may take to become available: 45 minutes, and 10 more for every three nodes beyond the first three.
const AVAILABLE_PATIENCE: Duration = Duration::from_secs(45 * 60);
const PATIENCE_PER_THREE_NODES: Duration = Duration::from_secs(10 * 60);

/// The plan.
pub const PLAN: Plan = Plan {
    steps: &[
        Step::new("find_service_role", |_| IAM_PATIENCE, find_service_role),
        Step::new("create_service_role", |_| IAM_PATIENCE, create_service_role),
        Step::new(
            "create_access_policies",
            |_| IAM_PATIENCE,
            create_access_policies,
        ),
        Step::new(
            "attach_access_policies",
            |_| IAM_PATIENCE,
            attach_access_policies,
        ),
        Step::new(
            "ensure_service_linked_role",
            |_| IAM_PATIENCE,
            ensure_service_linked_role,
        ),
        Step::new(
            "prepare_subnet_group",
            |_| IAM_PATIENCE,
            prepare_subnet_group,
        ),
        Step::new(
            "prepare_parameter_group",
            |_| IAM_PATIENCE,
            prepare_parameter_group,
        ),
        Step::new("set_parameters", |_| IAM_PATIENCE, set_parameters),
        Step::new("create_cluster", |_| CREATE_PATIENCE, create_cluster),
        Step::awaiting("await_available", available_patience, await_available),
    ],
    undo: tear_down::STEPS,
    deadline: Duration::from_secs(3 * 60 * 60),
};

fn available_patience(task: &Task) -> Duration {
    let nodes = task
        .spec
        .wanted()
        .map_or(1, |spec| u32::from(spec.replication_factor));
    AVAILABLE_PATIENCE + PATIENCE_PER_THREE_NODES * (nodes.saturating_sub(1) / 3)
}

fn spec<'a>(context: &Context<'a>) -> Result<&'a ClusterSpec, Fault> {
    match &context.task.spec {
        Spec::CreateCluster(spec) => Ok(spec),
        Spec::DeleteCluster(_)
        | Spec::UpdateCluster(_)
        | Spec::ScaleCluster(_)
        | Spec::RebootNodes(_)
        | Spec::RepairCluster(_)
        | Spec::AdoptCluster(_)
        | Spec::ReleaseCluster
        | Spec::ChangeIngress(_) => Err(Fault::new(
            FaultClass::Invalid,
            "the operation holds the spec of another kind",
        )),
    }
}

fn find_service_role<'a>(context: &'a Context<'a>) -> StepFuture<'a> {
    Box::pin(async move { service_role::find(context, spec(context)?).await })
}

fn create_service_role<'a>(context: &'a Context<'a>) -> StepFuture<'a> {
    Box::pin(service_role::create(context))
}

fn create_access_policies<'a>(context: &'a Context<'a>) -> StepFuture<'a> {
    Box::pin(async move { access_policies::create(context, spec(context)?).await })
}

fn attach_access_policies<'a>(context: &'a Context<'a>) -> StepFuture<'a> {
    Box::pin(access_policies::attach(context))
}

fn ensure_service_linked_role<'a>(context: &'a Context<'a>) -> StepFuture<'a> {
    Box::pin(service_role::ensure_service_linked(context))
}

fn prepare_subnet_group<'a>(context: &'a Context<'a>) -> StepFuture<'a> {
    Box::pin(async move { groups::prepare_subnet_group(context, spec(context)?).await })
}

fn prepare_parameter_group<'a>(context: &'a Context<'a>) -> StepFuture<'a> {
    Box::pin(async move { groups::prepare_parameter_group(context, spec(context)?).await })
}

fn set_parameters<'a>(context: &'a Context<'a>) -> StepFuture<'a> {
    Box::pin(async move { groups::set_parameters(context, spec(context)?).await })
}

fn create_cluster<'a>(context: &'a Context<'a>) -> StepFuture<'a> {
    Box::pin(async move { cluster::create(context, spec(context)?).await })
}

fn await_available<'a>(context: &'a Context<'a>) -> StepFuture<'a> {
    Box::pin(cluster::await_available(context))
}
