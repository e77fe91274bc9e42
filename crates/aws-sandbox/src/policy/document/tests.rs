//! Valid and invalid policy documents.

use super::Document;

fn rejection(text: &str) -> String {
    Document::parse_identity(text).expect_err(text).message
}

fn identity(statement: &str) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#)
}

fn trust(statement: &str) -> Result<Document, String> {
    Document::parse_trust(&identity(statement)).map_err(|fault| fault.message)
}

const DAX_TRUST: &str =
    r#"{"Effect":"Allow","Principal":{"Service":"dax.amazonaws.com"},"Action":"sts:AssumeRole"}"#;

#[test]
fn valid_documents_are_accepted() {
    for statement in [
        r#"{"Sid":"A","Effect":"Allow","Action":["dynamodb:GetItem"],"Resource":["arn:aws:dynamodb:us-west-2:123456789012:*"]}"#,
        r#"{"Effect":"Deny","NotAction":"iam:*","NotResource":"*"}"#,
        r#"{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:RequestedRegion":["us-west-2"]}}}"#,
        r#"{"Effect":"Allow","Action":"iam:AttachPolicy","Resource":"arn:aws:iam::123456789012:role/dax-*"}"#,
        r#"{"Effect":"Allow","Action":"a4b:Get?","Resource":"arn:*:iam::*:role/*","Condition":{"Bool":{"aws:SecureTransport":true},"NumericLessThan":{"aws:MultiFactorAuthAge":3600}}}"#,
        r#"{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:*","Condition":{"StringLike":{}}}"#,
    ] {
        let text = identity(statement);
        Document::parse_identity(&text).unwrap_or_else(|fault| panic!("{}: {text}", fault.message));
    }
    let single = r#"{"Version":"2012-10-17","Id":"x","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
    assert!(Document::parse_identity(single).is_ok());
}

#[test]
fn invalid_syntax_is_rejected() {
    let allow = r#""Effect":"Allow","Action":"*","Resource":"*""#;
    for text in [
        "not json".to_owned(),
        "[]".to_owned(),
        r#"{"Version":"2012-10-17"}"#.to_owned(),
        r#"{"Version":"2012-10-17","Statement":[]}"#.to_owned(),
        r#"{"Version":"2011-10-17","Statement":[{}]}"#.to_owned(),
        identity(r#"{"Effect":"Maybe","Action":"*","Resource":"*"}"#),
        identity(&format!("{{{allow},\"Extra\":1}}")),
        identity(&format!("{{{allow},\"NotAction\":\"*\"}}")),
        identity(&format!("{{{allow},\"Action\":\"*\"}}")),
        identity(&format!("{{{allow},\"Condition\":[]}}")),
        identity(&format!(
            "{{{allow},\"Condition\":{{\"StringEqual\":{{\"aws:a\":\"b\"}}}}}}"
        )),
        identity(&format!(
            "{{{allow},\"Condition\":{{\"NumericEquals\":{{\"aws:a\":\"b\"}}}}}}"
        )),
        identity(&format!(
            "{{{allow},\"Condition\":{{\"NullIfExists\":{{\"aws:a\":\"true\"}}}}}}"
        )),
        identity(&format!(
            "{{{allow},\"Condition\":{{\"StringEquals\":{{\"aws:a\":[]}}}}}}"
        )),
        identity(&format!(
            "{{{allow},\"Condition\":{{\"StringEquals\":{{\"aws:a\":null}}}}}}"
        )),
        identity(r#"{"Effect":"Allow","Action":7,"Resource":"*"}"#),
        identity(r#"{"Effect":"Allow","Action":"iam:Get Role","Resource":"*"}"#),
    ] {
        assert_eq!(rejection(&text), "Syntax errors in policy.", "{text}");
    }
}

#[test]
fn rejections_use_the_messages_of_iam() {
    let message = |action: &str, resource: &str| {
        rejection(&identity(&format!(
            r#"{{"Effect":"Allow","Action":{action},"Resource":{resource}}}"#
        )))
    };
    assert_eq!(
        message("[]", "\"*\""),
        "Policy statement must contain actions."
    );
    assert_eq!(
        message("\"iam:*\"", "[]"),
        "Policy statement must contain resources."
    );
    assert!(
        message("\"CreateRole\"", "\"*\"")
            .starts_with("Actions/Conditions must be prefaced by a vendor")
    );
    assert_eq!(
        message("\"iam:a:b\"", "\"*\""),
        "Actions/Condition can contain only one colon."
    );
    assert_eq!(
        message("\"*:CreateRole\"", "\"*\""),
        "Vendor * is not valid"
    );
    assert_eq!(
        message("\"iam:*\"", "\"role/x\""),
        "Resource role/x must be in ARN format or \"*\"."
    );
    assert_eq!(
        message("\"iam:*\"", "\"arn:azure:iam::1:role/x\""),
        "Partition \"azure\" is not valid for resource \"arn:azure:iam::1:role/x\"."
    );
    assert!(
        message("\"iam:*\"", "\"arn:aws:i*m::1:role/x\"")
            .starts_with("Resource vendor must be fully qualified")
    );
    assert!(
        message("\"iam:*\"", "\"arn:aws:iam:us-east-1:1:role/x\"")
            .contains("cannot contain region information")
    );
    assert!(
        message("\"iam:*\"", "\"arn:aws:iam::1:rolle/x\"")
            .starts_with("IAM resource path must either be")
    );
    assert_eq!(
        message("\"iam:*\"", "\"arn:aws:iam::1\""),
        "The policy failed legacy parsing"
    );
    let allow = r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#;
    let sid = r#"{"Sid":"A","Effect":"Allow","Action":"*","Resource":"*"}"#;
    assert_eq!(
        rejection(&identity(&format!("{sid},{sid}"))),
        "Statement IDs (SID) in a single policy must be unique."
    );
    assert!(
        rejection(&identity(&sid.replace("\"A\"", "\"A-b\""))).contains("must be alpha-numeric")
    );
    assert_eq!(
        rejection(&identity(allow).replace("2012", "2008")),
        "Policy document must be version 2012-10-17 or greater."
    );
    assert_eq!(
        rejection(&identity(&allow.replace("Allow", "allow"))),
        "The policy failed legacy parsing"
    );
    assert_eq!(
        rejection(&identity(DAX_TRUST)),
        "Policy document should not specify a principal."
    );
}

#[test]
fn trust_documents_have_their_own_rules() {
    for (statement, message) in [
        (
            DAX_TRUST.replace("sts:AssumeRole", "iam:*"),
            "AssumeRole policy may only specify STS AssumeRole actions.",
        ),
        (
            DAX_TRUST.replace("\"Principal\"", "\"NotPrincipal\""),
            "Has prohibited field NotPrincipal.",
        ),
        (
            r#"{"Effect":"Allow","Action":"sts:AssumeRole"}"#.to_owned(),
            "Missing required field Principal",
        ),
        (
            DAX_TRUST.replace("\"Action\"", "\"Resource\":\"*\",\"Action\""),
            "Has prohibited field Resource.",
        ),
        (
            DAX_TRUST.replace("dax.amazonaws.com", "dax"),
            "Invalid principal in policy: \"SERVICE\":\"dax\"",
        ),
        (
            DAX_TRUST
                .replace("Service", "AWS")
                .replace("dax.amazonaws.com", "arn:aws:iam::12:root"),
            "Invalid principal in policy: \"AWS\":\"arn:aws:iam::12:root\"",
        ),
    ] {
        assert_eq!(trust(&statement).expect_err(&statement), message);
    }
    let old = identity(DAX_TRUST).replace("2012-10-17", "2008-10-17");
    assert!(
        Document::parse_trust(&old)
            .is_ok_and(|document| document.trusts_service("dax.amazonaws.com"))
    );
}

#[test]
fn trust_in_a_service_is_evaluated() {
    let deny_all = r#"{"Effect":"Deny","Principal":"*","Action":"sts:AssumeRole"}"#;
    let conditional = DAX_TRUST.replace(
        "\"Action\"",
        "\"Condition\":{\"StringEquals\":{\"aws:SourceAccount\":\"123456789012\"}},\"Action\"",
    );
    for (statements, expected) in [
        (DAX_TRUST.to_owned(), true),
        (
            DAX_TRUST.replace(
                "\"dax.amazonaws.com\"",
                "[\"ec2.amazonaws.com\",\"dax.amazonaws.com\"]",
            ),
            true,
        ),
        (DAX_TRUST.replace("dax.", "ec2."), false),
        (
            DAX_TRUST.replace("{\"Service\":\"dax.amazonaws.com\"}", "\"*\""),
            false,
        ),
        (DAX_TRUST.replace("AssumeRole", "AssumeRoleWithSAML"), false),
        (
            DAX_TRUST
                .replace("Service", "AWS")
                .replace("dax.amazonaws.com", "123456789012"),
            false,
        ),
        (format!("{DAX_TRUST},{deny_all}"), false),
        (conditional, false),
    ] {
        let document =
            trust(&statements).unwrap_or_else(|message| panic!("{message}: {statements}"));
        assert_eq!(
            document.trusts_service("dax.amazonaws.com"),
            expected,
            "{statements}"
        );
    }
}
