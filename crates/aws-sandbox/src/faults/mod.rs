//! Fault injection: which calls are hit, how often, and by which fault.

mod kind;
pub(crate) mod lists;
mod rules;

pub use self::kind::{FaultKind, UnknownFault};
pub use self::rules::{ActiveFault, FaultRule};
pub(crate) use self::rules::{Injected, Rules};

/// Whether a pattern such as `iam:CreateRole`, `dax:Describe*` or `*` matches this call.
pub(crate) fn matches_call(pattern: &str, call: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern.eq_ignore_ascii_case(call),
        Some((head, tail)) => match call.get(..head.len()) {
            Some(start) if start.eq_ignore_ascii_case(head) => {
                let rest = &call[head.len()..];
                tail.is_empty()
                    || (0..=rest.len())
                        .any(|at| rest.get(at..).is_some_and(|end| matches_call(tail, end)))
            }
            _ => false,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::matches_call;

    #[test]
    fn patterns_match_whole_calls_and_stars_match_any_run() {
        assert!(matches_call("*", "iam:CreateRole"));
        assert!(matches_call("iam:CreateRole", "iam:CreateRole"));
        assert!(matches_call("dax:Describe*", "dax:DescribeClusters"));
        assert!(matches_call("*:Create*Group", "dax:CreateSubnetGroup"));
        assert!(!matches_call("iam:CreateRole", "iam:CreateRoleAlias"));
        assert!(!matches_call("dax:*", "iam:CreateRole"));
        assert!(!matches_call("*:Create*Group", "dax:CreateSubnetGroups"));
    }
}
