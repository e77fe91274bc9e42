//! What a sentence may say to get more than it should, and does not get.

use super::remedy;
use super::tests::{handling, place, statement};
use crate::domain::iam::denial;

#[test]
fn a_hostile_sentence_gets_nothing_wide() {
    for resource in [
        "*",
        "policy *",
        "arn:aws:iam::123456789012:policy/*",
        "arn:aws:iam::*:policy/x",
        "policy ${aws:username}",
        "arn:aws:iam::123456789012:policy/${x}",
        "arn:aws:iam::123456789012:policy/a\"b",
    ] {
        let refused = format!("iam:CreatePolicy on resource: {resource}");
        let narrow = statement(
            "iam:CreatePolicy",
            "arn:aws:iam::123456789012:policy/dax-provisioner/dax-*",
            "",
        );
        assert_eq!(handling(&refused, &place(None, None)), narrow, "{resource}");
    }
}

#[test]
fn beyond_iam_only_lists_are_granted_on_everything() {
    for tail in [
        "ec2:AuthorizeSecurityGroupIngress",
        "ec2:CreateNetworkInterface on resource: arn:aws:s3:::*",
        "sts:AssumeRole on resource: *",
        "secretsmanager:GetSecretValue on resource: arn:aws:secretsmanager:*:*:*",
        "s3:PutObject",
    ] {
        let wide = statement("ec2:CreateNetworkInterface", "*", "")
            .filter(|_| tail.contains("NetworkInterface"));
        assert_eq!(handling(tail, &place(None, None)), wide, "{tail}");
    }
    assert_eq!(
        handling("sns:ListTopics on resource: *", &place(None, None)),
        statement("sns:ListTopics", "*", "")
    );
}

#[test]
fn the_caller_s_own_account_is_the_one_that_needs_the_policy() {
    let message = "User: arn:aws-cn:iam::210987654321:user/x is not authorized to perform: iam:GetRole on resource: role r";
    let denial = denial::parse(message).expect("a denial");
    let document = remedy(&denial, &place(None, None))
        .expect("a remedy")
        .to_json();
    assert!(
        document.contains("arn:aws-cn:iam::210987654321:role/r"),
        "{document}"
    );
}
