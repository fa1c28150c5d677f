"""Tickets of the last half year, with custody, facts and clocks, written by the service desk's importer."""

from __future__ import annotations

import datetime as dt
import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import Person, Team, TeamMember, Unit
from app.demo.catalogue import services
from app.demo.people import people
from app.demo.tickets import DemoTicket, tickets
from app.demo.units import Scale
from cmdb.models import Item, Lifecycle, Service
from core.db import reading, transaction
from escalation.handoff import importer as handoffs
from kb.search import index
from servicedesk.clocks.service import targets_version
from servicedesk.custody.rules import Line, line_of_level
from servicedesk.tickets import importer, rules
from servicedesk.tickets.models import Ticket
from servicedesk.tickets.states import Kind, State
from servicedesk.tickets.story import Leg, Past

SENT_BECAUSE = "本级已按解决标准处理，未能恢复，请支援。"
RETURNED_BECAUSE = "描述不足以判断，请补充后再上报。"
MISSING = "完整的错误提示或截图"
ITEM_TYPES = {"wan": ("router", "line", "switch"), "desktop": ("terminal", "printer"), "video": ("video-terminal",)}
COUNTY_DIGITS = 6


@dataclass(frozen=True)
class _Names:
    """Ids of what the tickets refer to."""

    people: dict[str, int]
    units: dict[str, int]
    teams: dict[str, tuple[int, Line]]
    members: dict[int, list[int]]
    services: dict[str, int]
    items: dict[tuple[str, str], list[int]]
    targets: int


def load(
    engine: sa.Engine,
    *,
    now: dt.datetime,
    scale: Scale,
    seed: int,
    count: int,
    progress: Callable[[str, int, int], None],
) -> dict[str, int]:
    """Add tickets until there are `count`; returns how many were added."""
    with reading(engine) as session:
        there = session.scalar(sa.select(sa.func.count()).select_from(Ticket)) or 0
        names = _names(session)
    wanted = max(0, count - there)
    if not wanted:
        return {"tickets": 0}
    told = islice(tickets(count, list(people(scale, seed)), now, seed), there, None)
    progress("tickets", 0, wanted)
    written = 0
    with Session(engine, expire_on_commit=False) as session:
        for batch in importer.bulk(session, _imported(told, names, seed), now=now):
            handoffs.write(session, batch)
            session.commit()
            written += len(batch)
            progress("tickets", written, wanted)
    with transaction(engine) as session:
        index.request_rebuild(session, now=now)
    return {"tickets": written}


def _names(session: Session) -> _Names:
    members: dict[int, list[int]] = defaultdict(list)
    for team, person in session.execute(
        sa.select(TeamMember.team_id, TeamMember.person_id).order_by(TeamMember.person_id)
    ):
        members[team].append(person)
    items: dict[tuple[str, str], list[int]] = defaultdict(list)
    rows = session.execute(
        sa.select(Unit.code, Item.type_code, Item.id).join(Unit, Unit.id == Item.unit_id)
        .where(Item.lifecycle == Lifecycle.LIVE, Unit.level == "county").order_by(Item.id)
    )  # fmt: skip
    for code, kind, item in rows:
        items[code, kind].append(item)
    return _Names(
        people={row[0]: row[1] for row in session.execute(sa.select(Person.login, Person.id))},
        units={row[0]: row[1] for row in session.execute(sa.select(Unit.code, Unit.id))},
        teams={
            code: (team, line_of_level(level))
            for code, team, level in session.execute(sa.select(Team.code, Team.id, Unit.level).join(Unit, Unit.id == Team.unit_id))
        },
        members=members,
        services={row[0]: row[1] for row in session.execute(sa.select(Service.code, Service.item_id)) if row[0]},
        items=items, targets=targets_version(session),
    )  # fmt: skip


def _imported(told: Iterator[DemoTicket], names: _Names, seed: int) -> Iterator[importer.Imported]:
    draw = random.Random(f"{seed}:holders")
    tax = {service.code: service.tax_system for service in services()}
    for ticket in told:
        category = ticket.symptom.category
        first_team, first_line = names.teams[f"{ticket.unit[:COUNTY_DIGITS]}-ops"]
        past = Past(
            opened_at=ticket.opened_at, priority=rules.priority(ticket.urgency, ticket.impact), first_team_id=first_team,
            first_line=first_line, reporter_id=names.people[ticket.reporter], tax=tax[ticket.symptom.service],
            targets=names.targets, description=_description(ticket), legs=_legs(ticket, names, draw),
            outcome=State(ticket.outcome), stars=ticket.stars, solution=ticket.symptom.solution, cause=ticket.symptom.cause,
            sent_because=SENT_BECAUSE, returned_because=RETURNED_BECAUSE, missing=MISSING,
        )  # fmt: skip
        yield importer.Imported(
            past=past, title=ticket.title, category=category, unit_id=names.units[ticket.unit], kind=Kind(ticket.kind),
            urgency=ticket.urgency, impact=ticket.impact, service_id=names.services.get(ticket.symptom.service),
            item_id=_item(ticket, names, draw), people_hit=draw.choice((1, 1, 1, 2, 3, 8)),
        )  # fmt: skip


def _description(ticket: DemoTicket) -> str:
    code = ticket.symptom.error_code
    return f"{ticket.description}\n错误代码：{code}" if code else ticket.description


def _item(ticket: DemoTicket, names: _Names, draw: random.Random) -> int | None:
    """Half of the matters about equipment name the thing."""
    kinds = ITEM_TYPES.get(ticket.symptom.category, ())
    there = [item for kind in kinds for item in names.items.get((ticket.unit[:COUNTY_DIGITS], kind), ())]
    return draw.choice(there) if there and draw.random() < 0.5 else None  # noqa: PLR2004  the share is the point


def _legs(ticket: DemoTicket, names: _Names, draw: random.Random) -> tuple[Leg, ...]:
    found = []
    for leg in ticket.legs:
        team, line = names.teams[leg.team]
        found.append(Leg(team, line, draw.choice(names.members[team]), leg.waited, leg.held, leg.returned))
    return tuple(found)
