"""Limits on how often, kept in this process's memory: enough to blunt guessing, no state to lose."""

from __future__ import annotations

from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from core.errors import TooMany
from core.i18n import gettext as _

_limiter = MovingWindowRateLimiter(MemoryStorage())


def hit(limit: str, *who: str) -> None:
    """Count one use of `limit` ("20/minute") by `who`; raises TooMany with when to come back."""
    item = parse(limit)
    if not _limiter.hit(item, *who):
        raise TooMany(_("操作过于频繁，请稍后再试。"), retry_after=int(item.get_expiry()))


def reset() -> None:
    """Forget all counts (tests)."""
    _limiter.storage.reset()
