"""First answers to keyed requests, kept in the database beside the work they answer."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import IdempotencyKey
from core.errors import Conflict
from core.i18n import gettext as _
from web.api.idempotency import Answer

KEEP = dt.timedelta(days=3)


class DatabaseStore:
    """The store for web.api.idempotency."""

    def begin(self, session: Session, person_id: int, key: str, request_hash: str, now: dt.datetime) -> Answer | None:
        """Claim the key or return its first answer; the primary key makes a second request wait for the first."""
        try:
            with session.begin_nested():
                session.execute(
                    sa.insert(IdempotencyKey),
                    [{"person_id": person_id, "key": key, "request_hash": request_hash, "created_at": now}],
                )
        except sa.exc.IntegrityError:
            row = session.get_one(IdempotencyKey, (person_id, key), populate_existing=True)
            if row.request_hash != request_hash:
                raise Conflict(_("这个 Idempotency-Key 已用于另一个请求，请换一个。")) from None
            return Answer(row.status or 200, row.answer or "", row.location)
        return None

    def finish(self, session: Session, person_id: int, key: str, answer: Answer) -> None:
        """Keep the answer, in the same transaction as the work."""
        session.execute(
            sa.update(IdempotencyKey)
            .where(IdempotencyKey.person_id == person_id, IdempotencyKey.key == key)
            .values(status=answer.status, answer=answer.text, location=answer.location)
        )


def purge(session: Session, *, now: dt.datetime) -> int:
    """Forget answers older than three days; returns how many."""
    result = session.execute(sa.delete(IdempotencyKey).where(IdempotencyKey.created_at < now - KEEP))
    return int(getattr(result, "rowcount", 0))
