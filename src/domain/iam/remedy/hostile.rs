//! Messages crafted to obtain a wider policy than the denial justifies.

use super::remedy;
use super::tests::{call_site, remedy_for, statement};
use crate::domain::iam::denial;

#[test]
fn a_hostile_resource_never_widens_the_policy() {
    for resource in [
        "*",
        "policy *",
        "arn:aws:iam::123456789012:policy/*",
        "arn:aws:iam::*:policy/x",
        "policy ${aws:username}",
        "arn:aws:iam::123456789012:policy/${x}",
        "arn:aws:iam::123456789012:policy/a\"b",
    ] {
        let denied = format!("iam:CreatePolicy on resource: {resource}");
        let narrow = statement(
            "iam:CreatePolicy",
            "arn:aws:iam::123456789012:policy/dax-provisioner/dax-*",
            "",
        );
        assert_eq!(
            remedy_for(&denied, &call_site(None, None)),
            narrow,
            "{resource}"
        );
    }
}

#[test]
fn outside_iam_only_reads_are_granted_on_the_wildcard() {
    for tail in [
        "ec2:AuthorizeSecurityGroupIngress",
        "ec2:CreateNetworkInterface on resource: arn:aws:s3:::*",
        "sts:AssumeRole on resource: *",
        "secretsmanager:GetSecretValue on resource: arn:aws:secretsmanager:*:*:*",
        "s3:PutObject",
    ] {
        let wide = statement("ec2:CreateNetworkInterface", "*", "")
            .filter(|_| tail.contains("NetworkInterface"));
        assert_eq!(remedy_for(tail, &call_site(None, None)), wide, "{tail}");
    }
    assert_eq!(
        remedy_for("sns:ListTopics on resource: *", &call_site(None, None)),
        statement("sns:ListTopics", "*", "")
    );
}

#[test]
fn the_caller_s_own_account_is_the_one_that_needs_the_policy() {
    let message = "User: arn:aws-cn:iam::210987654321:user/x is not authorized to perform: iam:GetRole on resource: role r";
    let denial = denial::parse(message).expect("a denial");
    let document = remedy(&denial, &call_site(None, None))
        .expect("a remedy")
        .to_json();
    assert!(
        document.contains("arn:aws-cn:iam::210987654321:role/r"),
        "{document}"
    );
}
