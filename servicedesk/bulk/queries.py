"""Reads of runs, each person's own."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.scope import Viewer
from servicedesk.bulk.models import BulkItem, BulkRun, ItemState
from web.paging import Key, Page, page


@dataclass(frozen=True)
class Tally:
    """How far a run is, in tickets."""

    total: int
    done: int
    failed: int
    skipped: int

    @property
    def over(self) -> int:
        """Those that had their turn."""
        return self.done + self.failed + self.skipped


def runs(session: Session, viewer: Viewer, *, cursor: str | None, limit: int) -> Page[BulkRun]:
    """The viewer's runs, newest first."""
    mine = sa.select(BulkRun).where(BulkRun.by_id == viewer.person_id)
    return page(session, mine, [Key(BulkRun.id, descending=True)], cursor=cursor, limit=limit)


def tallies(session: Session, found: list[BulkRun]) -> dict[int, Tally]:
    """Run id → how far it is."""
    rows = session.execute(
        sa.select(BulkItem.run_id, BulkItem.state, sa.func.count().label("n"))
        .where(BulkItem.run_id.in_([run.id for run in found]))
        .group_by(BulkItem.run_id, BulkItem.state)
    )
    counted = {(row.run_id, row.state): row.n for row in rows}
    return {
        run.id: Tally(
            run.total,
            counted.get((run.id, ItemState.DONE), 0),
            counted.get((run.id, ItemState.FAILED), 0),
            counted.get((run.id, ItemState.SKIPPED), 0),
        )
        for run in found
    }


def items(
    session: Session, run: BulkRun, *, state: ItemState | None = None, cursor: str | None = None, limit: int
) -> Page[BulkItem]:
    """What became of each ticket, in the order given."""
    wanted = sa.select(BulkItem).where(BulkItem.run_id == run.id)
    if state is not None:
        wanted = wanted.where(BulkItem.state == state)
    return page(session, wanted, [Key(BulkItem.seq)], cursor=cursor, limit=limit)


def failed_numbers(session: Session, run: BulkRun) -> list[str]:
    """The tickets that failed or were left, to try again."""
    again = BulkItem.state.in_([ItemState.FAILED, ItemState.SKIPPED])
    rows = sa.select(BulkItem.number).where(BulkItem.run_id == run.id, again).order_by(BulkItem.seq)
    return list(session.scalars(rows))
