//! DescribeVpcs.

use serde::Serialize;

use crate::authorization::AccessRequest;
use crate::ec2::filters::Filters;
use crate::ec2::requests::{check_access, check_ids, page};
use crate::state::network::Vpc;
use crate::turn::Turn;
use crate::wire::fault::ServiceFault;
use crate::wire::form::Form;
use crate::wire::xml::{Items, children};

const FILTERS: [&str; 8] = [
    "cidr",
    "cidr-block-association.cidr-block",
    "dhcp-options-id",
    "is-default",
    "isDefault",
    "owner-id",
    "state",
    "vpc-id",
];
const DHCP_OPTIONS_ID: &str = "dopt-0a1b2c3d4e5f60718";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct VpcView {
    vpc_id: String,
    owner_id: String,
    state: &'static str,
    cidr_block: String,
    cidr_block_association_set: Items<CidrAssociation>,
    dhcp_options_id: &'static str,
    tag_set: Items<String>,
    instance_tenancy: &'static str,
    is_default: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CidrAssociation {
    association_id: String,
    cidr_block: String,
    cidr_block_state: CidrState,
}

#[derive(Serialize)]
struct CidrState {
    state: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DescribeVpcsResult {
    vpc_set: Items<VpcView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

pub(super) fn describe_vpcs(turn: &mut Turn<'_>, form: &Form) -> Result<String, ServiceFault> {
    check_access(turn, form, &AccessRequest::anywhere("ec2:DescribeVpcs"))?;
    let filters = Filters::read(form, &FILTERS)?;
    let ids = form.numbered("VpcId");
    check_ids(&ids, &turn.state.vpcs, "InvalidVpcID.NotFound", "vpc ID")?;
    let owner = turn.account_id();
    let value = |vpc: &Vpc, name: &str| match name {
        "cidr" | "cidr-block-association.cidr-block" => vec![vpc.cidr.clone()],
        "dhcp-options-id" => vec![DHCP_OPTIONS_ID.to_owned()],
        "is-default" | "isDefault" => vec![vpc.is_default.to_string()],
        "owner-id" => vec![owner.to_owned()],
        "state" => vec!["available".to_owned()],
        "vpc-id" => vec![vpc.id.clone()],
        _ => Vec::new(),
    };
    let vpcs = turn
        .state
        .vpcs
        .values()
        .filter(|vpc| ids.is_empty() || ids.contains(&vpc.id));
    let vpcs: Vec<&Vpc> = vpcs
        .filter(|vpc| filters.pass(|name| value(vpc, name)))
        .collect();
    let (vpcs, next_token) = page(form, vpcs, |vpc| vpc.id.clone())?;
    let vpc_set = vpcs.into_iter().map(|vpc| view(vpc, owner)).collect();
    children(&DescribeVpcsResult {
        vpc_set,
        next_token,
    })
}

fn view(vpc: &Vpc, owner: &str) -> VpcView {
    let association = CidrAssociation {
        association_id: vpc.id.replacen("vpc-", "vpc-cidr-assoc-", 1),
        cidr_block: vpc.cidr.clone(),
        cidr_block_state: CidrState {
            state: "associated",
        },
    };
    VpcView {
        vpc_id: vpc.id.clone(),
        owner_id: owner.to_owned(),
        state: "available",
        cidr_block: vpc.cidr.clone(),
        cidr_block_association_set: Items::from_iter([association]),
        dhcp_options_id: DHCP_OPTIONS_ID,
        tag_set: Items::from_iter([]),
        instance_tenancy: "default",
        is_default: vpc.is_default,
    }
}
