//! What subnets and security groups come to.

use crate::domain::iam::policies::Access;
use crate::domain::names::ClusterName;
use crate::domain::preflight::{CheckStatus, Outcome};
use crate::domain::spec::{OnFailure, ParameterGroup, ServiceRole};

use super::*;

fn spec(zones: &[&str], network_type: Option<NetworkType>) -> ClusterSpec {
    ClusterSpec {
        name: ClusterName::parse("orders").unwrap(),
        description: None,
        node_type: "dax.t3.small".to_owned(),
        replication_factor: 3,
        availability_zones: zones.iter().map(|zone| (*zone).to_owned()).collect(),
        service_role: ServiceRole::Discover {
            default_access: Some(Access::ReadOnly),
        },
        subnet_group: SubnetGroup::Default,
        security_group_ids: Vec::new(),
        network_type,
        parameter_group: ParameterGroup::Default,
        encryption_at_rest: true,
        encryption_in_transit: true,
        maintenance_window: None,
        notification_topic_arn: None,
        tags: std::collections::BTreeMap::new(),
        deletion_protection: false,
        on_failure: OnFailure::Hold,
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

fn given(spec: &ClusterSpec, ids: &[&str], found: &[Subnet]) -> (CheckStatus, CheckStatus, String) {
    let ids = ids.iter().map(|id| (*id).to_owned()).collect();
    let checks = check_given(spec, &ids, found);
    let details = checks.iter().map(|check| match &check.outcome {
        Outcome::Pass(text) | Outcome::NotChecked(text) => text.clone(),
        Outcome::Fail(finding) => finding.detail.clone(),
    });
    (
        checks[0].grade(),
        checks[1].grade(),
        details.collect::<Vec<_>>().join("; "),
    )
}

#[test]
fn the_subnets_of_a_new_group_are_there_of_one_vpc_and_have_room() {
    let (a, b) = (
        subnet("s-a", "vpc-1", "us-east-1a", "4", 2),
        subnet("s-b", "vpc-1", "us-east-1b", "4", 1),
    );
    let other = subnet("s-c", "vpc-2", "us-east-1c", "4", 9);
    let plain = spec(&[], None);
    assert_eq!(
        given(&plain, &["s-a", "s-b"], &[a.clone(), b.clone()]).0,
        CheckStatus::Pass
    );
    let missing = given(&plain, &["s-a", "s-x"], std::slice::from_ref(&a));
    assert!(
        missing.0 == CheckStatus::Fail && missing.2.contains("Region: s-x"),
        "{missing:?}"
    );
    let two_vpcs = given(&plain, &["s-a", "s-c"], &[a.clone(), other]);
    assert!(
        two_vpcs.0 == CheckStatus::Fail && two_vpcs.2.contains("vpc-1, vpc-2"),
        "{two_vpcs:?}"
    );
    let full = given(&plain, &["s-a"], std::slice::from_ref(&a));
    assert!(
        full.0 == CheckStatus::Fail && full.2.contains("2 addresses are free"),
        "{full:?}"
    );
    let zones = spec(&["us-east-1a", "us-east-1b", "us-east-1c"], None);
    let zone = given(&zones, &["s-a", "s-b"], &[a, b]);
    assert!(
        zone.0 == CheckStatus::Fail && zone.2.contains("lies in us-east-1c"),
        "{zone:?}"
    );
    let none = given(&plain, &["s-x"], &[]);
    assert_eq!(
        (none.0, none.1),
        (CheckStatus::Fail, CheckStatus::NotChecked)
    );
}

#[test]
fn the_subnets_of_a_new_group_carry_the_address_family() {
    let four = subnet("s-4", "vpc-1", "us-east-1a", "4", 9);
    let six = subnet("s-6", "vpc-1", "us-east-1b", "6", 0);
    let both = subnet("s-46", "vpc-1", "us-east-1c", "46", 9);
    for (kind, subnets, grade) in [
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
        let found: Vec<Subnet> = subnets.into_iter().cloned().collect();
        assert_eq!(
            given(&spec(&[], kind), &ids, &found).1,
            grade,
            "{kind:?} {ids:?}"
        );
    }
}

#[test]
fn a_vpc_without_a_fitting_subnet_is_told_with_the_reason() {
    let six = [subnet("s-6", "vpc-1", "us-east-1b", "6", 0)];
    let fits = check_of_vpc(&spec(&[], None), "vpc-1", &six, "us-east-1");
    assert!(
        fits.iter().all(|check| check.grade() == CheckStatus::Pass),
        "{fits:?}"
    );
    for (found, kind) in [(&six[..0], None), (&six[..], Some(NetworkType::Ipv4))] {
        let unfit = check_of_vpc(&spec(&[], kind), "vpc-1", found, "us-east-1");
        assert_eq!(
            (unfit[0].grade(), unfit[1].grade()),
            (CheckStatus::Fail, CheckStatus::NotChecked),
            "{unfit:?}"
        );
    }
}

#[test]
fn security_groups_are_there_and_of_the_cluster_s_vpc() {
    let ids = ["sg-1".to_owned(), "sg-2".to_owned()];
    let group = |id: &str, vpc: &str| SecurityGroup {
        id: id.to_owned(),
        vpc_id: vpc.to_owned(),
    };
    let mine = [group("sg-1", "vpc-1"), group("sg-2", "vpc-1")];
    let mixed = [group("sg-1", "vpc-1"), group("sg-2", "vpc-2")];
    for (found, vpc, grade) in [
        (&mine[..], Some("vpc-1"), CheckStatus::Pass),
        (&mine[..1], Some("vpc-1"), CheckStatus::Fail),
        (&mixed[..], Some("vpc-1"), CheckStatus::Fail),
        (&mine[..], None, CheckStatus::NotChecked),
    ] {
        assert_eq!(
            judge_security_groups(&ids, found, vpc).grade(),
            grade,
            "{found:?}"
        );
    }
}
