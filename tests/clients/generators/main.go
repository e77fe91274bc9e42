// Uses a client of openapi-generator for Go. Usage: main BASE_URL
package main

import (
	"context"
	"errors"
	"log"
	"os"
	"strings"

	client "github.com/GIT_USER_ID/GIT_REPO_ID"
)

func main() {
	configuration := client.NewConfiguration()
	configuration.Servers = client.ServerConfigurations{{URL: os.Args[1]}}
	clusters := client.NewAPIClient(configuration).ClustersAPI
	ctx := context.Background()

	role := client.NewServiceRoleRequest()
	role.SetAccess(client.ACCESS_READ_ONLY)
	role.SetTables([]string{"Orders"})
	request := client.NewClusterRequest("go", "dax.t3.small", 1)
	request.SetServiceRole(*role)
	created, _, err := clusters.CreateCluster(ctx).ClusterRequest(*request).Prefer("wait=60").Execute()
	check(err == nil && created.Status == client.OPERATIONSTATUS_SUCCEEDED, created, err)

	cluster, _, err := clusters.GetCluster(ctx, "go").Execute()
	check(err == nil && strings.HasPrefix(cluster.Endpoint.Get().Url, "daxs://go."), cluster, err)

	request.SetReplicationFactor(99)
	_, response, err := clusters.CreateCluster(ctx).ClusterRequest(*request).Execute()
	var refused *client.GenericOpenAPIError
	check(errors.As(err, &refused) && response.StatusCode == 422, err)
	problem, typed := refused.Model().(client.Problem)
	check(typed && problem.Errors[0].GetPointer() == "/replication_factor", problem)

	deleted, _, err := clusters.DeleteCluster(ctx, "go").Prefer("wait=60").Execute()
	check(err == nil && deleted.Status == client.OPERATIONSTATUS_SUCCEEDED, deleted, err)
}

func check(holds bool, found ...any) {
	if !holds {
		log.Fatalf("%+v", found)
	}
}
