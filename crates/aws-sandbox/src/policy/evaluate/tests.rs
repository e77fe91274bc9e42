//! Decisions: precedence of policies, and matching of actions and resources.

use super::{Authority, Context, Decision, Denial, DenySource, Request, evaluate};
use crate::policy::document::Document;

fn document(statements: &str) -> Document {
    let text = format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#);
    Document::parse_identity(&text).unwrap_or_else(|fault| panic!("{}: {text}", fault.message))
}

const ALLOW: &str = r#"{"Effect":"Allow","Action":"iam:*","Resource":"*"}"#;
const DENY: &str = r#"{"Effect":"Deny","Action":"iam:CreateRole","Resource":"*"}"#;
const ROLE: &str = "arn:aws:iam::123456789012:role/dax-provisioner/dax-a";

fn decide(identity: &[&str], boundary: Option<&str>, session: Option<&[&str]>) -> Decision {
    let documents = |texts: &[&str]| texts.iter().map(|text| document(text)).collect::<Vec<_>>();
    let (identity, boundary, session) = (
        documents(identity),
        boundary.map(document),
        session.map(documents),
    );
    let authority = Authority {
        identity: &identity,
        boundary: boundary.as_ref(),
        session: session.as_deref(),
        organization: None,
    };
    let empty = Context::new();
    evaluate(
        &authority,
        &Request {
            action: "iam:CreateRole",
            resource: ROLE,
            context: &empty,
        },
    )
}

#[test]
fn each_kind_of_policy_must_allow_and_none_may_deny() {
    let other = r#"{"Effect":"Allow","Action":"dax:*","Resource":"*"}"#;
    for (identity, boundary, session, expected) in [
        (&[ALLOW][..], None, None, Decision::Allowed),
        (&[], None, None, Decision::Denied(Denial::NoIdentityPolicy)),
        (
            &[other],
            Some(ALLOW),
            None,
            Decision::Denied(Denial::NoIdentityPolicy),
        ),
        (
            &[other, ALLOW],
            Some(ALLOW),
            Some(&[other, ALLOW][..]),
            Decision::Allowed,
        ),
        (
            &[ALLOW],
            Some(other),
            None,
            Decision::Denied(Denial::NoPermissionsBoundary),
        ),
        (
            &[ALLOW],
            None,
            Some(&[other]),
            Decision::Denied(Denial::NoSessionPolicy),
        ),
        (
            &[ALLOW],
            None,
            Some(&[]),
            Decision::Denied(Denial::NoSessionPolicy),
        ),
        (
            &[ALLOW, DENY],
            None,
            None,
            Decision::Denied(Denial::ExplicitDeny(DenySource::IdentityPolicy)),
        ),
        (
            &[ALLOW],
            Some(DENY),
            None,
            Decision::Denied(Denial::ExplicitDeny(DenySource::PermissionsBoundary)),
        ),
        (
            &[ALLOW],
            Some(ALLOW),
            Some(&[ALLOW, DENY]),
            Decision::Denied(Denial::ExplicitDeny(DenySource::SessionPolicy)),
        ),
    ] {
        assert_eq!(
            decide(identity, boundary, session),
            expected,
            "{identity:?} {boundary:?} {session:?}"
        );
    }
}

fn allows(statement: &str, action: &str, resource: &str, context: &Context) -> bool {
    let identity = [document(statement)];
    let authority = Authority {
        identity: &identity,
        boundary: None,
        session: None,
        organization: None,
    };
    evaluate(
        &authority,
        &Request {
            action,
            resource,
            context,
        },
    ) == Decision::Allowed
}

#[test]
fn actions_ignore_case_and_resources_do_not() {
    let empty = Context::new();
    let scoped = r#"{"Effect":"Allow","Action":"IAM:create*","Resource":"arn:aws:iam::123456789012:role/dax-provisioner/dax-*"}"#;
    let inverse =
        r#"{"Effect":"Allow","NotAction":"iam:Delete*","NotResource":"arn:aws:iam::*:policy/*"}"#;
    for (statement, action, resource, expected) in [
        (scoped, "iam:CreateRole", ROLE, true),
        (
            scoped,
            "iam:CreateRole",
            "arn:aws:iam::123456789012:role/DAX-provisioner/dax-a",
            false,
        ),
        (scoped, "iam:DeleteRole", ROLE, false),
        (scoped, "iam:CreateRole", "*", false),
        (inverse, "iam:CreateRole", ROLE, true),
        (inverse, "iam:DeleteRole", ROLE, false),
        (
            inverse,
            "iam:CreatePolicy",
            "arn:aws:iam::123456789012:policy/p",
            false,
        ),
    ] {
        assert_eq!(
            allows(statement, action, resource, &empty),
            expected,
            "{statement} {action} {resource}"
        );
    }
}
