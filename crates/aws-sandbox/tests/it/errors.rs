//! Rejected DAX requests: quotas, names and paging limits.
//!
//! `python/model_walk.py` covers each modelled error.

use aws_sandbox::Settings;
use aws_sdk_dax::types::Tag;

use crate::test_env::{TestEnv, code, rejection, settings};

async fn with_quota(name: &str, value: u32) -> TestEnv {
    let mut settings: Settings = settings();
    settings.quotas.set(name, value).unwrap();
    TestEnv::with(settings).await
}

#[tokio::test]
async fn default_quotas_match_aws_and_can_be_raised() {
    let env = TestEnv::new().await;
    let role = env.service_role("Service").await;
    assert_eq!(
        code(env.create("c", 12, &role).send().await),
        "NodeQuotaForClusterExceededFault"
    );
    for number in 0..4 {
        env.create(&format!("c{number}"), 11, &role)
            .send()
            .await
            .unwrap();
    }
    env.create("c4", 6, &role).send().await.unwrap();
    assert_eq!(
        code(env.create("c5", 1, &role).send().await),
        "NodeQuotaForCustomerExceededFault"
    );
    let raised = with_quota("nodes", 5000).await;
    let role = raised.service_role("Service").await;
    for number in 0..6 {
        raised
            .create(&format!("c{number}"), 11, &role)
            .send()
            .await
            .unwrap();
    }
    assert!(
        Settings::default()
            .quotas
            .set("nodez", 1)
            .unwrap_err()
            .to_string()
            .contains("nodes_per_cluster")
    );
}

#[tokio::test]
async fn quotas_of_groups_tags_clusters_and_certificates_are_enforced() {
    let env = TestEnv::new().await;
    for number in 0..20 {
        env.dax()
            .create_parameter_group()
            .parameter_group_name(format!("g{number}"))
            .send()
            .await
            .unwrap();
    }
    let one_more = env
        .dax()
        .create_parameter_group()
        .parameter_group_name("g20")
        .send()
        .await;
    assert_eq!(code(one_more), "ParameterGroupQuotaExceededFault");
    let role = env.service_role("Service").await;
    let tags = |count: usize| {
        let tags: Vec<Tag> = (0..count)
            .map(|n| Tag::builder().key(format!("k{n}")).value("").build())
            .collect();
        env.create("c1", 1, &role).set_tags(Some(tags)).send()
    };
    assert_eq!(code(tags(51).await), "TagQuotaPerResourceExceeded");
    tags(50).await.unwrap();
    let env = with_quota("clusters", 1).await;
    env.cluster("c1", 1).await;
    let role = env.service_role("Other").await;
    assert_eq!(
        code(env.create("c2", 1, &role).send().await),
        "ClusterQuotaForCustomerExceededFault"
    );
    let env = with_quota("certificates", 1).await;
    let role = env.service_role("Service").await;
    let tls = |name| {
        env.create(name, 1, &role)
            .cluster_endpoint_encryption_type("TLS".into())
            .send()
    };
    tls("c1").await.unwrap();
    assert_eq!(code(tls("c2").await), "ServiceQuotaExceededException");
    env.advance(31 * 24 * 3600);
    tls("c2").await.unwrap();
}

#[tokio::test]
async fn invalid_parameters_of_create_cluster_are_rejected() {
    let env = TestEnv::new().await;
    let role = env.service_role("Service").await;
    let invalid = "InvalidParameterValueException";
    for name in [
        "1c",
        "c-",
        "a--b",
        "with_underscore",
        "sudoku",
        "mygrep",
        "abcdefghijklmnopqrstu",
    ] {
        assert_eq!(
            code(env.create(name, 1, &role).send().await),
            invalid,
            "{name}"
        );
    }
    assert_eq!(code(env.create("c", 0, &role).send().await), invalid);
    assert_eq!(code(env.create("c", 1, "not-an-arn").send().await), invalid);
    assert_eq!(
        code(
            env.create("c", 1, &role)
                .node_type("dax.bogus")
                .send()
                .await
        ),
        invalid
    );
    let (_, message) = rejection(
        env.create("c", 1, "arn:aws:iam::123456789012:role/Missing")
            .send()
            .await,
    );
    assert_eq!(
        message,
        "No permission to assume role: arn:aws:iam::123456789012:role/Missing"
    );
    let zones = env.create("c", 2, &role).availability_zones("us-east-1a");
    assert_eq!(
        code(zones.send().await),
        "InvalidParameterCombinationException"
    );
    let elsewhere = env.create("c", 1, &role).availability_zones("eu-west-1a");
    assert_eq!(code(elsewhere.send().await), invalid);
    let group = env.create("c", 1, &role).security_group_ids("sg-00000000");
    assert_eq!(code(group.send().await), invalid);
    let window = env
        .create("c", 1, &role)
        .preferred_maintenance_window("sun:05:00-sun:05:30");
    assert_eq!(code(window.send().await), invalid);
    let old = env.create("c", 1, &role).node_type("dax.r3.large");
    let sse = aws_sdk_dax::types::SseSpecification::builder()
        .enabled(true)
        .build()
        .unwrap();
    assert_eq!(
        code(old.sse_specification(sse).send().await),
        "InvalidParameterCombinationException"
    );
    assert_eq!(env.sandbox.inventory().clusters.len(), 0);
}

#[tokio::test]
async fn a_role_that_does_not_trust_dax_cannot_be_assumed() {
    let env = TestEnv::new().await;
    let trust = crate::test_env::TRUST.replace("dax.amazonaws.com", "ec2.amazonaws.com");
    let role = env
        .iam()
        .create_role()
        .role_name("Ec2")
        .assume_role_policy_document(trust)
        .send()
        .await
        .unwrap();
    env.advance(10);
    let (code, message) = rejection(env.create("c", 1, role.role().unwrap().arn()).send().await);
    assert_eq!(code, "InvalidParameterValueException");
    assert!(
        message.starts_with("No permission to assume role"),
        "{message}"
    );
}

#[tokio::test]
async fn reserved_groups_cannot_be_changed() {
    let env = TestEnv::new().await;
    let (code, message) = rejection(
        env.dax()
            .delete_subnet_group()
            .subnet_group_name("default")
            .send()
            .await,
    );
    assert_eq!(code, "InvalidParameterValueException");
    assert!(
        message.contains("is reserved and cannot be modified"),
        "{message}"
    );
    let parameters = env
        .dax()
        .delete_parameter_group()
        .parameter_group_name("default.dax1.0")
        .send()
        .await;
    assert!(
        rejection(parameters)
            .1
            .contains("is reserved and cannot be modified")
    );
    let again = env
        .dax()
        .create_subnet_group()
        .subnet_group_name("default")
        .subnet_ids("subnet-0a1b2c3d4e5f60001");
    assert_eq!(
        crate::test_env::code(again.send().await),
        "SubnetGroupAlreadyExistsFault"
    );
}

/// Settings with quotas far above those of AWS.
fn raised_quotas() -> Settings {
    let mut settings = settings();
    for name in ["nodes", "clusters", "parameter_groups", "subnet_groups"] {
        settings.quotas.set(name, 5000).unwrap();
    }
    settings
}

#[tokio::test]
async fn a_thousand_clusters_are_listed_in_pages_of_a_hundred() {
    let env = TestEnv::with(raised_quotas()).await;
    let (dax, role) = (env.dax(), env.service_role("Service").await);
    let names: Vec<String> = (0..1050).map(|number| format!("c{number:04}")).collect();
    for name in &names {
        dax.create_parameter_group()
            .parameter_group_name(name)
            .send()
            .await
            .unwrap();
        env.create(name, 2, &role)
            .parameter_group_name(name)
            .send()
            .await
            .unwrap();
    }
    env.advance(60);
    let page = |most: Option<i32>, token: Option<String>| {
        dax.describe_clusters()
            .set_max_results(most)
            .set_next_token(token)
            .send()
    };
    assert_eq!(
        page(None, None).await.unwrap().clusters().len(),
        100,
        "the default"
    );
    let (mut seen, mut sizes, mut token) = (Vec::new(), Vec::new(), None);
    loop {
        let answer = page(Some(100), token).await.unwrap();
        sizes.push(answer.clusters().len());
        seen.extend(
            answer
                .clusters()
                .iter()
                .map(|cluster| cluster.cluster_name().unwrap().to_owned()),
        );
        token = answer.next_token().map(str::to_owned);
        if token.is_none() {
            break;
        }
        // The deletion of a cluster between two pages does not disturb paging, even if the token
        // refers to that cluster.
        if seen.len() == 300 {
            dax.delete_cluster()
                .cluster_name("c0299")
                .send()
                .await
                .unwrap();
            env.advance(30);
        }
    }
    let mut expected = vec![100; 10];
    expected.push(50);
    assert_eq!((sizes, seen), (expected, names));
}

#[tokio::test]
async fn the_page_size_is_limited_to_20_to_100() {
    let mut settings = settings();
    settings.quotas.set("nodes", 500).unwrap();
    let env = TestEnv::with(settings).await;
    let role = env.service_role("Service").await;
    for number in 0..45 {
        env.create(&format!("c{number:02}"), 1, &role)
            .send()
            .await
            .unwrap();
    }
    let page = |most: i32, token: Option<String>| {
        env.dax()
            .describe_clusters()
            .max_results(most)
            .set_next_token(token)
            .send()
    };
    assert_eq!(code(page(19, None).await), "InvalidParameterValueException");
    assert_eq!(
        code(page(101, None).await),
        "InvalidParameterValueException"
    );
    assert_eq!(
        code(page(20, Some("nonsense".to_owned())).await),
        "InvalidParameterValueException"
    );
    let (mut seen, mut token) = (Vec::new(), None);
    loop {
        let answer = page(20, token).await.unwrap();
        seen.extend(
            answer
                .clusters()
                .iter()
                .map(|cluster| cluster.cluster_name().unwrap().to_owned()),
        );
        token = answer.next_token().map(str::to_owned);
        if token.is_none() {
            break;
        }
    }
    let all: Vec<String> = (0..45).map(|number| format!("c{number:02}")).collect();
    assert_eq!(seen, all);
}
