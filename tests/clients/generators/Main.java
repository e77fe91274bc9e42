import org.openapitools.client.ApiClient;
import org.openapitools.client.ApiException;
import org.openapitools.client.api.ClustersApi;
import org.openapitools.client.model.Access;
import org.openapitools.client.model.Cluster;
import org.openapitools.client.model.ClusterRequest;
import org.openapitools.client.model.Operation;
import org.openapitools.client.model.OperationStatus;
import org.openapitools.client.model.Problem;
import org.openapitools.client.model.ServiceRoleRequest;

/** Uses a client of openapi-generator for Java. Usage: Main BASE_URL */
public class Main {
    public static void main(String[] args) throws Exception {
        ApiClient client = new ApiClient();
        client.updateBaseUri(args[0]);
        ClustersApi clusters = new ClustersApi(client);
        ServiceRoleRequest role = new ServiceRoleRequest().access(Access.READ_ONLY).addTablesItem("Orders");
        ClusterRequest request =
            new ClusterRequest().name("java").nodeType("dax.t3.small").replicationFactor(1).serviceRole(role);
        Operation created = clusters.createCluster(request, null, "wait=60", null, null);
        check(created.getStatus() == OperationStatus.SUCCEEDED, created);
        Cluster cluster = clusters.getCluster("java", null, null);
        check(cluster.getEndpoint().getUrl().startsWith("daxs://java."), cluster);
        try {
            clusters.createCluster(request.replicationFactor(99), null, null, null, null);
            throw new AssertionError("99 nodes are accepted");
        } catch (ApiException error) {
            Problem problem = client.getObjectMapper().readValue(error.getResponseBody(), Problem.class);
            check(error.getCode() == 422, error);
            check(problem.getErrors().get(0).getPointer().equals("/replication_factor"), problem);
        }
        Operation deleted = clusters.deleteCluster("java", null, null, null, null, "wait=60", null, null);
        check(deleted.getStatus() == OperationStatus.SUCCEEDED, deleted);
    }

    private static void check(boolean holds, Object found) {
        if (!holds) {
            throw new AssertionError(found.toString());
        }
    }
}
