// Uses types that openapi-typescript generates at its default settings: creates a cluster and its twin, reads the
// endpoint, is refused, deletes. Usage: node main.js BASE_URL
import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { paths } from "./api.js";

const client = createClient<paths>({ baseUrl: process.argv[2] });
const wait = { Prefer: "wait=60" };

async function main(): Promise<void> {
  const created = await client.POST("/v1/clusters", {
    params: { header: wait },
    body: {
      name: "typed",
      node_type: "dax.r5.large",
      replication_factor: 1,
      service_role: { access: "read_write", tables: ["Orders"] },
    },
  });
  assert.equal(created.data?.status, "succeeded");
  const path = { name: "typed" };
  const cluster = await client.GET("/v1/clusters/{name}", { params: { path } });
  assert.ok(cluster.data);
  assert.ok(cluster.data.endpoint?.url.startsWith("daxs://typed."));

  // The desired settings of a cluster, renamed, are a valid create.
  const body = { ...cluster.data.desired, name: "twin" };
  const twin = await client.POST("/v1/clusters", { params: { header: wait }, body });
  assert.equal(twin.data?.status, "succeeded");

  const refused = await client.POST("/v1/clusters", { body: { ...body, replication_factor: 99 } });
  assert.equal(refused.error?.code, "invalid_request");
  assert.equal(refused.error?.errors?.[0]?.pointer, "/replication_factor");

  const header = { ...wait, "Idempotency-Key": "delete-1" };
  const deleted = await client.DELETE("/v1/clusters/{name}", { params: { path, header } });
  assert.equal(deleted.data?.status, "succeeded");
  const again = await client.DELETE("/v1/clusters/{name}", { params: { path, header } });
  assert.equal(again.data?.id, deleted.data?.id);
  console.log("created, copied, refused and deleted through openapi-typescript");
}

await main();
