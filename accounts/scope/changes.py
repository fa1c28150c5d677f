"""Notices when rights change in this process, so that what is remembered of them is looked up anew at once.

Whatever is committed to one of these tables counts, through the unit of work or in bulk. Other processes' changes are not
seen here: whoever remembers a right asks the database again within a second or two (see signin/known.py).
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import ORMExecuteState, Session

from accounts.models import (
    ApiToken,
    Grant,
    Person,
    Role,
    Team,
    TeamMember,
    Unit,
    UnitClosure,
)
from core.db import committed

TABLES = frozenset({ApiToken, Grant, Person, Role, Team, TeamMember, Unit, UnitClosure})
_CHANGED = "rights_changed"
_version = 0


def version() -> int:
    """Grows with every commit that may have changed who may do what."""
    return _version


def _bump() -> None:
    global _version  # noqa: PLW0603  one number a process
    _version += 1


@sa.event.listens_for(Session, "after_flush")
def _flushed(session: Session, _context: Any) -> None:
    if any(type(target) in TABLES for found in (session.new, session.dirty, session.deleted) for target in found):
        session.info[_CHANGED] = True


@sa.event.listens_for(Session, "do_orm_execute")
def _executed(state: ORMExecuteState) -> None:
    if not (state.is_insert or state.is_update or state.is_delete):
        return
    if state.bind_mapper is not None and state.bind_mapper.class_ in TABLES:
        state.session.info[_CHANGED] = True


@committed.on_commit
def _committed(session: Session) -> None:
    if session.info.pop(_CHANGED, False):
        _bump()
