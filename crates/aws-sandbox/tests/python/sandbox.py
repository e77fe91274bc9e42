"""Clients of a sandbox, its control API, and the policy documents of the guide."""

import json
import sys
import urllib.error
import urllib.request

import boto3
from botocore.config import Config

URL = sys.argv[1]
ACCOUNT = "123456789012"
REGION = "us-east-1"
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "dax.amazonaws.com"}, "Action": "sts:AssumeRole"}]})
ACCESS = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": [
    "dynamodb:DescribeTable", "dynamodb:PutItem", "dynamodb:GetItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem",
    "dynamodb:Query", "dynamodb:Scan", "dynamodb:BatchGetItem", "dynamodb:BatchWriteItem",
    "dynamodb:ConditionCheckItem"], "Resource": [f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:*"]}]})


def client(service, key="sandbox", secret="sandbox"):
    """A boto3 client without retries."""
    return boto3.client(service, endpoint_url=URL, region_name=REGION, aws_access_key_id=key,
                        aws_secret_access_key=secret, config=Config(retries={"total_max_attempts": 1}))


def control(method, path, body=None):
    """Calls the control API and returns the JSON response, or None if it is empty."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{URL}/_sandbox/{path}", method=method, data=data)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request) as response:
        text = response.read()
    return json.loads(text) if text else None


def advance(seconds):
    """Advances the sandbox's clock."""
    control("POST", "clock", {"advance_seconds": seconds})
