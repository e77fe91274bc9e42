//! Validation of the resources in a policy.

use super::document::DocumentFault;

const PARTITIONS: [&str; 8] = [
    "aws",
    "aws-cn",
    "aws-us-gov",
    "aws-iso",
    "aws-iso-b",
    "aws-iso-e",
    "aws-iso-f",
    "aws-eusc",
];

const IAM_RESOURCES: [&str; 13] = [
    "user/",
    "federated-user/",
    "role/",
    "group/",
    "instance-profile/",
    "mfa/",
    "server-certificate/",
    "policy/",
    "sms-mfa/",
    "saml-provider/",
    "oidc-provider/",
    "report/",
    "access-report/",
];

/// Rejects what is neither `*` nor a well-formed ARN pattern.
pub(super) fn check_resource(resource: &str) -> Result<(), DocumentFault> {
    if resource == "*" {
        return Ok(());
    }
    let segments: Vec<&str> = resource.splitn(6, ':').collect();
    let message = match segments[..] {
        ["arn", partition, ..] if partition != "*" && !PARTITIONS.contains(&partition) => {
            let rest = segments.get(2..).unwrap_or_default().join(":");
            format!(
                "Partition \"{partition}\" is not valid for resource \"arn:{partition}:{rest}\"."
            )
        }
        ["arn", _] | ["arn", _, "", ..] => {
            "Resource vendor must be fully qualified and cannot contain regexes.".to_owned()
        }
        ["arn", _, service, ..] if service.contains(['*', '?']) => {
            "Resource vendor must be fully qualified and cannot contain regexes.".to_owned()
        }
        ["arn", _, "s3", region, _, _] if !region.is_empty() => {
            format!("Resource {resource} can not contain region information.")
        }
        ["arn", _, "iam", region, ..] if !region.is_empty() => {
            format!("IAM resource {resource} cannot contain region information.")
        }
        ["arn", _, "iam", _, _, path]
            if !path.starts_with('*')
                && !path.starts_with("${")
                && !IAM_RESOURCES.iter().any(|kind| path.starts_with(kind)) =>
        {
            format!(
                "IAM resource path must either be \"*\" or start with {}.",
                IAM_RESOURCES.join(", ")
            )
        }
        ["arn", _, _, _, _, _] => return Ok(()),
        // IAM completes a shorter ARN with wildcards, unless an empty segment shows truncation.
        ["arn", ..] if !resource.contains("::") => return Ok(()),
        ["arn", ..] => "The policy failed legacy parsing".to_owned(),
        _ => format!("Resource {resource} must be in ARN format or \"*\"."),
    };
    Err(DocumentFault::new(message))
}
