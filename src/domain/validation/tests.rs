//! Tables of valid and invalid values for each field.

use super::fields::{
    TTL_MILLIS_MAX, description, parameter_group_name, replication_factor, subnet_group_name,
    table, tag_count, tag_value, ttl_millis,
};
use super::typed::{
    AvailabilityZone, MaintenanceWindow, NodeType, RoleArn, SecurityGroupId, SubnetId, TagKey,
    TopicArn, VpcId,
};
use super::violation::RuleViolation;
use crate::domain::installation::AwsAccount;

fn account() -> AwsAccount {
    AwsAccount {
        sandbox_id: None,
        account_id: "123456789012".to_owned(),
        partition: "aws".to_owned(),
        region: "us-east-1".to_owned(),
    }
}

fn check<T>(read: impl Fn(&str) -> Result<T, RuleViolation>, good: &[&str], bad: &[(&str, &str)]) {
    for text in good {
        assert!(read(text).is_ok(), "{text:?} is valid");
    }
    for (text, code) in bad {
        let violation = read(text).err();
        assert_eq!(
            violation.as_ref().map(|rule| rule.code),
            Some(*code),
            "{text:?}: {violation:?}"
        );
    }
}

#[test]
fn node_types() {
    let bad = [
        "",
        "dax",
        "dax.",
        "dax.r5",
        "dax.r5.",
        "dax..large",
        "dax.r5.large.x",
        "db.r5.large",
        "DAX.r5.large",
        "dax.r5.large ",
        "dax.r5.lärge",
        "dax.r5.*",
    ];
    check(
        NodeType::parse,
        &["dax.r5.large", "dax.t3.small", "dax.r7i.24xlarge"],
        &bad.map(|text| (text, "invalid_format")),
    );
    let lacks_encryption = |text| NodeType::parse(text).unwrap().lacks_encryption_at_rest();
    assert!(lacks_encryption("dax.r3.large"));
    assert!(!lacks_encryption("dax.r4.large"));
}

#[test]
fn replication_factors() {
    for count in [1, 2, 3, 11] {
        assert!(replication_factor(count).is_ok());
    }
    for count in [0, -1, 12, 256, 257, i64::MAX, i64::MIN] {
        assert_eq!(
            replication_factor(count).err().map(|rule| rule.code),
            Some("out_of_range"),
            "{count}"
        );
    }
}

#[test]
fn maintenance_windows() {
    let good = [
        "sun:05:00-sun:06:00",
        "SUN:05:00-Sun:06:00",
        "sat:23:30-sun:00:30",
        "mon:00:00-tue:00:00",
    ];
    let bad = [
        ("sun:05:00-sun:05:59", "out_of_range"),
        ("sun:05:00-sun:05:00", "out_of_range"),
        ("mon:00:00-tue:00:01", "out_of_range"),
        ("sun:06:00-sun:05:00", "out_of_range"),
        ("sun:24:00-mon:01:00", "invalid_format"),
        ("sun:5:00-sun:06:00", "invalid_format"),
        ("sun:+5:00-sun:06:00", "invalid_format"),
        ("sun:05:60-sun:07:00", "invalid_format"),
        ("sunday:05:00-sun:06:00", "invalid_format"),
        ("sun:05:00", "invalid_format"),
        ("", "invalid_format"),
    ];
    check(MaintenanceWindow::parse, &good, &bad);
    assert_eq!(
        MaintenanceWindow::parse("SUN:05:00-SUN:06:00")
            .map(String::from)
            .as_deref(),
        Ok("sun:05:00-sun:06:00")
    );
}

#[test]
fn network_ids() {
    let bad = [
        "subnet-",
        "subnet-0a1b2c3",
        "subnet-0A1B2C3D",
        "subnet-0a1b2c3g",
        "subnet-0a1b2c3d4",
        "sg-0a1b2c3d",
        "",
    ];
    let good = ["subnet-0a1b2c3d", "subnet-0123456789abcdef0"];
    check(
        SubnetId::parse,
        &good,
        &bad.map(|text| (text, "invalid_format")),
    );
    check(
        VpcId::parse,
        &["vpc-0a1b2c3d"],
        &[("subnet-0a1b2c3d", "invalid_format")],
    );
    check(
        SecurityGroupId::parse,
        &["sg-0a1b2c3d"],
        &[
            ("subnet-0a1b2c3d", "invalid_format"),
            ("sg-0a1b2c3d\n", "invalid_format"),
        ],
    );
}

#[test]
fn zones_belong_to_the_region() {
    let read = |text: &str| AvailabilityZone::parse(text, &account());
    let bad = ["us-east-2a", "us-east-1", "", "US-EAST-1A", "us-east-1a "]
        .map(|text| (text, "invalid_format"));
    check(read, &["us-east-1a", "us-east-1-bos-1a"], &bad);
}

#[test]
fn group_names() {
    check(
        subnet_group_name,
        &["default", "My-Group", "a.b_c"],
        &[
            ("", "out_of_range"),
            ("1a", "invalid_format"),
            ("a b", "invalid_format"),
            ("ä", "invalid_format"),
        ],
    );
    assert_eq!(subnet_group_name("My-Group").as_deref(), Ok("my-group"));
    check(
        parameter_group_name,
        &["default.dax1.0"],
        &[("default*", "invalid_format")],
    );
    assert!(parameter_group_name(&"a".repeat(255)).is_ok());
    assert!(parameter_group_name(&"a".repeat(256)).is_err());
}

#[test]
fn role_arns_belong_to_this_account_and_are_not_managed() {
    let read = |text: &str| RoleArn::parse(text, &account());
    let good = [
        "arn:aws:iam::123456789012:role/DaxRole",
        "arn:aws:iam::123456789012:role/service-role/Dax+=,.@-_Role",
        "arn:aws:iam::123456789012:role/team+=,.@-_/a/Role",
    ];
    let bad = [
        (
            "arn:aws:iam::123456789012:role/dax-provisioner/dax-a-bbbbbbbbbb",
            "managed_role",
        ),
        (
            "arn:aws:iam::123456789012:role/DAX-Provisioner/x",
            "managed_role",
        ),
        (
            "arn:aws:iam::123456789012:role/dax-provisioner/deeper/x",
            "managed_role",
        ),
        ("arn:aws:iam::210987654321:role/DaxRole", "foreign_arn"),
        ("arn:aws-cn:iam::123456789012:role/DaxRole", "foreign_arn"),
        (
            "arn:aws:iam:us-east-1:123456789012:role/DaxRole",
            "foreign_arn",
        ),
        ("arn:aws:iam::123456789012:user/Dax", "invalid_format"),
        ("arn:aws:iam::123456789012:role/", "invalid_format"),
        ("arn:aws:iam::123456789012:roleX/y", "invalid_format"),
        ("arn:aws:iam::123456789012:role/a*", "invalid_format"),
        ("arn:aws:iam::123456789012:role/*/a", "invalid_format"),
        ("DaxRole", "invalid_format"),
    ];
    check(read, &good, &bad);
}

#[test]
fn role_arns_put_no_wildcard_or_variable_into_a_policy() {
    let read = |text: &str| RoleArn::parse(text, &account());
    let bad = [
        (
            "arn:aws:iam::123456789012:role/????/Admin",
            "invalid_format",
        ),
        ("arn:aws:iam::123456789012:role/a?/Admin", "invalid_format"),
        (
            "arn:aws:iam::123456789012:role/${aws:PrincipalTag/x}/Admin",
            "invalid_format",
        ),
        (
            "arn:aws:iam::123456789012:role/a\"b/Admin",
            "invalid_format",
        ),
        (
            "arn:aws:iam::123456789012:role/a\\b/Admin",
            "invalid_format",
        ),
        ("arn:aws:iam::123456789012:role/a:b/Admin", "invalid_format"),
        ("arn:aws:iam::123456789012:role//Admin", "invalid_format"),
        ("arn:aws:iam::123456789012:role/a//Admin", "invalid_format"),
        (
            "arn:aws:iam::123456789012:role/aws-service-role/dax.amazonaws.com/AWSServiceRoleForDAX",
            "service_linked_role",
        ),
        (
            "arn:aws:iam::123456789012:role/AWS-Service-Role/x",
            "service_linked_role",
        ),
    ];
    check(read, &["arn:aws:iam::123456789012:role/a/b/Role"], &bad);
}

#[test]
fn topics_belong_to_this_account_and_region() {
    let read = |text: &str| TopicArn::parse(text, &account());
    let bad = [
        (
            "arn:aws:sns:us-east-2:123456789012:dax-events",
            "foreign_arn",
        ),
        (
            "arn:aws:sns:us-east-1:210987654321:dax-events",
            "foreign_arn",
        ),
        ("arn:aws:sns:us-east-1:123456789012:", "invalid_format"),
        ("arn:aws:sns:us-east-1:123456789012:a:b", "invalid_format"),
        ("dax-events", "invalid_format"),
    ];
    check(
        read,
        &["arn:aws:sns:us-east-1:123456789012:dax-events"],
        &bad,
    );
}

#[test]
fn tables_are_names_or_arns_of_this_account_and_region() {
    let read = |text: &str| table(text, &account());
    let arn = "arn:aws:dynamodb:us-east-1:123456789012:table/Orders";
    assert_eq!(read(arn).as_deref(), Ok("Orders"));
    let hostile = [
        "Orders*",
        "*",
        "Ord?rs",
        "${aws:username}",
        "Orders\"",
        "Orders'",
        "Ord\u{0}ers",
        "Ord\ners",
        "Orders ",
        "Ördérs",
        "Orders/index/x",
        "Orders,Other",
        "%2A%2A%2A",
        "Ord\u{202e}ers",
        "Оrders",
        "Orders\\",
        "{}Orders",
        "<Orders>",
        "arn:aws:dynamodb:us-east-1:123456789012:table/*",
        "arn:aws:dynamodb:us-east-1:123456789012:table/Orders/index/*",
        "arn:aws:dynamodb:us-east-1:123456789012:index/Orders",
        "ARN:aws:dynamodb:us-east-1:123456789012:table/Orders",
    ];
    check(
        read,
        &["Orders", "a.b", "A_-.9", "xn--80ak6aa92e"],
        &hostile.map(|text| (text, "invalid_format")),
    );
    let foreign = [
        "arn:aws:dynamodb:us-east-2:123456789012:table/Orders",
        "arn:aws:dynamodb:us-east-1:210987654321:table/Orders",
        "arn:aws-cn:dynamodb:us-east-1:123456789012:table/Orders",
        "arn:aws:dynamodb:*:123456789012:table/Orders",
        "arn:aws:s3:::Orders",
    ];
    check(read, &[], &foreign.map(|text| (text, "foreign_arn")));
    check(
        read,
        &[&"a".repeat(255)],
        &[("ab", "out_of_range"), ("", "out_of_range")],
    );
    assert!(read(&"a".repeat(256)).is_err());
}

#[test]
fn tags() {
    let bad = [
        ("", "out_of_range"),
        ("aws:x", "reserved"),
        ("AWS:x", "reserved"),
        ("dax-provisioner:operation", "reserved"),
        ("Dax-Provisioner:x", "reserved"),
        ("a\u{0}", "invalid_format"),
        ("a\nb", "invalid_format"),
        ("a,b", "invalid_format"),
        ("a\"b", "invalid_format"),
    ];
    check(
        TagKey::parse,
        &[
            "team",
            "cost center",
            "a_.:/=+-@",
            "größe",
            &"k".repeat(128),
        ],
        &bad,
    );
    assert!(TagKey::parse(&"k".repeat(129)).is_err());
    assert!(tag_value("").is_ok());
    assert!(tag_value(&"v".repeat(256)).is_ok());
    assert!(tag_value(&"v".repeat(257)).is_err());
    assert!(tag_count(47).is_ok());
    assert!(tag_count(49).is_err());
}

#[test]
fn descriptions_are_latin_1() {
    assert_eq!(description(""), Ok(None));
    let bad = ["\u{0}", "\u{7f}", "\u{a0}", "Ā", "日本", "\u{1b}[2J"]
        .map(|text| (text, "invalid_format"));
    check(
        description,
        &[
            "read cache\tof\r\nthe team",
            "Größe ÿ ¡",
            &"x".repeat(1_000),
        ],
        &bad,
    );
    assert!(description(&"x".repeat(1_001)).is_err());
}

#[test]
fn times_to_live() {
    assert_eq!(ttl_millis(0).as_deref(), Ok("0"));
    assert_eq!(
        ttl_millis(TTL_MILLIS_MAX).as_deref(),
        Ok("9007199254740991")
    );
    assert!(ttl_millis(TTL_MILLIS_MAX + 1).is_err() && ttl_millis(-1).is_err());
}

#[test]
fn stored_values_are_plain_strings_and_stay_readable_without_their_rule() {
    let id = SubnetId::parse("subnet-0a1b2c3d").unwrap();
    assert_eq!(serde_json::to_string(&id).unwrap(), r#""subnet-0a1b2c3d""#);
    let stored: SubnetId = serde_json::from_str(r#""subnet-of-an-earlier-rule""#).unwrap();
    assert_eq!(stored.as_str(), "subnet-of-an-earlier-rule");
}
