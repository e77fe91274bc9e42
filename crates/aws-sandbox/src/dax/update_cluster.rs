//! UpdateCluster.
//!
//! Recordings of AWS show that a cluster stays `available` while a parameter group is applied, and
//! is `modifying` while its security groups change (Cloud Custodian, `test_dax_update_cluster` and
//! `test_dax_update_security_groups`). Other settings touch no node, so they change at once.

use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::dax::clusters::{cluster_event, find_available_cluster, respond_with};
use crate::dax::maintenance::check_window;
use crate::dax::messages::{fault, invalid_combination, invalid_value};
use crate::dax::names::{check_topic_arn, parameter_group_name};
use crate::dax::placement::security_groups;
use crate::state::cluster::{Cluster, GroupChange, Parameters, Phase, Topic};
use crate::turn::Turn;
use crate::wire::fault::ServiceFault;
use crate::wire::json::read;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateClusterRequest {
    cluster_name: Option<String>,
    description: Option<String>,
    preferred_maintenance_window: Option<String>,
    notification_topic_arn: Option<String>,
    notification_topic_status: Option<String>,
    parameter_group_name: Option<String>,
    security_group_ids: Option<Vec<String>>,
}

pub(super) fn update_cluster(turn: &mut Turn<'_>, body: &[u8]) -> Result<Vec<u8>, ServiceFault> {
    let request: UpdateClusterRequest = read(body)?;
    let mut cluster =
        find_available_cluster(turn, "dax:UpdateCluster", request.cluster_name.as_deref())?.clone();
    let until = turn.after(turn.settings.modifying_seconds);
    if let Some(window) = &request.preferred_maintenance_window {
        cluster.maintenance_window = check_window(window)?;
    }
    if let Some(group) = request.parameter_group_name.as_deref() {
        update_parameter_group(turn, &mut cluster, group, until)?;
    }
    if request.security_group_ids.is_some() {
        update_security_groups(
            turn,
            &mut cluster,
            request.security_group_ids.as_deref(),
            until,
        )?;
    }
    cluster.description = request.description.clone().or(cluster.description);
    update_topic(turn, &mut cluster, &request)?;
    respond_with(turn, cluster)
}

fn update_parameter_group(
    turn: &mut Turn<'_>,
    cluster: &mut Cluster,
    name: &str,
    until: DateTime<Utc>,
) -> Result<(), ServiceFault> {
    let name = if name == "default.dax1.0" {
        name.to_owned()
    } else {
        parameter_group_name(name)?
    };
    if !turn.state.parameter_groups.contains_key(&name) {
        return Err(fault("ParameterGroupNotFoundFault"));
    }
    if cluster.parameter_group != name {
        let message = format!(
            "Parameter group changed from {} to {name}.",
            cluster.parameter_group
        );
        turn.change(cluster_event(&cluster.name, message, until));
        if turn.settings.parameter_changes_need_reboot {
            cluster
                .nodes
                .iter_mut()
                .for_each(|node| node.parameters = Parameters::AwaitReboot);
        }
        cluster.parameter_group = name;
        cluster.applying_until = Some(until);
    }
    Ok(())
}

fn update_security_groups(
    turn: &mut Turn<'_>,
    cluster: &mut Cluster,
    requested: Option<&[String]>,
    until: DateTime<Utc>,
) -> Result<(), ServiceFault> {
    let group = turn.state.subnet_groups.get(&cluster.subnet_group);
    let group = group.ok_or_else(|| fault("SubnetGroupNotFoundFault"))?;
    let ids = security_groups(turn, &group.vpc_id, requested)?;
    if cluster.security_group_ids != ids {
        let message = format!("Security groups changed to {}.", ids.join(", "));
        turn.change(cluster_event(&cluster.name, message, until));
        let without = |some: &[String], others: &[String]| -> Vec<String> {
            let left = some.iter().filter(|id| !others.contains(id));
            left.cloned().collect()
        };
        cluster.group_change = Some(GroupChange {
            until,
            adding: without(&ids, &cluster.security_group_ids),
            removing: without(&cluster.security_group_ids, &ids),
        });
        cluster.security_group_ids = ids;
        cluster.phase = Phase::Modifying {
            until,
            adding: Vec::new(),
            removing: Vec::new(),
        };
    }
    Ok(())
}

fn update_topic(
    turn: &Turn<'_>,
    cluster: &mut Cluster,
    request: &UpdateClusterRequest,
) -> Result<(), ServiceFault> {
    if let Some(arn) = &request.notification_topic_arn {
        check_topic_arn(arn, turn.account_id(), turn.region())?;
        cluster.topic = Some(Topic {
            arn: arn.clone(),
            status: "active".to_owned(),
        });
    }
    let Some(status) = &request.notification_topic_status else {
        return Ok(());
    };
    if !matches!(status.as_str(), "active" | "inactive") {
        return Err(invalid_value(format!(
            "Invalid notification topic status: {status}"
        )));
    }
    match &mut cluster.topic {
        Some(topic) => {
            topic.status.clone_from(status);
            Ok(())
        }
        None => Err(invalid_combination(
            "NotificationTopicStatus needs a notification topic.",
        )),
    }
}
