//! The identity of the service in a test environment, and its permissions.

use std::collections::BTreeMap;

use aws_sandbox::{CallRecord, Identity};
use dax_provisioner::aws::{Aws, LOOKUPS_BUILT_IN};
use dax_provisioner::domain::iam::policies::PolicyDocument;
use dax_provisioner::domain::iam::policies::boundary::boundary_policy;
use dax_provisioner::domain::iam::policies::service::{ServiceScope, service_policy};
use dax_provisioner::domain::installation::AwsAccount;
use dax_provisioner::domain::mutation::Mutation;
use serde_json::{Value, json};

use crate::support::test_env::TestEnv;

const ADMINISTRATOR_ARN: &str = "arn:aws:iam::123456789012:user/sandbox";

/// Access key ID and secret access key of the service.
pub const SERVICE: &str = "service";
pub const SERVICE_ARN: &str = "arn:aws:iam::123456789012:user/dax-provisioner";

impl TestEnv {
    /// The shipped policy for this account, Region and boundary. `service_role_arns` are the
    /// existing service roles that it may pass.
    pub fn shipped_policy(&self, service_role_arns: &[String]) -> PolicyDocument {
        self.policy_of_build(service_role_arns, LOOKUPS_BUILT_IN)
    }

    /// The shipped policy of a build with or without lookups.
    pub fn policy_of_build(&self, service_role_arns: &[String], lookups: bool) -> PolicyDocument {
        service_policy(&ServiceScope {
            partition: &self.account.partition,
            account_id: &self.account.account_id,
            region: &self.account.region,
            boundary_arn: self.settings.permissions_boundary.as_deref(),
            service_role_arns,
            lookups,
        })
    }

    /// Gives the service the shipped policy and these further policies.
    pub fn grant(&self, service_role_arns: &[String], more: Vec<PolicyDocument>) {
        let mut policies = vec![self.shipped_policy(service_role_arns)];
        policies.extend(more);
        self.put_policies(&policies);
    }

    /// Gives the service exactly these policies.
    pub fn put_policies(&self, policies: &[PolicyDocument]) {
        let policies = policies
            .iter()
            .map(|policy| serde_json::to_value(policy).unwrap());
        self.put_service(policies.collect());
    }

    /// Allows the service every action except one.
    pub fn grant_all_except(&self, action: &str) {
        self.grant_all_except_any(&[action]);
    }

    /// Allows the service every action except these.
    pub fn grant_all_except_any(&self, actions: &[&str]) {
        let mut statement = json!({"Effect": "Allow", "Resource": "*"});
        if actions.is_empty() {
            statement["Action"] = json!("*");
        } else {
            statement["NotAction"] = json!(actions);
        }
        self.put_service(vec![
            json!({"Version": "2012-10-17", "Statement": [statement]}),
        ]);
    }

    fn put_service(&self, policies: Vec<Value>) {
        let identity = Identity {
            secret: SERVICE.to_owned(),
            arn: SERVICE_ARN.to_owned(),
            policies,
            permissions_boundary: None,
            session_policies: None,
            service_control_policies: None,
        };
        self.sandbox.put_identity(SERVICE, identity);
    }

    /// Every call so far, without those of the administrator.
    pub fn service_calls(&self) -> Vec<CallRecord> {
        let mut calls = self.sandbox.calls();
        calls.retain(|call| call.caller != ADMINISTRATOR_ARN);
        calls
    }
}

/// Creates the permissions boundary of managed roles for every table. Returns its ARN.
pub async fn create_boundary(admin: &Aws, account: &AwsAccount) -> String {
    create_boundary_named(admin, account, "dax-provisioner-boundary", &[]).await
}

/// Creates a permissions boundary for these tables. Returns its ARN.
pub async fn create_boundary_named(
    admin: &Aws,
    account: &AwsAccount,
    name: &str,
    tables: &[String],
) -> String {
    let (partition, region) = (&account.partition, &account.region);
    let document = boundary_policy(partition, region, &account.account_id, tables);
    let boundary = Mutation::CreatePolicy {
        name: name.to_owned(),
        path: "/".to_owned(),
        document: document.to_json(),
        description: "limits the permissions of managed roles".to_owned(),
        tags: BTreeMap::new(),
    };
    admin.send(&boundary, account).await.unwrap().arn.unwrap()
}
