//! DescribeVpcAttribute and DescribeRouteTables, which Terraform's data source `aws_vpc` reads. A
//! VPC has the attributes of a default VPC, and only its main route table.

use serde::Serialize;

use crate::authorization::AccessRequest;
use crate::ec2::filters::Filters;
use crate::ec2::requests::{check_access, check_ids, page};
use crate::state::network::Vpc;
use crate::turn::Turn;
use crate::wire::fault::ServiceFault;
use crate::wire::form::Form;
use crate::wire::xml::{Items, children};

const FILTERS: [&str; 6] = [
    "association.main",
    "association.route-table-association-id",
    "association.route-table-id",
    "owner-id",
    "route-table-id",
    "vpc-id",
];

#[derive(Serialize)]
struct Attribute {
    value: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DescribeVpcAttributeResult {
    vpc_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    enable_dns_hostnames: Option<Attribute>,
    #[serde(skip_serializing_if = "Option::is_none")]
    enable_dns_support: Option<Attribute>,
    #[serde(skip_serializing_if = "Option::is_none")]
    enable_network_address_usage_metrics: Option<Attribute>,
}

pub(super) fn describe_vpc_attribute(
    turn: &mut Turn<'_>,
    form: &Form,
) -> Result<String, ServiceFault> {
    check_access(
        turn,
        form,
        &AccessRequest::anywhere("ec2:DescribeVpcAttribute"),
    )?;
    let missing = |name: &str| {
        let message = format!("The request must contain the parameter {name}");
        ServiceFault::new("MissingParameter", message)
    };
    let vpc_id = form.text("VpcId").ok_or_else(|| missing("vpcId"))?;
    let attribute = form.text("Attribute").ok_or_else(|| missing("attribute"))?;
    let ids = [vpc_id.to_owned()];
    check_ids(&ids, &turn.state.vpcs, "InvalidVpcID.NotFound", "vpc ID")?;
    let named = |name: &str, value: bool| (attribute == name).then_some(Attribute { value });
    let result = DescribeVpcAttributeResult {
        vpc_id: vpc_id.to_owned(),
        enable_dns_hostnames: named("enableDnsHostnames", true),
        enable_dns_support: named("enableDnsSupport", true),
        enable_network_address_usage_metrics: named("enableNetworkAddressUsageMetrics", false),
    };
    let known = [
        &result.enable_dns_hostnames,
        &result.enable_dns_support,
        &result.enable_network_address_usage_metrics,
    ];
    if known.iter().all(|attribute| attribute.is_none()) {
        let message =
            format!("Value ({attribute}) for parameter attribute is invalid. Unknown attribute.");
        return Err(ServiceFault::new("InvalidParameterValue", message));
    }
    children(&result)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RouteTableView {
    route_table_id: String,
    vpc_id: String,
    owner_id: String,
    route_set: Items<RouteView>,
    association_set: Items<AssociationView>,
    propagating_vgw_set: Items<String>,
    tag_set: Items<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RouteView {
    destination_cidr_block: String,
    gateway_id: &'static str,
    state: &'static str,
    origin: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AssociationView {
    route_table_association_id: String,
    route_table_id: String,
    main: bool,
    association_state: AssociationState,
}

#[derive(Serialize)]
struct AssociationState {
    state: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DescribeRouteTablesResult {
    route_table_set: Items<RouteTableView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

pub(super) fn describe_route_tables(
    turn: &mut Turn<'_>,
    form: &Form,
) -> Result<String, ServiceFault> {
    check_access(
        turn,
        form,
        &AccessRequest::anywhere("ec2:DescribeRouteTables"),
    )?;
    let filters = Filters::read(form, &FILTERS)?;
    let ids = form.numbered("RouteTableId");
    let owner = turn.account_id();
    let value = |vpc: &Vpc, name: &str| match name {
        "association.main" => vec!["true".to_owned()],
        "association.route-table-association-id" => vec![with_prefix(vpc, "rtbassoc-")],
        "association.route-table-id" | "route-table-id" => vec![with_prefix(vpc, "rtb-")],
        "owner-id" => vec![owner.to_owned()],
        "vpc-id" => vec![vpc.id.clone()],
        _ => Vec::new(),
    };
    let vpcs = turn
        .state
        .vpcs
        .values()
        .filter(|vpc| ids.is_empty() || ids.contains(&with_prefix(vpc, "rtb-")));
    let vpcs: Vec<&Vpc> = vpcs
        .filter(|vpc| filters.pass(|name| value(vpc, name)))
        .collect();
    let (vpcs, next_token) = page(form, vpcs, |vpc| vpc.id.clone())?;
    children(&DescribeRouteTablesResult {
        route_table_set: vpcs.into_iter().map(|vpc| view(vpc, owner)).collect(),
        next_token,
    })
}

/// The ID of a part of a VPC.
fn with_prefix(vpc: &Vpc, prefix: &str) -> String {
    vpc.id.replacen("vpc-", prefix, 1)
}

fn view(vpc: &Vpc, owner: &str) -> RouteTableView {
    let route = RouteView {
        destination_cidr_block: vpc.cidr.clone(),
        gateway_id: "local",
        state: "active",
        origin: "CreateRouteTable",
    };
    let association = AssociationView {
        route_table_association_id: with_prefix(vpc, "rtbassoc-"),
        route_table_id: with_prefix(vpc, "rtb-"),
        main: true,
        association_state: AssociationState {
            state: "associated",
        },
    };
    RouteTableView {
        route_table_id: with_prefix(vpc, "rtb-"),
        vpc_id: vpc.id.clone(),
        owner_id: owner.to_owned(),
        route_set: Items::from_iter([route]),
        association_set: Items::from_iter([association]),
        propagating_vgw_set: Items::from_iter([]),
        tag_set: Items::from_iter([]),
    }
}
