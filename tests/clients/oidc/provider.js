// An OpenID provider for tests: client credentials, JWT access tokens, and keys that rotate.
//
//   node provider.js AUDIENCE
//
// It listens on a free port of loopback, prints its URL, and reads commands: `rotate` replaces the key by a new one,
// `add` puts a new key first and keeps the others. Each prints `done`. It ends with its input.

import { once } from "node:events";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { exportJWK, generateKeyPair } from "jose";
import { Provider } from "oidc-provider";

const [audience] = process.argv.slice(2);
const server = createServer((request, response) => handler(request, response)).listen(0, "127.0.0.1");
await once(server, "listening");
const issuer = `http://127.0.0.1:${server.address().port}`;
const CLAIMS = { groups: ["dax-admins", "admins"], projects: "payments" };
let keys = [];
let handler;

async function newKey() {
  const { privateKey } = await generateKeyPair("RS256", { extractable: true });
  return { ...(await exportJWK(privateKey)), alg: "RS256", use: "sig" };
}

function start() {
  const provider = new Provider(issuer, {
    jwks: { keys },
    clients: [
      {
        client_id: "pipeline",
        client_secret: "secret",
        grant_types: ["client_credentials"],
        redirect_uris: [],
        response_types: [],
      },
    ],
    extraTokenClaims: () => CLAIMS,
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_context, resource) => ({
          scope: "",
          audience: resource === "urn:other" ? "other" : audience,
          accessTokenFormat: "jwt",
        }),
      },
    },
  });
  handler = provider.callback();
}

const commands = {
  rotate: async () => [await newKey()],
  add: async () => [await newKey(), ...keys],
};

keys = [await newKey()];
start();
console.log(issuer);
for await (const line of createInterface({ input: process.stdin })) {
  keys = await commands[line]();
  start();
  console.log("done");
}
process.exit(0);
