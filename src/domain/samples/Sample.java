// Maven: software.amazon.dax:amazon-dax-client
// Not run in the tests of dax-provisioner.
import java.util.Map;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;
import software.amazon.dax.ClusterDaxClient;
import software.amazon.dax.Configuration;

public class Sample {
    // Signed with the credentials of the environment; they need the policy `read_only` or `read_write`.
    public static void main(String[] arguments) throws Exception {
        Configuration configuration = Configuration.builder()
                .region(Region.of("{{region}}"))
                .url("{{url}}")
                // The cluster has IPv4 and IPv6. IPv4 is used unless `ipDiscovery` is set here. {{dual_stack}}
                .build();
        try (DynamoDbClient dax = ClusterDaxClient.builder().overrideConfiguration(configuration).build()) {
            Map<String, AttributeValue> key = Map.of("pk", AttributeValue.builder().s("your key").build());
            System.out.println(dax.getItem(request -> request.tableName("YourTable").key(key)).item());
        }
    }
}
