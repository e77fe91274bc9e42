//! Injected faults: what the caller receives, and whether the call takes effect.

use std::time::{Duration, Instant};

use aws_sandbox::{FaultKind, FaultRule};
use aws_sdk_iam::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_types::retry::RetryConfig;

use crate::test_env::{TRUST, TestEnv, code, rejection};

/// The error code in a response or `ok`; `None` when there is no readable response.
fn outcome<T, E: ProvideErrorMetadata, R>(result: Result<T, SdkError<E, R>>) -> Option<String> {
    match result {
        Ok(_) => Some("ok".to_owned()),
        Err(SdkError::ServiceError(error)) => error.err().code().map(str::to_owned),
        Err(_) => None,
    }
}

/// Calls CreateRole with one fault; returns the outcome and whether the role exists.
async fn create_role_under(fault: FaultKind) -> (Option<String>, bool) {
    let env = TestEnv::new().await;
    env.sandbox
        .add_fault(FaultRule::new("iam:CreateRole", fault.clone()));
    let created = env
        .iam()
        .create_role()
        .role_name("r")
        .assume_role_policy_document(TRUST)
        .send()
        .await;
    let outcome = outcome(created);
    let exists = env
        .sandbox
        .inventory()
        .roles
        .iter()
        .any(|role| role.name == "r");
    let record = env
        .sandbox
        .calls()
        .into_iter()
        .find(|call| call.operation == "iam:CreateRole")
        .unwrap();
    assert_eq!(
        (record.effect, record.target.as_deref()),
        (exists, Some("r")),
        "{fault}"
    );
    (outcome, exists)
}

#[tokio::test]
async fn each_fault_has_its_outcome_and_effect() {
    let some = |code: &str| Some(code.to_owned());
    for (fault, expected) in [
        (FaultKind::Throttle, (some("Throttling"), false)),
        (FaultKind::ErrorBefore, (some("ServiceFailure"), false)),
        (FaultKind::ErrorAfter, (some("ServiceFailure"), true)),
        (FaultKind::Deny, (some("AccessDenied"), false)),
        (FaultKind::LoseAnswer, (None, true)),
        (FaultKind::CutAnswer, (None, true)),
        (FaultKind::Garbage, (None, true)),
        (
            FaultKind::Error("LimitExceeded".to_owned()),
            (some("LimitExceeded"), false),
        ),
    ] {
        assert_eq!(create_role_under(fault.clone()).await, expected, "{fault}");
    }
}

/// Calls IncreaseReplicationFactor or RebootNode with one fault; returns the outcome and whether
/// the cluster shows the effect.
async fn change_under(call: &str, fault: FaultKind) -> (Option<String>, bool) {
    let env = TestEnv::new().await;
    env.cluster("c1", 2).await;
    env.sandbox.add_fault(FaultRule::new(call, fault.clone()));
    let outcome = if call == "dax:RebootNode" {
        outcome(
            env.dax()
                .reboot_node()
                .cluster_name("c1")
                .node_id("c1-a")
                .send()
                .await,
        )
    } else {
        let grow = env
            .dax()
            .increase_replication_factor()
            .cluster_name("c1")
            .new_replication_factor(3);
        outcome(grow.send().await)
    };
    let cluster = env.describe("c1").await;
    let has_effect =
        cluster.total_nodes() == Some(3) || cluster.nodes()[0].node_status() == Some("REBOOTING");
    let calls = env.sandbox.calls();
    let record = calls
        .iter()
        .find(|record| record.operation == call)
        .unwrap();
    assert_eq!(
        (record.effect, record.target.as_deref()),
        (has_effect, Some("c1")),
        "{call} {fault}"
    );
    (outcome, has_effect)
}

#[tokio::test]
async fn faults_apply_to_changes_of_an_existing_cluster() {
    let some = |code: &str| Some(code.to_owned());
    for call in ["dax:IncreaseReplicationFactor", "dax:RebootNode"] {
        for (fault, expected) in [
            (FaultKind::Throttle, (some("ThrottlingException"), false)),
            (FaultKind::ErrorBefore, (some("InternalFailure"), false)),
            (FaultKind::ErrorAfter, (some("InternalFailure"), true)),
            (FaultKind::Deny, (some("AccessDeniedException"), false)),
            (FaultKind::LoseAnswer, (None, true)),
            (FaultKind::CutAnswer, (None, true)),
            (FaultKind::Garbage, (None, true)),
            (
                FaultKind::Error("NodeNotFoundFault".to_owned()),
                (some("NodeNotFoundFault"), false),
            ),
        ] {
            assert_eq!(
                change_under(call, fault.clone()).await,
                expected,
                "{call} {fault}"
            );
        }
    }
    let full = (some("InsufficientClusterCapacityFault"), false);
    assert_eq!(
        change_under("dax:IncreaseReplicationFactor", FaultKind::Capacity).await,
        full
    );
}

#[tokio::test]
async fn a_late_reboot_is_rejected_by_the_current_state_of_the_cluster() {
    let env = TestEnv::new().await;
    env.cluster("c1", 2).await;
    env.sandbox
        .add_fault(FaultRule::new("dax:RebootNode", FaultKind::Late).seconds(0.0));
    let hold = env.sandbox.hold("dax:RebootNode").before();
    assert_eq!(
        outcome(
            env.dax()
                .reboot_node()
                .cluster_name("c1")
                .node_id("c1-a")
                .send()
                .await
        ),
        None
    );
    env.dax()
        .increase_replication_factor()
        .cluster_name("c1")
        .new_replication_factor(3)
        .send()
        .await
        .unwrap();
    hold.release();
    let calls = || env.sandbox.calls();
    wait_for(|| {
        calls()
            .iter()
            .any(|call| call.operation == "dax:RebootNode")
    })
    .await;
    assert!(
        !calls()
            .iter()
            .any(|call| call.operation == "dax:RebootNode" && call.effect)
    );
}

#[tokio::test]
async fn a_slow_call_takes_effect_even_if_the_client_disconnects() {
    let env = TestEnv::new().await;
    env.sandbox
        .add_fault(FaultRule::new("iam:CreateRole", FaultKind::Slow).seconds(1.5));
    let create = env
        .iam()
        .create_role()
        .role_name("r")
        .assume_role_policy_document(TRUST)
        .send();
    assert!(
        tokio::time::timeout(Duration::from_millis(700), create)
            .await
            .is_err()
    );
    wait_for(|| !env.sandbox.inventory().roles.is_empty()).await;
}

#[tokio::test]
async fn a_late_call_loses_its_connection_at_once_and_is_executed_later() {
    let env = TestEnv::new().await;
    env.sandbox
        .add_fault(FaultRule::new("iam:CreateRole", FaultKind::Late).seconds(2.0));
    let create = || {
        env.iam()
            .create_role()
            .role_name("r")
            .assume_role_policy_document(TRUST)
            .send()
    };
    let started = Instant::now();
    assert!(matches!(
        create().await,
        Err(SdkError::DispatchFailure(_) | SdkError::ResponseError(_))
    ));
    assert!(started.elapsed() < Duration::from_secs(2) && env.sandbox.inventory().roles.is_empty());
    create().await.unwrap();
    env.iam().delete_role().role_name("r").send().await.unwrap();
    wait_for(|| !env.sandbox.inventory().roles.is_empty()).await;
}

async fn wait_for(condition: impl Fn() -> bool) {
    for _ in 0..1000 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the condition was not met within ten seconds");
}

#[tokio::test]
async fn faults_of_create_cluster_occur_as_often_as_their_count() {
    let env = TestEnv::new().await;
    let role = env.service_role("Service").await;
    let create = || env.create("c1", 1, &role).send();
    env.sandbox
        .add_fault(FaultRule::new("dax:CreateCluster", FaultKind::NotAssumable).count(2));
    env.sandbox
        .add_fault(FaultRule::new("dax:CreateCluster", FaultKind::Capacity));
    let quota = "quota:NodeQuotaForCustomerExceededFault".parse().unwrap();
    env.sandbox.add_fault(FaultRule::new("dax:*", quota));
    for _ in 0..2 {
        assert_eq!(
            rejection(create().await).1,
            format!("No permission to assume role: {role}")
        );
    }
    assert_eq!(code(create().await), "InsufficientClusterCapacityFault");
    assert_eq!(code(create().await), "NodeQuotaForCustomerExceededFault");
    create().await.unwrap();
    assert!(env.sandbox.faults().is_empty());
}

#[tokio::test]
async fn a_stuck_cluster_becomes_available_after_the_faults_are_cleared() {
    let env = TestEnv::new().await;
    let role = env.service_role("Service").await;
    env.sandbox
        .add_fault(FaultRule::new("dax:CreateCluster", FaultKind::Stuck));
    env.create("c1", 1, &role).send().await.unwrap();
    env.advance(86_400);
    assert_eq!(env.describe("c1").await.status(), Some("creating"));
    env.sandbox.clear_faults();
    env.advance(60);
    assert_eq!(env.describe("c1").await.status(), Some("available"));
}

#[tokio::test]
async fn a_deny_fault_applies_to_pass_role_within_create_cluster() {
    let env = TestEnv::new().await;
    let role = env.service_role("Service").await;
    env.sandbox
        .add_fault(FaultRule::new("iam:PassRole", FaultKind::Deny).seconds(600.0));
    let (code, message) = rejection(env.create("c1", 1, &role).send().await);
    assert_eq!(code, "AccessDeniedException");
    assert!(
        message.contains(&format!("iam:PassRole on resource: {role}")),
        "{message}"
    );
    env.advance(600);
    env.create("c1", 1, &role).send().await.unwrap();
}

#[tokio::test]
async fn a_hold_delays_the_response_until_released() {
    let env = TestEnv::new().await;
    let hold = env.sandbox.hold("iam:CreateRole");
    let iam = env.iam();
    let create = tokio::spawn(
        iam.create_role()
            .role_name("after")
            .assume_role_policy_document(TRUST)
            .send(),
    );
    hold.reached().await;
    assert!(
        env.sandbox
            .inventory()
            .roles
            .iter()
            .any(|role| role.name == "after"),
        "the effect precedes the hold"
    );
    assert!(!create.is_finished());
    hold.release();
    create.await.unwrap().unwrap();

    let hold = env.sandbox.hold("iam:*").before();
    let create = tokio::spawn(
        iam.create_role()
            .role_name("before")
            .assume_role_policy_document(TRUST)
            .send(),
    );
    hold.reached().await;
    assert!(
        !env.sandbox
            .inventory()
            .roles
            .iter()
            .any(|role| role.name == "before"),
        "the hold precedes the effect"
    );
    create.abort();
    drop(hold);
    wait_for(|| {
        env.sandbox
            .inventory()
            .roles
            .iter()
            .any(|role| role.name == "before")
    })
    .await;
}

#[tokio::test]
async fn default_sdk_retries_recover_from_throttling() {
    let env = TestEnv::new().await;
    env.sandbox
        .add_fault(FaultRule::new("dax:DescribeClusters", FaultKind::Throttle).count(2));
    let config = env
        .dax()
        .config()
        .to_builder()
        .retry_config(RetryConfig::standard());
    aws_sdk_dax::Client::from_conf(config.build())
        .describe_clusters()
        .send()
        .await
        .unwrap();
    assert_eq!(env.sandbox.calls().len(), 3);
}
