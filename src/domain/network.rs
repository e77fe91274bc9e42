//! Network: the subnets and security groups that a cluster can be placed in.

use std::collections::{BTreeMap, BTreeSet};

use super::spec::NetworkType;
use crate::domain::validation::fields::SUBNETS_MAX;
use crate::domain::validation::typed::{SubnetId, VpcId};

/// A subnet, as EC2 describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subnet {
    /// ID, such as `subnet-0a1b2c3d`.
    pub id: String,
    /// ID of the VPC that contains it.
    pub vpc_id: String,
    /// Name of its Availability Zone, Local Zone or Wavelength Zone.
    pub availability_zone: String,
    /// Whether it has an IPv4 CIDR.
    pub ipv4: bool,
    /// Whether it has an IPv6 CIDR.
    pub ipv6: bool,
    /// Number of free IPv4 addresses, if AWS reports it.
    pub free_addresses: Option<u32>,
}

/// A security group, as EC2 describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityGroup {
    /// ID, such as `sg-0a1b2c3d`.
    pub id: String,
    /// ID of the VPC that it belongs to.
    pub vpc_id: String,
}

impl Subnet {
    /// Whether a cluster of this address family can have nodes in the subnet (developer guide, "DAX
    /// and IPv6"). An IPv6 cluster accepts only subnets without IPv4.
    pub fn supports(&self, network_type: NetworkType) -> bool {
        match network_type {
            NetworkType::Ipv4 => self.ipv4,
            NetworkType::DualStack => self.ipv4 && self.ipv6,
            NetworkType::Ipv6 => self.ipv6 && !self.ipv4,
        }
    }

    /// Whether it is in an Availability Zone: its name is the Region's name and one letter. Local
    /// Zones and Wavelength Zones have longer names.
    fn is_in_zone_of(&self, region: &str) -> bool {
        let letter = self.availability_zone.strip_prefix(region);
        letter.is_some_and(|letter| {
            letter.len() == 1 && letter.bytes().all(|byte| byte.is_ascii_lowercase())
        })
    }
}

/// Selects the subnets of a VPC for a new subnet group: those that support the address family,
/// spread over as many Availability Zones as possible. The order of `subnets` does not matter.
///
/// Without an address family, IPv4 is used if any subnet supports it, otherwise IPv6.
pub fn choose_subnets(
    subnets: &[Subnet],
    network_type: Option<NetworkType>,
    region: &str,
) -> BTreeSet<SubnetId> {
    let any_ipv4 = subnets
        .iter()
        .any(|subnet| subnet.is_in_zone_of(region) && subnet.ipv4);
    let derived = if any_ipv4 {
        NetworkType::Ipv4
    } else {
        NetworkType::Ipv6
    };
    let network_type = network_type.unwrap_or(derived);
    let mut zones: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for subnet in subnets
        .iter()
        .filter(|subnet| subnet.is_in_zone_of(region) && subnet.supports(network_type))
    {
        zones
            .entry(&subnet.availability_zone)
            .or_default()
            .insert(&subnet.id);
    }
    // Round-robin over the zones, so that the limit never excludes a whole zone.
    let most = zones.values().map(BTreeSet::len).max().unwrap_or_default();
    let round_robin =
        (0..most).flat_map(|rank| zones.values().filter_map(move |ids| ids.iter().nth(rank)));
    round_robin
        .take(SUBNETS_MAX)
        .map(|id| SubnetId::from_aws(*id))
        .collect()
}

/// The error text for a VPC in which [`choose_subnets`] selects no subnet.
pub fn no_suitable_subnet(
    vpc_id: &VpcId,
    subnets: &[Subnet],
    network_type: Option<NetworkType>,
) -> String {
    match (subnets.len(), network_type) {
        (0, _) => {
            format!("{vpc_id} has no subnets; check that the VPC is in this account and Region")
        }
        (count, None) => format!(
            "none of the {count} subnets of {vpc_id} is in an Availability Zone of the Region"
        ),
        (count, Some(network_type)) => format!(
            "none of the {count} subnets of {vpc_id} supports {}",
            network_type.as_str()
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

    fn chosen(subnets: &[Subnet], network_type: Option<NetworkType>) -> Vec<String> {
        choose_subnets(subnets, network_type, REGION)
            .into_iter()
            .map(String::from)
            .collect()
    }

    #[test]
    fn only_subnets_that_support_the_address_family_are_chosen() {
        let all = [
            subnet("four", "a", "4"),
            subnet("six", "b", "6"),
            subnet("both", "c", "46"),
        ];
        for (network_type, ids) in [
            (Some(NetworkType::Ipv4), vec!["both", "four"]),
            (Some(NetworkType::DualStack), vec!["both"]),
            (Some(NetworkType::Ipv6), vec!["six"]),
            (None, vec!["both", "four"]),
        ] {
            assert_eq!(chosen(&all, network_type), ids, "{network_type:?}");
        }
        assert_eq!(chosen(&all[1..2], None), ["six"]);
        assert_eq!(
            chosen(&all[..1], Some(NetworkType::Ipv6)),
            Vec::<String>::new()
        );
        assert_eq!(chosen(&[], None), Vec::<String>::new());
    }

    #[test]
    fn the_limit_excludes_no_zone_and_the_order_of_subnets_does_not_matter() {
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
    fn local_zones_and_wavelength_zones_are_excluded() {
        let all = [
            subnet("local", "-bos-1a", "4"),
            subnet("wave", "-wl1-bos-wlz-1", "4"),
            subnet("own", "d", "4"),
        ];
        assert_eq!(chosen(&all, None), ["own"]);
    }
}
