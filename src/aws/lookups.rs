//! Lookups: what EC2 and DynamoDB tell of a cluster's surroundings, in builds with the cargo feature `lookups`.
//!
//! The verbs are there in every build. Without the feature each answers with a fault of the class `NotBuiltIn`, so that
//! nobody outside this folder has to know how it was built.

use crate::domain::ingress::IngressRule;
use crate::domain::installation::AwsAccount;
use crate::domain::network::{SecurityGroup, Subnet};
use crate::domain::problems::fault::Fault;

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

/// Whether this build can look things up.
pub const LOOKUPS_BUILT_IN: bool = cfg!(feature = "lookups");

impl Aws {
    /// ec2 DescribeSubnets of a VPC, every page: the subnets that are available, and not on an Outpost.
    pub async fn subnets_of_vpc(&self, vpc_id: &str) -> Result<Vec<Subnet>, Fault> {
        self.lookups.subnets_of_vpc(vpc_id).await
    }

    /// ec2 DescribeSubnets of these ids; those that do not exist are left out.
    pub async fn subnets(&self, ids: &[String]) -> Result<Vec<Subnet>, Fault> {
        self.lookups.subnets(ids).await
    }

    /// ec2 DescribeSecurityGroups of these ids; those that do not exist are left out.
    pub async fn security_groups(&self, ids: &[String]) -> Result<Vec<SecurityGroup>, Fault> {
        self.lookups.security_groups(ids).await
    }

    /// dynamodb DescribeTable: the table's ARN, which tells account and Region. `None` if there is no table of the name.
    pub async fn table_arn(&self, name: &str, place: &AwsAccount) -> Result<Option<String>, Fault> {
        self.lookups.table_arn(name, &place.table_arn(name)).await
    }

    /// ec2 DescribeSecurityGroupRules, every page: the rules that let traffic into a security group.
    pub async fn ingress_rules(&self, security_group_id: &str) -> Result<Vec<IngressRule>, Fault> {
        self.lookups
            .ingress_rules(Some(security_group_id), None)
            .await
    }

    /// The same of all security groups, of those rules that have this tag.
    pub async fn tagged_ingress_rules(
        &self,
        key: &str,
        value: String,
    ) -> Result<Vec<IngressRule>, Fault> {
        self.lookups.ingress_rules(None, Some((key, value))).await
    }
}
