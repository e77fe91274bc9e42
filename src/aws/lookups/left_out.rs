//! Lookups in a build without the feature: every function returns the fault `NotBuiltIn`.

use std::collections::{BTreeMap, BTreeSet};

use aws_config::SdkConfig;

use crate::domain::ingress::{Ingress, IngressRule};
use crate::domain::network::{SecurityGroup, Subnet};
use crate::domain::problems::fault::{Fault, FaultClass};
use crate::domain::validation::typed::{SecurityGroupId, SubnetId, VpcId};

use crate::aws::budget::Budget;
use crate::aws::fault::Call;

/// The stand-in for the SDK clients.
#[derive(Debug, Clone)]
pub(in crate::aws) struct Clients;

fn not_built_in<T>(service: &str, operation: &str) -> Result<T, Fault> {
    let detail = format!(
        "{service} {operation} is not available: this server was built without the `lookups` feature"
    );
    Err(Fault::new(FaultClass::NotBuiltIn, detail))
}

#[expect(
    clippy::unused_async,
    reason = "the functions have the same signatures in both builds"
)]
impl Clients {
    pub(in crate::aws) fn open(_: &SdkConfig, _: &Budget) -> Self {
        Self
    }

    pub(super) async fn subnets_of_vpc(&self, _: &VpcId) -> Result<Vec<Subnet>, Fault> {
        not_built_in("ec2", "DescribeSubnets")
    }

    pub(super) async fn subnets(&self, _: &BTreeSet<SubnetId>) -> Result<Vec<Subnet>, Fault> {
        not_built_in("ec2", "DescribeSubnets")
    }

    pub(super) async fn security_groups(
        &self,
        _: &[SecurityGroupId],
    ) -> Result<Vec<SecurityGroup>, Fault> {
        not_built_in("ec2", "DescribeSecurityGroups")
    }

    pub(super) async fn table_arn(&self, _: &str, _: &str) -> Result<Option<String>, Fault> {
        not_built_in("dynamodb", "DescribeTable")
    }

    pub(super) async fn ingress_rules(
        &self,
        _: Option<&str>,
        _: Option<(&str, String)>,
    ) -> Result<Vec<IngressRule>, Fault> {
        not_built_in("ec2", "DescribeSecurityGroupRules")
    }

    pub(in crate::aws) async fn authorize_ingress(
        &self,
        _: &Ingress,
        _: &BTreeMap<String, String>,
        _: &Call,
    ) -> Result<String, Fault> {
        not_built_in("ec2", "AuthorizeSecurityGroupIngress")
    }

    pub(in crate::aws) async fn revoke_ingress(
        &self,
        _: &str,
        _: &str,
        _: &Call,
    ) -> Result<(), Fault> {
        not_built_in("ec2", "RevokeSecurityGroupIngress")
    }
}
