//! Steps of the subnet group and the parameter group.

use std::collections::BTreeSet;

use crate::domain::inventory::{Item, ResourceKind};
use crate::domain::mutation::Mutation;
use crate::domain::names::{group_description, managed_name};
use crate::domain::network::{choose_subnets, no_suitable_subnet};
use crate::domain::problems::fault::{Fault, FaultClass};
use crate::domain::spec::{ClusterSpec, ParameterGroup, SubnetGroup};
use crate::domain::validation::typed::{SubnetId, VpcId};
use crate::domain::verdict::Findings;

use super::{Context, StepOutcome, ensure_created};

/// AWS creates this subnet group in an account with a default VPC.
const DEFAULT_SUBNET_GROUP: &str = "default";

/// Finds the subnet group that the request names or the account's default one, or creates one.
pub(super) async fn prepare_subnet_group(
    context: &Context<'_>,
    spec: &ClusterSpec,
) -> Result<StepOutcome, Fault> {
    let task = context.task;
    let name = match &spec.subnet_group {
        SubnetGroup::New { subnet_ids } => {
            return ensure_created(context, subnet_group_of(context, subnet_ids.clone())).await;
        }
        SubnetGroup::OfVpc { vpc_id } => return create_from_vpc(context, spec, vpc_id).await,
        SubnetGroup::Existing { name } => name,
        SubnetGroup::Default => DEFAULT_SUBNET_GROUP,
    };
    match context.aws.subnet_group(name).await? {
        Some(group) => {
            let item = Item::external(
                ResourceKind::SubnetGroup,
                group.name,
                None,
                task.operation_id,
            );
            Ok(StepOutcome::Done(Findings::of(item)))
        }
        None if spec.subnet_group == SubnetGroup::Default => Err(Fault::new(
            FaultClass::Invalid,
            "the account has no subnet group named `default`; set `subnet_group.name` or \
             `subnet_group.subnet_ids`",
        )),
        None => Err(Fault::new(
            FaultClass::Invalid,
            format!("there is no subnet group named {name}"),
        )),
    }
}

fn subnet_group_of(context: &Context<'_>, subnet_ids: BTreeSet<SubnetId>) -> Mutation {
    let task = context.task;
    Mutation::CreateSubnetGroup {
        name: managed_name(&task.cluster, task.operation_id),
        description: group_description(task.installation_id, task.operation_id),
        subnet_ids,
    }
}

/// Creates a group of the VPC's current subnets. A group that exists, or may exist because its call
/// was sent, keeps its subnets even if the VPC has changed since.
async fn create_from_vpc(
    context: &Context<'_>,
    spec: &ClusterSpec,
    vpc_id: &VpcId,
) -> Result<StepOutcome, Fault> {
    let unfilled = subnet_group_of(context, BTreeSet::new());
    let task = context.task;
    let exists = unfilled
        .creates()
        .is_some_and(|(kind, name)| task.present_named(kind, name).is_some());
    if exists || task.open_call_like(&unfilled).is_some() {
        return ensure_created(context, unfilled).await;
    }
    let subnets = context.aws.subnets_of_vpc(vpc_id).await?;
    let chosen = choose_subnets(&subnets, spec.network_type, &context.account.region);
    if !chosen.is_empty() {
        return ensure_created(context, subnet_group_of(context, chosen)).await;
    }
    Err(Fault::new(
        FaultClass::Invalid,
        no_suitable_subnet(vpc_id, &subnets, spec.network_type),
    ))
}

/// Finds the parameter group that the request names, or creates one with AWS's default values.
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
            ensure_created(context, mutation).await
        }
    }
}

/// Finds an existing parameter group.
pub(super) async fn find_parameter_group(
    context: &Context<'_>,
    name: &str,
) -> Result<StepOutcome, Fault> {
    match context.aws.parameter_group(name).await? {
        Some(group) => {
            let item = Item::external(
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

/// Sets the values of the parameter group that this operation created.
pub(super) async fn set_parameters(
    context: &Context<'_>,
    spec: &ClusterSpec,
) -> Result<StepOutcome, Fault> {
    let ParameterGroup::New { values } = &spec.parameter_group else {
        return Ok(StepOutcome::Skip);
    };
    let name = managed_name(&context.task.cluster, context.task.operation_id);
    let Some(current) = context.aws.parameters(&name).await? else {
        return Err(Fault::new(
            FaultClass::NotFound,
            format!("the parameter group {name} is not visible yet"),
        ));
    };
    if values
        .iter()
        .all(|(key, value)| current.get(key) == Some(value))
    {
        return Ok(StepOutcome::done());
    }
    Ok(StepOutcome::act(Mutation::UpdateParameterGroup {
        name,
        values: values.clone(),
    }))
}
