//! `target`: prints the CloudFormation template of an account, or renames a target.

use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::aws::LOOKUPS_BUILT_IN;
use crate::config::Secret;
use crate::config::operator::TemplateArguments;
use crate::domain::iam::policies::boundary::boundary_policy;
use crate::domain::iam::policies::service::{ServiceScope, service_policy, simulation_policy};
use crate::domain::partitions::partition_of;
use crate::domain::target::TargetName;
use crate::store::Renamed;

use super::{connect, eprint_line, print_line};

/// Stands for the account in the documents; CloudFormation replaces it.
const ACCOUNT: &str = "${AWS::AccountId}";

/// Prints the template on standard output, and the table of the organisation on standard error.
pub(super) fn template(arguments: &TemplateArguments) -> anyhow::Result<()> {
    let external_id = match &arguments.external_id {
        Some(external_id) => external_id.clone(),
        None => format!("{:032x}", rand::random::<u128>()),
    };
    let partition = partition_of(&arguments.region).context("the Region has no partition")?;
    let template = document(arguments, partition, &external_id);
    print_line(serde_json::to_string_pretty(&template)?);
    let TemplateArguments { name, region, .. } = arguments;
    eprint_line(format_args!(
        "note: create the stack in {region}, then add this to organisation.toml:\n\n[targets.{name}]\n\
         account_id = \"ACCOUNT\"\nregion = \"{region}\"\n\
         assume_role_arn = \"arn:{partition}:iam::ACCOUNT:role/dax-provisioner-{name}\"\n\
         external_id = \"{external_id}\"\n\
         permissions_boundary = \"arn:{partition}:iam::ACCOUNT:policy/dax-provisioner-boundary-{name}\""
    ));
    Ok(())
}

fn document(arguments: &TemplateArguments, partition: &str, external_id: &str) -> Value {
    let (name, region) = (&arguments.name, &arguments.region);
    let boundary = format!("dax-provisioner-boundary-{name}");
    let role = format!("dax-provisioner-{name}");
    let arn = |kind: &str, name: &str| format!("arn:{partition}:iam::{ACCOUNT}:{kind}/{name}");
    let policy = service_policy(&ServiceScope {
        partition,
        account_id: ACCOUNT,
        region,
        boundary_arn: Some(&arn("policy", &boundary)),
        service_role_arns: &arguments.service_role_arn,
        lookups: arguments.lookups.unwrap_or(LOOKUPS_BUILT_IN),
    });
    let simulation = simulation_policy(&arn("role", &role));
    json!({
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": format!("Lets dax-provisioner manage DAX clusters in this account, as target {name}"),
        "Parameters": {
            "PrincipalArn": {
                "Type": "String",
                "Description": "The role or user of the service, which assumes the role of this stack",
                "Default": arguments.principal_arn,
                "AllowedPattern": "arn:[a-z-]+:iam::[0-9]{12}:(role|user)/.+",
            },
            "ExternalId": {
                "Type": "String",
                "Description": "The external ID in organisation.toml",
                "Default": external_id,
                "MinLength": 2,
                "MaxLength": 1224,
            },
        },
        "Resources": {
            "Boundary": {
                "Type": "AWS::IAM::ManagedPolicy",
                "Properties": {
                    "ManagedPolicyName": boundary,
                    "Description": "The most that a service role of a DAX cluster can do",
                    "PolicyDocument": substituted(&boundary_policy(partition, region, ACCOUNT, &[])),
                },
            },
            "AccessRole": access_role(&role, &substituted(&policy), &substituted(&simulation)),
        },
        "Outputs": {
            "AccessRoleArn": {"Value": {"Fn::GetAtt": ["AccessRole", "Arn"]}},
            "BoundaryArn": {"Value": {"Ref": "Boundary"}},
        },
    })
}

/// The role that the service assumes.
fn access_role(name: &str, policy: &Value, simulation: &Value) -> Value {
    json!({
        "Type": "AWS::IAM::Role",
        "Properties": {
            "RoleName": name,
            "Description": "Lets dax-provisioner in",
            "MaxSessionDuration": 3600,
            "AssumeRolePolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [{
                    "Effect": "Allow",
                    "Principal": {"AWS": {"Ref": "PrincipalArn"}},
                    "Action": "sts:AssumeRole",
                    "Condition": {"StringEquals": {"sts:ExternalId": {"Ref": "ExternalId"}}},
                }],
            },
            "Policies": [
                {"PolicyName": "operate", "PolicyDocument": policy},
                {"PolicyName": "preflight", "PolicyDocument": simulation},
            ],
        },
    })
}

/// A policy in which CloudFormation replaces the account.
fn substituted<T: serde::Serialize>(document: &T) -> Value {
    let value = serde_json::to_value(document).expect("a policy contains only strings");
    substitute(value)
}

fn substitute(value: Value) -> Value {
    match value {
        Value::String(text) if text.contains(ACCOUNT) => json!({"Fn::Sub": text}),
        Value::Array(items) => items.into_iter().map(substitute).collect(),
        Value::Object(members) => members
            .into_iter()
            .map(|(name, member)| (name, substitute(member)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        other => other,
    }
}

/// Renames a target: migrated data is bound to `default`.
pub(super) async fn rename(
    database: &Secret,
    old: &TargetName,
    new: &TargetName,
) -> anyhow::Result<()> {
    match connect(database).await?.rename_target(old, new).await? {
        Renamed::Done { clusters } => {
            print_line(format_args!("renamed {old} to {new}: {clusters} clusters"));
            Ok(())
        }
        Renamed::Unknown => bail!("the database has no target {old}"),
        Renamed::NameTaken => bail!("the database has a target {new} already"),
        Renamed::InUse => bail!(
            "a process of the service is connected to the database, or was killed; stop every process, \
             and wait until its leases have ended (two minutes at most)"
        ),
    }
}
