//! An explanation never hands out rights over rights: no known escalation gets a policy.

use std::collections::BTreeSet;

use aws_sandbox::policy::document::Document;
use aws_sandbox::policy::evaluate::{Authority, Context, Decision, Request, evaluate};
use dax_provisioner::domain::iam::policies::{Effect, Values};
use dax_provisioner::domain::names::IAM_PATH;
use serde_json::{Value, json};

use crate::iam::escalation_names::{ADMIN_ROLE, BOUNDARY, MANAGED_ROLE, Row, UNBOUNDED_ROLE};
use crate::iam::escalation_policy_calls::{OTHER_CALLS, POLICY_CALLS};
use crate::iam::escalation_role_calls::{NEW_ROLES, ROLE_CALLS};
use crate::iam::escalation_simulated::SIMULATED;
use crate::support::test_env::TestEnv;

const ACCOUNT: &str = "arn:aws:iam::123456789012";

/// The resource of a call as AWS writes it in a denial.
fn resource(call: &str, input: &[(&str, &str)]) -> String {
    let value = |key: &str| {
        let found = input.iter().find(|(name, _)| *name == key);
        found.map(|(_, value)| *value)
    };
    let path = value("Path").unwrap_or("/");
    match (value("RoleName"), value("PolicyName"), value("PolicyArn")) {
        (Some(name), ..) if call == "CreateRole" => format!("{ACCOUNT}:role{path}{name}"),
        (Some(name), ..) if [MANAGED_ROLE, UNBOUNDED_ROLE].contains(&name) => {
            format!("{ACCOUNT}:role{IAM_PATH}{name}")
        }
        (Some(name), ..) => format!("{ACCOUNT}:role/{name}"),
        (None, Some(name), _) => format!("{ACCOUNT}:policy{path}{name}"),
        (None, None, Some(arn)) => format!("policy {arn}"),
        (None, None, None) => match value("AWSServiceName") {
            Some(service) => {
                format!("{ACCOUNT}:role/aws-service-role/{service}/AWSServiceRoleForX")
            }
            None => value("PolicySourceArn")
                .unwrap_or("user sandbox")
                .to_owned(),
        },
    }
}

/// The condition keys of a call.
fn context(input: &[(&str, &str)]) -> Context {
    let keys = [
        ("PermissionsBoundary", "iam:permissionsboundary"),
        ("PolicyArn", "iam:policyarn"),
        ("AWSServiceName", "iam:awsservicename"),
    ];
    let mut context: Context = keys
        .iter()
        .filter_map(|(name, key)| {
            let (_, value) = input.iter().find(|(one, _)| one == name)?;
            Some(((*key).to_owned(), vec![(*value).to_owned()]))
        })
        .collect();
    let is_tag_key = |name: &str| name.starts_with("Tags.member.") && name.ends_with(".Key");
    let tags = input.iter().filter(|(name, _)| is_tag_key(name));
    context.insert(
        "aws:tagkeys".to_owned(),
        tags.map(|(_, key)| (*key).to_owned()).collect(),
    );
    context
}

fn allows(policy: &Value, action: &str, resource: &str, context: &Context) -> bool {
    let identity = [Document::parse_identity(&policy.to_string()).unwrap()];
    let authority = Authority {
        identity: &identity,
        boundary: None,
        session: None,
        organization: None,
    };
    let request = Request {
        action,
        resource,
        context,
    };
    evaluate(&authority, &request) == Decision::Allowed
}

async fn policies(env: &TestEnv, scope: &str, action: &str, resource: &str) -> Vec<Value> {
    let message = format!(
        "User: arn:aws:iam::123456789012:user/u is not authorized to perform: {action} on resource: \
         {resource} because no identity-based policy allows the {action} action"
    );
    let body = json!({"message": message, "policy_scope": scope});
    let explained = env.api().post("/v1/hints/explain", &body, &[]).await.body;
    let hints = explained["hints"].as_array().unwrap();
    assert!(!hints.is_empty(), "{message}");
    let with_policy = hints.iter().filter(|hint| !hint["policy"].is_null());
    for hint in hints.iter().filter(|hint| hint["policy"].is_null()) {
        let explanation = hint["explanation"].as_str().unwrap();
        assert!(
            explanation.contains("No policy is given: "),
            "{explanation}"
        );
    }
    with_policy.map(|hint| hint["policy"].clone()).collect()
}

#[tokio::test]
async fn no_policy_allows_a_known_escalation() {
    let env = TestEnv::new().await;
    let new_roles = NEW_ROLES.iter().map(|(_, input)| ("CreateRole", *input));
    let calls: Vec<Row> = new_roles
        .chain(ROLE_CALLS)
        .chain(POLICY_CALLS)
        .chain(OTHER_CALLS)
        .collect();
    for (call, input) in calls {
        let action = format!("iam:{call}");
        let resource = resource(call, input);
        let arn = resource.trim_start_matches("policy ");
        for policy in policies(&env, "failure", &action, &resource).await {
            let allowed = allows(&policy, &action, arn, &context(input));
            assert!(!allowed, "{call} {input:?}: {policy}");
        }
    }
}

/// The permissions are derived: whatever the service's own policy lacks has no policy.
#[tokio::test]
async fn nothing_outside_the_service_policy_gets_a_policy() {
    let env = TestEnv::new().await;
    let own = env.shipped_policy(&[]);
    let is_own = |action: &str| {
        own.statement.iter().any(|one| {
            one.effect == Effect::Allow && one.action.texts().iter().any(|name| name == action)
        })
    };
    let of_calls = ROLE_CALLS.iter().chain(&POLICY_CALLS).chain(&OTHER_CALLS);
    let mut actions: BTreeSet<String> = of_calls.map(|(call, _)| format!("iam:{call}")).collect();
    actions.extend(SIMULATED.map(str::to_owned));
    actions.extend(["sts:AssumeRole", "sts:TagSession", "ec2:RunInstances"].map(str::to_owned));
    actions.retain(|action| !is_own(action));
    assert!(actions.len() > 50, "{actions:?}");
    let managed_role = format!("{ACCOUNT}:role{IAM_PATH}{MANAGED_ROLE}");
    for action in actions {
        for (scope, resource) in [
            ("failure", ADMIN_ROLE),
            ("failure", BOUNDARY),
            ("failure", &managed_role),
            ("request", &managed_role),
        ] {
            let found = policies(&env, scope, &action, resource).await;
            assert_eq!(found, Vec::<Value>::new(), "{action} on {resource}");
        }
    }
}

#[tokio::test]
async fn a_policy_that_attaches_limits_what_can_be_attached() {
    let env = TestEnv::new().await;
    let managed_role = format!("{ACCOUNT}:role{IAM_PATH}{MANAGED_ROLE}");
    for resource in [format!("role {MANAGED_ROLE}"), managed_role.clone()] {
        let found = policies(&env, "failure", "iam:AttachRolePolicy", &resource).await;
        let statement = &found[0]["Statement"][0];
        assert_eq!(statement["Resource"], json!(managed_role));
        let only = &statement["Condition"]["ArnLike"]["iam:PolicyARN"];
        assert_eq!(only, &json!(format!("{ACCOUNT}:policy{IAM_PATH}dax-*")));
    }
    let own = env.shipped_policy(&[]);
    let attach = own.statement.iter().filter(|one| {
        let actions = one.action.texts().iter();
        one.effect == Effect::Allow && actions.clone().any(|name| name == "iam:AttachRolePolicy")
    });
    for one in attach {
        assert!(one.condition.contains_key("ArnLike"), "{one:?}");
        assert_ne!(one.resource, Some(Values::one("*")));
    }
    for resource in [
        ADMIN_ROLE,
        "role Admin",
        "arn:aws:iam::999999999999:role/dax-provisioner/dax-x",
    ] {
        let found = policies(&env, "failure", "iam:AttachRolePolicy", resource).await;
        assert_eq!(found, Vec::<Value>::new(), "{resource}");
    }
}
