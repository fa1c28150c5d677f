"""What is done once a transaction is on the disk."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa
from sqlalchemy.orm import Session

Work = Callable[[Session], None]


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
