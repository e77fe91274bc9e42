//! Every fault on demand: what the caller sees, and whether the effect is there.

use std::time::{Duration, Instant};

use aws_sandbox::{FaultKind, FaultRule};
use aws_sdk_iam::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_types::retry::RetryConfig;

use crate::world::{TRUST, World, code, refusal};

/// The error code that the caller sees, `ok`, or none where no answer could be read.
fn seen<T, E: ProvideErrorMetadata, R>(result: Result<T, SdkError<E, R>>) -> Option<String> {
    match result {
        Ok(_) => Some("ok".to_owned()),
        Err(SdkError::ServiceError(error)) => error.err().code().map(str::to_owned),
        Err(_) => None,
    }
}

/// CreateRole under one fault: the error code (or none, where no answer could be read), and whether the role is there.
async fn create_role_under(fault: FaultKind) -> (Option<String>, bool) {
    let world = World::new().await;
    world
        .sandbox
        .add_fault(FaultRule::new("iam:CreateRole", fault.clone()));
    let created = world
        .iam()
        .create_role()
        .role_name("r")
        .assume_role_policy_document(TRUST)
        .send()
        .await;
    let seen = seen(created);
    let exists = world
        .sandbox
        .inventory()
        .roles
        .iter()
        .any(|role| role.name == "r");
    let record = world
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
    (seen, exists)
}

#[tokio::test]
async fn each_fault_is_seen_as_it_should_be_and_has_its_effect_or_not() {
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

/// IncreaseReplicationFactor or RebootNode under one fault: the error code, and whether the cluster shows the effect.
async fn later_call_under(call: &str, fault: FaultKind) -> (Option<String>, bool) {
    let world = World::new().await;
    world.cluster("c1", 2).await;
    world.sandbox.add_fault(FaultRule::new(call, fault.clone()));
    let seen = if call == "dax:RebootNode" {
        seen(
            world
                .dax()
                .reboot_node()
                .cluster_name("c1")
                .node_id("c1-a")
                .send()
                .await,
        )
    } else {
        let grow = world
            .dax()
            .increase_replication_factor()
            .cluster_name("c1")
            .new_replication_factor(3);
        seen(grow.send().await)
    };
    let cluster = world.describe("c1").await;
    let has_effect =
        cluster.total_nodes() == Some(3) || cluster.nodes()[0].node_status() == Some("REBOOTING");
    let calls = world.sandbox.calls();
    let record = calls
        .iter()
        .find(|record| record.operation == call)
        .unwrap();
    assert_eq!(
        (record.effect, record.target.as_deref()),
        (has_effect, Some("c1")),
        "{call} {fault}"
    );
    (seen, has_effect)
}

#[tokio::test]
async fn calls_on_a_living_cluster_meet_the_same_faults() {
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
                later_call_under(call, fault.clone()).await,
                expected,
                "{call} {fault}"
            );
        }
    }
    let full = (some("InsufficientClusterCapacityFault"), false);
    assert_eq!(
        later_call_under("dax:IncreaseReplicationFactor", FaultKind::Capacity).await,
        full
    );
}

#[tokio::test]
async fn a_late_reboot_meets_the_cluster_as_it_has_become() {
    let world = World::new().await;
    world.cluster("c1", 2).await;
    world
        .sandbox
        .add_fault(FaultRule::new("dax:RebootNode", FaultKind::Late).seconds(0.0));
    let hold = world.sandbox.hold("dax:RebootNode").before();
    assert_eq!(
        seen(
            world
                .dax()
                .reboot_node()
                .cluster_name("c1")
                .node_id("c1-a")
                .send()
                .await
        ),
        None
    );
    world
        .dax()
        .increase_replication_factor()
        .cluster_name("c1")
        .new_replication_factor(3)
        .send()
        .await
        .unwrap();
    hold.release();
    let calls = || world.sandbox.calls();
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
async fn a_slow_call_happens_even_if_the_client_gives_up() {
    let world = World::new().await;
    world
        .sandbox
        .add_fault(FaultRule::new("iam:CreateRole", FaultKind::Slow).seconds(1.5));
    let create = world
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
    wait_for(|| !world.sandbox.inventory().roles.is_empty()).await;
}

#[tokio::test]
async fn a_late_call_is_dropped_at_once_and_carried_out_afterwards() {
    let world = World::new().await;
    world
        .sandbox
        .add_fault(FaultRule::new("iam:CreateRole", FaultKind::Late).seconds(2.0));
    let create = || {
        world
            .iam()
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
    assert!(
        started.elapsed() < Duration::from_secs(2) && world.sandbox.inventory().roles.is_empty()
    );
    create().await.unwrap();
    world
        .iam()
        .delete_role()
        .role_name("r")
        .send()
        .await
        .unwrap();
    wait_for(|| !world.sandbox.inventory().roles.is_empty()).await;
}

async fn wait_for(condition: impl Fn() -> bool) {
    for _ in 0..1000 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("waited ten seconds in vain");
}

#[tokio::test]
async fn faults_of_create_cluster_come_as_often_as_ordered() {
    let world = World::new().await;
    let role = world.service_role("Service").await;
    let create = || world.create("c1", 1, &role).send();
    world
        .sandbox
        .add_fault(FaultRule::new("dax:CreateCluster", FaultKind::NotAssumable).count(2));
    world
        .sandbox
        .add_fault(FaultRule::new("dax:CreateCluster", FaultKind::Capacity));
    let quota = "quota:NodeQuotaForCustomerExceededFault".parse().unwrap();
    world.sandbox.add_fault(FaultRule::new("dax:*", quota));
    for _ in 0..2 {
        assert_eq!(
            refusal(create().await).1,
            format!("No permission to assume role: {role}")
        );
    }
    assert_eq!(code(create().await), "InsufficientClusterCapacityFault");
    assert_eq!(code(create().await), "NodeQuotaForCustomerExceededFault");
    create().await.unwrap();
    assert!(world.sandbox.faults().is_empty());
}

#[tokio::test]
async fn a_stuck_cluster_goes_on_when_the_faults_are_cleared() {
    let world = World::new().await;
    let role = world.service_role("Service").await;
    world
        .sandbox
        .add_fault(FaultRule::new("dax:CreateCluster", FaultKind::Stuck));
    world.create("c1", 1, &role).send().await.unwrap();
    world.advance(86_400);
    assert_eq!(world.describe("c1").await.status(), Some("creating"));
    world.sandbox.clear_faults();
    world.advance(60);
    assert_eq!(world.describe("c1").await.status(), Some("available"));
}

#[tokio::test]
async fn a_denial_can_hit_the_pass_role_inside_create_cluster() {
    let world = World::new().await;
    let role = world.service_role("Service").await;
    world
        .sandbox
        .add_fault(FaultRule::new("iam:PassRole", FaultKind::Deny).seconds(600.0));
    let (code, message) = refusal(world.create("c1", 1, &role).send().await);
    assert_eq!(code, "AccessDeniedException");
    assert!(
        message.contains(&format!("iam:PassRole on resource: {role}")),
        "{message}"
    );
    world.advance(600);
    world.create("c1", 1, &role).send().await.unwrap();
}

#[tokio::test]
async fn a_hold_keeps_the_answer_back_until_released() {
    let world = World::new().await;
    let hold = world.sandbox.hold("iam:CreateRole");
    let iam = world.iam();
    let create = tokio::spawn(
        iam.create_role()
            .role_name("after")
            .assume_role_policy_document(TRUST)
            .send(),
    );
    hold.reached().await;
    assert!(
        world
            .sandbox
            .inventory()
            .roles
            .iter()
            .any(|role| role.name == "after"),
        "the effect comes first"
    );
    assert!(!create.is_finished());
    hold.release();
    create.await.unwrap().unwrap();

    let hold = world.sandbox.hold("iam:*").before();
    let create = tokio::spawn(
        iam.create_role()
            .role_name("before")
            .assume_role_policy_document(TRUST)
            .send(),
    );
    hold.reached().await;
    assert!(
        !world
            .sandbox
            .inventory()
            .roles
            .iter()
            .any(|role| role.name == "before"),
        "nothing happened yet"
    );
    create.abort();
    drop(hold);
    wait_for(|| {
        world
            .sandbox
            .inventory()
            .roles
            .iter()
            .any(|role| role.name == "before")
    })
    .await;
}

#[tokio::test]
async fn sdk_defaults_ride_out_throttling() {
    let world = World::new().await;
    world
        .sandbox
        .add_fault(FaultRule::new("dax:DescribeClusters", FaultKind::Throttle).count(2));
    let config = world
        .dax()
        .config()
        .to_builder()
        .retry_config(RetryConfig::standard());
    aws_sdk_dax::Client::from_conf(config.build())
        .describe_clusters()
        .send()
        .await
        .unwrap();
    assert_eq!(world.sandbox.calls().len(), 3);
}
