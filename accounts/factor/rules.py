"""Pure rules of one-time codes and recovery codes."""

from __future__ import annotations

import datetime as dt
import hmac
import secrets

import pyotp

STEP_S = 30
DRIFT = 1  # steps either way: phones' clocks are a little off
DIGITS = 6
RECOVERY_CODES = 10
_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"  # no letters that are taken for another
_HALF = 5  # a recovery code is two groups of so many: 49 bits
ISSUER = "taxops"


def new_secret() -> str:
    """160 random bits in base32 (RFC 4226, 4: at least 128, better 160)."""
    return pyotp.random_base32(32)


def address(secret: str, login: str, issuer: str) -> str:
    """The otpauth address that authenticator apps read from a QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name=issuer)


def matching_step(secret: str, code: str, *, after: int, now: dt.datetime) -> int | None:
    """The 30-second step that `code` belongs to, at most DRIFT from `now` and later than `after`; None: it does not count.

    Source: RFC 6238 section 5.2: a code is taken once, and one step of delay is allowed.
    """
    current = int(now.timestamp()) // STEP_S
    totp = pyotp.TOTP(secret)
    found = None
    for step in range(current - DRIFT, current + DRIFT + 1):
        if hmac.compare_digest(totp.generate_otp(step), code) and step > after:
            found = step
    return found


def tidy(typed: str) -> str:
    """What was typed, without the spaces and dashes people put in."""
    return "".join(c for c in typed.lower() if c.isalnum())[:32]


def is_code(tidied: str) -> bool:
    """Whether this looks like the authenticator's code, not like a recovery code."""
    return len(tidied) == DIGITS and tidied.isascii() and tidied.isdigit()


def new_recovery_codes() -> list[str]:
    """Ten codes, such as k7m2p-9xw4q."""
    return [f"{_group()}-{_group()}" for _n in range(RECOVERY_CODES)]


def _group() -> str:
    return "".join(secrets.choice(_ALPHABET) for _n in range(_HALF))
