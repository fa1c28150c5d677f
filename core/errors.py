"""Errors that a person reads: each says what is wrong, where, and how to mend it.

The web edge turns them into pages or RFC 9457 problems; commands print one line. `slug` ends the problem's `type`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class FieldError:
    """One wrong field: its name (dotted path for nested ones) and a message in the reader's language."""

    field: str
    message: str


class TaxopsError(Exception):
    """Base of all errors that are answers. `extra` is added to the JSON problem as it is."""

    status = 400
    slug = "bad-request"

    def __init__(self, message: str, **extra: Any) -> None:
        super().__init__(message)
        self.message = message
        self.extra = extra


class Invalid(TaxopsError):
    """What was given can't be taken; nothing was stored. HTTP 422."""

    status = 422
    slug = "invalid"

    def __init__(self, message: str, errors: list[FieldError] | None = None, **extra: Any) -> None:
        super().__init__(message, **extra)
        self.errors = errors or []

    @classmethod
    def of(cls, field: str, message: str) -> Invalid:
        """One wrong field."""
        return cls(message, [FieldError(field, message)])


class NotFound(TaxopsError):
    """There is none, or the asker may not know of it. HTTP 404."""

    status = 404
    slug = "not-found"


class Forbidden(TaxopsError):
    """The asker may see it, but not do this. HTTP 403."""

    status = 403
    slug = "forbidden"


class Unauthenticated(TaxopsError):
    """Nobody is signed in. HTTP 401."""

    status = 401
    slug = "unauthenticated"


class Conflict(TaxopsError):
    """The state of the thing does not allow this, or somebody was faster. HTTP 409."""

    status = 409
    slug = "conflict"


class TransitionRefused(Conflict):
    """The state table has no such step; `allowed` names those it has."""

    slug = "transition-refused"

    def __init__(self, message: str, *, allowed: list[str], **extra: Any) -> None:
        super().__init__(message, allowed=allowed, **extra)
        self.allowed = allowed


class Stale(Conflict):
    """The thing changed since it was read (If-Match). HTTP 412."""

    status = 412
    slug = "stale"


class TooLarge(TaxopsError):
    """More than is taken at once. HTTP 413."""

    status = 413
    slug = "too-large"


class TooMany(TaxopsError):
    """Too often; `retry_after` in seconds. HTTP 429."""

    status = 429
    slug = "too-many"

    def __init__(self, message: str, *, retry_after: int, **extra: Any) -> None:
        super().__init__(message, **extra)
        self.retry_after = retry_after


class Unavailable(TaxopsError):
    """A part this needs is down; try again later, `retry_after` in seconds. HTTP 503."""

    status = 503
    slug = "unavailable"

    def __init__(self, message: str, *, retry_after: int = 30, **extra: Any) -> None:
        super().__init__(message, **extra)
        self.retry_after = retry_after
