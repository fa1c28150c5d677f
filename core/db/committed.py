"""What is done once a transaction is on the disk, or is not after all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy.orm import Session, SessionTransaction

Work = Callable[[Session], None]
Step = Callable[[], None]
_STEPS = "committed_steps"


def on_commit(work: Work) -> Work:
    """Let `work(session)` run after each commit; use as a decorator.

    A savepoint that ends is no commit, though SQLAlchemy's event comes for it too: whoever was told then would look before
    there is anything to see, or count as kept what the transaction may still take back.
    """

    @sa.event.listens_for(Session, "after_commit")
    def _outermost(session: Session) -> None:
        if not session.in_nested_transaction():
            work(session)

    return work


class _Ends(NamedTuple):
    kept: Step | None
    undone: Step | None


_of_connection: WeakKeyDictionary[sa.Connection, list[_Ends]] = WeakKeyDictionary()
_marks: WeakKeyDictionary[SessionTransaction, int] = WeakKeyDictionary()


def in_the_end(session: Session, *, kept: Step | None = None, undone: Step | None = None) -> None:
    """Have `kept()` called after the commit of this transaction, `undone()` if it (or the savepoint it is in) goes back.

    For what a transaction changes in this process's memory. Steps are undone newest first, before the right to write is
    given back: whoever writes next finds the memory as the disk is. They ask the database nothing, and must not raise.
    """
    if not session.in_transaction():
        session.begin()  # begun without a statement: a rollback of nothing would be told to nobody
    session.info.setdefault(_STEPS, []).append(_Ends(kept, undone))


def _undo(steps: list[_Ends], down_to: int = 0) -> None:
    while len(steps) > down_to:
        step = steps.pop()
        if step.undone is not None:
            step.undone()


@on_commit
def _kept(session: Session) -> None:
    steps: list[_Ends] = session.info.pop(_STEPS, [])
    done = list(steps)
    steps.clear()  # the connection knows the list too
    for step in done:
        if step.kept is not None:
            step.kept()


@sa.event.listens_for(Session, "after_transaction_create")
def _created(session: Session, transaction: SessionTransaction) -> None:
    if transaction.nested:
        _marks[transaction] = len(session.info.get(_STEPS, ()))


@sa.event.listens_for(Session, "after_begin")
def _begun(session: Session, _transaction: Any, connection: sa.Connection) -> None:
    _of_connection[connection] = session.info.setdefault(_STEPS, [])


@sa.event.listens_for(sa.Engine, "rollback")
def _goes_back(connection: sa.Connection) -> None:
    """Comes before the database is told."""
    _undo(_of_connection.pop(connection, []))


@sa.event.listens_for(Session, "after_rollback")
def _gone_back(session: Session) -> None:
    """Of a savepoint, or after a commit that failed: then nobody tells the connection."""
    nested = session.get_nested_transaction()
    _undo(session.info.get(_STEPS, []), _marks.get(nested, 0) if nested is not None else 0)


@sa.event.listens_for(Session, "after_transaction_end")
def _ended(session: Session, transaction: SessionTransaction) -> None:
    """A session closed without a word takes back too, if it asked the database nothing."""
    if transaction.parent is None:
        _undo(session.info.pop(_STEPS, []))
