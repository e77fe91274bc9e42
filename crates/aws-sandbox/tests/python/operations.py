"""One successful call of every operation of the sandbox."""

import json

from sandbox import ACCESS, ACCOUNT, REGION, TRUST, advance, client, control

ROOT_TRUST = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}]})


def service_role(name="Service"):
    """Creates a role that DAX can assume, and returns its ARN."""
    arn = client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    advance(5)
    return arn


def run_dax(dax):
    """Calls every operation of DAX, for one cluster whose request has every member."""
    role = service_role()
    subnets = [subnet["id"] for subnet in control("GET", "inventory")["subnets"]]
    group = control("GET", "inventory")["security_groups"][0]["id"]
    dax.create_subnet_group(SubnetGroupName="Net", Description="two zones", SubnetIds=subnets[:2])
    dax.update_subnet_group(SubnetGroupName="net", Description="three zones", SubnetIds=subnets)
    assert len(dax.describe_subnet_groups(SubnetGroupNames=["NET"])["SubnetGroups"][0]["Subnets"]) == 3
    dax.create_parameter_group(ParameterGroupName="fast", Description="short TTLs")
    dax.update_parameter_group(ParameterGroupName="fast", ParameterNameValues=[
        {"ParameterName": "record-ttl-millis", "ParameterValue": "0"},
        {"ParameterName": "query-ttl-millis", "ParameterValue": "60000"}])
    assert [group["ParameterGroupName"] for group in dax.describe_parameter_groups()["ParameterGroups"]] == [
        "default.dax1.0", "fast"]
    values = {parameter["ParameterName"]: parameter["ParameterValue"] for parameter in
              dax.describe_parameters(ParameterGroupName="fast", Source="user")["Parameters"]}
    assert values == {"record-ttl-millis": "0", "query-ttl-millis": "60000"}, values
    assert len(dax.describe_default_parameters()["Parameters"]) == 2
    sent = {"ClusterName": "Walk", "NodeType": "dax.r5.large", "ReplicationFactor": 2, "Description": "a test",
            "AvailabilityZones": [f"{REGION}c", f"{REGION}c"], "SubnetGroupName": "Net",
            "SecurityGroupIds": [group], "PreferredMaintenanceWindow": "mon:01:00-mon:02:00",
            "NotificationTopicArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:events", "IamRoleArn": role,
            "ParameterGroupName": "fast", "Tags": [{"Key": "a", "Value": "b"}], "SSESpecification": {"Enabled": True},
            "ClusterEndpointEncryptionType": "TLS", "NetworkType": "ipv4"}
    arn = dax.create_cluster(**sent)["Cluster"]["ClusterArn"]
    dax.describe_clusters(ClusterNames=["walk"])
    advance(60)
    check_members(dax.describe_clusters()["Clusters"][0], sent)
    dax.tag_resource(ResourceName=arn, Tags=[{"Key": "c", "Value": ""}])
    dax.untag_resource(ResourceName=arn, TagKeys=["a"])
    assert dax.list_tags(ResourceName=arn)["Tags"] == [{"Key": "c", "Value": ""}]
    dax.reboot_node(ClusterName="walk", NodeId="walk-a")
    advance(60)
    dax.update_cluster(ClusterName="walk", Description="changed", NotificationTopicStatus="inactive",
                       ParameterGroupName="default.dax1.0", PreferredMaintenanceWindow="tue:01:00-tue:02:00",
                       SecurityGroupIds=[group])
    advance(60)
    dax.increase_replication_factor(ClusterName="walk", NewReplicationFactor=3, AvailabilityZones=[f"{REGION}a"])
    dax.describe_clusters()
    advance(60)
    dax.decrease_replication_factor(ClusterName="walk", NewReplicationFactor=2, AvailabilityZones=[f"{REGION}c"])
    advance(60)
    zones = [node["AvailabilityZone"] for node in dax.describe_clusters()["Clusters"][0]["Nodes"]]
    assert sorted(zones) == [f"{REGION}a", f"{REGION}c"], zones
    dax.delete_cluster(ClusterName="walk")
    advance(45)
    assert "Status" not in dax.describe_clusters()["Clusters"][0]
    advance(15)
    dax.delete_subnet_group(SubnetGroupName="net")
    dax.delete_parameter_group(ParameterGroupName="fast")
    events = dax.describe_events(Duration=60)["Events"]
    assert {event["SourceType"] for event in events} == {"CLUSTER", "PARAMETER_GROUP", "SUBNET_GROUP"}


def check_members(cluster, sent):
    """Checks that the cluster has the settings that were sent."""
    assert cluster["ClusterName"] == "walk" and cluster["Description"] == sent["Description"]
    assert cluster["NodeType"] == sent["NodeType"] and cluster["TotalNodes"] == sent["ReplicationFactor"]
    assert [node["AvailabilityZone"] for node in cluster["Nodes"]] == sent["AvailabilityZones"]
    assert cluster["SubnetGroup"] == "net" and cluster["IamRoleArn"] == sent["IamRoleArn"]
    assert [group["SecurityGroupIdentifier"] for group in cluster["SecurityGroups"]] == sent["SecurityGroupIds"]
    assert cluster["PreferredMaintenanceWindow"] == sent["PreferredMaintenanceWindow"]
    assert cluster["NotificationConfiguration"]["TopicArn"] == sent["NotificationTopicArn"]
    assert cluster["ParameterGroup"]["ParameterGroupName"] == sent["ParameterGroupName"]
    assert cluster["SSEDescription"]["Status"] == "ENABLED" and cluster["NetworkType"] == "ipv4"
    assert cluster["ClusterDiscoveryEndpoint"]["Port"] == 9111
    assert cluster["ClusterDiscoveryEndpoint"]["URL"].startswith("daxs://walk.")


def run_others(clients):
    """Calls every supported operation of the other services."""
    run_roles(clients["iam"])
    run_policies(clients["iam"])
    run_sts(clients["sts"], clients["iam"])
    run_ec2(clients["ec2"])
    table = clients["dynamodb"].describe_table(TableName="Orders")["Table"]
    assert table["TableStatus"] == "ACTIVE" and table["TableArn"].endswith(":table/Orders"), table


def run_roles(iam):
    """Roles with their policies, boundary and tags."""
    boundary = iam.create_policy(PolicyName="Boundary", PolicyDocument=ACCESS)["Policy"]["Arn"]
    iam.create_role(RoleName="Walk", Path="/walk/", AssumeRolePolicyDocument=TRUST, Description="a role",
                    MaxSessionDuration=7200, PermissionsBoundary=boundary, Tags=[{"Key": "a", "Value": "b"}])
    role = iam.get_role(RoleName="Walk")["Role"]
    assert role["AssumeRolePolicyDocument"] == json.loads(TRUST) and role["MaxSessionDuration"] == 7200
    assert role["PermissionsBoundary"]["PermissionsBoundaryArn"] == boundary
    iam.update_role(RoleName="Walk", Description="changed", MaxSessionDuration=3600)
    iam.update_assume_role_policy(RoleName="Walk", PolicyDocument=ROOT_TRUST)
    iam.tag_role(RoleName="Walk", Tags=[{"Key": "c", "Value": "d"}])
    iam.untag_role(RoleName="Walk", TagKeys=["a"])
    assert iam.list_role_tags(RoleName="Walk")["Tags"] == [{"Key": "c", "Value": "d"}]
    iam.delete_role_permissions_boundary(RoleName="Walk")
    iam.put_role_permissions_boundary(RoleName="Walk", PermissionsBoundary=boundary)
    iam.put_role_policy(RoleName="Walk", PolicyName="inline", PolicyDocument=ACCESS)
    assert iam.get_role_policy(RoleName="Walk", PolicyName="inline")["PolicyDocument"] == json.loads(ACCESS)
    assert iam.list_role_policies(RoleName="Walk")["PolicyNames"] == ["inline"]
    iam.attach_role_policy(RoleName="Walk", PolicyArn=boundary)
    assert len(iam.list_attached_role_policies(RoleName="Walk")["AttachedPolicies"]) == 1
    assert iam.list_instance_profiles_for_role(RoleName="Walk")["InstanceProfiles"] == []
    assert iam.list_entities_for_policy(PolicyArn=boundary)["PolicyRoles"][0]["RoleName"] == "Walk"
    iam.create_service_linked_role(AWSServiceName="dax.amazonaws.com")
    assert [role["RoleName"] for role in iam.list_roles(PathPrefix="/walk/")["Roles"]] == ["Walk"]
    iam.detach_role_policy(RoleName="Walk", PolicyArn=boundary)
    iam.delete_role_policy(RoleName="Walk", PolicyName="inline")
    iam.delete_role(RoleName="Walk")
    assert iam.get_user()["User"]["UserName"] == "sandbox"


def run_policies(iam):
    """Managed policies, their versions and tags, and the simulator."""
    arn = iam.create_policy(PolicyName="Walk", Path="/walk/", PolicyDocument=ACCESS, Description="a policy",
                            Tags=[{"Key": "a", "Value": "b"}])["Policy"]["Arn"]
    assert iam.get_policy(PolicyArn=arn)["Policy"]["Description"] == "a policy"
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=ACCESS)
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v2")
    version = iam.get_policy_version(PolicyArn=arn, VersionId="v2")["PolicyVersion"]
    assert version["Document"] == json.loads(ACCESS) and version["IsDefaultVersion"]
    assert len(iam.list_policy_versions(PolicyArn=arn)["Versions"]) == 2
    iam.delete_policy_version(PolicyArn=arn, VersionId="v1")
    iam.tag_policy(PolicyArn=arn, Tags=[{"Key": "c", "Value": "d"}])
    iam.untag_policy(PolicyArn=arn, TagKeys=["a"])
    assert iam.list_policy_tags(PolicyArn=arn)["Tags"] == [{"Key": "c", "Value": "d"}]
    assert [policy["Arn"] for policy in iam.list_policies(Scope="Local", PathPrefix="/walk/")["Policies"]] == [arn]
    assert "AdministratorAccess" in [policy["PolicyName"] for policy in iam.list_policies(Scope="AWS")["Policies"]]
    iam.delete_policy(PolicyArn=arn)
    simulated = iam.simulate_principal_policy(
        PolicySourceArn=f"arn:aws:iam::{ACCOUNT}:user/sandbox", ActionNames=["dax:CreateCluster", "iam:PassRole"])
    assert [result["EvalDecision"] for result in simulated["EvaluationResults"]] == ["allowed", "allowed"]


def run_sts(sts, iam):
    """GetCallerIdentity and AssumeRole."""
    assert sts.get_caller_identity()["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/sandbox"
    arn = iam.create_role(RoleName="Ops", AssumeRolePolicyDocument=ROOT_TRUST)["Role"]["Arn"]
    session = sts.assume_role(RoleArn=arn, RoleSessionName="walk")
    assert session["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/Ops/walk"


def run_ec2(ec2):
    """VPCs, subnets, zones, security groups and ingress rules."""
    vpc = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
    in_vpc = {"Name": "vpc-id", "Values": [vpc]}
    subnets = ec2.describe_subnets(Filters=[in_vpc])["Subnets"]
    assert len({subnet["AvailabilityZone"] for subnet in subnets}) == 3
    assert ec2.describe_subnets(SubnetIds=[subnets[0]["SubnetId"]])["Subnets"] == subnets[:1]
    assert len(ec2.describe_availability_zones()["AvailabilityZones"]) == 3
    named = {"Name": "group-name", "Values": ["def*"]}
    group = ec2.describe_security_groups(Filters=[in_vpc, named])["SecurityGroups"][0]["GroupId"]
    permission = {"IpProtocol": "tcp", "FromPort": 9111, "ToPort": 9111,
                  "UserIdGroupPairs": [{"GroupId": group, "Description": "members"}],
                  "IpRanges": [{"CidrIp": "10.1.2.3/16"}], "Ipv6Ranges": [{"CidrIpv6": "2001:db8::/32"}]}
    rules = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])["SecurityGroupRules"]
    assert len(ec2.describe_security_group_rules()["SecurityGroupRules"]) == len(rules) + 2
    assert [rule.get("CidrIpv4") for rule in rules if "CidrIpv4" in rule] == ["10.1.0.0/16"], rules
    shown = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissions"]
    opened = [permission for permission in shown if permission.get("FromPort") == 9111]
    assert opened[0]["UserIdGroupPairs"][0]["Description"] == "members", shown
    gone = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}
    revoked = ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[permission, gone])
    assert len(revoked["RevokedSecurityGroupRules"]) == 3 and len(revoked["UnknownIpPermissions"]) == 1, revoked
