//! Several accounts and Regions: each account has its IAM, each of its Regions its own resources; and
//! roles of other accounts, with an external ID and a session policy.

use aws_credential_types::Credentials;
use aws_sandbox::{FaultKind, FaultRule, Identity, Sandbox, Settings};
use aws_sdk_sts::operation::assume_role::builders::AssumeRoleFluentBuilder;
use aws_smithy_types::retry::RetryConfig;
use serde_json::{Value, json};

use crate::test_env::{TRUST, TestEnv, code, folder, portal, settings};

const OTHER: &str = "210987654321";

fn two_regions() -> Settings {
    Settings {
        more_regions: vec!["eu-west-1".to_owned()],
        ..settings()
    }
}

fn administrator(sandbox: &Sandbox) {
    let everything = json!([{"Effect": "Allow", "Action": "*", "Resource": "*"}]);
    let identity = Identity {
        secret: "other".to_owned(),
        arn: format!("arn:aws:iam::{OTHER}:user/admin"),
        ..portal(everything)
    };
    sandbox.put_identity("other", identity);
}

fn keys(name: &str) -> Credentials {
    Credentials::from_keys(name, name, None)
}

fn dax_in(env: &TestEnv, region: &'static str, credentials: Credentials) -> aws_sdk_dax::Client {
    let config = aws_sdk_dax::Config::builder()
        .behavior_version(aws_sdk_dax::config::BehaviorVersion::latest())
        .endpoint_url(&env.url)
        .region(aws_sdk_dax::config::Region::new(region))
        .credentials_provider(credentials)
        .retry_config(RetryConfig::disabled())
        .http_client(aws_smithy_http_client::Builder::new().build_http());
    aws_sdk_dax::Client::from_conf(config.build())
}

async fn create_role(env: &TestEnv, key: &str, name: &str, trust: &str) -> String {
    let create = env.iam_as(key, key).create_role().role_name(name);
    let created = create.assume_role_policy_document(trust).send().await;
    created.unwrap().role().unwrap().arn().to_owned()
}

async fn create_cluster(
    env: &TestEnv,
    region: &'static str,
    key: &str,
    role: &str,
) -> Result<(), String> {
    let create = dax_in(env, region, keys(key)).create_cluster();
    let create = create.cluster_name("orders").node_type("dax.t3.small");
    let created = create.replication_factor(1).iam_role_arn(role).send().await;
    match created {
        Ok(_) => Ok(()),
        Err(error) => Err(code(Err::<(), _>(error))),
    }
}

#[tokio::test]
async fn accounts_share_no_role_and_regions_no_cluster() {
    let location = folder("accounts");
    let settings = || Settings {
        journal: Some(location.join("journal")),
        ..two_regions()
    };
    let env = TestEnv::with(settings()).await;
    administrator(&env.sandbox);
    let own = create_role(&env, "sandbox", "Service", TRUST).await;
    let other = create_role(&env, "other", "Service", TRUST).await;
    assert_eq!(other, format!("arn:aws:iam::{OTHER}:role/Service"));
    env.advance(5);
    for (region, key, role) in [
        ("us-east-1", "sandbox", &own),
        ("eu-west-1", "sandbox", &own),
        ("eu-west-1", "other", &other),
    ] {
        assert_eq!(
            create_cluster(&env, region, key, role).await,
            Ok(()),
            "{region} {key}"
        );
    }
    // The role of another account is not assumable, and another Region does not exist.
    let foreign = create_cluster(&env, "us-east-1", "other", &own).await;
    assert_eq!(foreign, Err("InvalidParameterValueException".to_owned()));
    let unknown = create_cluster(&env, "ap-south-1", "other", &other).await;
    assert_eq!(unknown, Err("InvalidSignatureException".to_owned()));
    let arns = |sandbox: &Sandbox| {
        [
            ("123456789012", "us-east-1"),
            ("123456789012", "eu-west-1"),
            (OTHER, "us-east-1"),
            (OTHER, "eu-west-1"),
        ]
        .map(|(account, region)| sandbox.inventory_of(account, region).created())
    };
    let cluster =
        |account: &str, region: &str| format!("arn:aws:dax:{region}:{account}:cache/orders");
    let expected = [
        vec![own.clone(), cluster("123456789012", "us-east-1")],
        vec![own.clone(), cluster("123456789012", "eu-west-1")],
        vec![other.clone()],
        vec![other.clone(), cluster(OTHER, "eu-west-1")],
    ];
    assert_eq!(arns(&env.sandbox), expected);
    drop(env);
    // A restart, and another one from the compacted journal.
    for _ in 0..2 {
        let again = loop {
            match Sandbox::open(settings()) {
                Ok(sandbox) => break sandbox,
                Err(_) => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
            }
        };
        assert_eq!(arns(&again), expected);
    }
}

fn trust(external_id: &str) -> String {
    json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::123456789012:user/portal"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"sts:ExternalId": external_id}},
    }]})
    .to_string()
}

fn assume(env: &TestEnv, credentials: Credentials, role: &str) -> AssumeRoleFluentBuilder {
    let call = env.sts_as(credentials).assume_role();
    call.role_arn(role).role_session_name("session")
}

async fn entered(call: AssumeRoleFluentBuilder) -> Result<Credentials, String> {
    match call.send().await {
        Ok(answer) => {
            let session = answer.credentials.unwrap();
            let token = Some(session.session_token);
            let (id, secret) = (session.access_key_id, session.secret_access_key);
            Ok(Credentials::from_keys(id, secret, token))
        }
        Err(error) => Err(code(Err::<(), _>(error.into_service_error()))),
    }
}

async fn access_role(env: &TestEnv) -> String {
    administrator(&env.sandbox);
    env.allow(json!([{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}]));
    let role = create_role(env, "other", "Access", &trust("secret-7")).await;
    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": ["dax:*", "iam:*", "sts:*"], "Resource": "*"}]});
    let iam = env.iam_as("other", "other");
    let put = iam.create_policy().policy_name("Access");
    let created = put
        .policy_document(policy.to_string())
        .send()
        .await
        .unwrap();
    let arn = created.policy().unwrap().arn().unwrap().to_owned();
    let attach = iam.attach_role_policy().role_name("Access");
    attach.policy_arn(arn).send().await.unwrap();
    role
}

#[tokio::test]
async fn a_role_of_another_account_asks_for_its_external_id() {
    let env = TestEnv::with(two_regions()).await;
    let role = access_role(&env).await;
    let denied = Err("AccessDenied".to_owned());
    assert_eq!(
        entered(assume(&env, keys("portal"), &role)).await.map(drop),
        denied
    );
    let wrong = assume(&env, keys("portal"), &role).external_id("secret-8");
    assert_eq!(entered(wrong).await.map(drop), denied);
    let right = assume(&env, keys("portal"), &role).external_id("secret-7");
    let session = entered(right).await.unwrap();
    let identity = env
        .sts_as(session.clone())
        .get_caller_identity()
        .send()
        .await
        .unwrap();
    assert_eq!(identity.account(), Some(OTHER));
    let groups = dax_in(&env, "eu-west-1", session)
        .describe_subnet_groups()
        .send()
        .await;
    assert_eq!(groups.unwrap().subnet_groups().len(), 1);
}

#[tokio::test]
async fn a_session_policy_limits_its_session_and_a_chained_one_lasts_an_hour() {
    let env = TestEnv::with(two_regions()).await;
    let role = access_role(&env).await;
    let policy = |action: &str, resource: &str| -> Value {
        json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": action, "Resource": resource}]})
    };
    let with = |policy: String| {
        assume(&env, keys("portal"), &role)
            .external_id("secret-7")
            .policy(policy)
    };
    let session = entered(with(policy("dax:Describe*", "*").to_string()))
        .await
        .unwrap();
    let dax = dax_in(&env, "us-east-1", session);
    assert!(dax.describe_clusters().send().await.is_ok());
    let group = dax
        .create_parameter_group()
        .parameter_group_name("g")
        .send()
        .await;
    assert_eq!(
        code(group.map_err(|error| error.into_service_error())),
        "AccessDeniedException"
    );
    // What the role does not allow, a session policy does not grant.
    let session = entered(with(policy("ec2:*", "*").to_string()))
        .await
        .unwrap();
    let listed = dax_in(&env, "us-east-1", session)
        .describe_clusters()
        .send()
        .await;
    assert_eq!(
        code(listed.map_err(|error| error.into_service_error())),
        "AccessDeniedException"
    );
    let long = policy("dax:*", &format!("arn:aws:dax:*:*:{}", "x".repeat(2_000))).to_string();
    assert_eq!(
        entered(with(long)).await.map(drop),
        Err("ValidationError".to_owned())
    );
    let trusting = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
        "Principal": {"AWS": OTHER}, "Action": "sts:AssumeRole"}]});
    let second = create_role(&env, "other", "Second", &trusting.to_string()).await;
    let first = entered(assume(&env, keys("portal"), &role).external_id("secret-7"))
        .await
        .unwrap();
    let hour = assume(&env, first.clone(), &second).duration_seconds(3_600);
    assert!(entered(hour).await.is_ok());
    let longer = assume(&env, first, &second).duration_seconds(3_601);
    assert_eq!(
        entered(longer).await.map(drop),
        Err("ValidationError".to_owned())
    );
}

#[tokio::test]
async fn a_fault_of_one_account_leaves_the_others_alone() {
    let env = TestEnv::with(two_regions()).await;
    administrator(&env.sandbox);
    let throttle = FaultRule::new("iam:*", FaultKind::Throttle).of_account(OTHER);
    env.sandbox.add_fault(throttle.count(100));
    let list = |key: &str| env.iam_as(key, key).list_roles().send();
    assert!(list("sandbox").await.is_ok());
    assert!(list("other").await.is_err());
}
