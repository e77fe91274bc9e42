//! Sentences of AWS that have one meaning, whatever code they come with.

use super::Hint;

/// Longest text that `…` stands for, in bytes.
const GAP_MAX: usize = 300;

/// A sentence in lower case, in which `…` stands for a name or value, and the row that it means.
///
/// Sources: messages of IAM, STS, EC2 and DynamoDB in public issues of Terraform, boto3, the AWS CLI
/// and Ansible.
const SENTENCES: [(&str, &str); 48] = [
    ("role with name … already exists", "iam_role_exists"),
    ("a policy called … already exists", "iam_policy_exists"),
    ("cannot exceed quota for rolesperaccount", "iam_role_quota"),
    (
        "cannot exceed quota for policiesperaccount",
        "iam_policy_quota",
    ),
    (
        "cannot exceed quota for policiesperrole",
        "iam_attachment_quota",
    ),
    (
        "cannot exceed quota for attachedpoliciesperrole",
        "iam_attachment_quota",
    ),
    (
        "resource of type 'aws::iam::role' with identifier … already exists",
        "iam_role_exists",
    ),
    (
        "resource of type 'aws::iam::managedpolicy' with identifier … already exists",
        "iam_policy_exists",
    ),
    (
        "resource of type 'aws::dax::cluster' with identifier … already exists",
        "dax_cluster_exists",
    ),
    ("must detach all policies first", "iam_role_in_use"),
    ("must delete policies first", "iam_role_in_use"),
    (
        "must remove roles from instance profile first",
        "iam_role_in_use",
    ),
    (
        "cannot delete a policy attached to entities",
        "iam_policy_in_use",
    ),
    ("this policy has more than one version", "iam_policy_in_use"),
    ("is only modifiable by aws", "iam_role_unmodifiable"),
    (
        "cannot attach a service role policy to a customer role",
        "iam_policy_not_attachable",
    ),
    ("the role with name … cannot be found", "iam_role_missing"),
    (
        "does not exist or is not attachable",
        "iam_attach_target_missing",
    ),
    (
        "security token included in the request is invalid",
        "credentials_unknown",
    ),
    (
        "aws access key id you provided does not exist",
        "credentials_unknown",
    ),
    (
        "not able to validate the provided access credentials",
        "credentials_unknown",
    ),
    (
        "security token included in the request is expired",
        "credentials_expired",
    ),
    ("the provided token has expired", "credentials_expired"),
    (
        "the sso session associated with this profile has expired",
        "credentials_expired",
    ),
    ("signature expired: … is now earlier than", "clock_skew"),
    ("signature not yet current", "clock_skew"),
    (
        "difference between the request time and the current time is too large",
        "clock_skew",
    ),
    ("request has expired", "clock_skew"),
    (
        "signature we calculated does not match",
        "signature_mismatch",
    ),
    ("authorization header requires", "signature_incomplete"),
    ("unable to locate credentials", "credentials_missing"),
    ("no valid credential sources found", "credentials_missing"),
    (
        "could not load credentials from any providers",
        "credentials_missing",
    ),
    (
        "unable to load credentials from any of the providers",
        "credentials_missing",
    ),
    ("nocredentialproviders", "credentials_missing"),
    ("missing authentication token", "credentials_missing"),
    ("needs a subscription for the service", "region_not_enabled"),
    ("rate exceeded", "throttled"),
    ("request limit exceeded", "throttled"),
    ("validation error detected", "request_invalid"),
    (
        "the security group … does not exist",
        "ec2_security_group_missing",
    ),
    ("the subnet id … does not exist", "ec2_subnet_missing"),
    ("the vpc id … does not exist", "ec2_vpc_missing"),
    ("the specified rule … already exists", "ec2_rule_exists"),
    (
        "specified rule does not exist in this security group",
        "ec2_rule_missing",
    ),
    (
        "maximum number of rules per security group has been reached",
        "ec2_rule_quota",
    ),
    (
        "request would have succeeded, but dryrun flag is set",
        "ec2_dry_run",
    ),
    (
        "requested resource not found: table: … not found",
        "dynamodb_table_missing",
    ),
];

/// The sentence in a text, and its row. `text` is in lower case with single spaces.
pub(super) fn row_in(text: &str) -> Option<(&'static str, &'static Hint)> {
    let (sentence, id) = SENTENCES
        .iter()
        .find(|(sentence, _)| contains(text, sentence))?;
    let row = super::all().find(|hint| hint.id == *id)?;
    Some((sentence, row))
}

/// Whether a text contains a sentence.
fn contains(text: &str, sentence: &str) -> bool {
    let Some((start, end)) = sentence.split_once(" … ") else {
        return text.contains(sentence);
    };
    text.match_indices(start).any(|(at, _)| {
        let rest = &text[at + start.len()..];
        rest.find(end).is_some_and(|gap| gap <= GAP_MAX)
    })
}

#[cfg(test)]
mod tests {
    use super::{SENTENCES, row_in};

    #[test]
    fn every_sentence_leads_to_its_row_and_no_part_of_another() {
        for (sentence, id) in SENTENCES {
            let text = sentence.replace('…', "'x-1'");
            assert_eq!(row_in(&text).map(|(_, row)| row.id), Some(id), "{sentence}");
            assert_eq!(sentence.to_lowercase(), sentence);
        }
        assert!(row_in("the role is fine").is_none());
    }
}
