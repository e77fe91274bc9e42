//! Tests of the checks of subnets and security groups.

use crate::domain::names::ClusterName;
use crate::domain::preflight::{CheckStatus, Outcome};
use crate::domain::validation::typed::NodeType;

use super::*;

fn spec(zones: &[&str], network_type: Option<NetworkType>) -> ClusterSpec {
    ClusterSpec {
        availability_zones: zones
            .iter()
            .copied()
            .map(AvailabilityZone::from_aws)
            .collect(),
        network_type,
        ..ClusterSpec::with_defaults(
            ClusterName::parse("orders").unwrap(),
            NodeType::parse("dax.t3.small").unwrap(),
            3,
        )
    }
}

fn subnet(id: &str, vpc: &str, zone: &str, families: &str, free: u32) -> Subnet {
    Subnet {
        id: id.to_owned(),
        vpc_id: vpc.to_owned(),
        availability_zone: zone.to_owned(),
        ipv4: families.contains('4'),
        ipv6: families.contains('6'),
        free_addresses: Some(free),
    }
}

/// Runs `check_named`: the status of both checks, and their details.
fn named(
    spec: &ClusterSpec,
    ids: &[&str],
    subnets: &[Subnet],
) -> (CheckStatus, CheckStatus, String) {
    let ids = ids.iter().copied().map(SubnetId::from_aws).collect();
    let checks = check_named(spec, &ids, subnets);
    let details = checks.iter().map(|check| match &check.outcome {
        Outcome::Pass(text) | Outcome::LeftOut(text) => text.clone(),
        Outcome::Fail(finding) | Outcome::NotChecked(finding) => finding.detail.clone(),
    });
    (
        checks[0].status(),
        checks[1].status(),
        details.collect::<Vec<_>>().join("; "),
    )
}

#[test]
fn the_subnets_of_a_new_group_exist_in_one_vpc_with_enough_addresses() {
    let (a, b) = (
        subnet("s-a", "vpc-1", "us-east-1a", "4", 2),
        subnet("s-b", "vpc-1", "us-east-1b", "4", 1),
    );
    let other = subnet("s-c", "vpc-2", "us-east-1c", "4", 9);
    let plain = spec(&[], None);
    assert_eq!(
        named(&plain, &["s-a", "s-b"], &[a.clone(), b.clone()]).0,
        CheckStatus::Pass
    );
    let missing = named(&plain, &["s-a", "s-x"], std::slice::from_ref(&a));
    assert!(
        missing.0 == CheckStatus::Fail && missing.2.contains("Region: s-x"),
        "{missing:?}"
    );
    let two_vpcs = named(&plain, &["s-a", "s-c"], &[a.clone(), other]);
    assert!(
        two_vpcs.0 == CheckStatus::Fail && two_vpcs.2.contains("vpc-1, vpc-2"),
        "{two_vpcs:?}"
    );
    let full = named(&plain, &["s-a"], std::slice::from_ref(&a));
    assert!(
        full.0 == CheckStatus::Fail && full.2.contains("only 2 are free"),
        "{full:?}"
    );
    let zones = spec(&["us-east-1a", "us-east-1b", "us-east-1c"], None);
    let zone = named(&zones, &["s-a", "s-b"], &[a, b]);
    assert!(
        zone.0 == CheckStatus::Fail && zone.2.contains("is in us-east-1c"),
        "{zone:?}"
    );
    let none = named(&plain, &["s-x"], &[]);
    assert_eq!(
        (none.0, none.1),
        (CheckStatus::Fail, CheckStatus::NotChecked)
    );
}

#[test]
fn the_subnets_of_a_new_group_support_the_address_family() {
    let four = subnet("s-4", "vpc-1", "us-east-1a", "4", 9);
    let six = subnet("s-6", "vpc-1", "us-east-1b", "6", 0);
    let both = subnet("s-46", "vpc-1", "us-east-1c", "46", 9);
    for (network_type, subnets, status) in [
        (None, vec![&four, &both], CheckStatus::Pass),
        (None, vec![&six], CheckStatus::Pass),
        (None, vec![&four, &six], CheckStatus::Fail),
        (
            Some(NetworkType::Ipv4),
            vec![&four, &both],
            CheckStatus::Pass,
        ),
        (
            Some(NetworkType::DualStack),
            vec![&four, &both],
            CheckStatus::Fail,
        ),
        (Some(NetworkType::DualStack), vec![&both], CheckStatus::Pass),
        (Some(NetworkType::Ipv6), vec![&six], CheckStatus::Pass),
        (Some(NetworkType::Ipv6), vec![&both], CheckStatus::Fail),
    ] {
        let ids: Vec<&str> = subnets.iter().map(|one| one.id.as_str()).collect();
        let subnets: Vec<Subnet> = subnets.into_iter().cloned().collect();
        assert_eq!(
            named(&spec(&[], network_type), &ids, &subnets).1,
            status,
            "{network_type:?} {ids:?}"
        );
    }
}

#[test]
fn a_vpc_without_a_suitable_subnet_fails() {
    let vpc_id = VpcId::from_aws("vpc-1");
    let six = [subnet("s-6", "vpc-1", "us-east-1b", "6", 0)];
    let suitable = check_of_vpc(&spec(&[], None), &vpc_id, &six, "us-east-1");
    assert!(
        suitable
            .iter()
            .all(|check| check.status() == CheckStatus::Pass),
        "{suitable:?}"
    );
    for (subnets, network_type) in [(&six[..0], None), (&six[..], Some(NetworkType::Ipv4))] {
        let unsuitable = check_of_vpc(&spec(&[], network_type), &vpc_id, subnets, "us-east-1");
        assert_eq!(
            (unsuitable[0].status(), unsuitable[1].status()),
            (CheckStatus::Fail, CheckStatus::NotChecked),
            "{unsuitable:?}"
        );
    }
}

#[test]
fn security_groups_exist_in_the_vpc_of_the_cluster() {
    let ids = ["sg-1", "sg-2"].map(SecurityGroupId::from_aws);
    let group = |id: &str, vpc: &str| SecurityGroup {
        id: id.to_owned(),
        vpc_id: vpc.to_owned(),
    };
    let same_vpc = [group("sg-1", "vpc-1"), group("sg-2", "vpc-1")];
    let two_vpcs = [group("sg-1", "vpc-1"), group("sg-2", "vpc-2")];
    for (groups, vpc, status) in [
        (&same_vpc[..], Some("vpc-1"), CheckStatus::Pass),
        (&same_vpc[..1], Some("vpc-1"), CheckStatus::Fail),
        (&two_vpcs[..], Some("vpc-1"), CheckStatus::Fail),
        (&same_vpc[..], None, CheckStatus::NotChecked),
    ] {
        assert_eq!(
            check_groups_and_vpc(&ids, groups, vpc).status(),
            status,
            "{groups:?}"
        );
    }
}
