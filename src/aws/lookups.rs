//! Lookups: queries to EC2 and DynamoDB about a cluster's surroundings, in builds with the cargo
//! feature `lookups`.
//!
//! The functions exist in every build. Without the feature, each returns a fault of the class
//! `NotBuiltIn`, so that code outside this folder does not depend on the feature.

use std::collections::BTreeSet;

use crate::domain::ingress::IngressRule;
use crate::domain::installation::AwsAccount;
use crate::domain::network::{SecurityGroup, Subnet};
use crate::domain::problems::fault::Fault;
use crate::domain::validation::typed::{SecurityGroupId, SubnetId, VpcId};

use super::Aws;

#[cfg(feature = "lookups")]
mod built_in;
#[cfg(feature = "lookups")]
use built_in as clients;
#[cfg(not(feature = "lookups"))]
mod left_out;
#[cfg(not(feature = "lookups"))]
use left_out as clients;

pub(super) use clients::Clients;

/// Whether this build has the cargo feature `lookups`.
pub const LOOKUPS_BUILT_IN: bool = cfg!(feature = "lookups");

impl Aws {
    /// ec2 DescribeSubnets of a VPC, all pages: the subnets that are available and not on an
    /// Outpost.
    pub async fn subnets_of_vpc(&self, vpc_id: &VpcId) -> Result<Vec<Subnet>, Fault> {
        self.lookups.subnets_of_vpc(vpc_id).await
    }

    /// ec2 DescribeSubnets of these IDs, all pages. Missing subnets are omitted.
    pub async fn subnets(&self, ids: &BTreeSet<SubnetId>) -> Result<Vec<Subnet>, Fault> {
        self.lookups.subnets(ids).await
    }

    /// ec2 DescribeSecurityGroups of these IDs, all pages. Missing groups are omitted.
    pub async fn security_groups(
        &self,
        ids: &[SecurityGroupId],
    ) -> Result<Vec<SecurityGroup>, Fault> {
        self.lookups.security_groups(ids).await
    }

    /// dynamodb DescribeTable: the table's ARN, which contains its account and Region. `None` if no
    /// table has this name.
    pub async fn table_arn(
        &self,
        name: &str,
        account: &AwsAccount,
    ) -> Result<Option<String>, Fault> {
        self.lookups.table_arn(name, &account.table_arn(name)).await
    }

    /// ec2 DescribeSecurityGroupRules, all pages: the ingress rules of a security group.
    pub async fn ingress_rules(&self, security_group_id: &str) -> Result<Vec<IngressRule>, Fault> {
        self.lookups
            .ingress_rules(Some(security_group_id), None)
            .await
    }

    /// ec2 DescribeSecurityGroupRules, all pages: the ingress rules with this tag, of all security
    /// groups.
    pub async fn tagged_ingress_rules(
        &self,
        key: &str,
        value: String,
    ) -> Result<Vec<IngressRule>, Fault> {
        self.lookups.ingress_rules(None, Some((key, value))).await
    }
}
