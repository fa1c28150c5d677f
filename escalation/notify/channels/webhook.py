"""A web hook of another program: the delivery's body is JSON that was written for it (outside/rules.py)."""

from __future__ import annotations

import json

import httpx

from core import netguard
from escalation.notify.channels.base import TIME_LIMIT_S, Context, Outgoing, SendFailed

_AGAIN = frozenset({408, 425, 429})


def send(outgoing: Outgoing, url: str, context: Context) -> None:
    """POST the body; user and password of the address go as basic authorization. Raises SendFailed.

    The key goes as `Idempotency-Key`. Redirects are not followed; what the other side refuses (4xx) is not tried again.
    """
    body = json.loads(outgoing.body)
    body["externalURL"] = context.base_url
    for alert in body.get("alerts", ()):
        alert["generatorURL"] = alert["generatorURL"] or f"{context.base_url}/alerts/{alert['fingerprint']}"
    headers = {"Idempotency-Key": outgoing.key, "User-Agent": "taxops"}
    try:
        with netguard.guarded(netguard.Purpose.SEND), httpx.Client(timeout=TIME_LIMIT_S, trust_env=False) as client:
            answer = client.post(url, json=body, headers=headers)
    except httpx.InvalidURL as error:
        raise SendFailed("the address is none", permanent=True) from error
    except (httpx.HTTPError, OSError) as error:
        raise SendFailed(f"{type(error).__name__}: {error}"[:400]) from error
    if not answer.is_success:
        permanent = not answer.is_server_error and answer.status_code not in _AGAIN
        raise SendFailed(f"the receiver answered {answer.status_code}", permanent=permanent)
