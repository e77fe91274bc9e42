"""Validates raw responses against botocore's service models: no unknown or missing member, and correct types."""

import json
import xml.etree.ElementTree as ElementTree


class Recorder:
    """Validates every response of a client, and collects the operations that succeeded."""

    def __init__(self, client):
        self.model = client.meta.service_model
        self.validated = set()
        client.meta.events.register("response-received", self.receive)

    def receive(self, response_dict, operation_name=None, model=None, event_name="", **_):
        """Called by botocore with the raw response before it returns the parsed one."""
        name = event_name.rsplit(".", 1)[-1]
        if response_dict is None or response_dict["status_code"] >= 300:
            return
        operation = self.model.operation_model(name)
        validate(self.model, operation, response_dict["body"])
        assert "x-amzn-requestid" in response_dict["headers"], name
        self.validated.add(name)

# Values that AWS returns against its own model, by recordings.
RECORDED = {("PermissionsBoundaryAttachmentType", "Policy")}


def validate(model, operation, body):
    """Validates the body of a successful response."""
    protocol = model.metadata["protocol"]
    shape = operation.output_shape
    if protocol == "json":
        check_json(shape, json.loads(body), operation.name)
        return
    root = ElementTree.fromstring(body)
    assert local(root) == f"{operation.name}Response", root.tag
    assert namespace(root).rstrip("/") == model.metadata["xmlNamespace"].rstrip("/"), root.tag
    if protocol == "ec2":
        children = [child for child in root if local(child) != "requestId"]
        assert len(children) == len(root) - 1, "there must be one requestId"
        check_members(shape, children, operation.name)
        return
    assert root.find("{*}ResponseMetadata/{*}RequestId").text
    results = [child for child in root if local(child) != "ResponseMetadata"]
    if shape is None:
        assert not results, f"{operation.name} returns no result"
        return
    assert [local(result) for result in results] == [shape.serialization["resultWrapper"]], operation.name
    check_xml(shape, results[0], operation.name)


def local(element):
    """The name of an element without its namespace."""
    return element.tag.rsplit("}", 1)[-1]


def namespace(element):
    """The namespace of an element."""
    return element.tag[1:].split("}", 1)[0]


def check_json(shape, value, path):
    """Validates a JSON value."""
    if shape.type_name == "structure":
        assert isinstance(value, dict), path
        for name, member in value.items():
            assert name in shape.members, f"{path}.{name} is not in the model"
            check_json(shape.members[name], member, f"{path}.{name}")
        for name in shape.required_members:
            assert name in value, f"{path}.{name} is required"
    elif shape.type_name == "list":
        assert isinstance(value, list), path
        for index, member in enumerate(value):
            check_json(shape.member, member, f"{path}[{index}]")
    elif shape.type_name == "string":
        assert isinstance(value, str), path
        assert not shape.enum or value in shape.enum, f"{path}: {value!r} is not one of {shape.enum}"
    elif shape.type_name == "timestamp":
        assert isinstance(value, (int, float)) and 0 <= value < 1e11, f"{path}: {value!r} is not a time in seconds"
    elif shape.type_name == "boolean":
        assert isinstance(value, bool), path
    elif shape.type_name in ("integer", "long"):
        assert isinstance(value, int) and not isinstance(value, bool), path
    else:
        raise AssertionError(f"{path}: no rule for {shape.type_name}")


def check_members(shape, children, path):
    """Validates the children of a structure's element, each of which is a member and appears once."""
    names = {member.serialization.get("name", name): (name, member) for name, member in shape.members.items()}
    seen = set()
    for child in children:
        assert local(child) in names, f"{path}.{local(child)} is not in the model"
        name, member = names[local(child)]
        assert name not in seen, f"{path}.{name} appears twice"
        seen.add(name)
        check_xml(member, child, f"{path}.{name}")
    for name in shape.required_members:
        assert name in seen, f"{path}.{name} is required"


def check_xml(shape, element, path):
    """Validates an element."""
    text = element.text or ""
    if shape.type_name == "structure":
        check_members(shape, list(element), path)
    elif shape.type_name == "list":
        wanted = shape.member.serialization.get("name", "member")
        for index, child in enumerate(element):
            assert local(child) == wanted, f"{path}: {local(child)} instead of {wanted}"
            check_xml(shape.member, child, f"{path}[{index}]")
    elif shape.type_name == "string":
        assert len(element) == 0, path
        assert not shape.enum or text in shape.enum or (shape.name, text) in RECORDED, f"{path}: {text!r} is not one of {shape.enum}"
        low, high = shape.metadata.get("min", 0), shape.metadata.get("max", 1 << 20)
        assert low <= len(text) <= high, f"{path}: {text!r} is not {low} to {high} long"
    elif shape.type_name == "timestamp":
        assert len(text) == 20 and text.endswith("Z") and text[10] == "T", f"{path}: {text!r}"
    elif shape.type_name == "boolean":
        assert text in ("true", "false"), f"{path}: {text!r}"
    elif shape.type_name in ("integer", "long"):
        int(text)
    else:
        raise AssertionError(f"{path}: no rule for {shape.type_name}")
