// Verifies requests of webhooks with the public library of Standard Webhooks.
//
// Reads a JSON array of {"secret", "headers", "body"}. Each must be valid as it is, and invalid with any change.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Webhook } from "standardwebhooks";

const requests = JSON.parse(readFileSync(0, "utf8"));
for (const { secret, headers, body } of requests) {
  assert.deepEqual(new Webhook(secret).verify(body, headers), JSON.parse(body));
  const timestamp = String(Number(headers["webhook-timestamp"]) - 1);
  for (const [changedSecret, changedBody, changedHeaders] of [
    [secret, `${body} `, headers],
    [secret, body, { ...headers, "webhook-id": "another" }],
    [secret, body, { ...headers, "webhook-timestamp": timestamp }],
    [`${secret.slice(0, -8)}AAAAAAA=`, body, headers],
  ]) {
    assert.throws(() => new Webhook(changedSecret).verify(changedBody, changedHeaders));
  }
}
console.log(`verified ${requests.length} requests`);
