"""The calls of Terraform's provider for `aws_dax_cluster`, `aws_iam_role`, `aws_iam_policy` and `data "aws_vpc"`, and the
answers that it depends on."""

import json

from botocore.exceptions import ClientError
from sandbox import ACCOUNT, REGION, TRUST, advance, client

DAX, IAM, EC2, STS = (client(service) for service in ("dax", "iam", "ec2", "sts"))


def refused(call, **parameters):
    """Code and message of a call that must be refused."""
    try:
        call(**parameters)
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["Error"]["Message"]
    raise AssertionError(f"accepted: {parameters}")


def policy(resource, **statement):
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": resource} | statement
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def trust(principal):
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def cluster():
    return DAX.describe_clusters(ClusterNames=["smallest"])["Clusters"][0]


def smallest_cluster():
    """The provider sends an empty name for the subnet group that a configuration leaves out."""
    role = IAM.create_role(RoleName="Service", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    advance(5)
    created = DAX.create_cluster(ClusterName="smallest", NodeType="dax.t3.small", ReplicationFactor=1, IamRoleArn=role,
                                 SubnetGroupName="", SSESpecification={"Enabled": False})
    assert created["Cluster"]["SubnetGroup"] == "default", created
    advance(60)
    assert cluster()["Status"] == "available"


def change_and_scale_in_one_apply():
    """UpdateCluster, and at once IncreaseReplicationFactor: nothing waits between the two."""
    DAX.create_parameter_group(ParameterGroupName="two")
    window = "mon:01:00-mon:02:00"
    updated = DAX.update_cluster(ClusterName="smallest", ParameterGroupName="two", PreferredMaintenanceWindow=window)
    updated = updated["Cluster"]
    assert updated["Status"] == "available", updated
    assert updated["ParameterGroup"] == {"ParameterGroupName": "two", "ParameterApplyStatus": "applying",
                                         "NodeIdsToReboot": []}, updated
    assert [node["ParameterGroupStatus"] for node in updated["Nodes"]] == ["applying"], updated
    DAX.increase_replication_factor(ClusterName="smallest", NewReplicationFactor=2)
    advance(60)
    found = cluster()
    assert (found["Status"], found["TotalNodes"], found["PreferredMaintenanceWindow"]) == ("available", 2, window), found
    assert found["ParameterGroup"]["ParameterApplyStatus"] == "in-sync", found


def roles_and_policies():
    role = IAM.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST, MaxSessionDuration=7200)["Role"]
    assert not {"MaxSessionDuration", "RoleLastUsed"} & role.keys(), role
    described = IAM.update_role_description(RoleName="r", Description="new")["Role"]
    assert (described["RoleName"], described["Description"]) == ("r", "new"), described
    assert IAM.get_role(RoleName="r")["Role"]["MaxSessionDuration"] == 7200
    IAM.update_role(RoleName="r", Description="n")
    assert IAM.get_role(RoleName="r")["Role"]["MaxSessionDuration"] == 3600
    for principal in ({"Service": "nosuch.amazonaws.com"}, {"AWS": f"arn:aws:iam::{ACCOUNT}:role/none"}):
        code, message = refused(IAM.create_role, RoleName="x", AssumeRolePolicyDocument=trust(principal))
        assert code == "MalformedPolicyDocument" and message.startswith("Invalid principal in policy"), message
    created = IAM.create_policy(PolicyName="p", Description="x", PolicyDocument=policy("*"))["Policy"]
    assert not {"Description", "Tags"} & created.keys(), created
    assert IAM.get_policy(PolicyArn=created["Arn"])["Policy"]["Tags"] == []
    boundary = IAM.create_role(RoleName="b", AssumeRolePolicyDocument=TRUST, PermissionsBoundary=created["Arn"])["Role"]
    assert boundary["PermissionsBoundary"]["PermissionsBoundaryType"] == "Policy", boundary
    code, message = refused(IAM.attach_role_policy, RoleName="r", PolicyArn="x" * 20)
    assert (code, message) == ("ValidationError", "Invalid ARN:  Could not be parsed!"), (code, message)


def documents_of_policies():
    for number, document in enumerate([
        policy(f"arn:aws:iam::{ACCOUNT}:user/${{aws:username}}"),
        policy("*", Action="service-prefix:action-name"),
        policy("*", Condition={"DateGreaterThan": {"a": "2020-01-01T00:00:00Z"}}),
    ]):
        IAM.create_policy(PolicyName=f"stored-{number}", PolicyDocument=document)
    code, message = refused(IAM.create_policy, PolicyName="y", PolicyDocument=policy("arn:aws:s3:us-east-1::b/x"))
    assert code == "MalformedPolicyDocument" and "can not contain region information" in message, message
    code, message = refused(IAM.create_role, RoleName="y", AssumeRolePolicyDocument="{")
    assert (code, message) == ("MalformedPolicyDocument", "This policy contains invalid Json"), message
    inline = json.dumps({"Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]})
    IAM.put_role_policy(RoleName="r", PolicyName="inline", PolicyDocument=inline)


def default_vpc():
    vpc = EC2.describe_vpcs(Filters=[{"Name": "isDefault", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
    for attribute, name in (("enableDnsHostnames", "EnableDnsHostnames"), ("enableDnsSupport", "EnableDnsSupport"),
                            ("enableNetworkAddressUsageMetrics", "EnableNetworkAddressUsageMetrics")):
        assert "Value" in EC2.describe_vpc_attribute(VpcId=vpc, Attribute=attribute)[name]
    filters = [{"Name": "vpc-id", "Values": [vpc]}, {"Name": "association.main", "Values": ["true"]}]
    assert len(EC2.describe_route_tables(Filters=filters)["RouteTables"]) == 1


def sessions():
    root = f"arn:aws:iam::{ACCOUNT}:root"
    arn = IAM.create_role(RoleName="session", AssumeRolePolicyDocument=trust({"AWS": root}))["Role"]["Arn"]
    advance(5)
    STS.assume_role(RoleArn=arn, RoleSessionName="terraform", Policy=policy("*"))
    malformed = f"arn:aws:iam::{ACCOUNT}:rol/session"
    code, message = refused(STS.assume_role, RoleArn=malformed, RoleSessionName="terraform")
    assert (code, message) == ("ValidationError", f"{malformed} is invalid"), (code, message)


def simulator():
    key = f"arn:aws:iam::{ACCOUNT}:role/simulated"
    IAM.create_role(RoleName="simulated", AssumeRolePolicyDocument=TRUST)
    condition = {"StringEquals": {"iam:PassedToService": "dax.amazonaws.com"}}
    document = policy("*", Action="iam:PassRole", Condition=condition)
    IAM.put_role_policy(RoleName="simulated", PolicyName="p", PolicyDocument=document)
    resource = f"arn:aws:iam::{ACCOUNT}:role/r"
    ask = {"PolicySourceArn": key, "ActionNames": ["iam:PassRole"], "ResourceArns": [resource]}
    result = IAM.simulate_principal_policy(**ask)["EvaluationResults"][0]
    # As the policy spells the key.
    assert result["MissingContextValues"] == ["iam:PassedToService"], result
    missing = f"arn:aws:iam::{ACCOUNT}:role/none"
    code, message = refused(IAM.simulate_principal_policy, **ask | {"PolicySourceArn": missing})
    assert (code, message) == ("NoSuchEntity", "Unable to retrieve specified IAM entity."), (code, message)
    code, _ = refused(IAM.simulate_principal_policy, **ask | {"PolicySourceArn": "arn:aws:iam::210987654321:role/r"})
    assert code == "InvalidInput", code


for check in (smallest_cluster, change_and_scale_in_one_apply, roles_and_policies, documents_of_policies, default_vpc,
              sessions, simulator):
    check()
    print(f"{check.__name__}: as Terraform's provider expects in {REGION}")
