// A day of a portal with the client that openapi-typescript generates: form, plan, webhook, create, failure, fix, change,
// expiry. Each line of the output is something that the portal would show. Usage: node portal.js BASE_URL SANDBOX_URL
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import createClient from "openapi-fetch";
import { Webhook } from "standardwebhooks";
import type { components, paths } from "./api.js";

type Schemas = components["schemas"];
type Event = { type: string; data: { cluster: string; problem_code: string | null } };

const [baseUrl, sandboxUrl] = process.argv.slice(2);
const client = createClient<paths>({ baseUrl });
const wait = { Prefer: "wait=60" };
const received = new Map<string, Event>();

/** Fails with the problem of an answer; otherwise returns its data. */
function ok<T>(answer: { data?: T; error?: Schemas["Problem"] }): T {
  assert.ok(answer.data !== undefined, JSON.stringify(answer.error));
  return answer.data;
}

function show(step: string, detail: string): void {
  console.log(`${step.padEnd(10)}${detail}`);
}

async function until<T>(what: string, condition: () => Promise<T | undefined> | T | undefined): Promise<T> {
  const end = Date.now() + 60_000;
  while (Date.now() < end) {
    const value = await condition();
    if (value !== undefined) return value;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(`no ${what} in 60 s`);
}

function delivered(type: string, cluster: string): Promise<Event> {
  const find = (): Event | undefined =>
    [...received.values()].find((event) => event.type === type && event.data.cluster === cluster);
  return until(`${type} of ${cluster}`, find);
}

function dollars(hourly: number | null | undefined): string {
  return hourly == null ? "unknown: no price list" : `$${hourly}/h`;
}

/** Starts a receiver that accepts only what its secret verifies, and creates its webhook. */
async function listen(): Promise<() => void> {
  let webhook: Webhook | undefined;
  const server = createServer(async (request, response) => {
    try {
      const headers = request.headers as Record<string, string>;
      const event = webhook?.verify(await text(request), headers) as Event;
      received.set(headers["webhook-id"], event);
      response.writeHead(204).end();
    } catch {
      response.writeHead(401).end();
    }
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  const body = { url: `http://127.0.0.1:${port}/dax`, events: ["*" as const] };
  const created = ok(await client.POST("/v1/webhooks", { body }));
  webhook = new Webhook(created.secret ?? "");
  const forged = await fetch(body.url, { method: "POST", body: "{}" });
  assert.equal(forged.status, 401);
  show("webhook", `created for ${created.events.join(", ")}; a request without a signature gets 401`);
  return () => server.close();
}

async function fillForm(): Promise<Schemas["ClusterRequest"]> {
  const types = ok(await client.GET("/v1/node_types", { params: { query: { limit: 100 } } }));
  const offered = types.items.filter((type) => type.offered === "yes" && !type.burstable);
  const chosen = offered.find((type) => type.name === "dax.r5.large");
  assert.ok(chosen);
  const price = dollars(chosen.hourly_price_usd);
  show("form", `${offered.length} node types for steady load; ${chosen.name}: ${chosen.memory_gib} GiB, price ${price}`);
  return {
    name: "orders-cache",
    node_type: chosen.name,
    replication_factor: 3,
    service_role: { access: "read_only", tables: ["Orders"] },
    tags: { team: "orders" },
  };
}

async function plan(body: Schemas["ClusterRequest"]): Promise<void> {
  const plan = ok(await client.POST("/v1/plans", { body }));
  const made = plan.resources.filter((resource) => resource.effect === "create");
  show("plan", `creates ${made.map((resource) => resource.kind).join(", ")} in about ${plan.estimated_seconds} s`);
  show("plan", `cost ${dollars(plan.hourly_cost_usd)}; ${plan.warnings.map((warning) => warning.code).join(", ")}`);
  const preflight = ok(await client.POST("/v1/preflights", { body }));
  show("preflight", `${preflight.result}: ${preflight.checks.length} checks`);
  assert.equal(preflight.result, "pass");
}

async function create(body: Schemas["ClusterRequest"]): Promise<void> {
  const header = { "Idempotency-Key": "order-4711" };
  const accepted = ok(await client.POST("/v1/clusters", { params: { header }, body }));
  show("create", `accepted: operation ${accepted.kind}, ${accepted.progress.steps_total} steps`);
  const done = ok(
    await client.GET("/v1/operations/{id}", { params: { path: { id: accepted.id }, header: wait } }),
  );
  assert.equal(done.status, "succeeded");
  const cluster = ok(await client.GET("/v1/clusters/{name}", { params: { path: { name: body.name } } }));
  show("create", `${done.status}: ${cluster.endpoint?.url.replace(/\.[a-z0-9]{6}\./, ".XXXXXX.")}`);
  const event = await delivered("operation.succeeded", body.name);
  show("webhook", `received and verified: ${event.type} of ${event.data.cluster}`);
}

async function failAndFix(): Promise<void> {
  const deny = { call: "iam:CreatePolicy", fault: "deny", count: 1000 };
  await fetch(`${sandboxUrl}/_sandbox/faults`, { method: "POST", body: JSON.stringify(deny) });
  const name = "users-cache";
  const body = {
    name,
    node_type: "dax.r5.large",
    replication_factor: 1,
    service_role: { access: "read_only" as const, tables: ["Users"] },
  };
  const blocked = ok(await client.POST("/v1/clusters", { params: { header: wait }, body }));
  assert.equal(blocked.status, "blocked");
  const hint = blocked.problem?.hints?.[0];
  show("failure", `${blocked.problem?.code}: ${blocked.problem?.aws?.action}`);
  show("failure", `hint: ${hint?.title}`);
  show("failure", `policy to copy: ${JSON.stringify(hint?.policy).replace(/-[a-z2-7]{10}"/g, '-XXXXXXXXXX"')}`);
  const event = await delivered("operation.blocked", name);
  show("webhook", `received and verified: ${event.type} of ${name}, ${event.data.problem_code}`);
  await fetch(`${sandboxUrl}/_sandbox/faults`, { method: "DELETE" });
  const params = { path: { id: blocked.id }, header: wait };
  const retried = ok(await client.POST("/v1/operations/{id}/retry", { params }));
  assert.equal(retried.status, "succeeded");
  show("fix", `permission granted, retried: ${retried.status}`);
}

async function change(name: string): Promise<void> {
  const params = { path: { name } };
  const fewer = { scale: { replication_factor: 2 } };
  const plan = ok(await client.POST("/v1/clusters/{name}/plans", { params, body: fewer }));
  const calls = plan.steps.flatMap((step) => step.calls).filter((call) => !/:(Describe|List|Get)/.test(call));
  show("change", `a scale to 2 nodes sends ${calls.join(", ")}`);
  show("change", `consequences: ${plan.warnings.map((warning) => warning.code).join(", ")}`);
  const cluster = ok(await client.GET("/v1/clusters/{name}", { params }));
  assert.equal(cluster.observed?.total_nodes, 3, "a plan changes nothing");
}

async function expire(name: string): Promise<void> {
  const expires_at = new Date(Date.now() + 5_000).toISOString();
  const params = { path: { name }, header: { "If-Match": "*", ...wait } };
  ok(await client.PATCH("/v1/clusters/{name}", { params, body: { expires_at } }));
  show("expiry", "the cluster is deleted in 5 s");
  await delivered("cluster.expiring", name);
  show("webhook", `received and verified: cluster.expiring of ${name}`);
  const operation = await until("delete", async () => {
    const query = { cluster: name, kind: "delete_cluster" as const, status: "succeeded" as const };
    return ok(await client.GET("/v1/operations", { params: { query } })).items[0];
  });
  const gone = operation.receipt.filter((part) => part.state === "gone").map((part) => part.kind);
  show("expiry", `deleted for ${operation.requested_by}: ${gone.join(", ")}`);
  const answer = await client.GET("/v1/clusters/{name}", { params: { path: { name } } });
  assert.equal(answer.error?.status, 404);
}

const stop = await listen();
const request = await fillForm();
await plan(request);
await create(request);
await failAndFix();
await change(request.name);
await expire(request.name);
stop();
