"""Reads of receivers; they are the system administrators', who see no alert through them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.errors import NotFound
from core.i18n import gettext as _
from escalation.notify.models import Delivery
from escalation.outside.models import AlertGroup, GroupNotice, Receiver
from monitor.links import Route
from monitor.quiet import rules as writing
from web.paging import Key, Page, page


def one(session: Session, receiver_id: int) -> Receiver:
    """A receiver in use. Raises NotFound."""
    found = session.get(Receiver, receiver_id)
    if found is None or found.retired_at is not None:
        raise NotFound(_("没有这个接收方。"))
    return found


def listing(session: Session, *, q: str | None, cursor: str | None, limit: int) -> Page[Receiver]:
    """Receivers in use, oldest first; `q` is a part of the name."""
    statement = sa.select(Receiver).where(Receiver.retired_at.is_(None))
    if q:
        statement = statement.where(Receiver.name.contains(q, autoescape=True))
    return page(session, statement, [Key(Receiver.id)], cursor=cursor, limit=limit)


def log(session: Session, receiver: Receiver, *, cursor: str | None, limit: int = 50) -> Page[Any]:
    """What it was told, the newest first: (line, group, the delivery or None)."""
    statement = (
        sa.select(GroupNotice, AlertGroup, Delivery)
        .join(AlertGroup, AlertGroup.id == GroupNotice.group_id)
        .outerjoin(Delivery, Delivery.key == GroupNotice.delivery_key)
        .where(GroupNotice.receiver_id == receiver.id)
    )
    return page(session, statement, [Key(GroupNotice.id, descending=True)], cursor=cursor, limit=limit, scalars=False)


def open_groups(session: Session, receivers: Sequence[Receiver]) -> dict[int, int]:
    """Receiver id → how many groups have somebody in them."""
    rows = session.execute(
        sa.select(AlertGroup.receiver_id, sa.func.count().label("n"))
        .where(AlertGroup.is_open, AlertGroup.receiver_id.in_([r.id for r in receivers]))
        .group_by(AlertGroup.receiver_id)
    )
    return {row.receiver_id: row.n for row in rows}


def routes(session: Session) -> list[Route]:
    """Receivers as API v2 names and groups by them; wired into monitor."""
    found = session.scalars(
        sa.select(Receiver).where(Receiver.active, Receiver.retired_at.is_(None)).order_by(Receiver.name)
    )
    return [Route(r.name, writing.read(r.matchers), tuple(r.group_by), r.unit_id) for r in found]
