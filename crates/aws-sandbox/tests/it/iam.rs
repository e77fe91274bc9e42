//! IAM beyond what the model walk sees: limits, conflicts, encoding.

use aws_sdk_iam::types::Tag;
use percent_encoding::percent_decode_str;

use crate::world::{ACCESS, TRUST, World, code, refusal};

#[tokio::test]
async fn documents_come_back_percent_encoded_and_as_they_were_sent() {
    let world = World::new().await;
    let iam = world.iam();
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
    let world = World::new().await;
    let create = |name: &str| {
        world
            .iam()
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
        world
            .iam()
            .create_policy()
            .policy_name(name)
            .policy_document(ACCESS)
            .send()
    };
    policy("Access").await.unwrap();
    assert_eq!(code(policy("ACCESS").await), "EntityAlreadyExists");
    let (_, message) = refusal(
        world
            .iam()
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

/// A policy of exactly so many characters, white space not counted.
fn policy_of(size: usize) -> String {
    let shell = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"dynamodb:GetItem","Resource":"arn:aws:dynamodb:us-east-1:123456789012:table/"}]}"#;
    let filler = "x".repeat(size - shell.len());
    shell
        .replace("table/", &format!("table/{filler}"))
        .replace(":{\"", ": {\n\t\"")
}

#[tokio::test]
async fn documents_are_limited_without_counting_white_space() {
    let world = World::new().await;
    let create = |name: &str, size| {
        world
            .iam()
            .create_policy()
            .policy_name(name)
            .policy_document(policy_of(size))
            .send()
    };
    create("full", 6144).await.unwrap();
    let (code, message) = refusal(create("over", 6145).await);
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("LimitExceeded", "Cannot exceed quota for PolicySize: 6144")
    );
    let long = TRUST.replace(
        "\"Action\"",
        &format!("\"Sid\":\"{}\",\"Action\"", "x".repeat(2000)),
    );
    let role = world
        .iam()
        .create_role()
        .role_name("r")
        .assume_role_policy_document(long)
        .send()
        .await;
    assert_eq!(
        refusal(role).1,
        "Cannot exceed quota for ACLSizePerRole: 2048"
    );
    let malformed = world
        .iam()
        .create_policy()
        .policy_name("bad")
        .policy_document("not json")
        .send()
        .await;
    assert_eq!(crate::world::code(malformed), "MalformedPolicyDocument");
    let untrusting = world
        .iam()
        .create_role()
        .role_name("r")
        .assume_role_policy_document(ACCESS)
        .send()
        .await;
    assert_eq!(crate::world::code(untrusting), "MalformedPolicyDocument");
}

#[tokio::test]
async fn deleting_conflicts_until_everything_is_taken_apart() {
    let world = World::new().await;
    let iam = world.iam();
    world.service_role("r").await;
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
        refusal(delete_role().await).1,
        "Cannot delete entity, must detach all policies first."
    );
    assert_eq!(
        refusal(delete_policy().await).1,
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
        refusal(delete_role().await).1,
        "Cannot delete entity, must delete policies first."
    );
    iam.delete_role_policy()
        .role_name("r")
        .policy_name("inline")
        .send()
        .await
        .unwrap();
    assert!(
        refusal(delete_policy().await)
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
    assert_eq!(world.sandbox.inventory().made(), Vec::<String>::new());
}

#[tokio::test]
async fn versions_and_attachments_have_their_limits() {
    let world = World::new().await;
    let iam = world.iam();
    world.service_role("r").await;
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
                refusal(attached).1,
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

#[tokio::test]
async fn the_service_linked_role_is_made_once_and_belongs_to_aws() {
    let world = World::new().await;
    let create = || {
        world
            .iam()
            .create_service_linked_role()
            .aws_service_name("dax.amazonaws.com")
            .send()
    };
    let role = create().await.unwrap();
    let arn =
        "arn:aws:iam::123456789012:role/aws-service-role/dax.amazonaws.com/AWSServiceRoleForDAX";
    assert_eq!(role.role().unwrap().arn(), arn);
    let (code, message) = refusal(create().await);
    assert_eq!(code, "InvalidInput");
    assert!(
        message.contains("has been taken in this account"),
        "{message}"
    );
    let delete = world
        .iam()
        .delete_role()
        .role_name("AWSServiceRoleForDAX")
        .send()
        .await;
    assert_eq!(crate::world::code(delete), "UnmodifiableEntity");
    let policy = "arn:aws:iam::aws:policy/aws-service-role/DAXServiceRolePolicy";
    world.service_role("r").await;
    let attach = world
        .iam()
        .attach_role_policy()
        .role_name("r")
        .policy_arn(policy)
        .send()
        .await;
    assert_eq!(crate::world::code(attach), "PolicyNotAttachable");
}

#[tokio::test]
async fn tags_and_lists() {
    let world = World::new().await;
    let iam = world.iam();
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
    let twice = iam
        .tag_role()
        .role_name("r0")
        .tags(tag("k", ""))
        .tags(tag("K", ""))
        .send()
        .await;
    assert_eq!(code(twice), "InvalidInput");
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
