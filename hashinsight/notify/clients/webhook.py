"""Signed webhooks: one POST of JSON, as Standard Webhooks has it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from hashinsight.common.outbound import OutboundFailed, OutboundRefused, fetch, house_policy
from hashinsight.notify.clients.answers import Answer, of_error, of_reply
from hashinsight.notify.engine import signing

SECONDS = 15.0


def body_of(payload: Mapping[str, Any]) -> bytes:
    """The same bytes for the same content, each time it is sent."""
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def post(url: str, *, payload: Mapping[str, Any], secrets: Sequence[str], message_id: str, timestamp: int) -> Answer:
    """Send it once; never raises for what the other side does."""
    body = body_of(payload)
    signed = signing.headers(secrets, message_id=message_id, timestamp=timestamp, body=body)
    headers = {"Content-Type": "application/json", **signed}
    try:
        return of_reply(
            fetch("POST", url, headers=headers, body=body, policy=house_policy(seconds=SECONDS, most_bytes=4096))
        )
    except (OutboundFailed, OutboundRefused) as error:
        return of_error(error)
