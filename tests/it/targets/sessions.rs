//! What the sessions of an access role can write.

use std::collections::BTreeMap;

use dax_provisioner::aws::{Aws, WorkingSession};
use dax_provisioner::domain::iam::policies::sessions::working_policy;
use dax_provisioner::domain::iam::policies::trust_policy;
use dax_provisioner::domain::installation::AwsAccount;
use dax_provisioner::domain::mutation::Mutation;
use dax_provisioner::domain::names::IAM_PATH;
use dax_provisioner::domain::problems::fault::FaultClass;

use crate::support::test_env::TestEnv;

fn texts() -> BTreeMap<String, String> {
    BTreeMap::new()
}

/// Every write of IAM on a role and a policy of these names.
fn iam_writes(account: &AwsAccount, path: &str, role: &str, policy: &str) -> Vec<Mutation> {
    let arn = format!("arn:aws:iam::{}:policy{path}{policy}", account.account_id);
    vec![
        Mutation::CreateRole {
            name: role.to_owned(),
            path: path.to_owned(),
            trust_policy: trust_policy().to_json(),
            permissions_boundary: None,
            description: "x".to_owned(),
            tags: texts(),
        },
        Mutation::CreatePolicy {
            name: policy.to_owned(),
            path: path.to_owned(),
            document: working_policy(account, None, &[]).to_json(),
            description: "x".to_owned(),
            tags: texts(),
        },
        Mutation::AttachRolePolicy {
            role: role.to_owned(),
            policy_arn: arn.clone(),
        },
        Mutation::DetachRolePolicy {
            role: role.to_owned(),
            policy_arn: arn.clone(),
        },
        Mutation::DeletePolicy { arn },
        Mutation::DeleteRole {
            name: role.to_owned(),
        },
    ]
}

async fn is_denied(aws: &Aws, account: &AwsAccount, mutation: &Mutation) -> bool {
    match aws.send(mutation, account).await {
        Ok(_) => false,
        Err(fault) => fault.class == FaultClass::Permission,
    }
}

/// An account whose access role may do everything, so that only the session limits it.
async fn wide_env() -> TestEnv {
    let env = TestEnv::new().await.entered_by_role().await;
    let policy = Mutation::CreatePolicy {
        name: "everything".to_owned(),
        path: "/".to_owned(),
        document: r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#
            .to_owned(),
        description: "x".to_owned(),
        tags: texts(),
    };
    let policy_arn = env
        .admin
        .send(&policy, &env.account)
        .await
        .unwrap()
        .arn
        .unwrap();
    for number in 0..3 {
        let arn = format!("arn:aws:iam::123456789012:policy/dax-provisioner-main-{number}");
        let role = "dax-provisioner-main".to_owned();
        let detach = Mutation::DetachRolePolicy {
            role,
            policy_arn: arn,
        };
        env.admin.send(&detach, &env.account).await.unwrap();
    }
    let role = "dax-provisioner-main".to_owned();
    let attach = Mutation::AttachRolePolicy { role, policy_arn };
    env.admin.send(&attach, &env.account).await.unwrap();
    env
}

/// A name of the cluster `orders`.
const OWN: &str = "dax-orders-abcdefghij";

/// Path, role and policy that do not belong to the cluster `orders`.
const OTHERS: [(&str, &str, &str); 10] = [
    (
        IAM_PATH,
        "dax-orders-cache-abcdefghij",
        "dax-orders-cache-abcdefghij",
    ),
    (
        IAM_PATH,
        "dax-orders2-abcdefghij",
        "dax-orders2-abcdefghij-1",
    ),
    (
        IAM_PATH,
        "dax-orders-a-abcdefghij",
        "dax-orders-a-abcdefghij-1",
    ),
    (IAM_PATH, "dax-order-abcdefghij", "dax-order-abcdefghij-12"),
    (IAM_PATH, "dax-o-abcdefghij", "dax-o-abcdefghij"),
    (
        IAM_PATH,
        "dax-orders-abcdefghi",
        "dax-orders-abcdefghij-123",
    ),
    (IAM_PATH, "dax-orders-", "dax-orders-"),
    ("/", OWN, OWN),
    ("/dax-provisioner/deeper/", OWN, OWN),
    ("/service-role/", "DAXServiceRole", "DAXAccess"),
];

#[tokio::test]
async fn a_working_session_writes_only_the_names_of_its_cluster_in_iam() {
    let env = wide_env().await;
    let session = WorkingSession {
        cluster: "orders".to_owned(),
        policy: working_policy(&env.account, Some("orders"), &[]).to_json(),
    };
    let orders = env.aws.working(&session);
    let own = OWN;
    for (path, role, policy) in OTHERS {
        for mutation in iam_writes(&env.account, path, role, policy) {
            // A role is found by its name alone, so a name of the cluster elsewhere is missing.
            let by_name = path != IAM_PATH
                && role == own
                && !matches!(
                    mutation,
                    Mutation::CreateRole { .. }
                        | Mutation::CreatePolicy { .. }
                        | Mutation::DeletePolicy { .. }
                );
            assert!(
                by_name || is_denied(&orders, &env.account, &mutation).await,
                "{path} {}",
                mutation.summary()
            );
        }
    }
    for (role, policy) in [
        (own, own),
        (own, "dax-orders-abcdefghij-1"),
        (own, "dax-orders-abcdefghij-12"),
    ] {
        for mutation in iam_writes(&env.account, IAM_PATH, role, policy) {
            let answer = orders.send(&mutation, &env.account).await;
            assert!(answer.is_ok(), "{}: {answer:?}", mutation.summary());
        }
    }
}

#[tokio::test]
async fn a_reading_session_writes_nothing() {
    let env = wide_env().await;
    let mut writes = iam_writes(
        &env.account,
        IAM_PATH,
        "dax-orders-abcdefghij",
        "dax-orders-abcdefghij",
    );
    let text = || "orders".to_owned();
    writes.extend([
        Mutation::CreateServiceLinkedRole,
        Mutation::CreateParameterGroup {
            name: text(),
            description: text(),
        },
        Mutation::DeleteParameterGroup { name: text() },
        Mutation::DeleteSubnetGroup { name: text() },
        Mutation::DeleteCluster { name: text() },
    ]);
    for mutation in &writes {
        assert!(
            is_denied(&env.aws, &env.account, mutation).await,
            "{}",
            mutation.summary()
        );
    }
    assert!(env.aws.clusters().await.is_ok());
    assert!(env.aws.roles(IAM_PATH).await.is_ok());
}
