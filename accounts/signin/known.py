"""API tokens lately seen, with whom they speak for: the door of a storm does not ask the database for each request.

Kept under the token's hash, never the token. A change of rights in this process is seen at once (scope/changes.py), one
made elsewhere within RECHECK_S; an expiry always to the moment.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import time
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from accounts.models import ApiToken
from accounts.scope import Viewer, changes, viewer_for
from accounts.signin import queries, rules
from core import clock
from core.db import reading, transaction

RECHECK_S = 1.0
KEEP_MOST = 2000


@dataclass(slots=True, eq=False)
class Known:
    """A token that was valid when it was looked at. `memory`: what rooms remember for it, as long as it stays the same."""

    viewer: Viewer
    expires_at: dt.datetime | None
    looked_at: float
    version: int
    memory: dict[str, Any] = field(default_factory=dict)


class KnownTokens:
    """The tokens one process has seen lately on one database."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._kept: dict[bytes, Known] = {}
        self._asking: dict[bytes, asyncio.Future[Known | None]] = {}

    def get(self, token: bytes) -> Known | None:
        """Who this is, or None: then look_up() says."""
        found = self._kept.get(hashlib.sha256(token).digest())
        if found is None or found.version != changes.version() or time.monotonic() - found.looked_at > RECHECK_S:
            return None
        return None if found.expires_at is not None and found.expires_at <= clock.now() else found

    async def ask(self, token: bytes) -> Known | None:
        """As look_up, beside the event loop; of many requests at once one asks for all."""
        key = hashlib.sha256(token).digest()
        asking = self._asking.get(key)
        if asking is None:
            asking = asyncio.ensure_future(asyncio.to_thread(self.look_up, token))
            self._asking[key] = asking
            asking.add_done_callback(lambda _done: self._asking.pop(key, None))
        return await asyncio.shield(asking)

    def look_up(self, token: bytes) -> Known | None:
        """Ask the database; None for a token that is none. Blocks."""
        version, looked_at, now = changes.version(), time.monotonic(), clock.now()
        key, text = hashlib.sha256(token).digest(), token.decode("latin-1")
        with reading(self._engine) as session:
            found = queries.by_token(session, text, now=now)
            if found is None:
                self._kept.pop(key, None)
                return None
            row, person = found
            viewer = viewer_for(session, person, now=now, token_scopes=frozenset(row.scopes) or None)
        if row.last_used_at is None or now - row.last_used_at >= rules.TOUCH_EVERY:
            self._touch(row.id, now)
        known = Known(viewer, row.expires_at, looked_at, version)
        before = self._kept.get(key)
        if before is not None and before.viewer == viewer and before.version == version:
            known.memory = before.memory
        if len(self._kept) >= KEEP_MOST:
            self._kept.clear()
        self._kept[key] = known
        return known

    def _touch(self, row_id: int, now: dt.datetime) -> None:
        with transaction(self._engine) as session:  # past the unit of work: when it was used is no change of rights
            session.connection().execute(sa.update(ApiToken).where(ApiToken.id == row_id).values(last_used_at=now))
