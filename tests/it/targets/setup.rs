//! Accounts that are set up as `docs/organisation.md` describes: a boundary, and an access role that
//! trusts the principal of the installation with an external ID.

use std::collections::BTreeMap;

use aws_sandbox::{Identity, Sandbox};
use dax_provisioner::aws::{AccountBudget, Aws, LOOKUPS_BUILT_IN, RoleToAssume, Target};
use dax_provisioner::domain::iam::policies::PolicyDocument;
use dax_provisioner::domain::iam::policies::service::{
    ServiceScope, service_policy, simulation_policy,
};
use dax_provisioner::domain::iam::policies::sessions::reading_policy;
use dax_provisioner::domain::installation::AwsAccount;
use dax_provisioner::domain::mutation::Mutation;
use serde_json::{Value, json};

use crate::support::identity::create_boundary_named;
use crate::support::test_env::{TestEnv, instant};

pub const MAIN: &str = "123456789012";
pub const OTHER: &str = "210987654321";
pub const EXTERNAL_ID: &str = "0123456789abcdef";
/// The key, the secret and the ARN of the installation's principal.
pub const PRINCIPAL: &str = "installation";
pub const PRINCIPAL_ARN: &str = "arn:aws:iam::999999999999:role/dax-provisioner";

pub fn two_regions() -> aws_sandbox::Settings {
    aws_sandbox::Settings {
        more_regions: vec!["eu-west-1".to_owned()],
        ..instant()
    }
}

/// A target whose account is set up.
#[derive(Clone)]
pub struct AccessRole {
    pub account: AwsAccount,
    pub arn: String,
    pub boundary: String,
}

fn document(statements: &Value) -> Value {
    json!({"Version": "2012-10-17", "Statement": statements})
}

pub fn allow(action: &str) -> Value {
    document(&json!([{"Effect": "Allow", "Action": action, "Resource": "*"}]))
}

pub fn put_identity(sandbox: &Sandbox, key: &str, arn: &str, policies: Vec<Value>) {
    let identity = Identity {
        secret: key.to_owned(),
        arn: arn.to_owned(),
        policies,
        permissions_boundary: None,
        session_policies: None,
        service_control_policies: None,
    };
    sandbox.put_identity(key, identity);
}

pub fn own(sandbox: &Sandbox, endpoint: &str, region: &str, key: &str) -> Target {
    Target::Sandbox {
        endpoint: endpoint.to_owned(),
        region: region.to_owned(),
        access_key_id: key.to_owned(),
        secret_access_key: key.to_owned(),
        sandbox_id: sandbox.id(),
    }
}

/// The administrator of an account, in a Region.
pub async fn administrator(sandbox: &Sandbox, endpoint: &str, account: &str, region: &str) -> Aws {
    let arn = format!("arn:aws:iam::{account}:user/admin");
    put_identity(sandbox, account, &arn, vec![allow("*")]);
    Aws::open(&own(sandbox, endpoint, region, account))
        .await
        .unwrap()
}

pub fn trust_of(principal: &str, external_id: &str) -> String {
    document(&json!([{
        "Effect": "Allow",
        "Principal": {"AWS": principal},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"sts:ExternalId": external_id}},
    }]))
    .to_string()
}

/// Sets up an account for a target of this name, by its administrator.
pub async fn set_up(admin: &Aws, name: &str, given_roles: &[String]) -> AccessRole {
    let account = admin.account().await.unwrap();
    let boundary = format!("dax-provisioner-boundary-{name}");
    let boundary = create_boundary_named(admin, &account, &boundary, &[]).await;
    create_access_role(admin, name, given_roles, boundary).await
}

/// Creates the access role of a target that has a boundary.
pub async fn create_access_role(
    admin: &Aws,
    name: &str,
    given_roles: &[String],
    boundary: String,
) -> AccessRole {
    let account = admin.account().await.unwrap();
    let role = format!("dax-provisioner-{name}");
    let create = Mutation::CreateRole {
        name: role.clone(),
        path: "/".to_owned(),
        trust_policy: trust_of(PRINCIPAL_ARN, EXTERNAL_ID),
        permissions_boundary: None,
        description: "lets the installation in".to_owned(),
        tags: BTreeMap::new(),
    };
    let arn = admin.send(&create, &account).await.unwrap().arn.unwrap();
    let policy = service_policy(&ServiceScope {
        partition: &account.partition,
        account_id: &account.account_id,
        region: &account.region,
        boundary_arn: Some(&boundary),
        service_role_arns: given_roles,
        lookups: LOOKUPS_BUILT_IN,
    });
    // One policy would be longer than IAM allows.
    let (first, second) = policy.statement.split_at(policy.statement.len() / 2);
    let documents = [
        PolicyDocument::new(first.to_vec()),
        PolicyDocument::new(second.to_vec()),
        simulation_policy(&arn),
    ];
    for (number, document) in documents.iter().enumerate() {
        let create = Mutation::CreatePolicy {
            name: format!("{role}-{number}"),
            path: "/".to_owned(),
            document: document.to_json(),
            description: "what the installation may do".to_owned(),
            tags: BTreeMap::new(),
        };
        let policy = admin.send(&create, &account).await.unwrap().arn.unwrap();
        let attach = Mutation::AttachRolePolicy {
            role: role.clone(),
            policy_arn: policy,
        };
        admin.send(&attach, &account).await.unwrap();
    }
    AccessRole {
        account,
        arn,
        boundary,
    }
}

/// Lets the principal of the installation assume roles, and nothing else.
pub fn put_principal(sandbox: &Sandbox) {
    put_identity(
        sandbox,
        PRINCIPAL,
        PRINCIPAL_ARN,
        vec![allow("sts:AssumeRole")],
    );
}

/// The clients of the installation for a target.
pub async fn assumed(sandbox: &Sandbox, endpoint: &str, role: &AccessRole) -> Aws {
    let target = own(sandbox, endpoint, &role.account.region, PRINCIPAL);
    let assume = RoleToAssume {
        arn: role.arn.clone(),
        external_id: EXTERNAL_ID.to_owned(),
        reading: reading_policy().to_json(),
    };
    Aws::open_in(&target, Some(assume), AccountBudget::default())
        .await
        .unwrap()
}

impl TestEnv {
    /// The same environment, whose account the service enters by a role.
    pub async fn entered_by_role(mut self) -> Self {
        let inventory = self.sandbox.inventory();
        let existing = inventory.roles.iter().filter(|role| !role.service_linked);
        let given: Vec<String> = existing
            .filter(|role| !role.path.starts_with("/dax-provisioner/"))
            .map(|role| role.arn.clone())
            .collect();
        put_principal(&self.sandbox);
        let boundary = self.settings.permissions_boundary.clone();
        let boundary = boundary.expect("a test environment has a boundary");
        let role = create_access_role(&self.admin, "main", &given, boundary).await;
        self.aws = assumed(&self.sandbox, &self.endpoint, &role).await;
        self
    }
}
