//! Lookups: what EC2 and DynamoDB tell of a cluster's surroundings, in builds with the cargo feature `lookups`.
//!
//! The verbs are there in every build. Without the feature each answers with a fault of the class `NotBuiltIn`, so that
//! nobody outside this folder has to know how it was built.

use std::collections::BTreeMap;

use crate::domain::fault::Fault;
use crate::domain::installation::AwsPlace;
use crate::domain::network::{Ingress, IngressRule, SecurityGroup, Subnet};

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
    pub async fn table_arn(&self, name: &str, place: &AwsPlace) -> Result<Option<String>, Fault> {
        self.lookups.table_arn(name, &place.table_arn(name)).await
    }

    /// ec2 DescribeSecurityGroupRules, every page: the ingress rules of a security group that carry all of these tags.
    pub async fn ingress_rules(
        &self,
        security_group_id: &str,
        tags: &BTreeMap<String, String>,
    ) -> Result<Vec<IngressRule>, Fault> {
        self.lookups.ingress_rules(security_group_id, tags).await
    }

    /// ec2 AuthorizeSecurityGroupIngress of one port to one peer, with these tags: the id of the new rule. It changes AWS:
    /// the intent is committed before.
    pub async fn authorize_ingress(
        &self,
        ingress: &Ingress,
        tags: &BTreeMap<String, String>,
        place: &AwsPlace,
    ) -> Result<String, Fault> {
        let group_arn = place.security_group_arn(&ingress.security_group_id);
        self.lookups.authorize_ingress(ingress, tags, group_arn).await
    }

    /// ec2 RevokeSecurityGroupIngress of one rule by its id. It changes AWS: the intent is committed before.
    pub async fn revoke_ingress(&self, security_group_id: &str, rule_id: &str, place: &AwsPlace) -> Result<(), Fault> {
        self.lookups.revoke_ingress(security_group_id, rule_id, place.security_group_arn(security_group_id)).await
    }
}
