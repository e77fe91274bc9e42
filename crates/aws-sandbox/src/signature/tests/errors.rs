//! Invalid signatures and their error messages.

use chrono::TimeDelta;

use super::super::{Scope, SignatureFault, credential_scope, verify};
use super::{DAY, SUITE_SECRET, request, suite_request, suite_time};

#[test]
fn the_scope_contains_key_day_region_and_service() {
    let parts = suite_request("GET", "/", &[], "host;x-amz-date", "00");
    let expected = Scope {
        access_key_id: "AKIDEXAMPLE".to_owned(),
        date: "20150830".to_owned(),
        region: "us-east-1".to_owned(),
        service: "service".to_owned(),
    };
    assert_eq!(credential_scope(&parts), Ok(expected));
    assert_eq!(
        verify(&parts, b"", SUITE_SECRET, suite_time()),
        Err(SignatureFault::Mismatch)
    );
}

#[test]
fn a_skew_of_more_than_five_minutes_is_rejected() {
    let vanilla = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
    let parts = suite_request("GET", "/", &[], "host;x-amz-date", vanilla);
    let check = |seconds| {
        verify(
            &parts,
            b"",
            SUITE_SECRET,
            suite_time() + TimeDelta::seconds(seconds),
        )
    };
    assert_eq!(check(300), Ok(()));
    assert_eq!(check(-300), Ok(()));
    assert_eq!(
        check(301),
        Err(SignatureFault::Skewed(
            "Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z (20150830T124101Z - 5 min.)"
                .into()
        ))
    );
    assert_eq!(
        check(-301),
        Err(SignatureFault::Skewed(
            "Signature not yet current: 20150830T123600Z is still later than 20150830T123559Z (20150830T123059Z + 5 min.)"
                .into()
        ))
    );
}

#[test]
fn an_incomplete_signature_names_what_is_missing() {
    let verify_with = |authorization: &str| {
        let headers = [
            ("host", "example.amazonaws.com"),
            ("x-amz-date", DAY),
            ("authorization", authorization),
        ];
        verify(
            &request("GET", "/", &headers),
            b"",
            SUITE_SECRET,
            suite_time(),
        )
    };
    let unsigned = request("GET", "/", &[("host", "example.amazonaws.com")]);
    assert_eq!(
        verify(&unsigned, b"", SUITE_SECRET, suite_time()),
        Err(SignatureFault::Missing)
    );
    let full = "Credential=A/20150830/r/s/aws4_request, SignedHeaders=host, Signature=00";
    for (authorization, text) in [
        (
            "Bearer abc".to_owned(),
            "Unsupported AWS 'algorithm': 'Bearer'.",
        ),
        (
            "AWS4-HMAC-SHA256".to_owned(),
            "requires 'SignedHeaders' parameter.",
        ),
        (
            format!("AWS4-HMAC-SHA256 {}", full.replace("Signature=00", "")),
            "requires 'Signature' parameter.",
        ),
        (
            format!("AWS4-HMAC-SHA256 {}", full.replace("=host", "=x-amz-date")),
            "must be a 'SignedHeader'",
        ),
        (
            format!("AWS4-HMAC-SHA256 {}", full.replace("/s/", "/")),
            "exactly 5 slash-delimited elements",
        ),
        (
            format!("AWS4-HMAC-SHA256 {}", full.replace("aws4_request", "aws5")),
            "valid terminator: 'aws4_request'",
        ),
        (
            format!("AWS4-HMAC-SHA256 {}", full.replace("0830", "0829")),
            "'20150829' != '20150830'",
        ),
    ] {
        match verify_with(&authorization) {
            Err(SignatureFault::Incomplete(message)) => {
                assert!(message.contains(text), "{message}")
            }
            other => panic!("{authorization}: {other:?}"),
        }
    }
    let undated = request(
        "GET",
        "/",
        &[
            ("host", "h"),
            ("authorization", &format!("AWS4-HMAC-SHA256 {full}")),
        ],
    );
    assert!(matches!(
        verify(&undated, b"", SUITE_SECRET, suite_time()),
        Err(SignatureFault::Incomplete(_))
    ));
}
