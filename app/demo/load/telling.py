"""A day of the demo's history as rows ready to write: what each of the telling processes does."""

from __future__ import annotations

import datetime as dt
import gc
import os
import random
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import islice
from multiprocessing import connection, get_context, parent_process
from typing import Any

from app.demo.catalogue import services
from app.demo.history import Day
from app.demo.load.names import Names
from app.demo.tickets import COUNTY_DIGITS, DemoTicket, Teller
from core.calendar import WorkCalendar, settings_from_dict
from core.db.bulk import Packed, Packer
from escalation.handoff import importer as handoffs
from escalation.handoff.models import Handoff
from kb.articles.models import ArticleUse, How
from servicedesk.clocks.targets import targets_from_dict
from servicedesk.tickets import rules
from servicedesk.tickets.imported_rows import TABLES, Desk, Imported, Places, Row, Written, rows_of
from servicedesk.tickets.models import Ticket
from servicedesk.tickets.states import Kind, State
from servicedesk.tickets.story import Leg, Past

SENT_BECAUSE = "本级已按解决标准处理，未能恢复，请支援。"
RETURNED_BECAUSE = "描述不足以判断，请补充后再上报。"
MISSING = "完整的错误提示或截图"
REOPENED_BECAUSE = "又出现了，和上次一样。"
ITEM_TYPES = {"wan": ("router", "line", "switch"), "desktop": ("terminal", "printer"), "video": ("video-terminal",)}
WRITTEN: tuple[Any, ...] = (*TABLES, Handoff, ArticleUse)
"""The tables of a history, in the order they are written."""
SHIFTED = frozenset({"id", "ticket_id"})
AHEAD = 3  # days told ahead of the writing, for each process


@dataclass(frozen=True)
class Setting:
    """All that telling needs, in plain data that can be sent to another process."""

    names: Names
    places: Places
    calendar: dict[str, Any]
    revision: str
    targets: dict[int, dict[str, Any]]
    reporters: list[tuple[str, str]]
    now: dt.datetime
    seed: str
    dialect: str


@dataclass(frozen=True)
class Chunk:
    """A day to tell; `first`: the id of its first ticket, `numbers`: the sequence each kind's numbers go on from."""

    day: Day
    first: int
    numbers: Mapping[str, int]


@dataclass(frozen=True)
class Told:
    """A day's rows, packed, in the order of WRITTEN; `first` is the ticket id they were counted from."""

    first: int
    count: int
    packed: tuple[Packed, ...]


class Scribe:
    """Tells chunks, one after another."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.catalogue = {service.code: service for service in services()}
        self.teller = Teller(setting.reporters, self.catalogue, setting.now, setting.seed)
        self.desk = Desk(
            setting.places,
            WorkCalendar(settings_from_dict(setting.calendar)),
            setting.revision,
            {version: targets_from_dict(data) for version, data in setting.targets.items()},
        )

    def tell(self, chunk: Chunk) -> Told:
        """The rows of one day."""
        names, now = self.setting.names, self.setting.now
        draw = random.Random(f"{self.setting.seed}:{chunk.day.date}:holders")
        rows: dict[Any, list[Row]] = {table: [] for table in WRITTEN}
        upcoming = dict(chunk.numbers)
        for n, ticket in enumerate(self.teller.day(chunk.day)):
            upcoming[ticket.kind] += 1
            number = rules.number(Kind(ticket.kind), chunk.day.date.year, upcoming[ticket.kind])
            one = imported(ticket, names, draw, tax=self.catalogue[ticket.symptom.service].tax_system)
            made = rows_of(self.desk, one, ident=chunk.first + n, number=number, now=now)
            for table, some in made.by_table.items():
                rows[table] += some
            rows[Handoff] += handoffs.rows_of(made.written)
            rows[ArticleUse] += _uses(made.written, names)
        written: dict[int, str] = {}
        return Told(
            chunk.first,
            len(chunk.day.kinds),
            tuple(packer(table, self.setting.dialect).pack(rows[table], written=written) for table in WRITTEN),
        )


@cache
def packer(table: Any, dialect: str) -> Packer:
    """Takes every column a told row has: all but the database's own ids, and what only a person could have left."""
    own = ("id",) if table is not Ticket else ("stars_comment", "acknowledged_at", "acknowledged_by_id")
    columns = [column.name for column in table.__table__.columns if column.name not in own]
    return Packer(table.__table__, columns, dialect, shifted=SHIFTED)


# --- in several processes -------------------------------------------------------------------------------------------

_scribe: Scribe | None = None


def _begin(setting: Setting) -> None:
    global _scribe  # noqa: PLW0603  one for each process, made once
    if parent := parent_process():
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()
    gc.disable()  # rows hold no cycles: looking through millions of them for rubbish took a fifth of the time
    _scribe = Scribe(setting)


def _end_with(sentinel: int) -> None:
    """The writing process is gone, however it went: nobody wants the rest."""
    connection.wait([sentinel])
    os._exit(1)


def _tell(chunk: Chunk) -> Told:
    if _scribe is None:
        raise RuntimeError("a telling process that was not begun")
    return _scribe.tell(chunk)


def told(setting: Setting, chunks: Iterable[Chunk], *, processes: int) -> Iterator[Told]:
    """Every chunk in order, told by so many processes; by this one if it is but one."""
    if processes <= 1:
        yield from map(Scribe(setting).tell, chunks)
        return
    context = get_context("spawn")  # the program around may run threads
    with ProcessPoolExecutor(processes, context, initializer=_begin, initargs=(setting,)) as pool:
        source = iter(chunks)
        waiting: deque[Future[Told]] = deque(pool.submit(_tell, c) for c in islice(source, AHEAD * processes))
        while waiting:
            done = waiting.popleft().result()
            waiting.extend(pool.submit(_tell, c) for c in islice(source, 1))
            yield done


def processors() -> int:
    """How many processes may run at once here."""
    return len(os.sched_getaffinity(0))


# --- one matter -----------------------------------------------------------------------------------------------------


def imported(ticket: DemoTicket, names: Names, draw: random.Random, *, tax: bool) -> Imported:
    """A demo ticket as the service desk's importer takes it."""
    symptom, service = ticket.symptom, names.services.get(ticket.symptom.service)
    legs = _legs(ticket, names, draw)
    local = ticket.kind in ("incident", "request")
    team, line = (
        names.teams[f"{ticket.unit[:COUNTY_DIGITS]}-ops"] if local or not legs else (legs[0].team_id, legs[0].line)
    )
    article = _article(ticket, names, draw, service) if ticket.by_article else None
    past = Past(
        opened_at=ticket.opened_at, priority=rules.priority(ticket.urgency, ticket.impact), first_team_id=team,
        first_line=line, reporter_id=names.people[ticket.reporter], tax=tax, targets=names.targets,
        description=_description(ticket), legs=legs, outcome=State(ticket.outcome), stars=ticket.stars,
        solution=symptom.solution, cause=symptom.cause, article=article, paused=ticket.paused,
        reopened_after=ticket.reopened_after, sent_because=SENT_BECAUSE, returned_because=RETURNED_BECAUSE,
        missing=MISSING, reopened_because=REOPENED_BECAUSE,
    )  # fmt: skip
    return Imported(
        past=past, title=ticket.title, category=symptom.category, unit_id=names.units[ticket.unit], kind=Kind(ticket.kind),
        urgency=ticket.urgency, impact=ticket.impact, service_id=service, item_id=_item(ticket, names, draw),
        people_hit=draw.choice((1, 1, 1, 2, 3, 8)), extra=_plan(ticket, legs, service),
    )  # fmt: skip


def _description(ticket: DemoTicket) -> str:
    code = ticket.symptom.error_code
    return f"{ticket.description}\n错误代码：{code}" if code else ticket.description


def _item(ticket: DemoTicket, names: Names, draw: random.Random) -> int | None:
    """Half of the matters about equipment name the thing."""
    kinds = ITEM_TYPES.get(ticket.symptom.category, ())
    there = [item for kind in kinds for item in names.items.get((ticket.unit[:COUNTY_DIGITS], kind), ())]
    return draw.choice(there) if there and draw.random() < 0.5 else None  # noqa: PLR2004  the share is the point


def _legs(ticket: DemoTicket, names: Names, draw: random.Random) -> tuple[Leg, ...]:
    found = []
    for leg in ticket.legs:
        team, line = names.teams[leg.team]
        found.append(Leg(team, line, draw.choice(names.members[team]), leg.waited, leg.held, leg.returned))
    return tuple(found)


def _article(ticket: DemoTicket, names: Names, draw: random.Random, service: int | None) -> str | None:
    fitting = names.articles.get((ticket.symptom.category, service or 0), ())
    return draw.choice(fitting)[1] if fitting else None


def _plan(ticket: DemoTicket, legs: tuple[Leg, ...], service: int | None) -> dict[str, Any] | None:
    """A change says when it was to run, when it ran, and what it touched."""
    if ticket.kind != "change" or not legs:
        return None
    start = ticket.opened_at + dt.timedelta(minutes=legs[0].waited + legs[0].held // 2)
    end = start + dt.timedelta(hours=2)
    ran = {"actual_start": start, "actual_end": end - dt.timedelta(minutes=legs[0].held % 50)}
    planned = {"planned_start": start, "planned_end": end, "items": [service] if service else None}
    return planned | (ran if ticket.outcome == "closed" else {})


def _uses(one: Written, names: Names) -> Iterator[Row]:
    """The use of the article that helped, as kb.articles.usage records it."""
    number, at = one.imported.past.article, one.story.resolved_at
    if number is None or at is None:
        return
    fitting = names.articles[one.imported.category, one.imported.service_id or 0]
    yield {
        "article_id": next(ident for ident, other in fitting if other == number), "how": How.USED,
        "person_id": one.story.ledger[-1].holder, "ticket": one.number, "text": one.imported.title, "at": at,
    }  # fmt: skip
