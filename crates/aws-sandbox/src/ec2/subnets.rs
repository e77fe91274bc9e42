//! DescribeSubnets.

use serde::Serialize;

use crate::authorization::AccessRequest;
use crate::ec2::filters::Filters;
use crate::ec2::requests::{check_access, check_ids, page};
use crate::ec2::zones::zone_id;
use crate::state::network::Subnet;
use crate::turn::Turn;
use crate::wire::fault::ServiceFault;
use crate::wire::form::Form;
use crate::wire::xml::{Items, children};

const FILTERS: [&str; 17] = [
    "availability-zone",
    "availabilityZone",
    "availability-zone-id",
    "availabilityZoneId",
    "available-ip-address-count",
    "cidr",
    "cidr-block",
    "cidrBlock",
    "default-for-az",
    "defaultForAz",
    "ipv6-cidr-block-association.ipv6-cidr-block",
    "ipv6-native",
    "owner-id",
    "state",
    "subnet-arn",
    "subnet-id",
    "vpc-id",
];
/// Addresses of a /20 without the five that AWS reserves.
const FREE_ADDRESSES: u32 = 4091;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SubnetView {
    subnet_id: String,
    subnet_arn: String,
    state: &'static str,
    owner_id: String,
    vpc_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    cidr_block: Option<String>,
    ipv6_cidr_block_association_set: Items<Ipv6Association>,
    assign_ipv6_address_on_creation: bool,
    ipv6_native: bool,
    available_ip_address_count: u32,
    availability_zone: String,
    availability_zone_id: String,
    default_for_az: bool,
    map_public_ip_on_launch: bool,
    tag_set: Items<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Ipv6Association {
    ipv6_cidr_block: String,
    association_id: String,
    ipv6_cidr_block_state: Ipv6State,
}

#[derive(Serialize)]
struct Ipv6State {
    state: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DescribeSubnetsResult {
    subnet_set: Items<SubnetView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

pub(super) fn describe_subnets(turn: &mut Turn<'_>, form: &Form) -> Result<String, ServiceFault> {
    check_access(turn, form, &AccessRequest::anywhere("ec2:DescribeSubnets"))?;
    let filters = Filters::read(form, &FILTERS)?;
    let ids = form.numbered("SubnetId");
    check_ids(
        &ids,
        &turn.state.subnets,
        "InvalidSubnetID.NotFound",
        "subnet ID",
    )?;
    let views = turn.state.subnets.values().map(|subnet| view(turn, subnet));
    let requested = views.filter(|view| ids.is_empty() || ids.contains(&view.subnet_id));
    let subnets: Vec<SubnetView> = requested
        .filter(|view| filters.pass(|name| value(view, name)))
        .collect();
    let (subnets, next_token) = page(form, subnets, |subnet| subnet.subnet_id.clone())?;
    children(&DescribeSubnetsResult {
        subnet_set: subnets.into_iter().collect(),
        next_token,
    })
}

fn value(view: &SubnetView, name: &str) -> Vec<String> {
    match name {
        "availability-zone" | "availabilityZone" => vec![view.availability_zone.clone()],
        "availability-zone-id" | "availabilityZoneId" => vec![view.availability_zone_id.clone()],
        "available-ip-address-count" => vec![view.available_ip_address_count.to_string()],
        "cidr" | "cidr-block" | "cidrBlock" => view.cidr_block.iter().cloned().collect(),
        "default-for-az" | "defaultForAz" => vec![view.default_for_az.to_string()],
        "ipv6-native" => vec![view.ipv6_native.to_string()],
        "owner-id" => vec![view.owner_id.clone()],
        "state" => vec![view.state.to_owned()],
        "subnet-arn" => vec![view.subnet_arn.clone()],
        "subnet-id" => vec![view.subnet_id.clone()],
        "vpc-id" => vec![view.vpc_id.clone()],
        _ => Vec::new(),
    }
}

fn view(turn: &Turn<'_>, subnet: &Subnet) -> SubnetView {
    let association = |cidr: &String| Ipv6Association {
        ipv6_cidr_block: cidr.clone(),
        association_id: subnet.id.replacen("subnet-", "subnet-cidr-assoc-", 1),
        ipv6_cidr_block_state: Ipv6State {
            state: "associated",
        },
    };
    let is_default = turn
        .state
        .vpcs
        .get(&subnet.vpc_id)
        .is_some_and(|vpc| vpc.is_default);
    SubnetView {
        subnet_id: subnet.id.clone(),
        subnet_arn: format!(
            "arn:aws:ec2:{}:{}:subnet/{}",
            turn.region(),
            turn.account_id(),
            subnet.id
        ),
        state: "available",
        owner_id: turn.account_id().to_owned(),
        vpc_id: subnet.vpc_id.clone(),
        cidr_block: subnet.cidr.clone(),
        ipv6_cidr_block_association_set: subnet.ipv6_cidr.iter().map(association).collect(),
        assign_ipv6_address_on_creation: subnet.cidr.is_none(),
        ipv6_native: subnet.cidr.is_none(),
        available_ip_address_count: if subnet.cidr.is_some() {
            FREE_ADDRESSES
        } else {
            0
        },
        availability_zone: subnet.availability_zone.clone(),
        availability_zone_id: zone_id(&subnet.availability_zone),
        default_for_az: is_default && subnet.builtin,
        map_public_ip_on_launch: is_default && subnet.builtin,
        tag_set: Items::from_iter([]),
    }
}
