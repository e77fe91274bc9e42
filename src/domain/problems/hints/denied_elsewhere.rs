//! Hints: a service other than IAM and DAX denied an action, or the message names no action.

use super::pages::{ACCESS_CONTROL, ACCESS_DENIED, CLI, LINKED_ROLES};
use super::{ANY_ACTION, ANY_SERVICE, Hint, RIGHTS_ACTION, ROW};

const DENIED: Hint = Hint {
    service: "ec2",
    code: "UnauthorizedOperation",
    ..ROW
};

/// A row for each action of EC2, STS and other services that a cluster depends on.
pub(super) const ROWS: &[Hint] = &[
    Hint {
        id: "ec2_create_network_interface",
        action: Some("ec2:CreateNetworkInterface"),
        title: "Add ec2:CreateNetworkInterface to your user policy.",
        explanation: "Each node gets a network interface in your subnets. DAX creates it through \
            `AWSServiceRoleForDAX`, but in older accounts CreateCluster requires \
            `ec2:CreateNetworkInterface` of the caller as well. Grant it only because this message \
            names it.",
        documentation: LINKED_ROLES,
        ..DENIED
    },
    Hint {
        id: "ec2_delete_network_interface",
        action: Some("ec2:DeleteNetworkInterface"),
        title: "Add ec2:DeleteNetworkInterface to your user policy.",
        explanation: "The network interfaces of removed nodes are deleted. Where DAX does that \
            with the caller's permissions, allow `ec2:DeleteNetworkInterface` with Resource `*`.",
        documentation: LINKED_ROLES,
        ..DENIED
    },
    Hint {
        id: "ec2_describe_network_interfaces",
        action: Some("ec2:DescribeNetworkInterfaces"),
        title: "Add ec2:DescribeNetworkInterfaces to your user policy.",
        explanation: "In some accounts CreateCluster reads the subnets' network interfaces with \
            the caller's permissions. Allow `ec2:DescribeNetworkInterfaces`, which supports only \
            Resource `*`.",
        documentation: ACCESS_CONTROL,
        ..DENIED
    },
    Hint {
        id: "ec2_describe_vpcs",
        action: Some("ec2:DescribeVpcs"),
        title: "Add ec2:DescribeVpcs to your user policy.",
        explanation: "The VPC of a cluster is read before its nodes are placed. Allow \
            `ec2:DescribeVpcs` (Resource `*`). A request with `subnet_group.name` needs no VPC \
            lookup.",
        documentation: CLI,
        ..DENIED
    },
    Hint {
        id: "ec2_describe_subnets",
        action: Some("ec2:DescribeSubnets"),
        title: "Add ec2:DescribeSubnets to your user policy.",
        explanation: "The VPC, zone and address family of subnets are checked before a subnet \
            group or cluster is created. Allow `ec2:DescribeSubnets` (Resource `*`).",
        documentation: CLI,
        ..DENIED
    },
    Hint {
        id: "ec2_describe_security_groups",
        action: Some("ec2:DescribeSecurityGroups"),
        title: "Add ec2:DescribeSecurityGroups to your user policy.",
        explanation: "The groups in `security_group_ids`, or the VPC's default group, are read \
            when a cluster is created. Allow `ec2:DescribeSecurityGroups` (Resource `*`).",
        documentation: CLI,
        ..DENIED
    },
    Hint {
        id: "ec2_describe_availability_zones",
        action: Some("ec2:DescribeAvailabilityZones"),
        title: "Add ec2:DescribeAvailabilityZones to your user policy.",
        explanation: "Zones in `availability_zones` are compared with the zones of the Region. \
            Allow `ec2:DescribeAvailabilityZones` (Resource `*`), or omit the field to let AWS \
            choose the zones.",
        documentation: ACCESS_CONTROL,
        ..DENIED
    },
    Hint {
        id: "ec2_authorize_security_group_ingress",
        action: Some("ec2:AuthorizeSecurityGroupIngress"),
        title: "Add ec2:AuthorizeSecurityGroupIngress on the cluster's security group.",
        explanation: "Clients can reach a cluster only if its security group allows port 9111 \
            (encrypted) or 8111. Allow `ec2:AuthorizeSecurityGroupIngress` on that group's ARN. \
            Alternatively, open the port manually for one group or CIDR, never for 0.0.0.0/0.",
        documentation: CLI,
        ..DENIED
    },
    Hint {
        id: "ec2_revoke_security_group_ingress",
        action: Some("ec2:RevokeSecurityGroupIngress"),
        title: "Add ec2:RevokeSecurityGroupIngress on the cluster's security group.",
        explanation: "Closing the ingress removes the rule that opened port 9111 or 8111. Allow \
            `ec2:RevokeSecurityGroupIngress` on that group's ARN, or remove the rule manually.",
        documentation: "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RevokeSecurityGroupIngress.html",
        ..DENIED
    },
    Hint {
        id: "ec2_describe_security_group_rules",
        action: Some("ec2:DescribeSecurityGroupRules"),
        title: "Add ec2:DescribeSecurityGroupRules to your user policy.",
        explanation: "Security group rules are read before a port is opened or closed, to find \
            those managed by this service. Allow `ec2:DescribeSecurityGroupRules`, which supports \
            only Resource `*`.",
        documentation: "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSecurityGroupRules.html#API_DescribeSecurityGroupRules_RequestParameters",
        ..DENIED
    },
    Hint {
        id: "ec2_create_tags",
        action: Some("ec2:CreateTags"),
        title: "Add ec2:CreateTags on new security group rules.",
        explanation: "New rules get ownership tags, by which they are found again. Allow \
            `ec2:CreateTags` on `security-group-rule/*` with the condition `ec2:CreateAction` = \
            `AuthorizeSecurityGroupIngress`. The condition prevents tagging anything else.",
        documentation: "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/supported-iam-actions-tagging.html",
        ..DENIED
    },
    Hint {
        id: "ec2_encoded_refusal",
        message: Some("encoded authorization failure message"),
        title: "Decode the message to find the missing action.",
        explanation: "EC2 encodes the denied action in its message. Run `aws sts \
            decode-authorization-message --encoded-message …` with credentials that allow \
            `sts:DecodeAuthorizationMessage`, and add the action it names.",
        documentation: "https://docs.aws.amazon.com/STS/latest/APIReference/API_DecodeAuthorizationMessage.html",
        ..DENIED
    },
    Hint {
        id: "sts_get_caller_identity",
        service: "sts",
        code: "AccessDenied",
        action: Some("sts:GetCallerIdentity"),
        title: "Check VPC endpoint and organisation policies: sts:GetCallerIdentity needs no \
            permission.",
        explanation: "AWS answers `sts:GetCallerIdentity` for every valid caller, even with an \
            explicit deny in the caller's policies. A denial comes from the network path of the \
            call, so check the policy of the VPC's STS endpoint.",
        documentation: "https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html",
        ..DENIED
    },
    Hint {
        id: "sts_assume_role",
        service: "sts",
        code: "AccessDenied",
        action: Some("sts:AssumeRole"),
        title: "Allow sts:AssumeRole for the service's identity, and name it in the role's trust \
            policy.",
        explanation: "The service's credentials refer to a role that they are not allowed to \
            assume. The caller's policy must allow `sts:AssumeRole` on the role's ARN, and the \
            role's trust policy must name the caller. This is not the role that DAX uses.",
        documentation: super::pages::ROLE_TROUBLE,
        ..DENIED
    },
    Hint {
        id: "sts_decode_authorization_message",
        service: "sts",
        code: "AccessDenied",
        action: Some("sts:DecodeAuthorizationMessage"),
        title: "Decode the message with other credentials, or add sts:DecodeAuthorizationMessage.",
        explanation: "Decoding a denial needs `sts:DecodeAuthorizationMessage` (Resource `*`). \
            Only people who debug permissions need it; this service never calls it.",
        documentation: ACCESS_DENIED,
        ..DENIED
    },
    Hint {
        id: "dynamodb_describe_table",
        service: "dynamodb",
        code: "AccessDeniedException",
        action: Some("dynamodb:DescribeTable"),
        title: "Add dynamodb:DescribeTable on the tables.",
        explanation: "The preflight needs `dynamodb:DescribeTable` on the tables' ARNs; without \
            it, their existence is reported as `not_checked`. The service role needs it as well: \
            DAX reads the metadata of every table it caches.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_DescribeTable.html",
        ..DENIED
    },
    Hint {
        id: "sns_get_topic_attributes",
        service: "sns",
        code: "AuthorizationError",
        action: Some("sns:GetTopicAttributes"),
        title: "Add sns:GetTopicAttributes on the topic, or skip the check.",
        explanation: "Only the preflight checks whether `notification_topic_arn` exists, with \
            `sns:GetTopicAttributes` on that topic. DAX requires a topic of the cluster's own \
            account.",
        documentation: "https://docs.aws.amazon.com/sns/latest/api/API_GetTopicAttributes.html",
        ..DENIED
    },
    Hint {
        id: "rights_action_denied",
        service: "iam",
        code: "AccessDenied",
        action: Some(RIGHTS_ACTION),
        title: "Ask an administrator: the permission can grant others, and DAX does not need it.",
        explanation: "Permissions of `iam:`, `sts:` and `organizations:` beyond this service's own \
            policy can let their holder gain other permissions. If another tool needs this one, an \
            administrator can allow it on exactly the resource in the message.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_managed-vs-inline.html",
        ..DENIED
    },
    Hint {
        id: "other_action_denied",
        service: ANY_SERVICE,
        code: "AccessDenied",
        action: Some(ANY_ACTION),
        title: "Add the action named in the message to your user policy.",
        explanation: "AWS denied the action that follows `is not authorized to perform`. Allow \
            exactly that action, on the resource in the message. If the message names no resource, \
            the action usually supports only Resource `*`.",
        documentation: ACCESS_DENIED,
        ..DENIED
    },
    Hint {
        id: "access_denied_unnamed",
        service: ANY_SERVICE,
        code: "AccessDenied",
        title: "Find the denied action in CloudTrail: AWS did not name it.",
        explanation: "The message does not contain `is not authorized to perform`. Find the call \
            in CloudTrail by its `request_id`, and allow the action of the same name. Passing a \
            role to a service needs `iam:PassRole`, which CloudTrail does not record.",
        documentation: "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/view-cloudtrail-events.html",
        ..DENIED
    },
];
