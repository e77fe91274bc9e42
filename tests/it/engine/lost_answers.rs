//! Every class of answer at every call that changes something, one at a time: lost, cut, refused for a while. The work ends
//! well all the same. The calls that only read, and the other kinds, are in `laws_answers.rs`.

use aws_sandbox::{FaultKind, FaultRule};
use dax_provisioner::domain::operation::Status;

use crate::support::requests::spec_with_groups;
use crate::support::test_env::TestEnv;

const MUTATIONS: [&str; 14] = [
    "iam:CreateRole",
    "iam:CreatePolicy",
    "iam:AttachRolePolicy",
    "iam:CreateServiceLinkedRole",
    "dax:CreateSubnetGroup",
    "dax:CreateParameterGroup",
    "dax:UpdateParameterGroup",
    "dax:CreateCluster",
    "dax:DeleteCluster",
    "dax:DeleteSubnetGroup",
    "dax:DeleteParameterGroup",
    "iam:DetachRolePolicy",
    "iam:DeletePolicy",
    "iam:DeleteRole",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_kind_of_bad_answer_at_each_call_ends_well_and_each_effect_happens_once() {
    let faults = [
        FaultKind::Throttle,
        FaultKind::ErrorBefore,
        FaultKind::ErrorAfter,
        FaultKind::LoseAnswer,
        FaultKind::CutAnswer,
        FaultKind::Garbage,
    ];
    let (mut runs, mut hits) = (0, 0);
    for call in MUTATIONS {
        for fault in &faults {
            let world = TestEnv::new().await;
            let worker = world.worker("w");
            world
                .sandbox
                .add_fault(FaultRule::new(call, fault.clone()).count(1));
            let create = world.create(&spec_with_groups(&world, "orders")).await;
            let done = world.settle(&worker, create).await;
            assert_eq!(
                done.status,
                Status::Succeeded,
                "{fault:?} at {call}: {:#?}",
                done.fault
            );
            let delete = world.delete("orders").await;
            let gone = world.settle(&worker, delete).await;
            assert_eq!(
                gone.status,
                Status::Succeeded,
                "{fault:?} at {call}: {:#?}",
                gone.fault
            );
            assert_eq!(
                world.made_in_aws(),
                Vec::<String>::new(),
                "{fault:?} at {call}"
            );
            for (effect, count) in world.effects() {
                assert_eq!(
                    count, 1,
                    "{fault:?} at {call}: {effect:?} took effect {count} times"
                );
            }
            runs += 1;
            hits += usize::from(
                world
                    .sandbox
                    .faults()
                    .iter()
                    .all(|active| active.left == Some(0)),
            );
        }
    }
    println!(
        "bad answers: {} calls x {} kinds = {runs} runs, {hits} met their fault",
        MUTATIONS.len(),
        faults.len()
    );
    assert!(
        runs > 0 && hits == runs,
        "only {hits} of {runs} runs met their fault"
    );
}
