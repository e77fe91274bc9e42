// dotnet add package AWSSDK.DAX.Client
// Not run in the tests of dax-provisioner.
using System;
using System.Collections.Generic;
using Amazon;
using Amazon.DAX;
using Amazon.DynamoDBv2.Model;
using Amazon.Runtime;

// Signed with the credentials of the environment; they need the policy `read_only` or `read_write`.
var config = new DaxClientConfig("{{url}}")
{
    AwsCredentials = FallbackCredentialsFactory.GetCredentials(),
    RegionEndpoint = RegionEndpoint.GetBySystemName("{{region}}"),
    // The cluster has IPv4 and IPv6. IPv4 is used unless the IP discovery is set here. {{dual_stack}}
};
var dax = new ClusterDaxClient(config);
var response = await dax.GetItemAsync(new GetItemRequest
{
    TableName = "YourTable",
    Key = new Dictionary<string, AttributeValue> { ["pk"] = new AttributeValue { S = "your key" } },
});
Console.WriteLine(response.IsItemSet ? "found" : "not found");
