"""Security group rules: creation with tags, search by group, ID and tag, removal by ID, and permissions."""

from botocore.exceptions import ClientError

from sandbox import ACCOUNT, REGION, client, control
from shapes import Recorder

GROUP_ARN = f"arn:aws:ec2:{REGION}:{ACCOUNT}:security-group/"
RULES_ARN = f"arn:aws:ec2:{REGION}:{ACCOUNT}:security-group-rule/*"
TAGS = [{"Key": "dax:operation", "Value": "op-1"}, {"Key": "team", "Value": ""}]
SPECIFICATION = [{"ResourceType": "security-group-rule", "Tags": TAGS}]


def expect_error(call, code, *texts):
    """Makes a call that must fail with that error code, and with these texts in its message."""
    try:
        call()
    except ClientError as seen:
        assert seen.response["Error"]["Code"] == code, seen
        for text in texts:
            assert text in seen.response["Error"]["Message"], (text, seen)
        return
    raise AssertionError(f"{code} was not returned")


def port(number, *cidrs, **sources):
    """A permission for one port."""
    ranges = [{"CidrIp": cidr, "Description": f"from {cidr}"} for cidr in cidrs]
    return [{"IpProtocol": "tcp", "FromPort": number, "ToPort": number, "IpRanges": ranges, **sources}]


def find(ec2, *ids, **filters):
    """The IDs of the matching rules."""
    filters = [{"Name": name.replace("__", ":").replace("_", "-"), "Values": values}
               for name, values in filters.items()]
    return find_raw(ec2, list(ids), filters)


def find_raw(ec2, ids, filters):
    """The IDs of the matching rules, for filters in EC2's format."""
    arguments = {"SecurityGroupRuleIds": ids} if ids else {}
    return {rule["SecurityGroupRuleId"] for rule in
            ec2.describe_security_group_rules(Filters=filters, **arguments)["SecurityGroupRules"]}


def open_and_find(ec2, group, other):
    """Creates rules with and without tags, and finds them by all filters."""
    opened = ec2.authorize_security_group_ingress(
        GroupId=group, IpPermissions=port(8111, "10.0.0.0/16", UserIdGroupPairs=[{"GroupId": other}]),
        TagSpecifications=SPECIFICATION)["SecurityGroupRules"]
    assert all(rule["SecurityGroupRuleId"].startswith("sgr-") and rule["Tags"] == TAGS for rule in opened), opened
    tagged = {rule["SecurityGroupRuleId"] for rule in opened}
    assert len(tagged) == 2 and not any(rule["IsEgress"] for rule in opened), opened
    plain = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=port(22, "10.0.0.0/16"))
    plain = plain["SecurityGroupRules"][0]
    assert not plain.get("Tags"), plain
    plain = plain["SecurityGroupRuleId"]
    assert find(ec2, tag__team=[""]) == tagged
    assert find_raw(ec2, [], [{"Name": "tag:dax:operation", "Values": ["op-*"]}]) == tagged
    assert find_raw(ec2, [], [{"Name": "tag-key", "Values": ["team"]}]) == tagged
    assert find(ec2, group_id=[other], tag__team=["*"]) == set()
    assert find(ec2, plain) == find(ec2, security_group_rule_id=[plain]) == {plain}
    of_group = find(ec2, group_id=[group])
    assert of_group > tagged | {plain}
    everything = ec2.describe_security_group_rules(SecurityGroupRuleIds=sorted(of_group))["SecurityGroupRules"]
    egress = [rule for rule in everything if rule["IsEgress"]]
    assert [rule["CidrIpv4"] for rule in egress] == ["0.0.0.0/0"], everything
    shown = {rule["SecurityGroupRuleId"]: rule for rule in everything}
    for rule in opened:
        assert shown[rule["SecurityGroupRuleId"]] == rule, (shown, rule)
    return tagged, plain, egress[0]["SecurityGroupRuleId"]


def rejections(ec2, group, other, plain, egress):
    """Requests that EC2 rejects."""
    duplicate = "InvalidPermission.Duplicate"
    expect_error(lambda: ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=port(8111, "10.0.9.9/16")),
                 duplicate, "peer: 10.0.0.0/16, TCP, from port: 8111, to port: 8111, ALLOW")
    expect_error(lambda: ec2.authorize_security_group_ingress(
        GroupId=group, IpPermissions=port(8111, UserIdGroupPairs=[{"GroupId": other}]),
        TagSpecifications=SPECIFICATION), duplicate)
    expect_error(lambda: ec2.authorize_security_group_ingress(
        GroupId=group, IpPermissions=port(9111, "10.1.0.0/16", "10.1.2.3/16")), "InvalidParameterValue", "multiple times")
    for specification, text in (
            ({"ResourceType": "instance", "Tags": TAGS}, "'instance' is not a valid taggable resource type"),
            ({"ResourceType": "security-group-rule", "Tags": TAGS + TAGS[:1]}, "Duplicate tag key"),
            ({"ResourceType": "security-group-rule", "Tags": [{"Key": "aws:x", "Value": ""}]}, "reserved"),
            ({"ResourceType": "security-group-rule", "Tags": [{"Key": "", "Value": ""}]}, "key"),
            ({"ResourceType": "security-group-rule", "Tags": [{"Key": "k" * 129, "Value": ""}]}, "128"),
            ({"ResourceType": "security-group-rule", "Tags": [{"Key": "k", "Value": "v" * 257}]}, "256")):
        expect_error(lambda: ec2.authorize_security_group_ingress(
            GroupId=group, IpPermissions=port(9111, "10.1.0.0/16"), TagSpecifications=[specification]),
            "InvalidParameterValue", text)
    many = [{"ResourceType": "security-group-rule", "Tags": [{"Key": f"k{n}", "Value": ""} for n in range(51)]}]
    expect_error(lambda: ec2.authorize_security_group_ingress(
        GroupId=group, IpPermissions=port(9111, "10.1.0.0/16"), TagSpecifications=many), "TagLimitExceeded")
    missing, malformed = "InvalidSecurityGroupRuleId.NotFound", "InvalidSecurityGroupRuleId.Malformed"
    for rule, code in (("sgr-00000000000000000", missing), ("rule", malformed)):
        expect_error(lambda: find(ec2, rule), code, rule)
        expect_error(lambda: ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=[plain, rule]),
                     code, rule)
    expect_error(lambda: ec2.revoke_security_group_ingress(GroupId=other, SecurityGroupRuleIds=[plain]), missing)
    expect_error(lambda: ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=[egress]), missing)
    expect_error(lambda: ec2.revoke_security_group_ingress(SecurityGroupRuleIds=[plain]), "MissingParameter")
    expect_error(lambda: find(ec2, vpc_id=["vpc-0000000a"]), "InvalidParameterValue", "vpc-id")


def close(ec2, group, tagged, plain):
    """Removes rules by ID; a repeated ID counts once."""
    ids = sorted(tagged)
    revoked = ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=ids + ids[:1])
    assert {rule["SecurityGroupRuleId"] for rule in revoked["RevokedSecurityGroupRules"]} == tagged
    assert len(revoked["RevokedSecurityGroupRules"]) == 2, revoked
    assert find(ec2, tag__team=["*"]) == set() and find(ec2, plain) == {plain}
    expect_error(lambda: ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=ids),
                 "InvalidSecurityGroupRuleId.NotFound")
    ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=[plain])


def pages(ec2, group):
    """Finds many rules, page by page."""
    cidrs = [f"10.{number}.0.0/16" for number in range(12)]
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=port(8111, *cidrs))
    paginator = ec2.get_paginator("describe_security_group_rules")
    in_group = [{"Name": "group-id", "Values": [group]}]
    sizes = [len(page["SecurityGroupRules"]) for page in
             paginator.paginate(Filters=in_group, PaginationConfig={"PageSize": 5})]
    assert sizes == [5, 5, 3], sizes
    ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=port(8111, *cidrs))


def permissions(group):
    """Each call requires its own permission, and tags require another one."""
    def caller(*statements):
        control("PUT", "identities/portal", {
            "secret": "portal", "arn": f"arn:aws:iam::{ACCOUNT}:user/portal",
            "policies": [{"Version": "2012-10-17", "Statement": list(statements)}]})
        return client("ec2", "portal", "portal")

    def allow(action, resource="*", **condition):
        statement = {"Effect": "Allow", "Action": action, "Resource": resource}
        return {**statement, "Condition": {"StringEquals": condition}} if condition else statement

    def authorize(ec2, **more):
        return ec2.authorize_security_group_ingress(
            GroupId=group, IpPermissions=port(9111, "10.0.0.0/8"), TagSpecifications=SPECIFICATION, **more)

    denied, opening, tagging = "UnauthorizedOperation", "ec2:AuthorizeSecurityGroupIngress", "ec2:CreateTags"
    expect_error(lambda: authorize(caller(allow(tagging))), denied, f"{opening} on resource: {GROUP_ARN}{group}")
    elsewhere = caller(allow(opening, GROUP_ARN + "sg-0000000f"), allow(tagging))
    expect_error(lambda: authorize(elsewhere), denied, f"{opening} on resource: {GROUP_ARN}{group}")
    on_group = allow(opening, GROUP_ARN + group)
    expect_error(lambda: authorize(caller(on_group)), denied, f"{tagging} on resource: {RULES_ARN}")
    expect_error(lambda: authorize(caller(on_group), DryRun=True), denied, tagging)
    expect_error(lambda: authorize(caller(on_group, allow(tagging, GROUP_ARN + "*"))), denied, tagging)
    other_action = allow(tagging, RULES_ARN, **{"ec2:CreateAction": "CreateSecurityGroup"})
    expect_error(lambda: authorize(caller(on_group, other_action)), denied, tagging)
    other_tag = allow(tagging, RULES_ARN, **{"aws:RequestTag/team": "other"})
    expect_error(lambda: authorize(caller(on_group, other_tag)), denied, tagging)
    tagged_group = allow(opening, GROUP_ARN + group, **{"aws:RequestTag/dax:operation": "op-1"})
    expect_error(lambda: authorize(caller(tagged_group, allow(tagging))), denied, opening)
    vpc = client("ec2").describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["VpcId"]
    in_vpc = allow(opening, GROUP_ARN + "*", **{"ec2:Vpc": f"arn:aws:ec2:{REGION}:{ACCOUNT}:vpc/{vpc}"})
    exact = allow(tagging, RULES_ARN, **{
        "ec2:CreateAction": "AuthorizeSecurityGroupIngress", "aws:RequestTag/dax:operation": "op-1"})
    least = caller(in_vpc, exact)
    expect_error(lambda: authorize(least, DryRun=True), "DryRunOperation")
    rule = authorize(least)["SecurityGroupRules"][0]["SecurityGroupRuleId"]

    describing, closing = "ec2:DescribeSecurityGroupRules", "ec2:RevokeSecurityGroupIngress"
    expect_error(lambda: find(caller(allow(describing, GROUP_ARN + group)), rule), denied, describing)
    assert find(caller(allow(describing)), rule) == {rule}

    def revoke(ec2):
        return ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=[rule])

    expect_error(lambda: revoke(caller(on_group, allow(describing))), denied, f"{closing} on resource: {GROUP_ARN}{group}")
    revoke(caller(allow(closing, GROUP_ARN + group)))
    untagged = caller(on_group).authorize_security_group_ingress(GroupId=group, IpPermissions=port(9111, "10.0.0.0/8"))
    assert len(untagged["SecurityGroupRules"]) == 1, "without tags, CreateTags is not required"


def subnets_of_vpcs(ec2):
    """DescribeSubnets filters by VPC."""
    control("PUT", "subnets/subnet-0000000a", {
        "vpc_id": "vpc-0000000a", "availability_zone": f"{REGION}a", "network_types": ["ipv4"]})
    in_vpc = [{"Name": "vpc-id", "Values": ["vpc-0000000a"]}]
    found = ec2.describe_subnets(Filters=in_vpc)["Subnets"]
    assert [subnet["SubnetId"] for subnet in found] == ["subnet-0000000a"], found
    assert len(ec2.describe_subnets()["Subnets"]) == 4
    assert ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": ["vpc-0000000f"]}])["Subnets"] == []


def attributes_of_vpcs(ec2):
    """What Terraform's data source `aws_vpc` reads: attributes and the main route table."""
    vpc = ec2.describe_vpcs()["Vpcs"][0]
    of_vpc = {"VpcId": vpc["VpcId"]}
    for name, member, value in [("enableDnsHostnames", "EnableDnsHostnames", True),
                                ("enableDnsSupport", "EnableDnsSupport", True),
                                ("enableNetworkAddressUsageMetrics", "EnableNetworkAddressUsageMetrics", False)]:
        found = ec2.describe_vpc_attribute(Attribute=name, **of_vpc)
        assert found[member] == {"Value": value}, found
        assert found["VpcId"] == vpc["VpcId"], found
    expect_error(lambda: ec2.describe_vpc_attribute(Attribute="colour", **of_vpc), "InvalidParameterValue", "colour")
    expect_error(lambda: ec2.describe_vpc_attribute(Attribute="enableDnsSupport", VpcId="vpc-0000000f"),
                 "InvalidVpcID.NotFound", "vpc-0000000f")
    main_table = [{"Name": "vpc-id", "Values": [vpc["VpcId"]]}, {"Name": "association.main", "Values": ["true"]}]
    [table] = ec2.describe_route_tables(Filters=main_table)["RouteTables"]
    assert [route["DestinationCidrBlock"] for route in table["Routes"]] == [vpc["CidrBlock"]], table
    assert table["Associations"][0]["Main"] and table["OwnerId"] == ACCOUNT, table
    elsewhere = [{"Name": "vpc-id", "Values": ["vpc-0000000f"]}]
    assert ec2.describe_route_tables(Filters=elsewhere)["RouteTables"] == []


def main():
    """Runs all checks."""
    ec2 = client("ec2")
    Recorder(ec2)
    default = ec2.describe_security_groups()["SecurityGroups"][0]
    group, other = "sg-0000000b", default["GroupId"]
    control("PUT", f"security-groups/{group}", {"vpc_id": default["VpcId"], "name": "cluster"})
    tagged, plain, egress = open_and_find(ec2, group, other)
    rejections(ec2, group, other, plain, egress)
    close(ec2, group, tagged, plain)
    pages(ec2, group)
    permissions(group)
    subnets_of_vpcs(ec2)
    attributes_of_vpcs(ec2)
    print("security group rules: created, found, rejected, removed, and authorized")


main()
