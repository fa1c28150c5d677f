"""What the room does periodically."""

from __future__ import annotations

from accounts import idempotency
from accounts.models import SignInSession
from accounts.moving import own, registry
from accounts.signin import failures
from core import elapsed
from core.jobs import Job


def subscribe() -> None:
    """What a person holds in this room; the rooms above add theirs."""
    for kind in own.OWN:
        registry.register(kind)


JOBS = (
    Job("idempotency.purge", 3600, lambda session, now: idempotency.purge(session, now=now)),
    Job("sign-in-failures.purge", 3600, lambda session, now: failures.forget_old(session, now=now)),
)

ELAPSING = (elapsed.rows(SignInSession, ("created_at", "last_seen_at"), lambda: (SignInSession.ended_at.is_(None),)),)
