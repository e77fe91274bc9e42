//! Network: subnets and security groups, as far as a cluster's place depends on them.

use std::collections::{BTreeMap, BTreeSet};

use super::spec::NetworkType;
use crate::domain::validation::fields::SUBNETS_MAX;

/// A subnet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subnet {
    /// Its id.
    pub id: String,
    /// Its VPC.
    pub vpc_id: String,
    /// Its zone; a Local Zone or Wavelength Zone has a name of its own.
    pub availability_zone: String,
    /// Whether it has an IPv4 CIDR.
    pub ipv4: bool,
    /// Whether it has an IPv6 CIDR.
    pub ipv6: bool,
    /// How many IPv4 addresses are free, if AWS says so.
    pub free_addresses: Option<u32>,
}

/// A security group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityGroup {
    /// Its id.
    pub id: String,
    /// Its VPC.
    pub vpc_id: String,
}

impl Subnet {
    /// Whether a cluster of this address family can have nodes here (developer guide, "DAX and IPv6"): IPv6 takes subnets
    /// that speak nothing else.
    pub fn carries(&self, kind: NetworkType) -> bool {
        match kind {
            NetworkType::Ipv4 => self.ipv4,
            NetworkType::DualStack => self.ipv4 && self.ipv6,
            NetworkType::Ipv6 => self.ipv6 && !self.ipv4,
        }
    }

    /// Whether it lies in an Availability Zone proper, which is called like its Region and one letter.
    fn is_in_zone_of(&self, region: &str) -> bool {
        let letter = self.availability_zone.strip_prefix(region);
        letter.is_some_and(|letter| {
            letter.len() == 1 && letter.bytes().all(|byte| byte.is_ascii_lowercase())
        })
    }
}

/// The subnets of a VPC of which a new group is made: those that carry the address family, in as many zones as there are.
/// Where none is asked for, those with IPv4, or else those without. The same subnets give the same choice.
pub fn choose_subnets(
    subnets: &[Subnet],
    kind: Option<NetworkType>,
    region: &str,
) -> BTreeSet<String> {
    let any_ipv4 = subnets
        .iter()
        .any(|subnet| subnet.is_in_zone_of(region) && subnet.ipv4);
    let derived = if any_ipv4 {
        NetworkType::Ipv4
    } else {
        NetworkType::Ipv6
    };
    let kind = kind.unwrap_or(derived);
    let mut zones: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for subnet in subnets
        .iter()
        .filter(|subnet| subnet.is_in_zone_of(region) && subnet.carries(kind))
    {
        zones
            .entry(&subnet.availability_zone)
            .or_default()
            .insert(&subnet.id);
    }
    // The first of each zone, then the second of each: what is left out at the end leaves no zone out.
    let most = zones.values().map(BTreeSet::len).max().unwrap_or_default();
    let in_turn =
        (0..most).flat_map(|rank| zones.values().filter_map(move |ids| ids.iter().nth(rank)));
    in_turn
        .take(SUBNETS_MAX)
        .map(|id| (*id).to_owned())
        .collect()
}

/// Why no subnet of a VPC could be chosen.
pub fn why_none(vpc_id: &str, subnets: &[Subnet], kind: Option<NetworkType>) -> String {
    match (subnets.len(), kind) {
        (0, _) => format!("no subnet is seen in {vpc_id}: is it a VPC of this account and Region?"),
        (count, None) => format!(
            "none of the {count} subnets of {vpc_id} lies in an Availability Zone of the Region"
        ),
        (count, Some(kind)) => format!(
            "none of the {count} subnets of {vpc_id} can carry {}",
            kind.as_str()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REGION: &str = "us-east-1";

    fn subnet(id: &str, zone: &str, families: &str) -> Subnet {
        Subnet {
            id: id.to_owned(),
            vpc_id: "vpc-1".to_owned(),
            availability_zone: format!("{REGION}{zone}"),
            ipv4: families.contains('4'),
            ipv6: families.contains('6'),
            free_addresses: None,
        }
    }

    fn chosen(subnets: &[Subnet], kind: Option<NetworkType>) -> Vec<String> {
        choose_subnets(subnets, kind, REGION).into_iter().collect()
    }

    #[test]
    fn only_subnets_that_carry_the_address_family_are_chosen() {
        let all = [
            subnet("four", "a", "4"),
            subnet("six", "b", "6"),
            subnet("both", "c", "46"),
        ];
        for (kind, ids) in [
            (Some(NetworkType::Ipv4), vec!["both", "four"]),
            (Some(NetworkType::DualStack), vec!["both"]),
            (Some(NetworkType::Ipv6), vec!["six"]),
            (None, vec!["both", "four"]),
        ] {
            assert_eq!(chosen(&all, kind), ids, "{kind:?}");
        }
        assert_eq!(chosen(&all[1..2], None), ["six"]);
        assert_eq!(
            chosen(&all[..1], Some(NetworkType::Ipv6)),
            Vec::<String>::new()
        );
        assert_eq!(chosen(&[], None), Vec::<String>::new());
    }

    #[test]
    fn of_many_subnets_no_zone_is_left_out_and_the_order_does_not_matter() {
        let mut all: Vec<Subnet> = (0..30)
            .map(|number| subnet(&format!("a{number:02}"), "a", "4"))
            .collect();
        all.push(subnet("z1", "b", "4"));
        all.push(subnet("z2", "b", "4"));
        let ids = chosen(&all, None);
        assert_eq!(ids.len(), SUBNETS_MAX);
        assert!(
            ids.contains(&"z1".to_owned()) && ids.contains(&"z2".to_owned()),
            "{ids:?}"
        );
        all.reverse();
        assert_eq!(chosen(&all, None), ids);
    }

    #[test]
    fn zones_that_are_none_of_the_region_s_own_are_left_out() {
        let all = [
            subnet("local", "-bos-1a", "4"),
            subnet("wave", "-wl1-bos-wlz-1", "4"),
            subnet("own", "d", "4"),
        ];
        assert_eq!(chosen(&all, None), ["own"]);
    }
}
