"""Coverage of botocore's models: every operation of the sandbox returns the shape in the model, and every modelled error
of an operation is parsed as that error. The error comes from its natural cause if there is one."""

import pathlib

from dax_errors import INJECTED_ONLY, natural_causes
from operations import run_dax, run_others
from sandbox import client, control
from shapes import Recorder

# HTTP statuses in the Smithy model of DAX; botocore's model has none.
STATUS = {"ClusterNotFoundFault": 404, "NodeNotFoundFault": 404, "ParameterGroupNotFoundFault": 404,
          "SubnetGroupNotFoundFault": 404, "TagNotFoundFault": 404, "ServiceQuotaExceededException": 402}
OTHERS = {
    "iam": ["CreateRole", "GetRole", "ListRoles", "UpdateRole", "DeleteRole", "TagRole", "UntagRole", "ListRoleTags",
            "UpdateAssumeRolePolicy", "PutRolePermissionsBoundary", "DeleteRolePermissionsBoundary", "CreatePolicy",
            "GetPolicy", "ListPolicies", "DeletePolicy", "CreatePolicyVersion", "GetPolicyVersion",
            "ListPolicyVersions", "DeletePolicyVersion", "SetDefaultPolicyVersion", "TagPolicy", "UntagPolicy",
            "ListPolicyTags", "ListEntitiesForPolicy", "AttachRolePolicy", "DetachRolePolicy",
            "ListAttachedRolePolicies", "ListInstanceProfilesForRole", "PutRolePolicy", "GetRolePolicy", "DeleteRolePolicy", "ListRolePolicies",
            "CreateServiceLinkedRole", "SimulatePrincipalPolicy", "GetUser"],
    "sts": ["GetCallerIdentity", "AssumeRole"],
    "ec2": ["DescribeVpcs", "DescribeSubnets", "DescribeSecurityGroups", "DescribeSecurityGroupRules",
            "DescribeAvailabilityZones", "AuthorizeSecurityGroupIngress", "RevokeSecurityGroupIngress"],
    "dynamodb": ["DescribeTable"],
}
# Minimal values that botocore accepts for required members; the sandbox returns the injected error without reading them.
FILLER = {"string": "x" * 20, "list": [], "integer": 3600, "boolean": True, "structure": {}}


def provoke(call, error, status):
    """Makes a call that must fail with that error."""
    try:
        call()
    except call.__self__.exceptions.ClientError as seen:
        code = error.metadata.get("error", {}).get("code", error.name)
        assert seen.response["Error"]["Code"] == code, f"{error.name}: {seen}"
        assert type(seen).__name__ == error.name, f"{error.name}: {type(seen)}"
        assert seen.response["ResponseMetadata"]["HTTPStatusCode"] == status, f"{error.name}: {seen.response}"
        assert seen.response["Error"]["Message"], error.name
        return
    raise AssertionError(f"{call.operation}: {error.name} was not returned")


class Call:
    """A call of a client, with its arguments."""

    def __init__(self, service, operation, arguments):
        self.__self__ = service
        self.operation, self.arguments = operation, arguments

    def __call__(self):
        return getattr(self.__self__, python_name(self.operation))(**self.arguments)


def python_name(operation):
    """The Python name of an operation: create_cluster for CreateCluster."""
    from botocore import xform_name
    return xform_name(operation)


def inject(service, name, error, status):
    """Provokes an error with a fault rule."""
    operation = service.meta.service_model.operation_model(name)
    code = error.metadata.get("error", {}).get("code", error.name)
    control("POST", "faults", {"call": f"{service.meta.service_model.signing_name}:{name}", "fault": f"error:{code}"})
    shape = operation.input_shape
    arguments = {} if shape is None else {
        member: FILLER[shape.members[member].type_name] for member in shape.required_members}
    if name == "CreateCluster":
        arguments["ReplicationFactor"] = 1
    provoke(Call(service, name, arguments), error, status)


def walk_dax(recorder):
    """Calls all operations of DAX and provokes all its modelled errors."""
    dax = recorder_client(recorder)
    run_dax(dax)
    model = dax.meta.service_model
    assert recorder.validated == set(model.operation_names), set(model.operation_names) - recorder.validated
    control("POST", "reset")
    causes = natural_causes(dax)
    modelled = {(name, error.name): error for name in model.operation_names
                for error in model.operation_model(name).error_shapes}
    for pair, (arrange, arguments) in causes.items():
        assert pair in modelled, f"{pair} is not in the model"
        control("POST", "reset")
        if arrange is not None:
            arrange()
        wanted = arguments() if callable(arguments) else arguments
        provoke(Call(dax, pair[0], wanted), modelled[pair], STATUS.get(pair[1], 400))
    control("POST", "reset")
    only = {pair for pair in modelled if pair not in causes}
    for pair in sorted(only):
        assert pair[1] in INJECTED_ONLY or pair in INJECTED_ONLY, f"{pair} has neither a cause nor a reason"
        inject(dax, pair[0], modelled[pair], STATUS.get(pair[1], 400))
    check_readme(only)
    print(f"dax: {len(recorder.validated)} of {len(model.operation_names)} operations validated, {len(modelled)} modelled "
          f"errors returned: {len(causes)} by their natural cause, {len(only)} by injection only, 0 skipped")


def check_readme(only):
    """Checks that the README lists exactly the errors that need injection."""
    readme = pathlib.Path(__file__).parents[2] / "README.md"
    section = readme.read_text(encoding="utf-8").split("## Errors that only injection produces", 1)[1].split("\n## ", 1)[0]
    for name in {pair[1] for pair in only}:
        assert f"`{name}`" in section, f"{name} is not in the README's list"
    named = {word for word in section.replace("`", " ").split() if word in STATUS or word.endswith(("Fault", "Exception"))}
    assert named == {pair[1] for pair in only}, f"the README names {named}"


def walk_others(recorders):
    """Calls the supported operations of the other services and provokes their modelled errors."""
    control("POST", "reset")
    run_others({name: recorder_client(recorder) for name, recorder in recorders.items()})
    for name, recorder in recorders.items():
        offered = OTHERS[name]
        assert recorder.validated >= set(offered), set(offered) - recorder.validated
        seen = 0
        for operation in offered:
            for error in recorder.model.operation_model(operation).error_shapes:
                status = error.metadata.get("error", {}).get("httpStatusCode", 400)
                if name == "dynamodb" and error.name == "InternalServerError":
                    status = 500
                inject(recorder_client(recorder), operation, error, status)
                seen += 1
        print(f"{name}: {len(offered)} operations validated, {seen} modelled errors returned by injection, 0 skipped")


CLIENTS = {}


def recorder_client(recorder):
    """The client that a recorder observes."""
    return CLIENTS[recorder.model.service_name]


def main():
    """Runs all checks."""
    recorders = {}
    for name in ("dax", *OTHERS):
        CLIENTS[name] = client(name)
        recorders[name] = Recorder(CLIENTS[name])
    walk_dax(recorders.pop("dax"))
    walk_others(recorders)


main()
