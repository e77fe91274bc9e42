// Uses a client of @hey-api/openapi-ts. Usage: node main.js BASE_URL
import assert from "node:assert/strict";
import { createCluster, deleteCluster, getCluster, streamOperationEvents } from "./client/index.js";
import { client } from "./client/client.gen.js";
import type { Event } from "./client/index.js";

client.setConfig({ baseUrl: process.argv[2] as `http://${string}` });
const headers = { Prefer: "wait=60" };
const path = { name: "hey" };
const body = {
  name: "hey",
  node_type: "dax.t3.small",
  replication_factor: 1,
  service_role: { access: "read_only" as const, tables: ["Orders"] },
};

const created = await createCluster({ body, headers });
assert.equal(created.data?.status, "succeeded");
const cluster = await getCluster({ path });
assert.ok(cluster.data?.endpoint?.url.startsWith("daxs://hey."));

// The document of OpenAPI 3.1 cannot state the type of an event of a stream; the client parses it nevertheless.
const { stream } = await streamOperationEvents({ path: { id: created.data!.id } });
const types: string[] = [];
for await (const event of stream) {
  types.push((event as unknown as Event).type);
}
assert.equal(types[0], "operation_accepted");
assert.equal(types.at(-1), "operation_succeeded");

const refused = await createCluster({ body: { ...body, replication_factor: 99 } });
assert.equal(refused.error?.errors?.[0]?.pointer, "/replication_factor");
const deleted = await deleteCluster({ path, headers });
assert.equal(deleted.data?.status, "succeeded");
