"""Creates what a template of `target template` describes, by calls of IAM: the AWS sandbox has no CloudFormation.

usage: create_stack.py TEMPLATE, with credentials of the account in the environment. Needs botocore.
"""

import json
import sys

import botocore.session

with open(sys.argv[1], encoding="utf-8") as file:
    template = json.load(file)
session = botocore.session.get_session()
iam = session.create_client("iam", region_name="us-east-1")
account = session.create_client("sts", region_name="us-east-1").get_caller_identity()["Account"]
references = {name: parameter["Default"] for name, parameter in template["Parameters"].items()}


def resolved(value):
    """A value with its references and substitutions."""
    match value:
        case {"Ref": name}:
            return references[name]
        case {"Fn::Sub": text}:
            return text.replace("${AWS::AccountId}", account)
        case dict():
            return {name: resolved(member) for name, member in value.items()}
        case list():
            return [resolved(item) for item in value]
        case _:
            return value


for name, resource in template["Resources"].items():
    properties = resolved(resource["Properties"])
    match resource["Type"]:
        case "AWS::IAM::ManagedPolicy":
            properties["PolicyName"] = properties.pop("ManagedPolicyName")
            properties["PolicyDocument"] = json.dumps(properties["PolicyDocument"])
            references[name] = iam.create_policy(**properties)["Policy"]["Arn"]
        case "AWS::IAM::Role":
            policies = properties.pop("Policies")
            properties["AssumeRolePolicyDocument"] = json.dumps(properties["AssumeRolePolicyDocument"])
            references[name] = iam.create_role(**properties)["Role"]["Arn"]
            for policy in policies:
                document = json.dumps(policy["PolicyDocument"])
                iam.put_role_policy(
                    RoleName=properties["RoleName"], PolicyName=policy["PolicyName"], PolicyDocument=document
                )
        case other:
            sys.exit(f"{name}: {other} is not known")
    print(f"{name}: {references[name]}")
