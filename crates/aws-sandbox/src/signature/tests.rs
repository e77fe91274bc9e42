//! AWS's signing test suite, as packaged in the crate aws-sigv4 1.6.4.

mod boto3;
mod errors;

use axum::http::request::Parts;
use axum::http::{Method, Request};
use chrono::{DateTime, Utc};

use super::{SignatureFault, verify};

const SUITE_SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const DAY: &str = "20150830T123600Z";

fn at(time: &str) -> DateTime<Utc> {
    time.parse().expect("a time")
}

fn suite_time() -> DateTime<Utc> {
    at("2015-08-30T12:36:00Z")
}

fn request(method: &str, target: &str, headers: &[(&str, &str)]) -> Parts {
    let mut request = Request::builder()
        .method(Method::from_bytes(method.as_bytes()).expect("a method"))
        .uri(target);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).expect("a request").into_parts().0
}

fn suite_request(
    method: &str,
    target: &str,
    extra: &[(&str, &str)],
    signed: &str,
    signature: &str,
) -> Parts {
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders={signed}, Signature={signature}"
    );
    let mut headers = vec![
        ("Host", "example.amazonaws.com"),
        ("X-Amz-Date", DAY),
        ("Authorization", &authorization),
    ];
    headers.extend_from_slice(extra);
    request(method, target, &headers)
}

const UNRESERVED: &str = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

#[test]
fn suite_paths_and_queries_verify() {
    let vanilla = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
    let utf8_query = "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04";
    let unreserved_path = format!("/{UNRESERVED}");
    let unreserved_query = format!("/?{UNRESERVED}={UNRESERVED}");
    for (method, target, signature) in [
        ("GET", "/", vanilla),
        ("GET", "/example/..", vanilla),
        ("GET", "/example1/example2/../..", vanilla),
        ("GET", "/./", vanilla),
        ("GET", "//", vanilla),
        (
            "GET",
            "/./example",
            "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5",
        ),
        (
            "GET",
            "//example//",
            "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84",
        ),
        (
            "GET",
            &unreserved_path,
            "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
        ),
        (
            "GET",
            "/?Param1=value1",
            "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb",
        ),
        (
            "GET",
            "/?Param-3=Value3&Param=Value2&%E1%88%B4=Value1",
            "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac",
        ),
        (
            "GET",
            "/?Param2=value2&Param1=value1",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        (
            "GET",
            &unreserved_query,
            "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197",
        ),
        ("GET", "/?%E1%88%B4=bar", utf8_query),
        (
            "POST",
            "/",
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
        ),
        (
            "POST",
            "/?Param1=value1",
            "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11",
        ),
    ] {
        let parts = suite_request(method, target, &[], "host;x-amz-date", signature);
        assert_eq!(
            verify(&parts, b"", SUITE_SECRET, suite_time()),
            Ok(()),
            "{method} {target}"
        );
    }
}

#[test]
fn suite_headers_verify() {
    let duplicates = [
        ("My-Header1", "value2"),
        ("My-Header1", "value2"),
        ("My-Header1", "value1"),
    ];
    let order = [
        ("My-Header1", "value4"),
        ("My-Header1", "value1"),
        ("My-Header1", "value3"),
        ("My-Header1", "value2"),
    ];
    let trim = [("My-Header1", " value1"), ("My-Header2", " \"a   b   c\"")];
    let token = [(
        "X-Amz-Security-Token",
        "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267",
    )];
    for (method, headers, signed, signature) in [
        (
            "GET",
            &duplicates[..],
            "host;my-header1;x-amz-date",
            "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
        ),
        (
            "GET",
            &order[..],
            "host;my-header1;x-amz-date",
            "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01",
        ),
        (
            "GET",
            &trim[..],
            "host;my-header1;my-header2;x-amz-date",
            "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
        ),
        (
            "GET",
            &token[..],
            "host;x-amz-date;x-amz-security-token",
            "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8",
        ),
        (
            "POST",
            &[("My-Header1", "VALUE1")][..],
            "host;my-header1;x-amz-date",
            "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d",
        ),
    ] {
        let parts = suite_request(method, "/", headers, signed, signature);
        assert_eq!(
            verify(&parts, b"", SUITE_SECRET, suite_time()),
            Ok(()),
            "{headers:?}"
        );
    }
}

fn form_request(body_hash: &str) -> Parts {
    suite_request(
        "POST",
        "/",
        &[
            ("Content-Type", "application/x-www-form-urlencoded"),
            ("Content-Length", "13"),
            ("x-amz-content-sha256", body_hash),
        ],
        "content-length;content-type;host;x-amz-content-sha256;x-amz-date",
        "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b",
    )
}

#[test]
fn the_signature_covers_the_body() {
    let parts = form_request("9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e");
    assert_eq!(
        verify(&parts, b"Param1=value1", SUITE_SECRET, suite_time()),
        Ok(())
    );
    assert_eq!(
        verify(&parts, b"Param1=value2", SUITE_SECRET, suite_time()),
        Err(SignatureFault::Mismatch)
    );
    let unsigned = form_request("UNSIGNED-PAYLOAD");
    assert_eq!(
        verify(&unsigned, b"Param1=value1", SUITE_SECRET, suite_time()),
        Err(SignatureFault::Mismatch)
    );
}

#[test]
fn an_unsigned_payload_accepts_any_body() {
    // Computed with another implementation (Python's hmac) and the suite's key.
    let parts = |signature: &str| {
        suite_request(
            "POST",
            "/",
            &[("x-amz-content-sha256", "UNSIGNED-PAYLOAD")],
            "host;x-amz-content-sha256;x-amz-date",
            signature,
        )
    };
    let signature = "05e1b307416f2cbcf15dd86269efd55537182ee4416101af58762e96bba470bb";
    for body in [&b""[..], b"anything"] {
        assert_eq!(
            verify(&parts(signature), body, SUITE_SECRET, suite_time()),
            Ok(())
        );
    }
}
