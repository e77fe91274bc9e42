//! The AWS pages that hints refer to.

/// Developer guide: "Creating a DAX cluster", the page that this product implements.
pub(super) const GUIDE: &str =
    "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/DAX.create-cluster.html";
/// Developer guide: "Creating a DAX cluster using the AWS CLI".
pub(super) const CLI: &str =
    "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/DAX.create-cluster.cli.html";
/// Developer guide: "DAX and IPv6".
pub(super) const IPV6: &str = "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/DAX.create-cluster.DAX_and_IPV6.html";
/// Developer guide: "DAX access control".
pub(super) const ACCESS_CONTROL: &str =
    "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/DAX.access-control.html";
/// Developer guide: "Managing DAX clusters".
pub(super) const MANAGING: &str =
    "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/DAX.cluster-management.html";
/// Developer guide: "DAX cluster components".
pub(super) const COMPONENTS: &str =
    "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/DAX.concepts.cluster.html";
/// Developer guide: "Using service-linked IAM roles for DAX".
pub(super) const LINKED_ROLES: &str = "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/using-service-linked-roles.html";
/// Developer guide: "Quotas in Amazon DynamoDB", with the section on DAX.
pub(super) const QUOTAS: &str = "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html#limits-dax";
/// Developer guide: "DAX encryption in transit".
pub(super) const IN_TRANSIT: &str =
    "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/DAXEncryptionInTransit.html";
/// General Reference: "Amazon DynamoDB endpoints and quotas".
pub(super) const ENDPOINTS: &str = "https://docs.aws.amazon.com/general/latest/gr/ddb.html";

/// IAM user guide: "Granting a user permissions to pass a role to an AWS service".
pub(super) const PASSING_ROLES: &str =
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html";
/// IAM user guide: "Troubleshoot access denied error messages".
pub(super) const ACCESS_DENIED: &str =
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html";
/// IAM user guide: "Troubleshoot IAM roles".
pub(super) const ROLE_TROUBLE: &str =
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_roles.html";
/// IAM user guide: "Troubleshoot IAM", with eventual consistency.
pub(super) const IAM_TROUBLE: &str =
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_general.html";
/// IAM user guide: "IAM and AWS STS quotas".
pub(super) const IAM_QUOTAS: &str =
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html";
/// IAM user guide: "Permissions boundaries for IAM entities".
pub(super) const BOUNDARIES: &str =
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html";
/// IAM user guide: "Policies and permissions", with session policies.
pub(super) const SESSION_POLICIES: &str =
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies.html#policies_session";
/// IAM user guide: "Policy evaluation logic".
pub(super) const EVALUATION: &str =
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html";
/// IAM user guide: "IAM policy testing with the policy simulator".
pub(super) const SIMULATOR: &str =
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_testing-policies.html";
/// Organizations user guide: "Service control policies".
pub(super) const SERVICE_CONTROL: &str =
    "https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html";
/// Organizations user guide: "Resource control policies".
pub(super) const RESOURCE_CONTROL: &str =
    "https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html";
/// AWS PrivateLink guide: "Control access to VPC endpoints using endpoint policies".
pub(super) const ENDPOINT_POLICIES: &str =
    "https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-access.html";
/// IAM user guide: "Troubleshoot Signature Version 4 signing".
pub(super) const SIGNING: &str =
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html";
/// IAM API reference: "Common errors".
pub(super) const IAM_COMMON_ERRORS: &str =
    "https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html";
/// Account management guide: "Enable or disable AWS Regions in your account".
pub(super) const REGIONS: &str =
    "https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html";
/// SDKs and tools reference guide: "Retry behavior".
pub(super) const RETRIES: &str =
    "https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html";
