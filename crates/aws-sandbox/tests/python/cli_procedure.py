"""The complete procedure of DAX's guide with the AWS CLI: role, policy, subnet group, cluster, port, parameters,
scaling, tags, events, and deletion of everything. Prints the transcript and stops at the first command that fails.

The commands run in this process, because importing the CLI takes longer than most of them."""

import contextlib
import io
import json
import os
import tempfile

from awscli.clidriver import create_clidriver

from sandbox import ACCESS, REGION, TRUST, URL, advance, control

os.environ.update(AWS_ACCESS_KEY_ID="sandbox", AWS_SECRET_ACCESS_KEY="sandbox", AWS_DEFAULT_REGION=REGION,
                  AWS_ENDPOINT_URL=URL, AWS_PAGER="", AWS_DEFAULT_OUTPUT="json", AWS_CONFIG_FILE=os.devnull,
                  AWS_SHARED_CREDENTIALS_FILE=os.devnull)
FOLDER = tempfile.TemporaryDirectory()
os.chdir(FOLDER.name)


def aws(*words, fails=None):
    """Runs one command and returns its output, parsed if it is JSON. With `fails` it must fail with that error code."""
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        status = create_clidriver().main(list(words))
    out, err = out.getvalue(), err.getvalue()
    print("$ aws", " ".join(word if " " not in word else repr(word) for word in words))
    print((out + err).strip()[:600] or "(no output)")
    if fails is not None:
        assert status != 0 and f"({fails})" in err, err
        return err
    assert status == 0, err
    try:
        return json.loads(out) if out.strip() else None
    except ValueError:
        return out.strip()


def until(wanted, cluster):
    """Polls DescribeClusters, as in the guide, until the cluster has that status. Each poll advances the clock by 60 s."""
    for _ in range(5):
        status = aws("dax", "describe-clusters", "--cluster-names", cluster, "--query", "Clusters[0].Status")
        if status == wanted:
            return
        advance(60)
    raise AssertionError(f"{cluster} never became {wanted}")


def create():
    """Steps 1 to 3 of the guide."""
    for name, text in (("service-trust-relationship.json", TRUST),
                       ("service-role-dynamodb-access-policy.json", ACCESS)):
        with open(os.path.join(FOLDER.name, name), "w", encoding="utf-8") as file:
            file.write(text)
    role = "DAXServiceRoleForDynamoDBAccess"
    aws("iam", "create-role", "--role-name", role, "--assume-role-policy-document",
        "file://service-trust-relationship.json")
    policy = aws("iam", "create-policy", "--policy-name", "DAXServicePolicyForDynamoDBAccess", "--policy-document",
                 "file://service-role-dynamodb-access-policy.json", "--query", "Policy.Arn")
    aws("iam", "attach-role-policy", "--role-name", role, "--policy-arn", policy)
    vpc = aws("ec2", "describe-vpcs", "--query", "Vpcs[0].VpcId")
    subnets = aws("ec2", "describe-subnets", "--filters", f"Name=vpc-id,Values={vpc}", "--query",
                  "Subnets[*].SubnetId")
    aws("dax", "create-subnet-group", "--subnet-group-name", "my-subnet-group", "--subnet-ids", *subnets)
    arn = aws("iam", "get-role", "--role-name", role, "--query", "Role.Arn", "--output", "text")
    advance(60)
    created = aws("dax", "create-cluster", "--cluster-name", "mydaxcluster", "--node-type", "dax.r4.large",
                  "--replication-factor", "3", "--iam-role-arn", arn, "--subnet-group", "my-subnet-group",
                  "--sse-specification", "Enabled=true", "--region", REGION)["Cluster"]
    assert created["Status"] == "creating" and created["ClusterDiscoveryEndpoint"] == {"Port": 8111}, created
    return role, policy, vpc, created["ClusterArn"]


def open_port(vpc):
    """Step 4 of the guide, which does not require the cluster to be available."""
    group = aws("ec2", "describe-security-groups", "--filters", f"Name=vpc-id,Values={vpc}",
                "Name=group-name,Values=default", "--query", "SecurityGroups[*].{GroupName:GroupName,GroupId:GroupId}")
    ingress = ("--group-id", group[0]["GroupId"], "--protocol", "tcp", "--port", "8111", "--source-group",
               group[0]["GroupId"])
    aws("ec2", "authorize-security-group-ingress", *ingress)
    aws("ec2", "authorize-security-group-ingress", *ingress, fails="InvalidPermission.Duplicate")
    aws("ec2", "revoke-security-group-ingress", *ingress)


def manage(arn):
    """The guide's page on managing clusters."""
    aws("dax", "create-parameter-group", "--parameter-group-name", "myparametergroup", "--description", "ttl")
    aws("dax", "update-parameter-group", "--parameter-group-name", "myparametergroup", "--parameter-name-values",
        "ParameterName=query-ttl-millis,ParameterValue=60000")
    values = aws("dax", "describe-parameters", "--parameter-group", "myparametergroup", "--query",
                 "Parameters[*].ParameterValue")
    assert values == ["60000", "300000"], values
    aws("dax", "update-cluster", "--cluster-name", "mydaxcluster", "--parameter-group", "myparametergroup")
    aws("dax", "increase-replication-factor", "--cluster-name", "mydaxcluster", "--new-replication-factor", "5")
    aws("dax", "delete-cluster", "--cluster-name", "mydaxcluster", fails="InvalidClusterStateFault")
    until("available", "mydaxcluster")
    aws("dax", "decrease-replication-factor", "--cluster-name", "mydaxcluster", "--new-replication-factor", "3")
    until("available", "mydaxcluster")
    aws("dax", "reboot-node", "--cluster-name", "mydaxcluster", "--node-id", "mydaxcluster-a")
    aws("dax", "tag-resource", "--resource-name", arn, "--tags=Key=ClusterUsage,Value=prod")
    assert aws("dax", "list-tags", "--resource-name", arn)["Tags"] == [{"Key": "ClusterUsage", "Value": "prod"}]
    assert aws("dax", "untag-resource", "--resource-name", arn, "--tag-keys=ClusterUsage")["Tags"] == []


def delete(role, policy):
    """Deletes everything, in the required order."""
    until("available", "mydaxcluster")
    aws("dax", "delete-cluster", "--cluster-name", "mydaxcluster")
    aws("dax", "delete-subnet-group", "--subnet-group-name", "my-subnet-group", fails="SubnetGroupInUseFault")
    advance(60)
    aws("dax", "describe-clusters", "--cluster-names", "mydaxcluster", fails="ClusterNotFoundFault")
    aws("dax", "delete-subnet-group", "--subnet-group-name", "my-subnet-group")
    aws("dax", "delete-parameter-group", "--parameter-group-name", "myparametergroup")
    messages = aws("dax", "describe-events", "--source-name", "mydaxcluster", "--source-type", "CLUSTER", "--query",
                   "Events[*].Message")
    assert messages[0] == "Cluster deleted." and messages[-1] == "Cluster created.", messages
    aws("iam", "delete-role", "--role-name", role, fails="DeleteConflict")
    aws("iam", "detach-role-policy", "--role-name", role, "--policy-arn", policy)
    aws("iam", "delete-policy", "--policy-arn", policy)
    aws("iam", "delete-role", "--role-name", role)
    left = [role["name"] for role in control("GET", "inventory")["roles"]]
    assert left == ["AWSServiceRoleForDAX"], left


def main():
    """Runs the procedure."""
    role, policy, vpc, arn = create()
    open_port(vpc)
    until("available", "mydaxcluster")
    aws("dax", "describe-clusters", "--cluster-name", "mydaxcluster")
    manage(arn)
    delete(role, policy)
    FOLDER.cleanup()


main()
