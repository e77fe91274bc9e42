//! Raw signed AWS calls, for calls that the service itself never sends.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use serde_json::Value;

use crate::support::test_env::TestEnv;

#[derive(Debug)]
pub struct RawResponse {
    pub status: u16,
    pub text: String,
}

/// Sends a call in the query protocol, such as `("iam", "CreateRole", [("RoleName", "x")])`.
pub async fn query(
    env: &TestEnv,
    keys: (&str, &str),
    service: &str,
    call: &str,
    input: &[(&str, &str)],
) -> RawResponse {
    query_at(&env.endpoint, keys, service, call, input).await
}

/// The same, to a sandbox without an environment.
pub async fn query_at(
    endpoint: &str,
    keys: (&str, &str),
    service: &str,
    call: &str,
    input: &[(&str, &str)],
) -> RawResponse {
    let version = match service {
        "iam" => "2010-05-08",
        "sts" => "2011-06-15",
        _ => "2016-11-15",
    };
    let mut form = vec![("Action", call), ("Version", version)];
    form.extend_from_slice(input);
    let encode = |text: &str| {
        percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
    };
    let body: Vec<String> = form
        .iter()
        .map(|(key, value)| format!("{}={}", encode(key), encode(value)))
        .collect();
    let headers = [(
        "content-type",
        "application/x-www-form-urlencoded".to_owned(),
    )];
    send(endpoint, keys, service, &headers, body.join("&")).await
}

/// Sends a call in a JSON protocol, to DAX or DynamoDB.
pub async fn json(
    env: &TestEnv,
    keys: (&str, &str),
    service: &str,
    call: &str,
    input: &Value,
) -> RawResponse {
    let prefix = if service == "dax" {
        "AmazonDAXV3"
    } else {
        "DynamoDB_20120810"
    };
    let headers = [
        (
            "content-type",
            if service == "dax" {
                "application/x-amz-json-1.1"
            } else {
                "application/x-amz-json-1.0"
            }
            .to_owned(),
        ),
        ("x-amz-target", format!("{prefix}.{call}")),
    ];
    send(&env.endpoint, keys, service, &headers, input.to_string()).await
}

async fn send(
    endpoint: &str,
    keys: (&str, &str),
    service: &str,
    headers: &[(&str, String)],
    body: String,
) -> RawResponse {
    let identity = Credentials::new(keys.0, keys.1, None, None, "test").into();
    let params = SigningParams::builder()
        .identity(&identity)
        .region("us-east-1")
        .name(service)
        .time(SystemTime::now())
        .settings(SigningSettings::default())
        .build()
        .unwrap()
        .into();
    let url = format!("{endpoint}/");
    let signed = headers.iter().map(|(name, value)| (*name, value.as_str()));
    let request =
        SignableRequest::new("POST", &url, signed, SignableBody::Bytes(body.as_bytes())).unwrap();
    let (instructions, _) = sign(request, &params).unwrap().into_parts();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut request = client.post(&url).body(body);
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    for (name, value) in instructions.headers() {
        request = request.header(name, value);
    }
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    RawResponse {
        status,
        text: response.text().await.unwrap(),
    }
}
