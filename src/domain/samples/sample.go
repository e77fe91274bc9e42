// go get github.com/aws/aws-dax-go-v2
// Not run in the tests of dax-provisioner.
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/aws/aws-dax-go-v2/dax"
	daxtypes "github.com/aws/aws-dax-go-v2/dax/types" {{dual_stack}}
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// Signed with the credentials of the environment; they need the policy `read_only` or `read_write`.
func main() {
	config := dax.DefaultConfig()
	config.Region = "{{region}}"
	config.HostPorts = []string{"{{url}}"}
	config.IpDiscovery = daxtypes.IpDiscoveryIPv4 // or IpDiscoveryIPv6: the cluster has both {{dual_stack}}
	client, err := dax.New(config)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	response, err := client.GetItem(context.Background(), &dynamodb.GetItemInput{
		TableName: aws.String("YourTable"),
		Key:       map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: "your key"}},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(response.Item)
}
