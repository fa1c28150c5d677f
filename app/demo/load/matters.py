"""The history of the demo's matters, with custody, facts, clocks, hand-offs and articles used: up to a million in minutes.

Several processes tell the days (telling.py), this one writes them in order, some thousand to a transaction, so that the
program may run beside it. Ids and numbers are set aside first. What was interrupted is filled up by the next load.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import gc
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.demo.history import Day, days
from app.demo.load import names, telling
from app.demo.people import people
from app.demo.tickets import reporters_of
from app.demo.units import Scale
from core.calendar import WorkCalendar
from core.db import reading, transaction
from core.db.bulk import Packer
from core.db.unhindered import unhindered
from kb.articles.models import Article, ArticleUse, How
from kb.search import index
from servicedesk.calendar import service as calendars
from servicedesk.clocks.service import targets_of
from servicedesk.clocks.targets import targets_to_dict
from servicedesk.tickets import importer, opening
from servicedesk.tickets.models import Ticket
from servicedesk.tickets.states import Kind

IN_ONE_PROCESS = 5000  # fewer are told sooner than another process has started
IN_A_TRANSACTION = 4000
AT_ONCE = (
    50_000  # of so many for an empty PostgreSQL, indexes and keys are built last: half the time, and nobody beside
)
SQLITE_CACHE_KIB = 262_144
Progress = Callable[[str, int, int], None]


def load(
    engine: sa.Engine, *, now: dt.datetime, scale: Scale, seed: int, count: int, progress: Progress
) -> dict[str, int]:
    """Add tickets until there are `count`; returns how many were added."""
    with reading(engine) as session:
        there = session.scalar(sa.select(sa.func.count()).select_from(Ticket)) or 0
        setting, calendar = _setting(session, scale=scale, now=now, seed=f"{seed}:{there}", people_seed=seed)
    wanted = max(0, count - there)
    if not wanted:
        return {"tickets": 0}
    progress("tickets", 0, wanted)
    chunks = _chunks(engine, days(wanted, now, calendar, setting.seed), wanted)
    processes = telling.processors() if wanted > IN_ONE_PROCESS else 1
    at_once = engine.dialect.name == "postgresql" and not there and wanted >= AT_ONCE
    with _Writer(engine, at_once) as writer, _without_rubbish():
        for written in writer.write(telling.told(setting, chunks, processes=processes)):
            progress("tickets", written, wanted)
    _settle(engine, now)
    return {"tickets": wanted}


@contextlib.contextmanager
def _without_rubbish() -> Iterator[None]:
    """Nothing is looked through for cycles meanwhile: the rows that pass through hold none, and are many."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _setting(
    session: Session, *, scale: Scale, now: dt.datetime, seed: str, people_seed: int
) -> tuple[telling.Setting, WorkCalendar]:
    known = names.read(session)
    desk = importer.desk_of(session, [known.targets])
    return telling.Setting(
        names=known, places=desk.places, calendar=calendars.stored(session), revision=desk.revision,
        targets={known.targets: targets_to_dict(targets_of(session, known.targets))},
        reporters=reporters_of(list(people(scale, people_seed))), now=now, seed=seed,
        dialect=session.get_bind().dialect.name,
    ), desk.calendar  # fmt: skip


def _chunks(engine: sa.Engine, history: Sequence[Day], wanted: int) -> Iterator[telling.Chunk]:
    """Each day with its ids and numbers, which are set aside now: whoever opens a ticket meanwhile gets later ones."""
    totals: Counter[tuple[str, int]] = Counter()
    for day in history:
        for kind, count in Counter(day.kinds).items():
            totals[kind, day.date.year] += count
    with transaction(engine) as session:
        first = _set_ids_aside(session, wanted)
        upcoming = {}
        for (kind, year), count in totals.items():
            middle = dt.datetime(year, 7, 1, tzinfo=dt.UTC)
            upcoming[kind, year] = opening.take_numbers(session, Kind(kind), middle, count=count)[1] - count
    return _numbered(history, first, upcoming)


def _numbered(history: Sequence[Day], first: int, upcoming: dict[tuple[str, int], int]) -> Iterator[telling.Chunk]:
    for day in history:
        counts = Counter(day.kinds)
        yield telling.Chunk(day, first, {kind: upcoming[kind, day.date.year] for kind in counts})
        for kind, count in counts.items():
            upcoming[kind, day.date.year] += count
        first += len(day.kinds)


def _set_ids_aside(session: Session, wanted: int) -> int:
    """The first of `wanted` ids nobody else gets. SQLite has none to set aside: there each write looks again."""
    if session.get_bind().dialect.name != "postgresql":
        return (session.scalar(sa.select(sa.func.max(Ticket.id))) or 0) + 1
    session.execute(sa.text("LOCK TABLE ticket IN SHARE ROW EXCLUSIVE MODE"))
    sequence = sa.func.pg_get_serial_sequence("ticket", "id")
    first = int(session.execute(sa.select(sa.func.nextval(sequence))).scalar_one())
    session.execute(sa.select(sa.func.setval(sequence, first + wanted - 1)))
    return first


@dataclass
class _Writer:
    """Writes what was told through the driver's own connection, some thousand tickets to a transaction.

    `at_once`: all in one, see core/db/unhindered.py.
    """

    engine: sa.Engine
    at_once: bool = False

    def __enter__(self) -> _Writer:
        self.raw = self.engine.raw_connection()
        self.sqlite = self.engine.dialect.name == "sqlite"
        self.cursor = self.raw.cursor()
        if self.sqlite:  # every row written names what was just read or written, so nothing is left to look up
            self._pragmas(f"cache_size=-{SQLITE_CACHE_KIB}", "foreign_keys=OFF")
        return self

    def __exit__(self, *_error: object) -> None:
        self.raw.rollback()
        if self.sqlite:
            self._pragmas("cache_size=-8192", "foreign_keys=ON")
        self.raw.close()

    def _pragmas(self, *pragmas: str) -> None:
        for pragma in pragmas:
            self.cursor.execute(f"PRAGMA {pragma}")

    def write(self, source: Iterator[telling.Told]) -> Iterator[int]:
        """Write everything; yields how many tickets are written."""
        tables = [table.__tablename__ for table in telling.WRITTEN]
        with unhindered(self.cursor, tables) if self.at_once else contextlib.nullcontext():
            yield from self._write(source)
        self.raw.commit()

    def _write(self, source: Iterator[telling.Told]) -> Iterator[int]:
        waiting: list[telling.Told] = []
        done = 0
        for told in source:
            waiting.append(told)
            if sum(one.count for one in waiting) >= IN_A_TRANSACTION:
                done += self._commit(waiting)
                waiting = []
                yield done
        yield done + self._commit(waiting)

    def _commit(self, some: list[telling.Told]) -> int:
        if self.sqlite:
            self.cursor.execute("BEGIN IMMEDIATE")
        for told in some:
            offset = self._next_id() - told.first if self.sqlite else 0
            for packer, packed in zip(self._packers(), told.packed, strict=True):
                packer.write(self.cursor, packed, offset=offset)
        if not self.at_once:
            self.raw.commit()
        return sum(told.count for told in some)

    def _next_id(self) -> int:
        self.cursor.execute("SELECT coalesce(max(id), 0) + 1 FROM ticket")
        return int((self.cursor.fetchone() or (1,))[0])

    def _packers(self) -> list[Packer]:
        return [telling.packer(table, self.engine.dialect.name) for table in telling.WRITTEN]


def _settle(engine: sa.Engine, now: dt.datetime) -> None:
    """What follows from the history as a whole: uses counted, statistics for the planner, the search built anew."""
    used = (
        sa.select(sa.func.count()).select_from(ArticleUse)
        .where(ArticleUse.article_id == Article.id, ArticleUse.how != How.EXTENDED).scalar_subquery()
    )  # fmt: skip
    with transaction(engine) as session:
        session.execute(sa.update(Article).values(used=used))
        index.request_rebuild(session, now=now)
    with engine.begin() as connection:
        connection.execute(sa.text("ANALYZE"))
