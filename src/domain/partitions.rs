//! Partitions: the separate parts of AWS, each with its own Regions (botocore 1.44.5,
//! `data/partitions.json`).

/// Each partition, and how its Regions begin.
const PARTITIONS: [(&str, &[&str]); 8] = [
    ("aws-cn", &["cn-"]),
    ("aws-us-gov", &["us-gov-"]),
    ("aws-iso", &["us-iso-"]),
    ("aws-iso-b", &["us-isob-"]),
    ("aws-iso-e", &["eu-isoe-"]),
    ("aws-iso-f", &["us-isof-"]),
    ("aws-eusc", &["eusc-"]),
    (
        "aws",
        &[
            "us-", "eu-", "ap-", "sa-", "ca-", "me-", "af-", "il-", "mx-",
        ],
    ),
];

/// Whether AWS has a partition of this name.
pub fn is_partition(name: &str) -> bool {
    PARTITIONS.iter().any(|(partition, _)| *partition == name)
}

/// The names of the partitions, for error texts.
pub fn names() -> String {
    let names: Vec<&str> = PARTITIONS.iter().map(|(name, _)| *name).collect();
    names.join(", ")
}

/// The partition of a Region. `None` if this is no Region, or one of an unknown partition.
pub fn partition_of(region: &str) -> Option<&'static str> {
    let (name, prefixes) = PARTITIONS
        .iter()
        .find(|(_, prefixes)| prefixes.iter().any(|prefix| region.starts_with(prefix)))?;
    let rest = prefixes
        .iter()
        .find_map(|prefix| region.strip_prefix(prefix))?;
    is_place(rest).then_some(name)
}

/// Whether this matches `[a-z]+(-[a-z]+)?-[0-9]`, such as `east-1`, or `de-east-1` in `eusc-de-east-1`.
fn is_place(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let is_word =
        |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase());
    match parts.as_slice() {
        [words @ .., number] => {
            (1..=2).contains(&words.len())
                && words.iter().all(is_word)
                && number.len() == 1
                && number.bytes().all(|byte| byte.is_ascii_digit())
        }
        [] => false,
    }
}

/// The Region in which AWS evaluates calls of IAM, which has one endpoint per partition (AWS General
/// Reference, "IAM endpoints").
pub fn iam_region(partition: &str) -> &'static str {
    match partition {
        "aws-cn" => "cn-north-1",
        "aws-us-gov" => "us-gov-west-1",
        "aws-iso" => "us-iso-east-1",
        "aws-iso-b" => "us-isob-east-1",
        "aws-iso-e" => "eu-isoe-west-1",
        "aws-iso-f" => "us-isof-south-1",
        "aws-eusc" => "eusc-de-east-1",
        _ => "us-east-1",
    }
}

#[cfg(test)]
mod tests {
    use super::{is_partition, partition_of};

    #[test]
    fn every_region_has_its_partition() {
        for (region, partition) in [
            ("us-east-1", "aws"),
            ("ap-southeast-7", "aws"),
            ("mx-central-1", "aws"),
            ("il-central-1", "aws"),
            ("cn-northwest-1", "aws-cn"),
            ("us-gov-west-1", "aws-us-gov"),
            ("us-iso-east-1", "aws-iso"),
            ("us-isob-east-1", "aws-iso-b"),
            ("eu-isoe-west-1", "aws-iso-e"),
            ("us-isof-south-1", "aws-iso-f"),
            ("eusc-de-east-1", "aws-eusc"),
        ] {
            assert_eq!(partition_of(region), Some(partition), "{region}");
            assert!(is_partition(partition));
        }
        for region in [
            "mars",
            "mars-1",
            "xx-east-1",
            "us-east",
            "us-east-10",
            "us--1",
            "us-*-1",
            "US-EAST-1",
            "",
        ] {
            assert_eq!(partition_of(region), None, "{region}");
        }
        assert!(!is_partition("aws-moon") && !is_partition(""));
    }
}
