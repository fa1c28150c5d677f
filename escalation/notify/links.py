"""Links that act for one person (E-10). The database keeps the unsigned half; the installation's signature is added when
the message is sent, so that a copy of the database acknowledges nothing."""

from __future__ import annotations

import hashlib
import hmac

PREFIX = "/ack/"


def _signature(secret: str, nonce: str) -> str:
    return hmac.new(secret.encode(), f"taxops.ack.{nonce}".encode(), hashlib.sha256).hexdigest()[:32]


def signed(secret: str, url: str) -> str:
    """`url` as it is sent: a link that acts gets its signature, any other stays as it is."""
    if not url.startswith(PREFIX):
        return url
    return f"{url}.{_signature(secret, url.removeprefix(PREFIX))}"


def nonce_of(secret: str, token: str) -> str | None:
    """The unsigned half of a token with a right signature, else None."""
    nonce, _, signature = token.rpartition(".")
    return nonce if nonce and hmac.compare_digest(signature.encode(), _signature(secret, nonce).encode()) else None
