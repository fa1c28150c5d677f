"""An item as it was: versions, relations by date, and the log of what happened to it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from cmdb.models import ItemEvent, ItemVersion, Relation


def version_at(session: Session, item_id: int, at: dt.datetime) -> ItemVersion | None:
    """The item's state at `at`; None before it existed."""
    return session.scalar(
        sa.select(ItemVersion)
        .where(ItemVersion.item_id == item_id, ItemVersion.at <= at)
        .order_by(ItemVersion.at.desc(), ItemVersion.id.desc())
        .limit(1)
    )


def versions(session: Session, item_id: int, limit: int = 100) -> Sequence[ItemVersion]:
    """The item's versions, newest first."""
    return session.scalars(
        sa.select(ItemVersion)
        .where(ItemVersion.item_id == item_id)
        .order_by(ItemVersion.at.desc(), ItemVersion.id.desc())
        .limit(limit)
    ).all()


def relations_at(session: Session, item_id: int, at: dt.datetime) -> Sequence[Relation]:
    """The relations that held at `at`, from and to the item."""
    return session.scalars(
        sa.select(Relation)
        .where(
            sa.or_(Relation.source_id == item_id, Relation.target_id == item_id),
            Relation.valid_from <= at,
            sa.or_(Relation.valid_until.is_(None), Relation.valid_until > at),
        )
        .order_by(Relation.kind, Relation.id)
    ).all()


def events(
    session: Session,
    item_ids: Collection[int],
    *,
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
    kinds: Collection[str] = (),
    limit: int = 100,
) -> Sequence[ItemEvent]:
    """What happened to these items lately, newest first: the answer to “what changed?”."""
    statement = sa.select(ItemEvent).where(ItemEvent.item_id.in_(sorted(item_ids)))
    if since is not None:
        statement = statement.where(ItemEvent.at >= since)
    if until is not None:
        statement = statement.where(ItemEvent.at <= until)
    if kinds:
        statement = statement.where(ItemEvent.kind.in_(sorted(kinds)))
    return session.scalars(statement.order_by(ItemEvent.at.desc(), ItemEvent.id.desc()).limit(limit)).all()
