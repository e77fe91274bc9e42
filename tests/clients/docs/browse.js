// Opens /docs in Chromium, and sends each operation by "Try it out" and "Execute", as the page fills it in.
// Usage: node browse.js BASE_URL [CHROMIUM]
const assert = require("node:assert/strict");
const { chromium } = require("playwright-core");

const [base, executablePath = "/usr/bin/chromium"] = process.argv.slice(2);

// The order of a visitor: what creates comes before what reads, and what deletes comes last.
const FIRST = ["create_cluster", "create_webhook", "test_webhook"];
const LAST = ["release_cluster", "adopt_cluster", "delete_cluster", "delete_webhook"];
// It never ends, and Swagger UI shows an answer only at its end.
const ENDLESS = ["stream_events"];

// The resource is in another state than the request needs.
const EXPECTED = {
  open_ingress: 422, // without lookups
  close_ingress: 422,
  retry_operation: 409,
  cancel_operation: 409,
  roll_back_operation: 409,
  approve_operation: 409,
  reject_operation: 409,
};

async function main() {
  const document = await (await fetch(`${base}/openapi.json`)).json();
  const operations = Object.values(document.paths).flatMap((item) => Object.values(item));
  const rank = ({ operationId: id }) =>
    FIRST.includes(id) ? FIRST.indexOf(id) - FIRST.length : LAST.indexOf(id) + 1;
  const ordered = operations.filter(({ operationId: id }) => !ENDLESS.includes(id)).sort((a, b) => rank(a) - rank(b));
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--no-proxy-server"] });
  const page = await browser.newPage();
  const complaints = [];
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  await page.goto(`${base}/docs/`);
  await page.waitForSelector(".opblock");
  complaints.forEach((text) => console.log(`console: ${text}`));
  assert.deepEqual(complaints, []);
  const ids = {};
  const failures = [];
  for (const operation of ordered) {
    const status = await execute(page, operation, ids);
    const expected = EXPECTED[operation.operationId];
    const isRight = status === expected || (status >= 200 && status < 400);
    if (!isRight) failures.push(`${operation.operationId}: ${status}`);
    console.log(`${operation.operationId} ${status}`);
  }
  await browser.close();
  assert.deepEqual(failures, []);
  console.log(`${ordered.length} operations answered as documented`);
}

// Sends one operation. Only IDs are filled in, which the document cannot know.
async function execute(page, operation, ids) {
  const id = operation.operationId;
  const block = page.locator(`#operations-${operation.tags[0]}-${id}`);
  await block.locator(".opblock-summary-control").click();
  await block.locator(".try-out__btn").click();
  for (const name of ["id", "delivery_id"]) {
    const input = block.locator(`tr[data-param-in="path"][data-param-name="${name}"] input`);
    if (await input.count()) await input.fill(ids[`${operation.tags[0]} ${name}`] ?? "");
  }
  await block.locator(".execute").click();
  const answer = block.locator(".live-responses-table tr.response");
  await answer.waitFor({ timeout: 70_000 });
  const status = Number(await answer.locator(".response-col_status").innerText());
  const body = await answer.locator(".highlight-code code, .highlight-code pre").first().textContent().catch(() => "");
  remember(operation, body, ids);
  if (status >= 400) console.log(`${id}: ${status} ${body.slice(0, 600)}`);
  await block.locator(".opblock-summary-control").click();
  return status;
}

function remember(operation, body, ids) {
  const found = /"id":\s*"([^"]+)"/.exec(body ?? "");
  if (!found) return;
  if (operation.operationId === "create_cluster") ids["operations id"] = found[1];
  if (operation.operationId === "create_webhook") ids["webhooks id"] = found[1];
  if (operation.operationId === "test_webhook") ids["webhooks delivery_id"] = found[1];
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
