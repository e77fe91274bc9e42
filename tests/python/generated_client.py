"""Validates the OpenAPI document, generates a client from it with openapi-python-client, and uses that client.

usage: generated_client.py BASE_URL WORK_FOLDER [TOKEN]
"""

import json
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from openapi_spec_validator import validate


def main() -> None:
    base_url, work = sys.argv[1], Path(sys.argv[2])
    token = sys.argv[3] if len(sys.argv) > 3 else "none"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    document = opener.open(f"{base_url}/openapi.json").read()
    validate(json.loads(document))
    print("valid OpenAPI", json.loads(document)["openapi"])
    generate(document, work)
    sys.path.insert(0, str(work))
    use(base_url, token)


def generate(document: bytes, work: Path) -> None:
    (work / "openapi.json").write_bytes(document)
    (work / "config.yaml").write_text("post_hooks: []\n")
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--path", "openapi.json"]
    command += ["--meta", "none", "--output-path", "dax_client", "--overwrite", "--config", "config.yaml", "--fail-on-warning"]
    subprocess.run(command, cwd=work, check=True)
    print("generated a client with openapi-python-client")


def use(base_url: str, token: str) -> None:
    from dax_client import AuthenticatedClient
    from dax_client.api.clusters import create_cluster, delete_cluster, get_cluster, get_connection
    from dax_client.api.clusters import list_cluster_events, list_clusters
    from dax_client.api.inventory import list_parameter_groups, list_service_roles, list_subnet_groups
    from dax_client.api.operations import list_operation_events, stream_operation_events
    from dax_client.models import Access, ClusterRequest, Problem, ServiceRoleRequest

    client = AuthenticatedClient(base_url=base_url, token=token, httpx_args={"trust_env": False})
    role = ServiceRoleRequest(access=Access.READ_ONLY, tables=["Orders"])
    request = ClusterRequest(name="generated", node_type="dax.t3.small", replication_factor=2, service_role=role)
    accepted = create_cluster.sync(client=client, body=request, idempotency_key="generated-1")
    again = create_cluster.sync(client=client, body=request, idempotency_key="generated-1")
    assert accepted.id == again.id, (accepted, again)
    finish(client, accepted.id)

    cluster = get_cluster.sync("generated", client=client)
    assert cluster.status == "available", cluster
    assert cluster.endpoint.url.startswith("daxs://generated."), cluster.endpoint
    assert [item.name for item in list_clusters.sync(client=client).items] == ["generated"]
    events = list_operation_events.sync(accepted.id, client=client, limit=100).items
    assert events[0].type_ == "operation_accepted" and events[-1].type_ == "operation_succeeded", events

    streamed = stream_operation_events.sync(accepted.id, client=client)
    assert streamed.count("\ndata:") == len(events) and "event: operation_succeeded" in streamed, streamed
    timeline = list_cluster_events.sync("generated", client=client, limit=100).items
    assert {event.source for event in timeline} == {"dax", "operation"}, timeline
    assert all((event.sequence is None) == (event.source == "dax") for event in timeline), timeline

    connection = get_connection.sync("generated", client=client)
    assert connection.url == cluster.endpoint.url and connection.policies.read_only.to_dict()["Statement"], connection
    assert [sample.language for sample in connection.samples] == ["java", "python", "node", "go", "dotnet"]
    assert [role.owner for role in list_service_roles.sync(client=client).items] == ["managed"]
    assert "default" in [group.name for group in list_subnet_groups.sync(client=client).items]
    assert list_parameter_groups.sync(client=client).items

    change(client)

    bad = ClusterRequest(name="1bad", node_type="x", replication_factor=99)
    problem = create_cluster.sync(client=client, body=bad)
    assert isinstance(problem, Problem), problem
    pointers = sorted(error.pointer for error in problem.errors)
    assert pointers == ["/name", "/node_type", "/replication_factor"], pointers

    finish(client, delete_cluster.sync("generated", client=client).id)
    gone = get_cluster.sync("generated", client=client)
    assert isinstance(gone, Problem) and gone.code == "not_found", gone
    print("created, read, listed, changed and deleted through the generated client")


def change(client) -> None:
    from dax_client.api.clusters import get_cluster, get_drift, reboot_nodes, scale_cluster, update_cluster
    from dax_client.models import ClusterPatch, Problem, RebootRequest, ScaleRequest

    patch = ClusterPatch.from_dict({"description": "generated", "parameters": {"record_ttl_millis": 1000}, "tags": {"a": "b"}})
    finish(client, update_cluster.sync("generated", client=client, body=patch, if_match="*").id)
    finish(client, scale_cluster.sync("generated", client=client, body=ScaleRequest(replication_factor=1)).id)
    finish(client, reboot_nodes.sync("generated", client=client, body=RebootRequest()).id)
    cluster = get_cluster.sync("generated", client=client)
    assert cluster.desired.description == cluster.observed.description == "generated", cluster
    assert cluster.desired.parameters.record_ttl_millis == 1000 and cluster.desired.tags["a"] == "b", cluster.desired
    assert not get_drift.sync("generated", client=client).drifted
    cleared = ClusterPatch.from_dict({"description": None, "parameters": None, "tags": {"a": None}})
    finish(client, update_cluster.sync("generated", client=client, body=cleared, if_match="*").id)
    cluster = get_cluster.sync("generated", client=client)
    assert (cluster.desired.description, cluster.desired.parameters) == (None, None), cluster.desired
    stale = update_cluster.sync("generated", client=client, body=cleared, if_match='"1"')
    assert isinstance(stale, Problem) and stale.code == "precondition_failed", stale


def finish(client, operation_id) -> None:
    from dax_client.api.operations import get_operation

    deadline = time.monotonic() + 60
    while True:
        operation = get_operation.sync(operation_id, client=client, prefer="wait=5")
        if operation.status == "succeeded":
            return
        assert operation.status in ("pending", "running"), operation
        assert time.monotonic() < deadline, operation


if __name__ == "__main__":
    main()
