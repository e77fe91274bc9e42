//! Node types: which Regions offer which, as published by AWS. Used for warnings only, because AWS
//! may offer types that are not published yet.
//!
//! Source: the node types of CloudFormation's `AWS::DAX::Cluster`, generated from the price list.

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

const TO_8: &[&str] = &["large", "xlarge", "2xlarge", "4xlarge", "8xlarge"];
const TO_16: &[&str] = &[
    "large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "16xlarge",
];
const TO_24: &[&str] = &[
    "large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge", "24xlarge",
];
const BURSTABLE: &[&str] = &["small", "medium"];

/// Node type families and their sizes.
const FAMILIES: [(&str, &[&str]); 6] = [
    ("r3", TO_8),
    ("r4", TO_16),
    ("r5", TO_24),
    ("r7i", TO_24),
    ("t2", BURSTABLE),
    ("t3", BURSTABLE),
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
        .any(|(name, sizes)| *name == family && sizes.contains(&size))
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
        assert!(is_burstable("dax.t3.small") && !is_burstable("dax.r5.large"));
    }
}
