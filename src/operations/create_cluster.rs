//! create_cluster: creates the service role, its policies, the groups and the cluster, and waits
//! until the cluster is available.

use std::time::Duration;

use crate::domain::problems::fault::Fault;
use crate::domain::spec::{ClusterSpec, Spec};
use crate::domain::task::Task;

use super::{
    Context, Plan, Step, access_policies, cluster, groups, service_role, tear_down, wrong_spec,
};

/// Time for IAM to show what was created: other provisioners allow two minutes.
const IAM_TIMEOUT: Duration = Duration::from_secs(120);
/// Time during which CreateCluster may fail for a transient state: a role that DAX cannot assume
/// yet, or a name that is still being freed.
const CREATE_TIMEOUT: Duration = Duration::from_secs(15 * 60);
/// Time for a cluster of up to three nodes to become available.
const AVAILABLE_TIMEOUT: Duration = Duration::from_secs(45 * 60);
/// Additional time for every three nodes beyond the first three.
const TIMEOUT_PER_THREE_NODES: Duration = Duration::from_secs(10 * 60);

/// The steps of a create. Its undo is the tear-down that a delete uses.
pub const PLAN: Plan = Plan {
    steps: &[
        Step::new(
            "find_service_role",
            |_| IAM_TIMEOUT,
            |context| Box::pin(async { service_role::find(context, spec(context)?).await }),
        ),
        Step::new(
            "create_service_role",
            |_| IAM_TIMEOUT,
            |context| Box::pin(service_role::create(context)),
        ),
        Step::new(
            "create_access_policies",
            |_| IAM_TIMEOUT,
            |context| Box::pin(async { access_policies::create(context, spec(context)?).await }),
        ),
        Step::new(
            "attach_access_policies",
            |_| IAM_TIMEOUT,
            |context| Box::pin(access_policies::attach(context)),
        ),
        Step::new(
            "ensure_service_linked_role",
            |_| IAM_TIMEOUT,
            |context| Box::pin(service_role::ensure_service_linked(context)),
        ),
        Step::new(
            "prepare_subnet_group",
            |_| IAM_TIMEOUT,
            |context| {
                Box::pin(async { groups::prepare_subnet_group(context, spec(context)?).await })
            },
        ),
        Step::new(
            "prepare_parameter_group",
            |_| IAM_TIMEOUT,
            |context| {
                Box::pin(async { groups::prepare_parameter_group(context, spec(context)?).await })
            },
        ),
        Step::new(
            "set_parameters",
            |_| IAM_TIMEOUT,
            |context| Box::pin(async { groups::set_parameters(context, spec(context)?).await }),
        ),
        Step::new(
            "create_cluster",
            |_| CREATE_TIMEOUT,
            |context| Box::pin(async { cluster::create(context, spec(context)?).await }),
        ),
        Step::awaiting("await_available", available_timeout, |context| {
            Box::pin(cluster::await_available(context))
        }),
    ],
    undo: tear_down::STEPS,
    deadline: Duration::from_secs(3 * 60 * 60),
};

fn available_timeout(task: &Task) -> Duration {
    let nodes = task
        .spec
        .desired()
        .map_or(1, |spec| u32::from(spec.replication_factor));
    AVAILABLE_TIMEOUT + TIMEOUT_PER_THREE_NODES * (nodes.saturating_sub(1) / 3)
}

fn spec<'a>(context: &Context<'a>) -> Result<&'a ClusterSpec, Fault> {
    let Spec::CreateCluster(spec) = &context.task.spec else {
        return Err(wrong_spec());
    };
    Ok(spec)
}
