//! Steps about the subnet group and the parameter group.

use std::collections::BTreeSet;

use crate::domain::inventory::{Item, ResourceKind};
use crate::domain::mutation::Mutation;
use crate::domain::names::{group_description, managed_name};
use crate::domain::network::{choose_subnets, why_none};
use crate::domain::problems::fault::{Fault, FaultClass};
use crate::domain::spec::{ClusterSpec, ParameterGroup, SubnetGroup};
use crate::domain::verdict::Findings;

use super::{Context, StepOutcome, make};

/// The subnet group that an account with a default VPC has.
const DEFAULT_SUBNET_GROUP: &str = "default";

/// Finds the subnet group that was given or the account's default one, or makes one of the given subnets.
pub(super) async fn prepare_subnet_group(
    context: &Context<'_>,
    spec: &ClusterSpec,
) -> Result<StepOutcome, Fault> {
    let task = context.task;
    let name = match &spec.subnet_group {
        SubnetGroup::New { subnet_ids } => {
            return make(context, subnet_group_of(context, subnet_ids.clone())).await;
        }
        SubnetGroup::OfVpc { vpc_id } => return make_of_vpc(context, spec, vpc_id).await,
        SubnetGroup::Existing { name } => name,
        SubnetGroup::Default => DEFAULT_SUBNET_GROUP,
    };
    match context.aws.subnet_group(name).await? {
        Some(group) => {
            let item = Item::found(
                ResourceKind::SubnetGroup,
                group.name,
                None,
                task.operation_id,
            );
            Ok(StepOutcome::Done(Findings::of(item)))
        }
        None if spec.subnet_group == SubnetGroup::Default => Err(Fault::new(
            FaultClass::Invalid,
            "the account has no subnet group named default; name one by subnet_group.name or give subnet_group.subnet_ids",
        )),
        None => Err(Fault::new(
            FaultClass::Invalid,
            format!("there is no subnet group named {name}"),
        )),
    }
}

fn subnet_group_of(context: &Context<'_>, subnet_ids: BTreeSet<String>) -> Mutation {
    let task = context.task;
    Mutation::CreateSubnetGroup {
        name: managed_name(&task.cluster, task.operation_id),
        description: group_description(task.installation_id, task.operation_id),
        subnet_ids,
    }
}

/// Makes a group of the VPC's subnets as they are now. What was made of them before, or was sent and may have been, stays
/// as it was: the VPC can have changed since.
async fn make_of_vpc(
    context: &Context<'_>,
    spec: &ClusterSpec,
    vpc_id: &str,
) -> Result<StepOutcome, Fault> {
    let unfilled = subnet_group_of(context, BTreeSet::new());
    let task = context.task;
    let is_made = unfilled
        .makes()
        .is_some_and(|(kind, name)| task.present_named(kind, name).is_some());
    if is_made || task.open_call_like(&unfilled).is_some() {
        return make(context, unfilled).await;
    }
    let subnets = context.aws.subnets_of_vpc(vpc_id).await?;
    let chosen = choose_subnets(&subnets, spec.network_type, &context.place.region);
    if !chosen.is_empty() {
        return make(context, subnet_group_of(context, chosen)).await;
    }
    Err(Fault::new(
        FaultClass::Invalid,
        why_none(vpc_id, &subnets, spec.network_type),
    ))
}

/// Finds the parameter group that was given, or makes an empty one to be filled.
pub(super) async fn prepare_parameter_group(
    context: &Context<'_>,
    spec: &ClusterSpec,
) -> Result<StepOutcome, Fault> {
    let task = context.task;
    match &spec.parameter_group {
        ParameterGroup::Default => Ok(StepOutcome::Skip),
        ParameterGroup::Existing { name } => find_parameter_group(context, name).await,
        ParameterGroup::New { .. } => {
            let mutation = Mutation::CreateParameterGroup {
                name: managed_name(&task.cluster, task.operation_id),
                description: group_description(task.installation_id, task.operation_id),
            };
            make(context, mutation).await
        }
    }
}

/// Finds a parameter group that was given.
pub(super) async fn find_parameter_group(
    context: &Context<'_>,
    name: &str,
) -> Result<StepOutcome, Fault> {
    match context.aws.parameter_group(name).await? {
        Some(group) => {
            let item = Item::found(
                ResourceKind::ParameterGroup,
                group.name,
                None,
                context.task.operation_id,
            );
            Ok(StepOutcome::Done(Findings::of(item)))
        }
        None => Err(Fault::new(
            FaultClass::Invalid,
            format!("there is no parameter group named {name}"),
        )),
    }
}

/// Fills the parameter group of ours: AWS makes it with default values only.
pub(super) async fn set_parameters(
    context: &Context<'_>,
    spec: &ClusterSpec,
) -> Result<StepOutcome, Fault> {
    let ParameterGroup::New { values } = &spec.parameter_group else {
        return Ok(StepOutcome::Skip);
    };
    let name = managed_name(&context.task.cluster, context.task.operation_id);
    let Some(found) = context.aws.parameters(&name).await? else {
        return Err(Fault::new(
            FaultClass::NotFound,
            format!("the parameter group {name} is not visible yet"),
        ));
    };
    if values
        .iter()
        .all(|(key, value)| found.get(key) == Some(value))
    {
        return Ok(StepOutcome::done());
    }
    Ok(StepOutcome::act(Mutation::UpdateParameterGroup {
        name,
        values: values.clone(),
    }))
}
