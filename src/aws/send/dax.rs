//! Mutations of DAX.

use std::collections::BTreeMap;

use aws_sdk_dax::Client;
use aws_sdk_dax::types::{
    Cluster, ClusterEndpointEncryptionType, NetworkType, ParameterNameValue, SseSpecification, Tag,
};

use crate::domain::mutation::Mutation;
use crate::domain::mutation::bodies::{ClusterUpdate, NewCluster};
use crate::domain::problems::fault::{Fault, FaultClass};

use super::{Effect, empty_effect, unsupported};
use crate::aws::dax::observed;
use crate::aws::fault::Call;

pub(super) async fn send(dax: &Client, mutation: &Mutation, call: &Call) -> Result<Effect, Fault> {
    match mutation {
        Mutation::CreateSubnetGroup { .. } | Mutation::DeleteSubnetGroup { .. } => {
            send_subnet_group_call(dax, mutation, call).await
        }
        Mutation::CreateParameterGroup { .. }
        | Mutation::UpdateParameterGroup { .. }
        | Mutation::DeleteParameterGroup { .. } => {
            send_parameter_group_call(dax, mutation, call).await
        }
        Mutation::TagCluster { .. } | Mutation::UntagCluster { .. } => {
            send_tag_call(dax, mutation, call).await
        }
        Mutation::IncreaseReplicationFactor { .. }
        | Mutation::DecreaseReplicationFactor { .. }
        | Mutation::RebootNode { .. } => send_node_call(dax, mutation, call).await,
        other => send_cluster_call(dax, other, call).await,
    }
}

async fn send_subnet_group_call(
    dax: &Client,
    mutation: &Mutation,
    call: &Call,
) -> Result<Effect, Fault> {
    match mutation {
        Mutation::CreateSubnetGroup {
            name,
            description,
            subnet_ids,
        } => {
            let request = dax
                .create_subnet_group()
                .subnet_group_name(name)
                .description(description);
            let request = request.set_subnet_ids(Some(strings(subnet_ids)));
            call.response(request.send()).await.map(empty_effect)
        }
        Mutation::DeleteSubnetGroup { name } => {
            let request = dax.delete_subnet_group().subnet_group_name(name);
            call.response(request.send()).await.map(empty_effect)
        }
        other => Err(unsupported(other)),
    }
}

async fn send_parameter_group_call(
    dax: &Client,
    mutation: &Mutation,
    call: &Call,
) -> Result<Effect, Fault> {
    match mutation {
        Mutation::CreateParameterGroup { name, description } => {
            let request = dax
                .create_parameter_group()
                .parameter_group_name(name)
                .description(description);
            call.response(request.send()).await.map(empty_effect)
        }
        Mutation::UpdateParameterGroup { name, values } => {
            let values = values.iter().map(|(key, value)| {
                ParameterNameValue::builder()
                    .parameter_name(key)
                    .parameter_value(value)
                    .build()
            });
            let request = dax.update_parameter_group().parameter_group_name(name);
            let request = request.set_parameter_name_values(Some(values.collect()));
            call.response(request.send()).await.map(empty_effect)
        }
        Mutation::DeleteParameterGroup { name } => {
            let request = dax.delete_parameter_group().parameter_group_name(name);
            call.response(request.send()).await.map(empty_effect)
        }
        other => Err(unsupported(other)),
    }
}

async fn send_tag_call(dax: &Client, mutation: &Mutation, call: &Call) -> Result<Effect, Fault> {
    match mutation {
        Mutation::TagCluster { arn, tags } => {
            let request = dax
                .tag_resource()
                .resource_name(arn)
                .set_tags(Some(tag_list(tags)));
            call.response(request.send()).await.map(empty_effect)
        }
        Mutation::UntagCluster { arn, keys } => {
            let request = dax
                .untag_resource()
                .resource_name(arn)
                .set_tag_keys(Some(keys.iter().cloned().collect()));
            call.response(request.send()).await.map(empty_effect)
        }
        other => Err(unsupported(other)),
    }
}

async fn send_node_call(dax: &Client, mutation: &Mutation, call: &Call) -> Result<Effect, Fault> {
    let cluster = match mutation {
        Mutation::IncreaseReplicationFactor {
            name,
            count,
            availability_zones,
        } => {
            let request = dax
                .increase_replication_factor()
                .cluster_name(name)
                .new_replication_factor((*count).into());
            let request = request.set_availability_zones(some_if_any(availability_zones));
            call.response(request.send()).await?.cluster
        }
        Mutation::DecreaseReplicationFactor {
            name,
            count,
            availability_zones,
            node_ids,
        } => {
            let request = dax
                .decrease_replication_factor()
                .cluster_name(name)
                .new_replication_factor((*count).into());
            let request = request.set_availability_zones(some_if_any(availability_zones));
            let request = request.set_node_ids_to_remove(some_if_any(node_ids));
            call.response(request.send()).await?.cluster
        }
        Mutation::RebootNode { cluster, node_id } => {
            let request = dax.reboot_node().cluster_name(cluster).node_id(node_id);
            call.response(request.send()).await?.cluster
        }
        other => return Err(unsupported(other)),
    };
    Ok(cluster_effect(cluster))
}

async fn send_cluster_call(
    dax: &Client,
    mutation: &Mutation,
    call: &Call,
) -> Result<Effect, Fault> {
    let cluster = match mutation {
        Mutation::CreateCluster(cluster) => return create_cluster(dax, cluster, call).await,
        Mutation::UpdateCluster(update) => {
            let request = update_cluster(dax, update);
            call.response(request.send()).await?.cluster
        }
        Mutation::DeleteCluster { name } => {
            let request = dax.delete_cluster().cluster_name(name);
            call.response(request.send()).await?.cluster
        }
        other => return Err(unsupported(other)),
    };
    Ok(cluster_effect(cluster))
}

/// The effect of a call whose response contains the cluster.
fn cluster_effect(cluster: Option<Cluster>) -> Effect {
    Effect {
        arn: None,
        observed: cluster.map(observed),
    }
}

fn update_cluster(
    dax: &Client,
    update: &ClusterUpdate,
) -> aws_sdk_dax::operation::update_cluster::builders::UpdateClusterFluentBuilder {
    dax.update_cluster()
        .cluster_name(&update.name)
        .set_description(update.description.clone())
        .set_preferred_maintenance_window(update.maintenance_window.clone().map(String::from))
        .set_notification_topic_arn(update.notification_topic_arn.clone().map(String::from))
        .set_notification_topic_status(update.notification_topic_status.clone())
        .set_parameter_group_name(update.parameter_group.clone())
        .set_security_group_ids(update.security_group_ids.as_ref().map(strings))
}

async fn create_cluster(dax: &Client, cluster: &NewCluster, call: &Call) -> Result<Effect, Fault> {
    let encryption = if cluster.encryption_in_transit {
        ClusterEndpointEncryptionType::Tls
    } else {
        ClusterEndpointEncryptionType::None
    };
    let at_rest = SseSpecification::builder()
        .enabled(cluster.encryption_at_rest)
        .build();
    let at_rest = at_rest.map_err(|error| Fault::new(FaultClass::Invalid, error.to_string()))?;
    let request = dax
        .create_cluster()
        .cluster_name(&cluster.name)
        .node_type(cluster.node_type.as_str())
        .replication_factor(i32::from(cluster.replication_factor))
        .iam_role_arn(cluster.iam_role_arn.as_str())
        .subnet_group_name(&cluster.subnet_group)
        .set_description(cluster.description.clone())
        .set_availability_zones(some_if_any(&cluster.availability_zones))
        .set_security_group_ids(some_if_any(&cluster.security_group_ids))
        .set_preferred_maintenance_window(cluster.maintenance_window.clone().map(String::from))
        .set_notification_topic_arn(cluster.notification_topic_arn.clone().map(String::from))
        .set_parameter_group_name(cluster.parameter_group.clone())
        .set_network_type(cluster.network_type.as_deref().map(NetworkType::from))
        .set_tags(Some(tag_list(&cluster.tags)))
        .sse_specification(at_rest)
        .cluster_endpoint_encryption_type(encryption);
    let answer = call.response(request.send()).await?;
    let cluster = answer.cluster.map(observed);
    Ok(Effect {
        arn: cluster.as_ref().and_then(|cluster| cluster.arn.clone()),
        observed: cluster,
    })
}

fn some_if_any<T: ToString>(list: &[T]) -> Option<Vec<String>> {
    (!list.is_empty()).then(|| strings(list))
}

fn strings<'a, T: ToString + 'a>(list: impl IntoIterator<Item = &'a T>) -> Vec<String> {
    list.into_iter().map(ToString::to_string).collect()
}

fn tag_list(tags: &BTreeMap<String, String>) -> Vec<Tag> {
    tags.iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect()
}
