// Checks a software template with Backstage's own validator, and its form against the service: what the steps send is
// accepted. Usage: node check.js TEMPLATE BASE_URL
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { templateEntityV1beta3Validator } from "@backstage/plugin-scaffolder-common";
import Ajv from "ajv";
import { parse } from "yaml";

const [file, baseUrl] = process.argv.slice(2);
const template = parse(readFileSync(file, "utf8"));
const check = (entity) => templateEntityV1beta3Validator.check(entity);
assert.equal(await check(template), true);
const invalid = { ...template, spec: { ...template.spec, steps: [{ id: "x" }] } };
await assert.rejects(async () => check(invalid), /action/);

const form = { name: "staged", access: "read_only", tables: ["Orders"] };
for (const page of template.spec.parameters) {
  const validate = new Ajv({ useDefaults: true, strict: false }).compile({ type: "object", ...page });
  assert.ok(validate(form), JSON.stringify(validate.errors));
}
const ids = template.spec.steps.map((step) => step.id);
assert.deepEqual(ids, [...new Set(ids)]);

// A text that is one expression becomes its value, as in Backstage.
const context = { parameters: form, context: { task: { id: "task-1" } }, steps: {} };
const value = (path) => path.trim().split(".").reduce((part, name) => part?.[name], context);
function render(input) {
  if (Array.isArray(input)) return input.map(render);
  if (input && typeof input === "object") {
    return Object.fromEntries(Object.entries(input).map(([name, part]) => [name, render(part)]));
  }
  if (typeof input !== "string") return input;
  const whole = /^\$\{\{([^}]*)\}\}$/.exec(input);
  const result = whole ? value(whole[1]) : input.replace(/\$\{\{([^}]*)\}\}/g, (_, path) => value(path));
  assert.notEqual(result, undefined, input);
  return result;
}

for (const step of template.spec.steps) {
  const { method, path, headers, body } = render(step.input);
  const url = `${baseUrl}${path.replace("/proxy/dax", "")}`;
  const answer = await fetch(url, { method, headers, body: body && JSON.stringify(body) });
  const output = { code: answer.status, body: await answer.json() };
  assert.ok(answer.ok, JSON.stringify(output.body));
  context.steps[step.id] = { output };
}
assert.equal(context.steps.preflight.output.body.result, "pass");
assert.equal(context.steps.wait.output.body.status, "succeeded");
assert.match(render(template.spec.output.text[0].content), /is succeeded$/);
console.log("the software template is valid, and what its steps send is accepted");
