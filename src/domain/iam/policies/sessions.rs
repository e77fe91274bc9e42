//! Session policies: they limit what one session of a target's access role can do. They grant
//! nothing, so they name services rather than the actions that the role has.

use super::{Conditions, DAX_PRINCIPAL, PolicyDocument, Statement, Values};
use crate::domain::installation::AwsAccount;
use crate::domain::mutation::SERVICE_LINKED_ROLE;

/// Longest policy without the ARNs of given roles, in characters. AWS accepts 2,048 (STS API
/// reference, AssumeRole).
pub const SESSION_CHARACTERS_MAX: usize = 1_600;

/// What the service reads in IAM.
const IAM_READS: [&str; 3] = ["iam:Get*", "iam:List*", "iam:Simulate*"];

/// The session policy of the poll, of plans, preflights and of all other reads.
pub fn reading_policy() -> PolicyDocument {
    let elsewhere = [
        "dax:Describe*",
        "dax:List*",
        "dynamodb:Describe*",
        "ec2:Describe*",
        "sts:GetCallerIdentity",
    ];
    let reads = elsewhere.into_iter().chain(IAM_READS);
    PolicyDocument::new(vec![allow(Values::many(reads), Values::one("*"))])
}

/// The session policy of work on one cluster: outside IAM everything that the access role has; in IAM
/// reads, and writes on exactly the names of this cluster. A `?` is any one character. `None`: no
/// names at all. `role_arns` are the existing roles that the cluster uses.
pub fn working_policy(
    account: &AwsAccount,
    cluster: Option<&str>,
    role_arns: &[String],
) -> PolicyDocument {
    let elsewhere = ["dax:*", "dynamodb:*", "ec2:*", "sts:GetCallerIdentity"];
    let free = elsewhere.into_iter().chain(IAM_READS);
    let mut statements = vec![allow(Values::many(free), Values::one("*"))];
    if let Some(cluster) = cluster {
        let name = format!("dax-{cluster}-??????????");
        let own = [
            account.iam_arn("role", &name),
            account.iam_arn("policy", &name),
            account.iam_arn("policy", &format!("{name}-?")),
            account.iam_arn("policy", &format!("{name}-??")),
        ];
        statements.push(allow(Values::one("iam:*"), Values::many(own)));
        let linked = format!(
            "arn:{}:iam::{}:role/aws-service-role/{DAX_PRINCIPAL}/{SERVICE_LINKED_ROLE}",
            account.partition, account.account_id
        );
        let create = Values::one("iam:CreateServiceLinkedRole");
        statements.push(allow(create, Values::one(linked)));
    }
    if !role_arns.is_empty() {
        let roles = Values::many(role_arns.iter().cloned());
        statements.push(allow(Values::one("iam:PassRole"), roles));
    }
    PolicyDocument::new(statements)
}

fn allow(action: Values, resource: Values) -> Statement {
    Statement::allow(None, action, resource, Conditions::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> AwsAccount {
        AwsAccount {
            sandbox_id: None,
            account_id: "123456789012".to_owned(),
            partition: "aws-us-gov".to_owned(),
            region: "us-gov-west-1".to_owned(),
        }
    }

    #[test]
    fn session_policies_fit_at_the_longest_names() {
        let cluster = "a".repeat(20);
        let working = working_policy(&account(), Some(&cluster), &[]).to_json();
        let reading = reading_policy().to_json();
        println!(
            "reading {}, working {} characters",
            reading.len(),
            working.len()
        );
        assert!(working.len() <= SESSION_CHARACTERS_MAX, "{}", working.len());
        assert!(reading.len() <= SESSION_CHARACTERS_MAX, "{}", reading.len());
        // The longest ARN of a role: a path of 512 characters and a name of 64.
        let role = format!(
            "arn:aws-us-gov:iam::123456789012:role/{}/{}",
            "p".repeat(510),
            "r".repeat(64)
        );
        let given = working_policy(&account(), Some(&cluster), &[role]).to_json();
        println!("working with a given role {} characters", given.len());
        assert!(given.len() <= 2_048, "{}", given.len());
    }

    #[test]
    fn a_session_without_a_cluster_writes_nothing_in_iam() {
        let text = working_policy(&account(), None, &[]).to_json();
        assert!(
            !text.contains("iam:*") && !text.contains("PassRole"),
            "{text}"
        );
    }
}
