//! Node types that DAX offers (CloudFormation's table, derived from the price list).

const LARGE_TO_16: [&str; 6] = [
    "large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "16xlarge",
];
const LARGE_TO_24: [&str; 8] = [
    "large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge", "24xlarge",
];
const R3: [&str; 5] = ["large", "xlarge", "2xlarge", "4xlarge", "8xlarge"];
const BURSTABLE: [&str; 2] = ["small", "medium"];

/// Whether DAX offers this node type.
pub(super) fn is_offered(node_type: &str) -> bool {
    let Some((family, size)) = node_type
        .strip_prefix("dax.")
        .and_then(|rest| rest.split_once('.'))
    else {
        return false;
    };
    let sizes: &[&str] = match family {
        "r3" => &R3,
        "r4" => &LARGE_TO_16,
        "r5" | "r7i" => &LARGE_TO_24,
        "t2" | "t3" => &BURSTABLE,
        _ => return false,
    };
    sizes.contains(&size)
}

/// Whether this node type supports encryption at rest; `dax.r3.*` does not.
pub(super) fn encrypts_at_rest(node_type: &str) -> bool {
    !node_type.starts_with("dax.r3.")
}

#[cfg(test)]
mod tests {
    use super::is_offered;

    #[test]
    fn the_table_is_exact() {
        for offered in [
            "dax.r4.large",
            "dax.r5.24xlarge",
            "dax.r7i.12xlarge",
            "dax.t3.small",
            "dax.r3.8xlarge",
        ] {
            assert!(is_offered(offered), "{offered}");
        }
        for unknown in [
            "dax.r6g.large",
            "dax.t3.large",
            "cache.r5.large",
            "dax.r5",
            "dax.r5.LARGE",
            "",
        ] {
            assert!(!is_offered(unknown), "{unknown}");
        }
    }
}
