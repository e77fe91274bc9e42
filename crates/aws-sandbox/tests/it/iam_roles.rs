//! IAM roles: documents, names, tags, lists and the service-linked role.

use aws_sdk_iam::types::Tag;
use percent_encoding::percent_decode_str;

use crate::test_env::{ACCESS, TRUST, TestEnv, code, rejection};

#[tokio::test]
async fn documents_are_returned_unchanged_and_percent_encoded() {
    let env = TestEnv::new().await;
    let iam = env.iam();
    let sent = TRUST.replace("{\"Version\"", "{\n  \"Version\"");
    let create = iam
        .create_role()
        .role_name("r")
        .path("/app/")
        .assume_role_policy_document(&sent);
    let created = create.description("Grüße & <more>").send().await.unwrap();
    let encoded = created
        .role()
        .unwrap()
        .assume_role_policy_document()
        .unwrap();
    assert!(
        encoded.starts_with("%7B%0A%20%20%22Version%22%3A"),
        "{encoded}"
    );
    let role = iam.get_role().role_name("R").send().await.unwrap();
    let role = role.role().unwrap();
    let document = percent_decode_str(role.assume_role_policy_document().unwrap())
        .decode_utf8()
        .unwrap();
    assert_eq!(
        (document.as_ref(), role.description()),
        (sent.as_str(), Some("Grüße & <more>"))
    );
    assert_eq!(
        (role.arn(), role.path()),
        ("arn:aws:iam::123456789012:role/app/r", "/app/")
    );
}

#[tokio::test]
async fn names_are_unique_ignoring_case_and_validated() {
    let env = TestEnv::new().await;
    let create = |name: &str| {
        env.iam()
            .create_role()
            .role_name(name)
            .assume_role_policy_document(TRUST)
            .send()
    };
    create("Cache").await.unwrap();
    assert_eq!(code(create("cache").await), "EntityAlreadyExists");
    for name in ["a b", "a/b", "ä", &"x".repeat(65)] {
        assert_eq!(code(create(name).await), "ValidationError", "{name}");
    }
    let policy = |name: &str| {
        env.iam()
            .create_policy()
            .policy_name(name)
            .policy_document(ACCESS)
            .send()
    };
    policy("Access").await.unwrap();
    assert_eq!(code(policy("ACCESS").await), "EntityAlreadyExists");
    let (_, message) = rejection(
        env.iam()
            .create_role()
            .role_name("")
            .path("nopath")
            .assume_role_policy_document("x")
            .send()
            .await,
    );
    assert!(
        message.starts_with("2 validation errors detected: "),
        "{message}"
    );
}

#[tokio::test]
async fn the_service_linked_role_is_created_once_and_cannot_be_changed() {
    let env = TestEnv::new().await;
    let create = || {
        env.iam()
            .create_service_linked_role()
            .aws_service_name("dax.amazonaws.com")
            .send()
    };
    let role = create().await.unwrap();
    let arn =
        "arn:aws:iam::123456789012:role/aws-service-role/dax.amazonaws.com/AWSServiceRoleForDAX";
    assert_eq!(role.role().unwrap().arn(), arn);
    let (code, message) = rejection(create().await);
    assert_eq!(code, "InvalidInput");
    assert!(
        message.contains("has been taken in this account"),
        "{message}"
    );
    let delete = env
        .iam()
        .delete_role()
        .role_name("AWSServiceRoleForDAX")
        .send()
        .await;
    assert_eq!(crate::test_env::code(delete), "UnmodifiableEntity");
    let policy = "arn:aws:iam::aws:policy/aws-service-role/DAXServiceRolePolicy";
    env.service_role("r").await;
    let attach = env
        .iam()
        .attach_role_policy()
        .role_name("r")
        .policy_arn(policy)
        .send()
        .await;
    assert_eq!(crate::test_env::code(attach), "PolicyNotAttachable");
}

#[tokio::test]
async fn roles_are_listed_by_path_and_tagged() {
    let env = TestEnv::new().await;
    let iam = env.iam();
    let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build().unwrap();
    for number in 0..7 {
        let path = if number % 2 == 0 { "/even/" } else { "/odd/" };
        let create = iam
            .create_role()
            .role_name(format!("r{number}"))
            .path(path)
            .assume_role_policy_document(TRUST);
        create
            .tags(tag("number", &number.to_string()))
            .send()
            .await
            .unwrap();
    }
    let even = iam.list_roles().path_prefix("/even/").send().await.unwrap();
    assert_eq!(
        even.roles()
            .iter()
            .map(|role| role.role_name())
            .collect::<Vec<_>>(),
        ["r0", "r2", "r4", "r6"]
    );
    let all = iam
        .list_roles()
        .into_paginator()
        .page_size(2)
        .items()
        .send();
    assert_eq!(all.collect::<Result<Vec<_>, _>>().await.unwrap().len(), 7);
    iam.tag_role()
        .role_name("r0")
        .tags(tag("NUMBER", "zero"))
        .tags(tag("team", "a"))
        .send()
        .await
        .unwrap();
    let tags = iam.list_role_tags().role_name("r0").send().await.unwrap();
    let tags: Vec<_> = tags
        .tags()
        .iter()
        .map(|tag| (tag.key(), tag.value()))
        .collect();
    assert_eq!(tags, [("NUMBER", "zero"), ("team", "a")]);
    let duplicate = iam
        .tag_role()
        .role_name("r0")
        .tags(tag("k", ""))
        .tags(tag("K", ""))
        .send()
        .await;
    assert_eq!(code(duplicate), "InvalidInput");
    iam.untag_role()
        .role_name("r0")
        .tag_keys("number")
        .send()
        .await
        .unwrap();
    let role = iam.get_role().role_name("r0").send().await.unwrap();
    assert_eq!(role.role().unwrap().tags().len(), 1);
    let bounded = iam
        .create_role()
        .role_name("b")
        .assume_role_policy_document(TRUST);
    let missing = bounded
        .permissions_boundary("arn:aws:iam::123456789012:policy/missing")
        .send()
        .await;
    assert_eq!(code(missing), "NoSuchEntity");
    assert_eq!(
        iam.get_user()
            .send()
            .await
            .unwrap()
            .user()
            .unwrap()
            .user_name(),
        "sandbox"
    );
}
