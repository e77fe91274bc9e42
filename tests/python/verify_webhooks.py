"""Verifies requests of webhooks with the public library of Standard Webhooks.

Reads a JSON array of {"secret", "headers", "body"}. Each must be valid as it is, and invalid with any change.
"""

import json
import sys

from standardwebhooks.webhooks import Webhook, WebhookVerificationError


def is_valid(secret: str, body: str, headers: dict[str, str]) -> bool:
    try:
        Webhook(secret).verify(body, headers)
    except WebhookVerificationError:
        return False
    return True


requests = json.load(sys.stdin)
for request in requests:
    secret, headers, body = request["secret"], request["headers"], request["body"]
    if Webhook(secret).verify(body, headers) != json.loads(body):
        sys.exit(f"another body: {body}")
    timestamp = str(int(headers["webhook-timestamp"]) - 1)
    for changed in [
        (secret, body + " ", headers),
        (secret, body, {**headers, "webhook-id": "another"}),
        (secret, body, {**headers, "webhook-timestamp": timestamp}),
        (secret[:-8] + "AAAAAAA=", body, headers),
    ]:
        if is_valid(*changed):
            sys.exit(f"valid although changed: {changed}")
print(f"verified {len(requests)} requests")
