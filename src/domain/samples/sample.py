# pip install amazon-dax-client
from amazondax import AmazonDaxClient

# Signed with the credentials of the environment; they need the policy `read_only` or `read_write`.
with AmazonDaxClient(
    region_name="{{region}}",
    endpoint_url="{{url}}",
    ip_discovery="ipv4",  # or "ipv6": the cluster has both {{dual_stack}}
) as dax:
    response = dax.get_item(TableName="YourTable", Key={"pk": {"S": "your key"}})
    print(response.get("Item"))
