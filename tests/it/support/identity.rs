//! Who the service is in its world: exactly what is shipped, and what a test names beside it.

use std::collections::BTreeMap;

use aws_sandbox::{CallRecord, Identity};
use dax_provisioner::aws::{Aws, LOOKUPS_BUILT_IN};
use dax_provisioner::domain::iam::policies::service::{ServiceScope, service_policy};
use dax_provisioner::domain::iam::policies::{PolicyDocument, boundary_policy};
use dax_provisioner::domain::installation::AwsAccount;
use dax_provisioner::domain::mutation::Mutation;
use serde_json::json;

use crate::support::test_env::TestEnv;

/// Who the administrator of the sandbox is.
const ADMINISTRATOR_ARN: &str = "arn:aws:iam::123456789012:user/sandbox";

/// Access key id and secret of the service's own identity.
pub const SERVICE: &str = "service";
/// Who it is.
pub const SERVICE_ARN: &str = "arn:aws:iam::123456789012:user/dax-provisioner";

impl TestEnv {
    /// The policy that the service is shipped with, for this account, Region and boundary, and roles it was told of.
    pub fn shipped_policy(&self, service_role_arns: &[String]) -> PolicyDocument {
        self.policy_of_build(service_role_arns, LOOKUPS_BUILT_IN)
    }

    /// The same of a build with or without lookups.
    pub fn policy_of_build(&self, service_role_arns: &[String], lookups: bool) -> PolicyDocument {
        service_policy(&ServiceScope {
            partition: &self.place.partition,
            account_id: &self.place.account_id,
            region: &self.place.region,
            boundary_arn: self.settings.permissions_boundary.as_deref(),
            service_role_arns,
            lookups,
        })
    }

    /// Gives the service's identity the shipped policy, and what a test names beside it.
    pub fn grant(&self, service_role_arns: &[String], more: Vec<PolicyDocument>) {
        let mut policies = vec![self.shipped_policy(service_role_arns)];
        policies.extend(more);
        self.put_policies(&policies);
    }

    /// Gives the service's identity these policies and no other.
    pub fn put_policies(&self, policies: &[PolicyDocument]) {
        let identity = Identity {
            secret: SERVICE.to_owned(),
            arn: SERVICE_ARN.to_owned(),
            policies: policies
                .iter()
                .map(|policy| serde_json::to_value(policy).unwrap())
                .collect(),
            permissions_boundary: None,
            session_policies: None,
        };
        self.sandbox.put_identity(SERVICE, identity);
    }

    /// Every call so far that was not the administrator's.
    pub fn service_calls(&self) -> Vec<CallRecord> {
        let mut calls = self.sandbox.calls();
        calls.retain(|call| call.caller != ADMINISTRATOR_ARN);
        calls
    }
}

/// The permissions boundary of the roles that the service makes, made by the administrator.
pub async fn make_boundary(admin: &Aws, place: &AwsAccount) -> String {
    let boundary = Mutation::CreatePolicy {
        name: "dax-provisioner-boundary".to_owned(),
        path: "/".to_owned(),
        document: boundary_policy(&place.partition, &place.account_id).to_json(),
        description: "the most that a role of the service may ever do".to_owned(),
        tags: BTreeMap::new(),
    };
    admin.send(&boundary, place).await.unwrap().arn.unwrap()
}

/// Gives the service's identity everything but one action.
pub fn lack(world: &TestEnv, action: &str) {
    let statement = json!({"Effect": "Allow", "NotAction": [action], "Resource": "*"});
    let identity = Identity {
        secret: SERVICE.to_owned(),
        arn: SERVICE_ARN.to_owned(),
        policies: vec![json!({"Version": "2012-10-17", "Statement": [statement]})],
        permissions_boundary: None,
        session_policies: None,
    };
    world.sandbox.put_identity(SERVICE, identity);
}
