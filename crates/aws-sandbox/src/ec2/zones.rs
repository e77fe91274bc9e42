//! DescribeAvailabilityZones.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::authorization::AccessRequest;
use crate::ec2::filters::Filters;
use crate::ec2::requests::check_access;
use crate::turn::Turn;
use crate::wire::fault::ServiceFault;
use crate::wire::form::Form;
use crate::wire::xml::{Items, children};

const FILTERS: [&str; 7] = [
    "group-name",
    "opt-in-status",
    "region-name",
    "state",
    "zone-id",
    "zone-name",
    "zone-type",
];

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ZoneView {
    zone_name: String,
    zone_id: String,
    zone_state: &'static str,
    region_name: String,
    group_name: String,
    network_border_group: String,
    zone_type: &'static str,
    opt_in_status: &'static str,
    message_set: Items<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DescribeAvailabilityZonesResult {
    availability_zone_info: Items<ZoneView>,
}

/// The ID of a zone, here always `use1-az1` for `us-east-1a`. In AWS it differs between accounts.
pub(super) fn zone_id(zone: &str) -> String {
    let letter = zone.chars().last().unwrap_or('a');
    let number = u32::from(letter).saturating_sub(u32::from('a')) + 1;
    let parts: Vec<&str> = zone.trim_end_matches(letter).split('-').collect();
    let short = match parts[..] {
        [area, direction, ordinal] => {
            let direction: String = match direction {
                "northeast" => "ne".to_owned(),
                "northwest" => "nw".to_owned(),
                "southeast" => "se".to_owned(),
                "southwest" => "sw".to_owned(),
                other => other.chars().take(1).collect(),
            };
            format!("{area}{direction}{ordinal}")
        }
        _ => parts.concat(),
    };
    format!("{short}-az{number}")
}

pub(super) fn describe_availability_zones(
    turn: &mut Turn<'_>,
    form: &Form,
) -> Result<String, ServiceFault> {
    check_access(
        turn,
        form,
        &AccessRequest::anywhere("ec2:DescribeAvailabilityZones"),
    )?;
    let filters = Filters::read(form, &FILTERS)?;
    let zones: BTreeSet<&str> = turn
        .state
        .subnets
        .values()
        .map(|subnet| subnet.availability_zone.as_str())
        .collect();
    let (names, ids) = (form.numbered("ZoneName"), form.numbered("ZoneId"));
    let unknown = names.iter().find(|name| !zones.contains(name.as_str()));
    let unknown = unknown.or_else(|| {
        ids.iter()
            .find(|id| !zones.iter().any(|zone| zone_id(zone) == **id))
    });
    if let Some(unknown) = unknown {
        let message = format!("Invalid availability zone: [{unknown}]");
        return Err(ServiceFault::new("InvalidParameterValue", message));
    }
    let region = turn.region();
    let view = |zone: &str| ZoneView {
        zone_name: zone.to_owned(),
        zone_id: zone_id(zone),
        zone_state: "available",
        region_name: region.to_owned(),
        group_name: format!("{region}-zg-1"),
        network_border_group: region.to_owned(),
        zone_type: "availability-zone",
        opt_in_status: "opt-in-not-required",
        message_set: Items::from_iter([]),
    };
    let requested = zones.into_iter().map(view).filter(|view| {
        (names.is_empty() || names.contains(&view.zone_name))
            && (ids.is_empty() || ids.contains(&view.zone_id))
    });
    let zones: Vec<ZoneView> = requested
        .filter(|view| filters.pass(|name| vec![value(view, name)]))
        .collect();
    children(&DescribeAvailabilityZonesResult {
        availability_zone_info: zones.into_iter().collect(),
    })
}

fn value(view: &ZoneView, name: &str) -> String {
    match name {
        "group-name" => view.group_name.clone(),
        "opt-in-status" => view.opt_in_status.to_owned(),
        "region-name" => view.region_name.clone(),
        "state" => view.zone_state.to_owned(),
        "zone-id" => view.zone_id.clone(),
        "zone-name" => view.zone_name.clone(),
        "zone-type" => view.zone_type.to_owned(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::zone_id;

    #[test]
    fn zone_ids_have_the_format_of_aws() {
        assert_eq!(zone_id("us-east-1a"), "use1-az1");
        assert_eq!(zone_id("ap-southeast-2c"), "apse2-az3");
        assert_eq!(zone_id("eu-west-1b"), "euw1-az2");
    }
}
