// Uses a client of openapi-generator for TypeScript. Usage: node main.js BASE_URL
import assert from "node:assert/strict";
import { Access, ClustersApi, Configuration, ProblemFromJSON, ResponseError } from "./client/index";

async function main(): Promise<void> {
  const clusters = new ClustersApi(new Configuration({ basePath: process.argv[2] }));
  const prefer = "wait=60";
  const clusterRequest = {
    name: "fetch",
    nodeType: "dax.t3.small",
    replicationFactor: 1,
    serviceRole: { access: Access.ReadOnly, tables: ["Orders"] },
  };
  const created = await clusters.createCluster({ clusterRequest, prefer });
  assert.equal(created.status, "succeeded");
  const cluster = await clusters.getCluster({ name: "fetch" });
  assert.ok(cluster.endpoint?.url.startsWith("daxs://fetch."));
  const refused = clusters.createCluster({ clusterRequest: { ...clusterRequest, replicationFactor: 99 } });
  const error = await refused.then(() => null, (error: unknown) => error);
  assert.ok(error instanceof ResponseError);
  assert.equal(error.response.status, 422);
  const problem = ProblemFromJSON(await error.response.json());
  assert.equal(problem.errors?.[0]?.pointer, "/replication_factor");
  const deleted = await clusters.deleteCluster({ name: "fetch", prefer });
  assert.equal(deleted.status, "succeeded");
}

main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
