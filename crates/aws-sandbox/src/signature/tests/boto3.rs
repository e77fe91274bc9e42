//! Requests signed by boto3.

use super::super::{SignatureFault, credential_scope, verify};
use super::{at, request};

/// Signed with botocore 1.44.5's `SigV4Auth`, key and secret `sandbox`.
#[test]
fn requests_signed_by_boto3_verify() {
    let form = "application/x-www-form-urlencoded; charset=utf-8";
    let json = "application/x-amz-json-1.1";
    for (method, target, service, signed, signature, headers, body) in [
        (
            "POST",
            "/",
            "iam",
            "content-type;host;x-amz-date",
            "62f9f5569b5f08d8177f3793e443ee32778ba34728ef6bbe6f87e3c3cf9c5b68",
            &[("content-type", form)][..],
            "Action=CreateRole&Version=2010-05-08&RoleName=a+b",
        ),
        (
            "POST",
            "/",
            "dax",
            "content-type;host;x-amz-date;x-amz-target",
            "b1ae3929a90cd06729f956f42f41423b4855df1cd90390619b2761dd8cc0326b",
            &[
                ("content-type", json),
                ("x-amz-target", "AmazonDAXV3.DeleteCluster"),
            ][..],
            r#"{"ClusterName":"c1"}"#,
        ),
        (
            "GET",
            "/a%3Ab/%20c?Action=ListRoles&PathPrefix=%2Fdax%2F&Empty=",
            "iam",
            "host;x-amz-date",
            "d304ee4ad15ab9b9050043ebbd6edb190b6b0b02108c497eee838b12513dcccf",
            &[][..],
            "",
        ),
    ] {
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential=sandbox/20260701/us-east-1/{service}/aws4_request, SignedHeaders={signed}, Signature={signature}"
        );
        let mut all = vec![
            ("host", "127.0.0.1:4566"),
            ("x-amz-date", "20260701T120000Z"),
            ("authorization", &authorization),
        ];
        all.extend_from_slice(headers);
        let parts = request(method, target, &all);
        let now = at("2026-07-01T12:04:59Z");
        assert_eq!(
            verify(&parts, body.as_bytes(), "sandbox", now),
            Ok(()),
            "{service} {target}"
        );
        assert_eq!(
            verify(&parts, body.as_bytes(), "sandboy", now),
            Err(SignatureFault::Mismatch)
        );
        assert_eq!(
            verify(&parts, b"other", "sandbox", now),
            Err(SignatureFault::Mismatch)
        );
        let scope = credential_scope(&parts).expect("a scope");
        assert_eq!(
            (scope.access_key_id.as_str(), scope.service.as_str()),
            ("sandbox", service)
        );
    }
}
