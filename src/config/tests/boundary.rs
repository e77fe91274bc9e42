//! The permissions boundary: a decision that real AWS needs, and the arguments of `policy`.

use crate::config::InvocationError;

use super::{BOUNDARY, URL, errors, keys, read};

#[test]
fn real_aws_needs_a_boundary_or_the_decision_against_one() {
    for line in [
        "serve",
        "serve --role api",
        "serve --role worker",
        "serve --print-config",
        "policy --account-id 123456789012 --region us-east-1",
    ] {
        let Err(InvocationError::Configuration(bad)) = read(line, [URL]) else {
            panic!("{line}: no error")
        };
        assert_eq!(keys(&bad.errors), ["--permissions-boundary"], "{line}");
        assert!(bad.errors[0].contains("is not set"), "{line}: {bad}");
        let named = "arn:aws:iam::123456789012:policy/dax-provisioner-boundary";
        for value in ["none", named] {
            let decided = read(line, [URL, (BOUNDARY, value)]);
            assert!(decided.is_ok(), "{line} {value}: {decided:?}");
        }
    }
    for line in [
        "serve --sandbox",
        "serve --aws-endpoint http://127.0.0.1:4566",
        "doctor",
        "policy --boundary",
        "policy --boundary --table Orders --table Books",
        "policy --guard",
    ] {
        assert!(read(line, [URL]).is_ok(), "{line}");
    }
}

#[test]
fn tables_of_a_boundary_are_validated() {
    for table in ["Orders*", "${aws:username}", "Ord?rs", "ab", "arn:aws:x"] {
        let errors = errors(&format!("policy --boundary --table {table}"), []);
        assert_eq!(keys(&errors), ["--table"], "{table}");
    }
}

#[test]
fn service_linked_roles_are_no_service_roles() {
    let arn = "arn:aws:iam::123456789012:role/aws-service-role/dax.amazonaws.com/x";
    let errors = errors(&format!("policy --service-role-arn {arn}"), []);
    assert_eq!(keys(&errors), ["--service-role-arn"]);
}

#[test]
fn a_target_needs_its_organisation_which_has_its_settings() {
    let boundary = "DAX_PROVISIONER_PERMISSIONS_BOUNDARY";
    let of = |line: &str| errors(line, []);
    let alone = of("doctor --target payments");
    assert_eq!(keys(&alone), ["--organisation"]);
    let invalid = of("doctor --organisation d --target A_B");
    assert_eq!(keys(&invalid), [boundary, "--target"]);
    let both = of("policy --target payments --region eu-west-1");
    assert_eq!(keys(&both), ["--region", boundary, "--organisation"]);
}
