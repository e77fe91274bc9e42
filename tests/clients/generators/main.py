"""Uses a client of openapi-generator for Python. Usage: main.py BASE_URL"""

import sys

from openapi_client import ApiClient, ApiException, ClustersApi, Configuration
from openapi_client.models import Access, ClusterRequest, ServiceRoleRequest


def main():
    clusters = ClustersApi(ApiClient(Configuration(host=sys.argv[1])))
    role = ServiceRoleRequest(access=Access.READ_ONLY, tables=["Orders"])
    request = ClusterRequest(name="python", node_type="dax.t3.small", replication_factor=1, service_role=role)
    created = clusters.create_cluster(request, prefer="wait=60")
    assert created.status == "succeeded", created
    cluster = clusters.get_cluster("python")
    assert cluster.endpoint.url.startswith("daxs://python."), cluster.endpoint
    request.name = "python-2"
    request.tags = {"aws:reserved": "x"}
    try:
        clusters.create_cluster(request)
    except ApiException as error:
        assert error.status == 422 and error.data.errors[0].pointer == "/tags/aws:reserved", error
    else:
        raise AssertionError("a reserved tag is accepted")
    assert clusters.delete_cluster("python", prefer="wait=60").status == "succeeded"


main()
