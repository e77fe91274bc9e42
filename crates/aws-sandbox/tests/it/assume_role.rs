//! AssumeRole: a trust policy that names the caller is enough alone, as in AWS; an account is not.

use aws_credential_types::Credentials;
use serde_json::{Value, json};

use crate::test_env::{TestEnv, portal};

const USER: &str = "arn:aws:iam::123456789012:user/portal";
const ACCOUNT: &str = "arn:aws:iam::123456789012:root";
const STRANGER: &str = "arn:aws:iam::999999999999:user/stranger";
const STRANGERS: &str = "arn:aws:iam::999999999999:root";

fn statement(effect: &str) -> Value {
    json!({"Effect": effect, "Action": "sts:AssumeRole", "Resource": "*"})
}

/// Statements of a caller without any permission for STS.
fn unrelated() -> Value {
    json!([{"Effect": "Allow", "Action": "dax:*", "Resource": "*"}])
}

fn trust(statements: Value) -> String {
    json!({"Version": "2012-10-17", "Statement": statements}).to_string()
}

fn trust_in(principal: &str) -> String {
    trust(json!([{"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole"}]))
}

impl TestEnv {
    async fn role(&self, name: &str, trust: &str) -> String {
        let create = self.iam().create_role().role_name(name);
        let role = create.assume_role_policy_document(trust).send().await;
        role.unwrap().role().unwrap().arn().to_owned()
    }

    /// The credentials of a session, if the caller may assume the role.
    async fn assume(&self, caller: Credentials, arn: &str) -> Option<Credentials> {
        let call = self.sts_as(caller).assume_role();
        let call = call.role_arn(arn).role_session_name("session").send().await;
        let session = match call {
            Ok(answer) => answer.credentials.unwrap(),
            Err(error) => {
                let error = error.into_service_error();
                assert_eq!(error.meta().code(), Some("AccessDenied"), "{error:?}");
                return None;
            }
        };
        let token = Some(session.session_token);
        Some(Credentials::from_keys(
            session.access_key_id,
            session.secret_access_key,
            token,
        ))
    }

    async fn portal_assumes(&self, arn: &str) -> bool {
        let portal = Credentials::from_keys("portal", "portal", None);
        self.assume(portal, arn).await.is_some()
    }

    /// Sets the policy of a user of another account, with the key and secret `stranger`.
    fn allow_stranger(&self, statements: Value) {
        let mut stranger = portal(statements);
        (stranger.arn, stranger.secret) = (STRANGER.to_owned(), "stranger".to_owned());
        self.sandbox.put_identity("stranger", stranger);
    }

    async fn stranger_assumes(&self, arn: &str) -> bool {
        let stranger = Credentials::from_keys("stranger", "stranger", None);
        self.assume(stranger, arn).await.is_some()
    }
}

#[tokio::test]
async fn a_trust_policy_that_names_the_caller_needs_no_identity_policy() {
    let env = TestEnv::new().await;
    env.allow(unrelated());
    let mut other = portal(unrelated());
    other.arn = "arn:aws:iam::123456789012:user/other".to_owned();
    env.sandbox.put_identity("other", other);
    for (name, principal, expected) in [
        ("Named", USER, true),
        // IAM user guide, "AWS JSON policy elements: Principal", "All principals".
        ("Everyone", "*", true),
        ("Account", ACCOUNT, false),
        ("AccountId", "123456789012", false),
        ("Other", "arn:aws:iam::123456789012:user/other", false),
        ("Strangers", STRANGERS, false),
    ] {
        let role = env.role(name, &trust_in(principal)).await;
        assert_eq!(env.portal_assumes(&role).await, expected, "{principal}");
    }
}

#[tokio::test]
async fn a_trust_policy_that_names_the_account_needs_an_identity_policy() {
    let env = TestEnv::new().await;
    let role = env.role("Account", &trust_in(ACCOUNT)).await;
    env.allow(unrelated());
    assert!(!env.portal_assumes(&role).await);
    env.allow(json!([statement("Allow")]));
    assert!(env.portal_assumes(&role).await);
}

#[tokio::test]
async fn an_explicit_deny_of_the_caller_or_of_the_trust_policy_wins() {
    let env = TestEnv::new().await;
    env.allow(json!([statement("Allow"), statement("Deny")]));
    for (name, principal) in [("Named", USER), ("Everyone", "*"), ("Account", ACCOUNT)] {
        let role = env.role(name, &trust_in(principal)).await;
        assert!(!env.portal_assumes(&role).await, "{principal}");
    }
    env.allow(json!([statement("Allow")]));
    let denying = trust(json!([
        {"Effect": "Allow", "Principal": {"AWS": USER}, "Action": "sts:AssumeRole"},
        {"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole"},
    ]));
    let role = env.role("Denying", &denying).await;
    assert!(!env.portal_assumes(&role).await);
}

#[tokio::test]
async fn the_boundary_of_a_user_does_not_limit_a_trust_policy_that_names_the_user() {
    let env = TestEnv::new().await;
    let mut caller = portal(unrelated());
    caller.permissions_boundary = Some(json!({"Version": "2012-10-17", "Statement": unrelated()}));
    env.sandbox.put_identity("portal", caller);
    let role = env.role("Named", &trust_in(USER)).await;
    assert!(env.portal_assumes(&role).await);
}

#[tokio::test]
async fn the_boundary_of_a_role_limits_its_sessions_unless_the_session_is_named() {
    let env = TestEnv::new().await;
    env.allow(unrelated());
    let first = env.role("First", &trust_in(USER)).await;
    let portal = Credentials::from_keys("portal", "portal", None);
    let session = env.assume(portal, &first).await.unwrap();
    let by_role = env.role("ByRole", &trust_in(&first)).await;
    let name = "arn:aws:sts::123456789012:assumed-role/First/session";
    let by_session = env.role("BySession", &trust_in(name)).await;
    assert!(env.assume(session.clone(), &by_role).await.is_some());
    let boundary = env.iam().create_policy().policy_name("Boundary");
    let boundary = boundary
        .policy_document(json!({"Version": "2012-10-17", "Statement": unrelated()}).to_string())
        .send()
        .await
        .unwrap();
    env.iam()
        .put_role_permissions_boundary()
        .role_name("First")
        .permissions_boundary(boundary.policy().unwrap().arn().unwrap())
        .send()
        .await
        .unwrap();
    assert!(env.assume(session.clone(), &by_role).await.is_none());
    assert!(env.assume(session, &by_session).await.is_some());
}

#[tokio::test]
async fn a_caller_of_another_account_needs_both_policies() {
    let env = TestEnv::new().await;
    let trusting = [STRANGER, STRANGERS, "999999999999", "*"];
    let mut roles = Vec::new();
    for (index, principal) in trusting.into_iter().enumerate() {
        roles.push(env.role(&format!("R{index}"), &trust_in(principal)).await);
    }
    let own = env.role("Own", &trust_in(ACCOUNT)).await;
    env.allow_stranger(unrelated());
    for role in roles.iter().chain([&own]) {
        assert!(!env.stranger_assumes(role).await, "{role}");
    }
    env.allow_stranger(json!([statement("Allow")]));
    for role in &roles {
        assert!(env.stranger_assumes(role).await, "{role}");
    }
    assert!(!env.stranger_assumes(&own).await);
}

#[tokio::test]
async fn conditions_of_a_trust_policy_see_the_keys_of_the_call() {
    let env = TestEnv::new().await;
    env.allow(unrelated());
    let in_account = |account: &str| {
        trust(
            json!([{"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"aws:PrincipalAccount": account}}}]),
        )
    };
    let own = env.role("Own", &in_account("123456789012")).await;
    let other = env.role("Other", &in_account("999999999999")).await;
    assert!(env.portal_assumes(&own).await);
    assert!(!env.portal_assumes(&other).await);
}
