//! IAM policies: size limits, versions, attachments and conflicts.

use crate::test_env::{ACCESS, TRUST, TestEnv, code, rejection};

/// A policy of exactly `size` characters without white space.
fn policy_of_size(size: usize) -> String {
    let minimal = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"dynamodb:GetItem","Resource":"arn:aws:dynamodb:us-east-1:123456789012:table/"}]}"#;
    let filler = "x".repeat(size - minimal.len());
    minimal
        .replace("table/", &format!("table/{filler}"))
        .replace(":{\"", ": {\n\t\"")
}

#[tokio::test]
async fn the_size_of_documents_is_limited_without_white_space() {
    let env = TestEnv::new().await;
    let create = |name: &str, size| {
        env.iam()
            .create_policy()
            .policy_name(name)
            .policy_document(policy_of_size(size))
            .send()
    };
    create("full", 6144).await.unwrap();
    let (code, message) = rejection(create("over", 6145).await);
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("LimitExceeded", "Cannot exceed quota for PolicySize: 6144")
    );
    let long = TRUST.replace(
        "\"Action\"",
        &format!("\"Sid\":\"{}\",\"Action\"", "x".repeat(2000)),
    );
    let role = env
        .iam()
        .create_role()
        .role_name("r")
        .assume_role_policy_document(long)
        .send()
        .await;
    assert_eq!(
        rejection(role).1,
        "Cannot exceed quota for ACLSizePerRole: 2048"
    );
    let malformed = env
        .iam()
        .create_policy()
        .policy_name("bad")
        .policy_document("not json")
        .send()
        .await;
    assert_eq!(crate::test_env::code(malformed), "MalformedPolicyDocument");
    let without_principal = env
        .iam()
        .create_role()
        .role_name("r")
        .assume_role_policy_document(ACCESS)
        .send()
        .await;
    assert_eq!(
        crate::test_env::code(without_principal),
        "MalformedPolicyDocument"
    );
}

#[tokio::test]
async fn roles_and_policies_in_use_cannot_be_deleted() {
    let env = TestEnv::new().await;
    let iam = env.iam();
    env.service_role("r").await;
    let policy = iam
        .create_policy()
        .policy_name("p")
        .policy_document(ACCESS)
        .send()
        .await
        .unwrap();
    let arn = policy.policy().unwrap().arn().unwrap();
    for _ in 0..2 {
        iam.attach_role_policy()
            .role_name("r")
            .policy_arn(arn)
            .send()
            .await
            .unwrap();
    }
    iam.put_role_policy()
        .role_name("r")
        .policy_name("inline")
        .policy_document(ACCESS)
        .send()
        .await
        .unwrap();
    iam.create_policy_version()
        .policy_arn(arn)
        .policy_document(ACCESS)
        .set_as_default(true)
        .send()
        .await
        .unwrap();
    let delete_role = || iam.delete_role().role_name("r").send();
    let delete_policy = || iam.delete_policy().policy_arn(arn).send();
    assert_eq!(
        rejection(delete_role().await).1,
        "Cannot delete entity, must detach all policies first."
    );
    assert_eq!(
        rejection(delete_policy().await).1,
        "Cannot delete a policy attached to entities."
    );
    iam.detach_role_policy()
        .role_name("r")
        .policy_arn(arn)
        .send()
        .await
        .unwrap();
    assert_eq!(
        code(
            iam.detach_role_policy()
                .role_name("r")
                .policy_arn(arn)
                .send()
                .await
        ),
        "NoSuchEntity"
    );
    assert_eq!(
        rejection(delete_role().await).1,
        "Cannot delete entity, must delete policies first."
    );
    iam.delete_role_policy()
        .role_name("r")
        .policy_name("inline")
        .send()
        .await
        .unwrap();
    assert!(
        rejection(delete_policy().await)
            .1
            .contains("more than one version")
    );
    let delete_version = |id: &str| {
        iam.delete_policy_version()
            .policy_arn(arn)
            .version_id(id)
            .send()
    };
    assert_eq!(code(delete_version("v2").await), "DeleteConflict");
    delete_version("v1").await.unwrap();
    delete_policy().await.unwrap();
    delete_role().await.unwrap();
    assert_eq!(code(delete_role().await), "NoSuchEntity");
    assert_eq!(env.sandbox.inventory().created(), Vec::<String>::new());
}

#[tokio::test]
async fn versions_and_attachments_are_limited() {
    let env = TestEnv::new().await;
    let iam = env.iam();
    env.service_role("r").await;
    for number in 0..11 {
        let policy = iam
            .create_policy()
            .policy_name(format!("p{number}"))
            .policy_document(ACCESS)
            .send()
            .await
            .unwrap();
        let arn = policy.policy().unwrap().arn().unwrap().to_owned();
        let attached = iam
            .attach_role_policy()
            .role_name("r")
            .policy_arn(&arn)
            .send()
            .await;
        if number < 10 {
            attached.unwrap();
        } else {
            assert_eq!(
                rejection(attached).1,
                "Cannot exceed quota for PoliciesPerRole: 10"
            );
            for _ in 0..4 {
                iam.create_policy_version()
                    .policy_arn(&arn)
                    .policy_document(ACCESS)
                    .send()
                    .await
                    .unwrap();
            }
            let sixth = iam
                .create_policy_version()
                .policy_arn(&arn)
                .policy_document(ACCESS)
                .send()
                .await;
            assert_eq!(code(sixth), "LimitExceeded");
            let versions = iam
                .list_policy_versions()
                .policy_arn(&arn)
                .send()
                .await
                .unwrap();
            let ids: Vec<_> = versions
                .versions()
                .iter()
                .map(|version| version.version_id().unwrap())
                .collect();
            assert_eq!(ids, ["v5", "v4", "v3", "v2", "v1"]);
        }
    }
}
