// npm install @amazon-dax-sdk/lib-dax
import { DaxDocument } from "@amazon-dax-sdk/lib-dax";

// Signed with the credentials of the environment; they need the policy `read_only` or `read_write`.
const dax = new DaxDocument({
  region: "{{region}}",
  endpoint: "{{url}}",
  ipDiscovery: "IPV4", // or "IPV6": the cluster has both {{dual_stack}}
});
const response = await dax.get({ TableName: "YourTable", Key: { pk: "your key" } });
console.log(response.Item);
