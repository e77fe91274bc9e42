"""The cause of each modelled error of each DAX operation, as (function that sets it up, arguments of the call)."""

from operations import service_role
from sandbox import ACCOUNT, REGION, advance, client, control

# Errors without a natural cause in the sandbox, with the reason. The crate's README has the same list.
INJECTED_ONLY = {
    "ServiceLinkedRoleNotFoundFault": "the role is created automatically and cannot be deleted",
    "InsufficientClusterCapacityFault": "the sandbox has unlimited capacity",
    ("CreateCluster", "InvalidClusterStateFault"): "no state is documented in which a creation returns it",
    ("CreateCluster", "InvalidParameterGroupStateFault"): "a parameter group has no invalid state",
    ("CreateParameterGroup", "InvalidParameterGroupStateFault"): "a parameter group has no invalid state",
    ("UpdateCluster", "InvalidParameterGroupStateFault"): "a parameter group has no invalid state",
    ("ListTags", "InvalidClusterStateFault"): "tags can be read in every state",
}
for _operation in ("CreateParameterGroup", "DeleteCluster", "DeleteParameterGroup", "DescribeClusters",
                   "DescribeDefaultParameters", "DescribeParameterGroups", "DescribeParameters", "ListTags", "RebootNode",
                   "TagResource", "UntagResource", "UpdateParameterGroup"):
    INJECTED_ONLY[_operation, "InvalidParameterCombinationException"] = "no two of its parameters can contradict each other"

DAX = client("dax")
ARN = f"arn:aws:dax:{REGION}:{ACCOUNT}:cache/c"
TAGS = [{"Key": f"k{number}", "Value": "v"} for number in range(51)]


def new(name="c", **more):
    """The arguments of CreateCluster, with a role that DAX can assume."""
    try:
        role = client("iam").get_role(RoleName="Service")["Role"]["Arn"]
    except client("iam").exceptions.NoSuchEntityException:
        role = service_role()
    return {"ClusterName": name, "NodeType": "dax.t3.small", "ReplicationFactor": 1, "IamRoleArn": role, **more}


def cluster(nodes=1, seconds=60, **more):
    """Creates the cluster `c` and advances the clock; it is available after 60 seconds."""
    def arrange():
        DAX.create_cluster(**new(ReplicationFactor=nodes, **more))
        advance(seconds)
    return arrange


def clusters(count, nodes, **more):
    """Creates `count` clusters."""
    def arrange():
        for number in range(count):
            DAX.create_cluster(**new(f"c{number}", ReplicationFactor=nodes, **more))
        advance(60)
    return arrange


def deleting():
    """Creates the cluster `c` and starts its deletion."""
    cluster()()
    DAX.delete_cluster(ClusterName="c")


def groups(kind, count):
    """Creates `count` groups."""
    def arrange():
        for number in range(count):
            if kind == "subnet":
                DAX.create_subnet_group(SubnetGroupName=f"g{number}", SubnetIds=[subnet(0)])
            else:
                DAX.create_parameter_group(ParameterGroupName=f"g{number}")
    return arrange


def subnet(index):
    """The ID of a default subnet."""
    return control("GET", "inventory")["subnets"][index]["id"]


def foreign_subnets():
    """Creates a dual-stack and an IPv6-only subnet in another VPC, and the subnet group `g0`."""
    for letter, types in (("a", ["ipv4", "ipv6"]), ("b", ["ipv6"])):
        control("PUT", f"subnets/subnet-0000000{letter}", {
            "vpc_id": "vpc-0000000a", "availability_zone": f"{REGION}{letter}", "network_types": types})
    DAX.create_subnet_group(SubnetGroupName="g0", SubnetIds=["subnet-0000000a"])


def in_group(names):
    """Creates a cluster with the subnet group `g0` and the parameter group `p0`."""
    def arrange():
        DAX.create_subnet_group(SubnetGroupName="g0", SubnetIds=[subnet(index) for index in names])
        DAX.create_parameter_group(ParameterGroupName="p0")
        DAX.create_cluster(**new(SubnetGroupName="g0", ParameterGroupName="p0", ReplicationFactor=len(names)))
        advance(60)
    return arrange


def natural_causes(_dax):
    """All causes, by operation and error."""
    invalid, combination = "InvalidParameterValueException", "InvalidParameterCombinationException"
    missing, state = "ClusterNotFoundFault", "InvalidClusterStateFault"
    causes = {}

    def cause(operation, error, arrange, arguments):
        causes[operation, error] = (arrange, arguments)

    def with_role(**more):
        return lambda: new(**more)

    create = "CreateCluster"
    cause(create, "ClusterAlreadyExistsFault", cluster(), with_role())
    cause(create, "SubnetGroupNotFoundFault", None, with_role(SubnetGroupName="nowhere"))
    cause(create, "ParameterGroupNotFoundFault", None, with_role(ParameterGroupName="nothing"))
    cause(create, "ClusterQuotaForCustomerExceededFault", clusters(12, 1), with_role(name="last"))
    cause(create, "NodeQuotaForClusterExceededFault", None, with_role(ReplicationFactor=12))
    cause(create, "NodeQuotaForCustomerExceededFault", clusters(3, 10), with_role(name="last"))
    cause(create, "InvalidVPCNetworkStateFault", groups("subnet", 1),
          with_role(SubnetGroupName="g0", AvailabilityZones=[f"{REGION}b"]))
    cause(create, "TagQuotaPerResourceExceeded", None, with_role(Tags=TAGS))
    cause(create, "ServiceQuotaExceededException", clusters(2, 1, ClusterEndpointEncryptionType="TLS"),
          with_role(name="last", ClusterEndpointEncryptionType="TLS"))
    cause(create, invalid, None, with_role(name="no--name"))
    cause(create, combination, None, with_role(AvailabilityZones=[f"{REGION}a", f"{REGION}b"]))

    for operation, arguments in (("UpdateCluster", {}), ("DeleteCluster", {}), ("RebootNode", {"NodeId": "c-a"}),
                                 ("IncreaseReplicationFactor", {"NewReplicationFactor": 2}),
                                 ("DecreaseReplicationFactor", {"NewReplicationFactor": 1})):
        cause(operation, missing, None, {"ClusterName": "c", **arguments})
        cause(operation, state, cluster(nodes=2, seconds=0), {"ClusterName": "c", **arguments})
        cause(operation, invalid, None, {"ClusterName": "no--name", **arguments})
    cause("UpdateCluster", "ParameterGroupNotFoundFault", cluster(), {
        "ClusterName": "c", "ParameterGroupName": "nothing"})
    cause("UpdateCluster", combination, cluster(), {"ClusterName": "c", "NotificationTopicStatus": "inactive"})
    cause("RebootNode", "NodeNotFoundFault", cluster(), {"ClusterName": "c", "NodeId": "c-z"})
    grow = "IncreaseReplicationFactor"
    cause(grow, "NodeQuotaForClusterExceededFault", cluster(), {"ClusterName": "c", "NewReplicationFactor": 12})
    cause(grow, "NodeQuotaForCustomerExceededFault", clusters(3, 10), {
        "ClusterName": "c0", "NewReplicationFactor": 11})
    cause(grow, "InvalidVPCNetworkStateFault", in_group([0]), {
        "ClusterName": "c", "NewReplicationFactor": 2, "AvailabilityZones": [f"{REGION}b"]})
    cause(grow, combination, cluster(), {
        "ClusterName": "c", "NewReplicationFactor": 2, "AvailabilityZones": [f"{REGION}a", f"{REGION}b"]})
    shrink = "DecreaseReplicationFactor"
    cause(shrink, "NodeNotFoundFault", cluster(nodes=2), {
        "ClusterName": "c", "NewReplicationFactor": 1, "NodeIdsToRemove": ["c-z"]})
    cause(shrink, combination, cluster(nodes=2), {
        "ClusterName": "c", "NewReplicationFactor": 1, "NodeIdsToRemove": ["c-a"],
        "AvailabilityZones": [f"{REGION}a"]})

    cause("DescribeClusters", missing, cluster(), {"ClusterNames": ["c", "unknown"]})
    for operation in ("DescribeClusters", "DescribeDefaultParameters", "DescribeEvents", "DescribeParameterGroups"):
        cause(operation, invalid, None, {"MaxResults": 19})
    cause("DescribeEvents", combination, None, {"StartTime": 2e9, "EndTime": 1.9e9})
    cause("DescribeParameters", invalid, None, {"ParameterGroupName": "default.dax1.0", "MaxResults": 101})

    parameter = [{"ParameterName": "query-ttl-millis", "ParameterValue": "1"}]
    for operation, arguments in (("DescribeParameters", {}), ("DeleteParameterGroup", {}),
                                 ("UpdateParameterGroup", {"ParameterNameValues": parameter})):
        cause(operation, "ParameterGroupNotFoundFault", None, {"ParameterGroupName": "nothing", **arguments})
    cause("DescribeParameterGroups", "ParameterGroupNotFoundFault", None, {"ParameterGroupNames": ["nothing"]})
    cause("DeleteParameterGroup", invalid, None, {"ParameterGroupName": "default.dax1.0"})
    cause("DeleteParameterGroup", "InvalidParameterGroupStateFault", in_group([0]), {"ParameterGroupName": "p0"})
    cause("UpdateParameterGroup", "InvalidParameterGroupStateFault", in_group([0]), {
        "ParameterGroupName": "p0", "ParameterNameValues": parameter})
    cause("UpdateParameterGroup", invalid, groups("parameter", 1), {
        "ParameterGroupName": "g0",
        "ParameterNameValues": [{"ParameterName": "query-ttl-millis", "ParameterValue": "-1"}]})
    cause("CreateParameterGroup", invalid, None, {"ParameterGroupName": "no--name"})
    cause("CreateParameterGroup", "ParameterGroupAlreadyExistsFault", groups("parameter", 1), {
        "ParameterGroupName": "g0"})
    cause("CreateParameterGroup", "ParameterGroupQuotaExceededFault", groups("parameter", 5), {
        "ParameterGroupName": "last"})
    subnet_group_causes(cause)
    tag_causes(cause, missing, state, invalid)
    return causes


def subnet_group_causes(cause):
    """Adds the causes of the four operations on subnet groups."""
    create, update = "CreateSubnetGroup", "UpdateSubnetGroup"
    unknown, mixed = ["subnet-ffffffff"], ["subnet-0000000a", "subnet-0000000b"]
    many = [f"subnet-0000000{number}" for number in range(4)]
    cause(create, "SubnetGroupAlreadyExistsFault", groups("subnet", 1), lambda: {
        "SubnetGroupName": "G0", "SubnetIds": [subnet(0)]})
    cause(create, "SubnetGroupQuotaExceededFault", groups("subnet", 5), lambda: {
        "SubnetGroupName": "last", "SubnetIds": [subnet(0)]})
    cause(create, "SubnetQuotaExceededFault", None, {"SubnetGroupName": "g", "SubnetIds": many})
    cause(create, "InvalidSubnet", None, {"SubnetGroupName": "g", "SubnetIds": unknown})
    cause(create, "SubnetNotAllowedFault", foreign_subnets, {"SubnetGroupName": "g", "SubnetIds": mixed})
    cause("DescribeSubnetGroups", "SubnetGroupNotFoundFault", None, {"SubnetGroupNames": ["nowhere"]})
    cause(update, "SubnetGroupNotFoundFault", None, {"SubnetGroupName": "nowhere"})
    cause(update, "SubnetQuotaExceededFault", groups("subnet", 1), {"SubnetGroupName": "g0", "SubnetIds": many})
    cause(update, "SubnetInUse", in_group([0, 1]), lambda: {"SubnetGroupName": "g0", "SubnetIds": [subnet(0)]})
    cause(update, "InvalidSubnet", groups("subnet", 1), {"SubnetGroupName": "g0", "SubnetIds": unknown})
    cause(update, "SubnetNotAllowedFault", foreign_subnets, {"SubnetGroupName": "g0", "SubnetIds": mixed})
    cause("DeleteSubnetGroup", "SubnetGroupNotFoundFault", None, {"SubnetGroupName": "nowhere"})
    cause("DeleteSubnetGroup", "SubnetGroupInUseFault", in_group([0]), {"SubnetGroupName": "g0"})


def tag_causes(cause, missing, state, invalid):
    """Adds the causes of the three operations on tags."""
    for operation, arguments in (("ListTags", {}), ("TagResource", {"Tags": TAGS[:1]}),
                                 ("UntagResource", {"TagKeys": ["k0"]})):
        cause(operation, missing, None, {"ResourceName": ARN, **arguments})
        cause(operation, "InvalidARNFault", None, {"ResourceName": "arn:aws:dax:nowhere", **arguments})
    cause("ListTags", invalid, cluster(), {"ResourceName": ARN, "NextToken": "nonsense"})
    cause("TagResource", invalid, cluster(), {"ResourceName": ARN, "Tags": [{"Key": "aws:mine", "Value": ""}]})
    cause("TagResource", "TagQuotaPerResourceExceeded", cluster(Tags=TAGS[:50]), {
        "ResourceName": ARN, "Tags": TAGS[50:]})
    cause("TagResource", state, deleting, {"ResourceName": ARN, "Tags": TAGS[:1]})
    cause("UntagResource", "TagNotFoundFault", cluster(), {"ResourceName": ARN, "TagKeys": ["k0"]})
    cause("UntagResource", state, deleting, {"ResourceName": ARN, "TagKeys": ["k0"]})
    cause("UntagResource", invalid, cluster(), {"ResourceName": ARN, "TagKeys": []})
