"""Writes the audit rows by itself, in the transaction of the write: no verb can forget it.

Every mapped object that is added, changed or deleted through a session is recorded, unless its class says
`__audited__ = False` (logs, projections and queues). Columns marked info={"secret": True} show as ●●●; those marked
info={"silent": True} change unrecorded. The edge puts `actor`, `verb` and `address` into session.info.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapper, Session

from accounts.models import AuditRow
from core import clock

HIDDEN = "●●●"


def _plain(value: Any) -> Any:
    if isinstance(value, dt.datetime | dt.date):
        return value.isoformat()
    return value if isinstance(value, int | float | str | bool | list | dict | None) else str(value)


def _shown(mapper: Mapper[Any], key: str, value: Any) -> Any:
    column = mapper.columns[key]
    return HIDDEN if column.info.get("secret") and value is not None else _plain(value)


def _columns(mapper: Mapper[Any]) -> list[str]:
    return [p.key for p in mapper.column_attrs if not p.columns[0].info.get("silent")]


def _name(target: Any, mapper: Mapper[Any]) -> str:
    own = getattr(target, "__audit_name__", None)
    if own:
        return str(own)
    identity = "/".join(str(v) for v in mapper.primary_key_from_instance(target))
    return f"{mapper.local_table.name}:{identity}"[:120]  # type: ignore[attr-defined]  # mapped classes have tables


def _changes(target: Any, mapper: Mapper[Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    state = sa.inspect(target)
    for key in _columns(mapper):
        history = state.attrs[key].history
        if history.has_changes():
            before[key] = _shown(mapper, key, history.deleted[0]) if history.deleted else None
            after[key] = _shown(mapper, key, history.added[0]) if history.added else None
    return before, after


def _all(target: Any, mapper: Mapper[Any]) -> dict[str, Any]:
    shown = {key: _shown(mapper, key, getattr(target, key)) for key in _columns(mapper)}
    return {key: value for key, value in shown.items() if value is not None}


def _audited(target: Any) -> bool:
    return bool(getattr(type(target), "__audited__", True))


def _row(
    session: Session, target: Any, verb: str, before: dict[str, Any] | None, after: dict[str, Any] | None
) -> dict[str, Any]:
    now = clock.now()
    mapper: Mapper[Any] = sa.inspect(type(target))
    return {
        "at": session.info.get("now", now),
        "received_at": now,
        "actor": str(session.info.get("actor", "system")),
        "verb": str(session.info.get("verb") or verb)[:80],
        "object": _name(target, mapper),
        "before": before,
        "after": after,
        "from_address": str(session.info.get("address", "")),
    }


@sa.event.listens_for(Session, "after_flush")
def _write_rows(session: Session, _context: Any) -> None:
    rows = [
        _row(session, target, "create", None, _all(target, sa.inspect(type(target))))
        for target in session.new
        if _audited(target)
    ]
    for target in session.dirty:
        if _audited(target):
            before, after = _changes(target, sa.inspect(type(target)))
            if after or before:
                rows.append(_row(session, target, "change", before, after))
    rows += [
        _row(session, target, "delete", _all(target, sa.inspect(type(target))), None)
        for target in session.deleted
        if _audited(target)
    ]
    if rows:
        session.connection().execute(sa.insert(AuditRow), rows)


def record(
    session: Session,
    *,
    verb: str,
    object_name: str,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    now: dt.datetime,
) -> None:
    """Write one row by hand, for bulk writes that bypass the session (imports) and for sign-ins."""
    session.execute(
        sa.insert(AuditRow),
        [
            {
                "at": now,
                "received_at": clock.now(),
                "actor": str(session.info.get("actor", "system")),
                "verb": verb,
                "object": object_name[:120],
                "before": before,
                "after": after,
                "from_address": str(session.info.get("address", "")),
            }
        ],
    )
