"""Secrets at rest: sealed with a key derived from the installation's own, and bound to the place they belong to.

AES-256-GCM; the key comes from TAXOPS_SECRET_KEY by HKDF-SHA256 (RFC 5869), one for each purpose. `place` is authenticated
with the text, so that a sealed value copied to another row or column opens nothing. Changing TAXOPS_SECRET_KEY makes every
sealed value unreadable: it is then entered anew.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_VERSION = "1."
_NONCE = 12  # bytes; random ones are safe below 2³² values a key (NIST SP 800-38D, 8.3)


class Unreadable(Exception):
    """The value was not sealed by this installation's key, or not for this place."""


@lru_cache(maxsize=64)
def _key(secret: str, purpose: str) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=f"taxops sealed {purpose}".encode()).derive(secret.encode())


def seal(text: str, *, secret: str, purpose: str, place: str) -> str:
    """`text` made unreadable without `secret` (TAXOPS_SECRET_KEY); `place` names the row it belongs to."""
    nonce = secrets.token_bytes(_NONCE)
    sealed = AESGCM(_key(secret, purpose)).encrypt(nonce, text.encode(), place.encode())
    return _VERSION + base64.b64encode(nonce + sealed).decode()


def unseal(sealed: str, *, secret: str, purpose: str, place: str) -> str:
    """The text that `seal` was given. Raises Unreadable where the key or the place is another."""
    try:
        raw = base64.b64decode(sealed.removeprefix(_VERSION), validate=True)
        return AESGCM(_key(secret, purpose)).decrypt(raw[:_NONCE], raw[_NONCE:], place.encode()).decode()
    except (ValueError, InvalidTag) as error:
        raise Unreadable(purpose) from error


def keyed_hash(text: str, *, secret: str, purpose: str) -> str:
    """64 letters that stand for a short random text: without the installation's key nobody finds it by trying."""
    return hmac.new(_key(secret, purpose), text.encode(), hashlib.sha256).hexdigest()
