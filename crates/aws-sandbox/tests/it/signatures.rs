//! Authentication by signature, and its error codes.

use std::time::Duration;

use aws_credential_types::Credentials;
use serde_json::json;

use crate::test_env::{TRUST, TestEnv, code, portal, rejection};

#[tokio::test]
async fn wrong_secrets_and_unknown_keys_return_the_error_codes_of_each_service() {
    let env = TestEnv::new().await;
    assert_eq!(
        code(env.iam_as("sandbox", "wrong").list_roles().send().await),
        "SignatureDoesNotMatch"
    );
    assert_eq!(
        code(
            env.dax_as("sandbox", "wrong")
                .describe_clusters()
                .send()
                .await
        ),
        "InvalidSignatureException"
    );
    assert_eq!(
        code(env.iam_as("unknown", "x").list_roles().send().await),
        "InvalidClientTokenId"
    );
    let (code, message) = rejection(env.dax_as("unknown", "x").describe_clusters().send().await);
    assert_eq!(code, "UnrecognizedClientException");
    assert_eq!(
        message,
        "The security token included in the request is invalid."
    );
}

#[tokio::test]
async fn a_new_identity_applies_from_the_next_call() {
    let env = TestEnv::new().await;
    let sts = || env.sts_as(Credentials::from_keys("portal", "portal", None));
    assert_eq!(
        code(sts().get_caller_identity().send().await),
        "InvalidClientTokenId"
    );
    env.sandbox.put_identity(
        "portal",
        portal(json!([{"Effect": "Deny", "Action": "*", "Resource": "*"}])),
    );
    let identity = sts().get_caller_identity().send().await.unwrap();
    assert_eq!(
        identity.arn(),
        Some("arn:aws:iam::123456789012:user/portal")
    );
    assert_eq!(identity.account(), Some("123456789012"));
}

#[tokio::test]
async fn assumed_credentials_work_until_they_expire() {
    let env = TestEnv::new().await;
    let trust = TRUST.replace(
        r#""Service":"dax.amazonaws.com""#,
        r#""AWS":"arn:aws:iam::123456789012:root""#,
    );
    let role = env
        .iam()
        .create_role()
        .role_name("Ops")
        .assume_role_policy_document(trust)
        .send()
        .await
        .unwrap();
    let inline = env.iam().put_role_policy().role_name("Ops").policy_name("dax").policy_document(
        json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "dax:*", "Resource": "*"}]})
            .to_string(),
    );
    inline.send().await.unwrap();
    let sts = env.sts_as(Credentials::from_keys("sandbox", "sandbox", None));
    let assume = |arn: &str| {
        sts.assume_role()
            .role_arn(arn)
            .role_session_name("me")
            .duration_seconds(900)
            .send()
    };
    let dax_only = env.service_role("Service").await;
    assert_eq!(code(assume(&dax_only).await), "AccessDenied");
    let assumed = assume(role.role().unwrap().arn()).await.unwrap();
    let credentials = assumed.credentials().unwrap();
    let (key, secret) = (credentials.access_key_id(), credentials.secret_access_key());
    let token = Some(credentials.session_token().to_owned());
    let session = || env.sts_as(Credentials::from_keys(key, secret, token.clone()));
    let identity = session().get_caller_identity().send().await.unwrap();
    assert_eq!(
        identity.arn(),
        Some("arn:aws:sts::123456789012:assumed-role/Ops/me")
    );
    let without_token = env.sts_as(Credentials::from_keys(key, secret, None));
    assert_eq!(
        code(without_token.get_caller_identity().send().await),
        "InvalidClientTokenId"
    );
    env.advance(901);
    assert_eq!(
        code(session().get_caller_identity().send().await),
        "ExpiredToken"
    );
}

#[tokio::test]
async fn expired_unsigned_and_foreign_region_requests_are_rejected() {
    let env = TestEnv::new().await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let old = http
        .post(&env.url)
        .header("x-amz-target", "AmazonDAXV3.DescribeClusters")
        .header("x-amz-date", "20200101T000000Z")
        .header(
            "authorization",
            "AWS4-HMAC-SHA256 Credential=sandbox/20200101/us-east-1/dax/aws4_request, \
             SignedHeaders=host;x-amz-date;x-amz-target, Signature=00",
        )
        .body("{}")
        .send()
        .await
        .unwrap();
    assert_eq!(old.status(), 400);
    let body: serde_json::Value = old.json().await.unwrap();
    assert_eq!(body["__type"], "InvalidSignatureException");
    assert!(
        body["message"]
            .as_str()
            .unwrap()
            .starts_with("Signature expired: 20200101T000000Z"),
        "{body}"
    );
    let unsigned = http
        .post(&env.url)
        .header("x-amz-target", "AmazonDAXV3.DescribeClusters")
        .send()
        .await
        .unwrap();
    let body: serde_json::Value = unsigned.json().await.unwrap();
    assert_eq!(body["__type"], "MissingAuthenticationTokenException");
    let config = env
        .dax()
        .config()
        .to_builder()
        .region(aws_sdk_dax::config::Region::new("eu-west-1"))
        .build();
    let elsewhere = aws_sdk_dax::Client::from_conf(config)
        .describe_clusters()
        .send()
        .await;
    assert!(
        rejection(elsewhere)
            .1
            .contains("'eu-west-1': this sandbox is in us-east-1")
    );
}

#[tokio::test]
async fn the_sandbox_clock_does_not_affect_signatures() {
    let env = TestEnv::new().await;
    env.sandbox.advance_clock(Duration::from_secs(86_400));
    env.dax().describe_clusters().send().await.unwrap();
}
