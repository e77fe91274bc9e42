//! The AWS call and the error code in a pasted text, in the forms of the AWS CLI, the SDKs,
//! Terraform, CloudFormation and CloudTrail.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::Regex;

use crate::domain::pasted::Pasted;
use crate::domain::problems::aws_codes;
use crate::domain::problems::hints;

/// A failed call, as far as a text names it. A part that it does not name is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PastedCall {
    /// The service, as in an IAM action's prefix.
    pub service: String,
    /// The API operation.
    pub operation: String,
    /// The error code as in the text.
    pub code: String,
}

impl PastedCall {
    /// The service that was called: empty if nothing is known, and `another` for a call that this
    /// service never sends.
    pub fn called_service(&self) -> &str {
        match (self.service.as_str(), self.operation.as_str()) {
            ("", "") => "",
            ("", _) => "another",
            (service, _) => service,
        }
    }
}

/// `service operation code` of every modelled error of this service's calls.
const MODELLED: &str = include_str!("hints/modelled_errors.txt");

/// Calls of this service that model no errors.
const UNMODELLED: [(&str, &str); 14] = [
    ("sts", "GetCallerIdentity"),
    ("sts", "AssumeRole"),
    ("sts", "AssumeRoleWithWebIdentity"),
    ("sts", "DecodeAuthorizationMessage"),
    ("ec2", "AuthorizeSecurityGroupIngress"),
    ("ec2", "RevokeSecurityGroupIngress"),
    ("ec2", "CreateTags"),
    ("ec2", "CreateNetworkInterface"),
    ("ec2", "DescribeVpcs"),
    ("ec2", "DescribeSubnets"),
    ("ec2", "DescribeSecurityGroups"),
    ("ec2", "DescribeSecurityGroupRules"),
    ("ec2", "DescribeAvailabilityZones"),
    ("ec2", "DescribeNetworkInterfaces"),
];

/// The service of each call that this service sends, by the call.
static CALLS: LazyLock<BTreeMap<&str, &str>> = LazyLock::new(|| {
    let modelled = MODELLED.lines().filter(|line| !line.starts_with('#'));
    modelled
        .filter_map(|line| line.split_once(' '))
        .filter_map(|(service, rest)| Some((rest.split_once(' ')?.0, service)))
        .chain(UNMODELLED.map(|(service, call)| (call, service)))
        .collect()
});

/// The service of a call that this service sends. `None` for any other call.
pub fn service_of(operation: &str) -> Option<&'static str> {
    CALLS.get(operation).copied()
}

/// Reads the call and the code in a text.
pub fn read(text: &Pasted) -> PastedCall {
    let operation = operation(text).unwrap_or_default();
    let service = stated_service(text)
        .or_else(|| service_of(operation).map(str::to_owned))
        .unwrap_or_default();
    PastedCall {
        service,
        operation: operation.to_owned(),
        code: code(text).to_owned(),
    }
}

fn regexes<const N: usize>(patterns: [&str; N]) -> [Regex; N] {
    patterns.map(|pattern| Regex::new(pattern).expect("the pattern is a valid regular expression"))
}

/// Where a text names the operation, most explicit first.
static OPERATIONS: LazyLock<[Regex; 8]> = LazyLock::new(|| {
    regexes([
        r"when\s+calling\s+the\s+([A-Z][A-Za-z0-9]+)\s+operation",
        r"operation\s+error\s+[A-Za-z0-9 ]+:\s+([A-Z][A-Za-z0-9]+)",
        r#"Error\s+executing\s+"([A-Z][A-Za-z0-9]+)"\s+on\s"#,
        r#"\b(?:eventName|operationName)["']?\s*[:=]\s*["']?([A-Z][A-Za-z0-9]+)"#,
        r#"["']operation["']\s*:\s*["']([A-Z][A-Za-z0-9]+)"#,
        r"\bAPI:\s+[a-z0-9-]+:([A-Z][A-Za-z0-9]+)",
        r"\bAction=([A-Z][A-Za-z0-9]+)",
        r"\bAmazonDAXV3\.([A-Z][A-Za-z0-9]+)",
    ])
});

/// What Terraform and Pulumi write instead of a call, in lower case, and the call.
const PHRASES: [(&str, &str); 12] = [
    ("creating iam role", "CreateRole"),
    ("creating iam policy", "CreatePolicy"),
    ("attaching iam policy", "AttachRolePolicy"),
    ("attaching policy", "AttachRolePolicy"),
    (
        "creating iam service linked role",
        "CreateServiceLinkedRole",
    ),
    ("creating service-linked role", "CreateServiceLinkedRole"),
    ("deleting iam role", "DeleteRole"),
    ("deleting iam policy", "DeletePolicy"),
    ("creating dax cluster", "CreateCluster"),
    ("deleting dax cluster", "DeleteCluster"),
    ("creating dax subnet group", "CreateSubnetGroup"),
    ("creating dax parameter group", "CreateParameterGroup"),
];

fn operation(text: &Pasted) -> Option<&str> {
    let stated = [&text.plain, &text.decoded]
        .into_iter()
        .flat_map(|form| OPERATIONS.iter().filter_map(|regex| regex.captures(form)))
        .find_map(|captures| captures.get(1));
    if let Some(stated) = stated {
        return Some(stated.as_str());
    }
    let lower = text.plain.to_lowercase().replace('\n', " ");
    let phrase = PHRASES.iter().find(|(words, _)| lower.contains(words));
    if let Some((_, operation)) = phrase {
        return Some(operation);
    }
    // The name of a class, such as `CreateRoleCommandError`. An action such as `iam:CreateRole` is
    // no call.
    let named: BTreeSet<&str> = NAME
        .captures_iter(&text.decoded)
        .filter_map(|captures| called(captures.get(1)?.as_str()))
        .collect();
    match named.len() {
        1 => named.first().copied(),
        _ => None,
    }
}

/// A name that is not part of an action.
static NAME: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?:^|[^A-Za-z0-9_:])(?:de_|Aws::[A-Za-z]+::)?([A-Z][A-Za-z0-9]+)")
        .expect("the pattern is a valid regular expression")
});

/// The operation in the name of a class.
fn called(word: &str) -> Option<&str> {
    let bare = [
        "CommandError",
        "Command",
        "Error",
        "Request",
        "Input",
        "Operation",
    ]
    .iter()
    .find_map(|suffix| word.strip_suffix(suffix))
    .unwrap_or(word);
    service_of(bare).map(|_| bare)
}

/// Where a text names the service.
static SERVICES: LazyLock<[Regex; 6]> = LazyLock::new(|| {
    regexes([
        r"operation\s+error\s+([A-Za-z0-9 ]+):\s+[A-Z]",
        r#"\beventSource["']?\s*[:=]\s*["']?([a-z0-9-]+)\.amazonaws\.com"#,
        r"\(Service:\s+([A-Za-z0-9 ]+)[;,)]",
        r"\b(?:services|awssdk\.services)\.([a-z0-9]+)\.model\b",
        r"\bAws(?:::|\\)([A-Za-z0-9]+)(?:::|\\)(?:Errors|Exception)",
        r"\bAmazon\.([A-Za-z0-9]+)\.Model\b",
    ])
});

/// Names of services in SDKs, in lower case and without `Amazon`, and the prefix of their actions.
const SERVICE_NAMES: [(&str, &str); 6] = [
    ("identitymanagement", "iam"),
    ("identitymanagementservice", "iam"),
    ("securitytoken", "sts"),
    ("awssecuritytokenservice", "sts"),
    ("dynamodbv2", "dynamodb"),
    ("simplenotificationservice", "sns"),
];

fn stated_service(text: &Pasted) -> Option<String> {
    let captures = [&text.plain, &text.decoded]
        .into_iter()
        .flat_map(|form| SERVICES.iter().filter_map(|regex| regex.captures(form)))
        .next()?;
    let name = captures
        .get(1)?
        .as_str()
        .to_lowercase()
        .replace([' ', '-'], "");
    let name = name.strip_prefix("amazon").unwrap_or(&name);
    let known = SERVICE_NAMES.iter().find(|(known, _)| *known == name);
    Some(known.map_or(name, |(_, prefix)| prefix).to_owned())
}

/// Where a text names the code, most explicit first.
static CODES: LazyLock<[Regex; 6]> = LazyLock::new(|| {
    regexes([
        r"An\s+error\s+occurred\s+\(([A-Za-z][A-Za-z0-9.]*)\)",
        r"\bapi\s+error\s+([A-Za-z][A-Za-z0-9.]*):",
        r#"\b(?:errorCode|Error Code|ErrorCode|__type|[Cc]ode)["']? ?[:=] ?(?:Some\()?["']?([A-Za-z][A-Za-z0-9.#]*)"#,
        r"https response error StatusCode: \d+, (?:RequestID: [^,]*, )?(?:HostID: [^,]*, )?([A-Z][A-Za-z0-9.]*):",
        r"\bunhandled error \(([A-Z][A-Za-z0-9.]*)\)",
        r"\b([A-Z][A-Za-z0-9.]*) \((?:client|server)\):",
    ])
});

fn code(text: &Pasted) -> &str {
    let stated: Vec<&str> = [&text.plain, &text.decoded]
        .into_iter()
        .flat_map(|form| CODES.iter().flat_map(|regex| regex.captures_iter(form)))
        .filter_map(|captures| captures.get(1))
        .map(|code| code.as_str().trim_end_matches('.'))
        .collect();
    let known = stated.iter().copied().find(|code| is_known(code));
    known
        .or_else(|| code_words(&text.decoded).find(|word| is_known(word)))
        .or_else(|| stated.into_iter().find(|code| is_class_name(code)))
        .unwrap_or_default()
}

fn is_class_name(code: &str) -> bool {
    code.contains('#') || code.starts_with(|c: char| c.is_ascii_uppercase())
}

/// The words of a text that can be codes: with dots, such as `InvalidGroup.NotFound`, and the last
/// part of the name of a class.
fn code_words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '.')
        .map(|word| word.trim_matches('.'))
        .filter(|word| !word.is_empty())
        .flat_map(|word| [word, word.rsplit('.').next().unwrap_or(word)])
}

/// Whether a row has this code.
fn is_known(code: &str) -> bool {
    static KNOWN: LazyLock<BTreeSet<&str>> = LazyLock::new(|| {
        hints::all()
            .map(|hint| aws_codes::normalize(hint.code))
            .collect()
    });
    KNOWN.contains(aws_codes::normalize(code))
}
