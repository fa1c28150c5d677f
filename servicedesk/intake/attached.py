"""What the platform adds to a report by itself, shown before sending, with a way to take it off (T-09)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import Person
from accounts.scope import Viewer
from cmdb import queries as cmdb
from cmdb.models import HEALTH_LABELS, Health
from core.i18n import gettext as _
from servicedesk import catalogue
from servicedesk.tickets import clocking
from servicedesk.tickets.models import Ticket
from servicedesk.tickets.states import FINISHED

CHANGES_BACK = dt.timedelta(days=3)
CHANGES_SHOWN = 3


@dataclass(frozen=True)
class Known:
    """One thing the platform knows: a key to take it off by, what it is, and the words."""

    key: str
    label: str
    text: str


def known(
    session: Session, viewer: Viewer, *, service_id: int | None, item_id: int | None, now: dt.datetime
) -> list[Known]:
    """What would be attached to this person's report."""
    found = [Known("contact", _("联系方式"), _contact(session, viewer))]
    for key, item in (("item", catalogue.brief(session, item_id)), ("service", catalogue.brief(session, service_id))):
        if item is not None:
            state = str(HEALTH_LABELS[Health(item.health)])
            found.append(Known(key, _("监控状态"), _("%(name)s：%(state)s", name=item.name, state=state)))
    items = [i for i in (item_id, service_id) if i is not None]
    if items:
        found += _changes(session, items, now) + _running(session, items)
    return [one for one in found if one.text]


def _contact(session: Session, viewer: Viewer) -> str:
    person = session.get(Person, viewer.person_id)
    return " ".join(part for part in (viewer.name, person.phone if person else "", viewer.unit_name) if part)


def _changes(session: Session, items: list[int], now: dt.datetime) -> list[Known]:
    rows = cmdb.what_changed(session, items, since=now - CHANGES_BACK, until=now, limit=CHANGES_SHOWN)
    text = "；".join(f"{clocking.wall(row.at)} {row.text}" for row in rows)
    return [Known("changes", _("近期变更"), text)]


def _running(session: Session, items: list[int]) -> list[Known]:
    count = session.scalar(
        sa.select(sa.func.count())
        .select_from(Ticket)
        .where(Ticket.service_id.in_(items), Ticket.state.not_in(sorted(FINISHED)))
    )
    return [Known("running", _("正在处理"), _("该系统有 %(n)s 件未办结的事项", n=count))] if count else []


def as_text(found: list[Known], taken_off: set[str]) -> str:
    """The lines that are left, as they are kept with the ticket."""
    return "\n".join(f"{one.label}：{one.text}" for one in found if one.key not in taken_off)
