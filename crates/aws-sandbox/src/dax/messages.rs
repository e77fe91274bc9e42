//! DAX's error codes with their messages.

use crate::wire::fault::ServiceFault;

/// An error of DAX's model with its message.
pub(super) fn fault(code: &'static str) -> ServiceFault {
    ServiceFault::new(code, message(code).unwrap_or_default())
}

/// `InvalidParameterValueException` with a message that names the invalid value.
pub(super) fn invalid_value(message: impl Into<String>) -> ServiceFault {
    ServiceFault::new("InvalidParameterValueException", message)
}

/// `InvalidParameterCombinationException` with a message that names the conflict.
pub(super) fn invalid_combination(message: impl Into<String>) -> ServiceFault {
    ServiceFault::new("InvalidParameterCombinationException", message)
}

/// The messages of DAX's API model. The messages on the wire are not published.
const MESSAGES: [(&str, &str); 28] = [
    (
        "ClusterAlreadyExistsFault",
        "You already have a DAX cluster with the given identifier.",
    ),
    (
        "ClusterNotFoundFault",
        "The requested cluster ID does not refer to an existing DAX cluster.",
    ),
    (
        "ClusterQuotaForCustomerExceededFault",
        "You have attempted to exceed the maximum number of DAX clusters for your AWS account.",
    ),
    (
        "InsufficientClusterCapacityFault",
        "There are not enough system resources to create the cluster you requested (or to resize an already-existing cluster).",
    ),
    (
        "InvalidARNFault",
        "The Amazon Resource Name (ARN) supplied in the request is not valid.",
    ),
    (
        "InvalidClusterStateFault",
        "The requested DAX cluster is not in the available state.",
    ),
    (
        "InvalidParameterCombinationException",
        "Two or more incompatible parameters were specified.",
    ),
    (
        "InvalidParameterGroupStateFault",
        "One or more parameters in a parameter group are in an invalid state.",
    ),
    (
        "InvalidParameterValueException",
        "The value for a parameter is invalid.",
    ),
    (
        "InvalidSubnet",
        "An invalid subnet identifier was specified.",
    ),
    (
        "InvalidVPCNetworkStateFault",
        "The VPC network is in an invalid state.",
    ),
    (
        "NodeNotFoundFault",
        "None of the nodes in the cluster have the given node ID.",
    ),
    (
        "NodeQuotaForClusterExceededFault",
        "You have attempted to exceed the maximum number of nodes for a DAX cluster.",
    ),
    (
        "NodeQuotaForCustomerExceededFault",
        "You have attempted to exceed the maximum number of nodes for your AWS account.",
    ),
    (
        "ParameterGroupAlreadyExistsFault",
        "The specified parameter group already exists.",
    ),
    (
        "ParameterGroupNotFoundFault",
        "The specified parameter group does not exist.",
    ),
    (
        "ParameterGroupQuotaExceededFault",
        "You have attempted to exceed the maximum number of parameter groups.",
    ),
    (
        "ServiceLinkedRoleNotFoundFault",
        "The specified service linked role (SLR) was not found.",
    ),
    (
        "ServiceQuotaExceededException",
        "You have reached the maximum number of x509 certificates that can be created for encrypted clusters in a 30 day period. Contact AWS customer support to discuss options for continuing to create encrypted clusters.",
    ),
    (
        "SubnetGroupAlreadyExistsFault",
        "The specified subnet group already exists.",
    ),
    (
        "SubnetGroupInUseFault",
        "The specified subnet group is currently in use.",
    ),
    (
        "SubnetGroupNotFoundFault",
        "The requested subnet group name does not refer to an existing subnet group.",
    ),
    (
        "SubnetGroupQuotaExceededFault",
        "The request cannot be processed because it would exceed the allowed number of subnets in a subnet group.",
    ),
    (
        "SubnetInUse",
        "The requested subnet is being used by another subnet group.",
    ),
    (
        "SubnetNotAllowedFault",
        "The specified subnet can't be used for the requested network type.",
    ),
    (
        "SubnetQuotaExceededFault",
        "The request cannot be processed because it would exceed the allowed number of subnets in a subnet group.",
    ),
    ("TagNotFoundFault", "The tag does not exist."),
    (
        "TagQuotaPerResourceExceeded",
        "You have exceeded the maximum number of tags for this DAX cluster.",
    ),
];

/// The message of an error code of DAX's model.
pub(crate) fn message(code: &str) -> Option<&'static str> {
    MESSAGES
        .iter()
        .find(|(known, _)| *known == code)
        .map(|(_, message)| *message)
}
