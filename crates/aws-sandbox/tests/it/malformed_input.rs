//! Malformed input: the sandbox always responds as an AWS service does, and keeps running.

use std::sync::OnceLock;

use aws_sandbox::{Sandbox, Settings};
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::test_env::TestEnv;

const DAX: [&str; 21] = [
    "CreateCluster",
    "DescribeClusters",
    "UpdateCluster",
    "DeleteCluster",
    "IncreaseReplicationFactor",
    "DecreaseReplicationFactor",
    "RebootNode",
    "CreateSubnetGroup",
    "DescribeSubnetGroups",
    "UpdateSubnetGroup",
    "DeleteSubnetGroup",
    "CreateParameterGroup",
    "DescribeParameterGroups",
    "UpdateParameterGroup",
    "DeleteParameterGroup",
    "DescribeParameters",
    "DescribeDefaultParameters",
    "DescribeEvents",
    "ListTags",
    "TagResource",
    "UntagResource",
];
const IAM: [&str; 12] = [
    "CreateRole",
    "GetRole",
    "ListRoles",
    "TagRole",
    "CreatePolicy",
    "CreatePolicyVersion",
    "AttachRolePolicy",
    "PutRolePolicy",
    "UpdateAssumeRolePolicy",
    "SimulatePrincipalPolicy",
    "CreateServiceLinkedRole",
    "ListPolicies",
];
const EC2: [&str; 6] = [
    "DescribeVpcs",
    "DescribeSubnets",
    "DescribeSecurityGroups",
    "DescribeAvailabilityZones",
    "AuthorizeSecurityGroupIngress",
    "RevokeSecurityGroupIngress",
];
/// Members of real requests, so that random input passes the first checks.
const MEMBERS: [&str; 24] = [
    "ClusterName",
    "NodeType",
    "ReplicationFactor",
    "IamRoleArn",
    "NewReplicationFactor",
    "NodeId",
    "SubnetGroupName",
    "SubnetIds",
    "ParameterGroupName",
    "ParameterNameValues",
    "MaxResults",
    "NextToken",
    "StartTime",
    "EndTime",
    "Duration",
    "ResourceName",
    "Tags",
    "TagKeys",
    "SSESpecification",
    "AvailabilityZones",
    "ClusterNames",
    "PreferredMaintenanceWindow",
    "NetworkType",
    "Description",
];
const FIELDS: [&str; 18] = [
    "RoleName",
    "PolicyName",
    "PolicyArn",
    "AssumeRolePolicyDocument",
    "PolicyDocument",
    "Path",
    "PathPrefix",
    "Marker",
    "MaxItems",
    "Tags.member.1.Key",
    "Tags.member.99999999999.Key",
    "PolicySourceArn",
    "ActionNames.member.1",
    "GroupId",
    "IpPermissions.1.IpProtocol",
    "IpPermissions.1.FromPort",
    "IpPermissions.1.IpRanges.1.CidrIp",
    "Filter.1.Name",
];

struct Target {
    runtime: tokio::runtime::Runtime,
    env: TestEnv,
    http: reqwest::Client,
}

/// One sandbox for all cases. It does not check signatures, so that input reaches the parsers.
fn target() -> &'static Target {
    static TARGET: OnceLock<Target> = OnceLock::new();
    TARGET.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let settings = Settings {
            check_signatures: false,
            ..Settings::default()
        };
        let env = runtime.block_on(TestEnv::serve(Sandbox::open(settings).unwrap()));
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Target { runtime, env, http }
    })
}

/// Sends a request and checks that the response is JSON or XML, never HTML and never a 5xx.
fn send(
    request: impl FnOnce(&reqwest::Client, &str) -> reqwest::RequestBuilder,
) -> Result<(), TestCaseError> {
    let target = target();
    let (status, content_type, body) = target.runtime.block_on(async {
        let response = request(&target.http, &target.env.url).send().await.unwrap();
        let content_type = response.headers()["content-type"]
            .to_str()
            .unwrap()
            .to_owned();
        (
            response.status().as_u16(),
            content_type,
            response.text().await.unwrap(),
        )
    });
    prop_assert!(status < 500, "{} {}", status, body);
    if content_type.starts_with("application/x-amz-json") {
        prop_assert!(serde_json::from_str::<Value>(&body).is_ok(), "{}", body);
    } else {
        prop_assert!(content_type.starts_with("text/xml"), "{}", content_type);
        prop_assert!(!body.to_ascii_lowercase().contains("<html"), "{}", body);
        let mut reader = quick_xml::Reader::from_str(&body);
        loop {
            match reader.read_event() {
                Ok(quick_xml::events::Event::Eof) => break,
                Ok(_) => {}
                Err(error) => return Err(TestCaseError::fail(format!("{error}: {body}"))),
            }
        }
    }
    Ok(())
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
        Just(json!("default")),
        Just(json!("arn:aws:iam::123456789012:role/r")),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("[A-Z][A-Za-z]{0,9}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_json_gets_a_response(
        operation in proptest::sample::select(&DAX[..]),
        members in proptest::collection::btree_map(proptest::sample::select(&MEMBERS[..]), any_json(), 0..8),
    ) {
        let body = serde_json::to_string(&members).unwrap();
        send(|http, url| http.post(url).header("x-amz-target", format!("AmazonDAXV3.{operation}")).body(body))?;
    }

    #[test]
    fn any_bytes_and_target_get_a_response(target in "[ -~]{0,60}", body in any::<Vec<u8>>()) {
        send(|http, url| http.post(url).header("x-amz-target", target).body(body))?;
    }

    #[test]
    fn any_form_gets_a_response(
        service in 0..2_usize,
        which in any::<proptest::sample::Index>(),
        fields in proptest::collection::btree_map(proptest::sample::select(&FIELDS[..]), ".{0,60}", 0..8),
    ) {
        let (version, operations): (_, &[&str]) = [("2010-05-08", &IAM[..]), ("2016-11-15", &EC2[..])][service];
        let mut form: Vec<(&str, String)> = fields.into_iter().collect();
        form.push(("Action", operations[which.index(operations.len())].to_owned()));
        form.push(("Version", version.to_owned()));
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let kind = "application/x-www-form-urlencoded; charset=utf-8";
        send(|http, url| http.post(url).header("content-type", kind).body(body))?;
    }
}

#[tokio::test]
async fn unknown_operations_are_named_and_too_large_requests_rejected() {
    let settings = Settings {
        check_signatures: false,
        ..Settings::default()
    };
    let env = TestEnv::with(settings).await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let json = |target: &'static str, body: Vec<u8>| {
        let request = http
            .post(&env.url)
            .header("x-amz-target", target)
            .body(body)
            .send();
        async { request.await.unwrap() }
    };
    let unknown = json("AmazonDAXV3.ExplodeCluster", Vec::new()).await;
    assert_eq!(unknown.status(), 400);
    assert_eq!(
        unknown.headers()["x-amzn-errortype"],
        "UnknownOperationException"
    );
    assert!(unknown.text().await.unwrap().contains("ExplodeCluster"));
    let foreign = json("AWSEvents.PutRule", Vec::new())
        .await
        .text()
        .await
        .unwrap();
    assert!(
        foreign.contains("UnknownOperationException") && foreign.contains("AWSEvents.PutRule"),
        "{foreign}"
    );
    let nothing = http.get(&env.url).send().await.unwrap();
    assert_eq!(nothing.status(), 400);
    let query = http
        .get(format!(
            "{}/?Action=CreateAccountAlias&Version=2010-05-08",
            env.url
        ))
        .send()
        .await
        .unwrap();
    let body = query.text().await.unwrap();
    let message = "Could not find operation CreateAccountAlias for version 2010-05-08";
    assert!(
        body.contains("<Code>InvalidAction</Code>") && body.contains(message),
        "{body}"
    );
    let huge = json("AmazonDAXV3.DescribeClusters", vec![b' '; 1024 * 1024 + 1]).await;
    assert_eq!(huge.status(), 413);
    let deep = json(
        "AmazonDAXV3.DescribeClusters",
        "[".repeat(100_000).into_bytes(),
    )
    .await;
    assert_eq!(deep.status(), 400);
}

#[tokio::test]
async fn a_tag_without_a_value_is_empty_and_one_without_a_key_is_rejected() {
    let env = TestEnv::with(Settings {
        check_signatures: false,
        ..crate::test_env::settings()
    })
    .await;
    env.cluster("c1", 1).await;
    let arn = env.describe("c1").await.cluster_arn().unwrap().to_owned();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let tag = |tag: Value| {
        let body = json!({"ResourceName": arn, "Tags": [tag]}).to_string();
        let request = http
            .post(&env.url)
            .header("x-amz-target", "AmazonDAXV3.TagResource")
            .body(body)
            .send();
        async { request.await.unwrap().json::<Value>().await.unwrap() }
    };
    assert_eq!(
        tag(json!({"Key": "a", "Value": null})).await["Tags"],
        json!([{"Key": "a", "Value": ""}])
    );
    assert_eq!(
        tag(json!({"Value": "b"})).await["__type"],
        "InvalidParameterValueException"
    );
}

#[tokio::test]
async fn a_client_that_sends_garbage_or_disconnects_does_not_affect_others() {
    let env = TestEnv::new().await;
    let address = env.url.strip_prefix("http://").unwrap().to_owned();
    for request in [
        &b"\x16\x03\x01\x02\x00\x01\x00"[..],
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhalf",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
    ] {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        stream.write_all(request).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        // The connection must end, with any response or with a reset.
        let read = tokio::time::timeout(
            std::time::Duration::from_secs(5),
            stream.read_to_end(&mut answer),
        );
        assert!(read.await.is_ok(), "the connection was left open");
    }
    env.dax().describe_clusters().send().await.unwrap();
}
