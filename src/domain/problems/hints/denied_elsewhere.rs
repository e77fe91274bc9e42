//! Hints: a service beside IAM and DAX refused an action, or the refusal cannot be read.

use super::pages::{ACCESS_CONTROL, ACCESS_DENIED, CLI, LINKED_ROLES};
use super::{ANY_ACTION, ANY_SERVICE, Hint, ROW};

const DENIED: Hint = Hint {
    service: "ec2",
    code: "UnauthorizedOperation",
    ..ROW
};

/// A row for each action of EC2, STS and others that a cluster can hang on.
pub(super) const ROWS: &[Hint] = &[
    Hint {
        id: "ec2_create_network_interface",
        action: Some("ec2:CreateNetworkInterface"),
        title: "Add ec2:CreateNetworkInterface to your user policy.",
        explanation: "Nodes get a network interface in your subnets. DAX makes it through `AWSServiceRoleForDAX`, but in older accounts CreateCluster asks the caller for `ec2:CreateNetworkInterface` as well; grant it only because this refusal names it.",
        documentation: LINKED_ROLES,
        ..DENIED
    },
    Hint {
        id: "ec2_delete_network_interface",
        action: Some("ec2:DeleteNetworkInterface"),
        title: "Add ec2:DeleteNetworkInterface to your user policy.",
        explanation: "The interfaces of removed nodes are deleted; where DAX does that in the caller's name, `ec2:DeleteNetworkInterface` is needed with Resource `*`.",
        documentation: LINKED_ROLES,
        ..DENIED
    },
    Hint {
        id: "ec2_describe_network_interfaces",
        action: Some("ec2:DescribeNetworkInterfaces"),
        title: "Add ec2:DescribeNetworkInterfaces to your user policy.",
        explanation: "CreateCluster looks at the subnets' interfaces in the caller's name in some accounts: allow `ec2:DescribeNetworkInterfaces`, which knows only Resource `*`.",
        documentation: ACCESS_CONTROL,
        ..DENIED
    },
    Hint {
        id: "ec2_describe_vpcs",
        action: Some("ec2:DescribeVpcs"),
        title: "Add ec2:DescribeVpcs to your user policy.",
        explanation: "Placing a cluster starts from its VPC: allow `ec2:DescribeVpcs` (Resource `*`). A request that names `subnet_group.name` needs no lookup of ours.",
        documentation: CLI,
        ..DENIED
    },
    Hint {
        id: "ec2_describe_subnets",
        action: Some("ec2:DescribeSubnets"),
        title: "Add ec2:DescribeSubnets to your user policy.",
        explanation: "Subnets are checked for VPC, zone and address family when a subnet group is made or a cluster created: allow `ec2:DescribeSubnets` (Resource `*`).",
        documentation: CLI,
        ..DENIED
    },
    Hint {
        id: "ec2_describe_security_groups",
        action: Some("ec2:DescribeSecurityGroups"),
        title: "Add ec2:DescribeSecurityGroups to your user policy.",
        explanation: "The groups in `security_group_ids`, or the VPC's default group, are looked up when a cluster is created: allow `ec2:DescribeSecurityGroups` (Resource `*`).",
        documentation: CLI,
        ..DENIED
    },
    Hint {
        id: "ec2_describe_availability_zones",
        action: Some("ec2:DescribeAvailabilityZones"),
        title: "Add ec2:DescribeAvailabilityZones to your user policy.",
        explanation: "Zones named in `availability_zones` are checked against the Region's: allow `ec2:DescribeAvailabilityZones` (Resource `*`), or leave the placement to AWS.",
        documentation: ACCESS_CONTROL,
        ..DENIED
    },
    Hint {
        id: "ec2_authorize_security_group_ingress",
        action: Some("ec2:AuthorizeSecurityGroupIngress"),
        title: "Add ec2:AuthorizeSecurityGroupIngress on the cluster's security group.",
        explanation: "Clients reach a cluster only when its security group lets in port 9111 (encrypted) or 8111. Allow `ec2:AuthorizeSecurityGroupIngress` on that group's ARN, or open the port by hand for one group or CIDR, never for 0.0.0.0/0.",
        documentation: CLI,
        ..DENIED
    },
    Hint {
        id: "ec2_revoke_security_group_ingress",
        action: Some("ec2:RevokeSecurityGroupIngress"),
        title: "Add ec2:RevokeSecurityGroupIngress on the cluster's security group.",
        explanation: "The rule that opened port 9111 or 8111 is taken back when the ingress is closed: allow `ec2:RevokeSecurityGroupIngress` on that group's ARN, or remove the rule by hand.",
        documentation: "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RevokeSecurityGroupIngress.html",
        ..DENIED
    },
    Hint {
        id: "ec2_describe_security_group_rules",
        action: Some("ec2:DescribeSecurityGroupRules"),
        title: "Add ec2:DescribeSecurityGroupRules to your user policy.",
        explanation: "Whether a port is open, and by a rule of ours, is read before it is opened or closed: allow `ec2:DescribeSecurityGroupRules`, which knows only Resource `*`.",
        documentation: "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSecurityGroupRules.html#API_DescribeSecurityGroupRules_RequestParameters",
        ..DENIED
    },
    Hint {
        id: "ec2_create_tags",
        action: Some("ec2:CreateTags"),
        title: "Add ec2:CreateTags on new security group rules.",
        explanation: "The rules we make carry our tags, by which they are found again. Allow `ec2:CreateTags` on `security-group-rule/*` with the condition `ec2:CreateAction` = `AuthorizeSecurityGroupIngress`: then nothing else can be tagged.",
        documentation: "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/supported-iam-actions-tagging.html",
        ..DENIED
    },
    Hint {
        id: "ec2_encoded_refusal",
        message: Some("encoded authorization failure message"),
        title: "Decode the message to learn which action is missing.",
        explanation: "EC2 hides the refused action in an encoded message. Run `aws sts decode-authorization-message --encoded-message …` as somebody who holds `sts:DecodeAuthorizationMessage`, and add the action it names.",
        documentation: "https://docs.aws.amazon.com/STS/latest/APIReference/API_DecodeAuthorizationMessage.html",
        ..DENIED
    },
    Hint {
        id: "sts_get_caller_identity",
        service: "sts",
        code: "AccessDenied",
        action: Some("sts:GetCallerIdentity"),
        title: "Look for a VPC endpoint or organisation policy: sts:GetCallerIdentity needs no permission.",
        explanation: "AWS answers `sts:GetCallerIdentity` to every valid caller, even under an explicit deny in its own policies. A refusal comes from the path the call took, so check the policy of the STS endpoint in the VPC.",
        documentation: "https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html",
        ..DENIED
    },
    Hint {
        id: "sts_assume_role",
        service: "sts",
        code: "AccessDenied",
        action: Some("sts:AssumeRole"),
        title: "Let the service's identity assume its role: sts:AssumeRole, and the role's trust policy.",
        explanation: "The credentials this service was given lead to a role it may not assume. Both sides must agree: the caller's policy allows `sts:AssumeRole` on the role's ARN, and the role's trust policy names the caller. This is not the role DAX uses.",
        documentation: super::pages::ROLE_TROUBLE,
        ..DENIED
    },
    Hint {
        id: "sts_decode_authorization_message",
        service: "sts",
        code: "AccessDenied",
        action: Some("sts:DecodeAuthorizationMessage"),
        title: "Ask somebody who may decode, or add sts:DecodeAuthorizationMessage.",
        explanation: "Only people who debug refusals need `sts:DecodeAuthorizationMessage` (Resource `*`); this service never calls it.",
        documentation: ACCESS_DENIED,
        ..DENIED
    },
    Hint {
        id: "dynamodb_describe_table",
        service: "dynamodb",
        code: "AccessDeniedException",
        action: Some("dynamodb:DescribeTable"),
        title: "Add dynamodb:DescribeTable on the tables.",
        explanation: "For the preflight: allow `dynamodb:DescribeTable` on the tables' ARNs, or their existence is reported as `not_checked`. Refused to the service role, it breaks the cluster itself: DAX reads the metadata of every table it caches.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_DescribeTable.html",
        ..DENIED
    },
    Hint {
        id: "sns_get_topic_attributes",
        service: "sns",
        code: "AuthorizationError",
        action: Some("sns:GetTopicAttributes"),
        title: "Add sns:GetTopicAttributes on the topic, or skip the check.",
        explanation: "Whether `notification_topic_arn` exists is checked only in the preflight, with `sns:GetTopicAttributes` on that topic. DAX itself wants a topic of the cluster's own account.",
        documentation: "https://docs.aws.amazon.com/sns/latest/api/API_GetTopicAttributes.html",
        ..DENIED
    },
    Hint {
        id: "other_action_denied",
        service: ANY_SERVICE,
        code: "AccessDenied",
        action: Some(ANY_ACTION),
        title: "Add the action named in the message to your user policy.",
        explanation: "AWS refused the action after the words `is not authorized to perform`. Allow exactly that one, on the resource the message names; if the message names none, the action usually knows only Resource `*`.",
        documentation: ACCESS_DENIED,
        ..DENIED
    },
    Hint {
        id: "access_denied_unnamed",
        service: ANY_SERVICE,
        code: "AccessDenied",
        title: "Find the refused action in CloudTrail: AWS did not name it.",
        explanation: "The message holds no `is not authorized to perform`. Look the call up in CloudTrail by its `request_id`, and add the permission named like the call (for passing a role to a service, which CloudTrail does not record, `iam:PassRole`).",
        documentation: "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/view-cloudtrail-events.html",
        ..DENIED
    },
];
