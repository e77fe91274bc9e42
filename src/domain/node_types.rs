//! Node types: which Regions offer which, as published by AWS. Used for warnings only, because AWS
//! may offer types that are not published yet.
//!
//! Sources: the node types of CloudFormation's `AWS::DAX::Cluster`, generated from the price list; vCPUs
//! and memory of the EC2 instance types with the same names.

use serde::Serialize;

/// Whether a Region offers a node type, according to the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offer {
    /// The Region offers it.
    Known,
    /// DAX has no node type of this name.
    NoSuchType,
    /// Other Regions offer it.
    NotInRegion,
    /// AWS publishes no node types for this Region.
    RegionUnlisted,
}

/// A family of node types: its generation in EC2, and its sizes.
struct Family {
    name: &'static str,
    sizes: &'static [Size],
}

/// A size: its name, vCPUs and memory in MiB, as EC2 documents the instance type.
type Size = (&'static str, u16, u32);

const GIB: u32 = 1_024;

/// Memory-optimised sizes with 15.25 GiB for two vCPUs.
const OLD: [Size; 6] = [
    ("large", 2, 15_616),
    ("xlarge", 4, 31_232),
    ("2xlarge", 8, 61 * GIB),
    ("4xlarge", 16, 122 * GIB),
    ("8xlarge", 32, 244 * GIB),
    ("16xlarge", 64, 488 * GIB),
];
/// Memory-optimised sizes with 16 GiB for two vCPUs.
const CURRENT: [Size; 8] = [
    ("large", 2, 16 * GIB),
    ("xlarge", 4, 32 * GIB),
    ("2xlarge", 8, 64 * GIB),
    ("4xlarge", 16, 128 * GIB),
    ("8xlarge", 32, 256 * GIB),
    ("12xlarge", 48, 384 * GIB),
    ("16xlarge", 64, 512 * GIB),
    ("24xlarge", 96, 768 * GIB),
];

/// Node type families and their sizes.
const FAMILIES: [Family; 6] = [
    Family {
        name: "r3",
        sizes: OLD.split_at(5).0,
    },
    Family {
        name: "r4",
        sizes: &OLD,
    },
    Family {
        name: "r5",
        sizes: &CURRENT,
    },
    Family {
        name: "r7i",
        sizes: &CURRENT,
    },
    Family {
        name: "t2",
        sizes: &[("small", 1, 2 * GIB), ("medium", 2, 4 * GIB)],
    },
    Family {
        name: "t3",
        sizes: &[("small", 2, 2 * GIB), ("medium", 2, 4 * GIB)],
    },
];

/// Regions and the families that they offer.
const REGIONS: [(&[&str], &[&str]); 5] = [
    (
        &[
            "us-east-1",
            "us-west-1",
            "us-west-2",
            "eu-west-1",
            "ap-northeast-1",
            "ap-southeast-1",
            "ap-southeast-2",
            "ap-south-1",
        ],
        &["r3", "r4", "r5", "r7i", "t2", "t3"],
    ),
    (
        &[
            "us-east-2",
            "eu-central-1",
            "eu-west-2",
            "eu-west-3",
            "sa-east-1",
        ],
        &["r4", "r5", "r7i", "t2", "t3"],
    ),
    (&["eu-north-1", "eu-south-2"], &["r5", "r7i", "t3"]),
    (&["cn-northwest-1"], &["r4", "r5", "t2", "t3"]),
    (&["cn-north-1"], &["r5", "t2", "t3"]),
];

/// Returns whether a Region offers a node type.
pub fn offer(node_type: &str, region: &str) -> Offer {
    let Some((family, size)) = node_type
        .strip_prefix("dax.")
        .and_then(|rest| rest.split_once('.'))
    else {
        return Offer::NoSuchType;
    };
    if !FAMILIES
        .iter()
        .filter(|known| known.name == family)
        .any(|known| known.sizes.iter().any(|(name, ..)| *name == size))
    {
        return Offer::NoSuchType;
    }
    match REGIONS
        .iter()
        .find(|(regions, _)| regions.contains(&region))
    {
        Some((_, families)) if families.contains(&family) => Offer::Known,
        Some(_) => Offer::NotInRegion,
        None => Offer::RegionUnlisted,
    }
}

/// Whether a Region offers a node type, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[derive(strum::VariantArray, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Offered {
    /// AWS publishes it for the Region.
    Yes,
    /// AWS publishes other types for the Region.
    No,
    /// AWS publishes no node types for the Region.
    Unknown,
}

impl From<Offer> for Offered {
    fn from(offer: Offer) -> Self {
        match offer {
            Offer::Known => Self::Yes,
            Offer::NoSuchType | Offer::NotInRegion => Self::No,
            Offer::RegionUnlisted => Self::Unknown,
        }
    }
}

/// A node type that AWS publishes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeType {
    /// The name, such as `dax.r5.large`.
    pub name: String,
    /// The family, such as `r5`.
    pub family: &'static str,
    /// Number of virtual CPUs.
    pub vcpus: u16,
    /// Memory in MiB.
    pub memory_mib: u32,
    /// Whether its nodes can encrypt at rest.
    pub encryption_at_rest: bool,
}

/// Every node type, by family and size.
pub fn published() -> impl Iterator<Item = NodeType> {
    FAMILIES.iter().flat_map(|family| {
        let node_type = |&(size, vcpus, memory_mib): &Size| NodeType {
            name: format!("dax.{}.{size}", family.name),
            family: family.name,
            vcpus,
            memory_mib,
            // The oldest family has no encryption (DAX guide, "DAX encryption at rest").
            encryption_at_rest: family.name != "r3",
        };
        family.sizes.iter().map(node_type)
    })
}

/// Whether nodes of this type have CPU credits instead of constant performance.
pub fn is_burstable(node_type: &str) -> bool {
    node_type.starts_with("dax.t")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_types_differ_from_types_of_other_regions() {
        for (node_type, region, expected) in [
            ("dax.r5.large", "us-east-1", Offer::Known),
            ("dax.r3.8xlarge", "us-east-1", Offer::Known),
            ("dax.r3.large", "us-east-2", Offer::NotInRegion),
            ("dax.t2.small", "eu-north-1", Offer::NotInRegion),
            ("dax.r6g.large", "us-east-1", Offer::NoSuchType),
            ("dax.t3.large", "us-east-1", Offer::NoSuchType),
            ("dax.r5.large", "ca-west-1", Offer::RegionUnlisted),
            ("r5.large", "us-east-1", Offer::NoSuchType),
        ] {
            assert_eq!(
                offer(node_type, region),
                expected,
                "{node_type} in {region}"
            );
        }
        assert_eq!(published().count(), 31);
        for node_type in published() {
            assert_ne!(offer(&node_type.name, "us-east-1"), Offer::NoSuchType);
        }
        assert!(is_burstable("dax.t3.small") && !is_burstable("dax.r5.large"));
    }
}
