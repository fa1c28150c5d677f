"""What the platform knows of a matter and can write into the sheet by itself (E-02)."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.scope import Viewer
from cmdb import queries as cmdb
from core.errors import Invalid, NotFound
from core.i18n import gettext as _
from escalation.handoff import sheets
from escalation.handoff.sheets import Fill
from kb.articles import queries as articles
from servicedesk import catalogue
from servicedesk.intake import guides, standards
from servicedesk.tickets import clocking
from servicedesk.tickets.models import StepDone, Ticket

CHANGES_SHOWN = 3
CHANGES_BACK = dt.timedelta(days=7)
LONGEST_FILL = 1500


def prefilled(session: Session, ticket: Ticket) -> dict[str, str]:
    """The sheet as far as the platform can fill it: the reporter's answers first, then what it knows."""
    said = guides.conclude(ticket.category, ticket.answers or {}).sheet
    return sheets.prefill(ticket.category, _known(session, ticket), said)


def _known(session: Session, ticket: Ticket) -> dict[Fill, str]:
    found = {
        Fill.SYMPTOM: _symptom(ticket),
        Fill.SINCE: clocking.wall(ticket.since or ticket.opened_at),
        Fill.AFFECTED: _affected(ticket),
        Fill.ERROR: ticket.error_code or "",
        Fill.TRIED: _tried(session, ticket),
        Fill.CONTACT: _contact(ticket),
        Fill.ITEM: _name(session, ticket.item_id),
        Fill.SERVICE: _name(session, ticket.service_id),
        Fill.SITE: ticket.unit.name,
        Fill.CHANGES: _changes(session, ticket),
    }
    return {key: value for key, value in found.items() if value}


def _symptom(ticket: Ticket) -> str:
    text = ticket.description.strip()
    whole = text if text.startswith(ticket.title) else f"{ticket.title}\n{text}".strip()
    return whole[:LONGEST_FILL]


def _affected(ticket: Ticket) -> str:
    if ticket.people_hit > 1:
        return _("%(unit)s，约 %(n)s 人", unit=ticket.unit.name, n=ticket.people_hit)
    return ticket.unit.name


def _tried(session: Session, ticket: Ticket) -> str:
    done = session.scalars(sa.select(StepDone.step).where(StepDone.ticket_id == ticket.id).order_by(StepDone.at))
    labels = {step.key: str(step.label) for step in standards.standard_for(ticket.category).steps}
    return "；".join(labels[step] for step in done if step in labels)


def _contact(ticket: Ticket) -> str:
    person = ticket.reporter or ticket.holder
    if person is None:
        return ""
    return " ".join(part for part in (person.name, person.phone, ticket.unit.name) if part)


def _name(session: Session, item_id: int | None) -> str:
    found = catalogue.brief(session, item_id)
    return found.name if found else ""


def _changes(session: Session, ticket: Ticket) -> str:
    items = [i for i in (ticket.item_id, ticket.service_id) if i is not None]
    if not items:
        return ""
    until = ticket.since or ticket.opened_at
    rows = cmdb.what_changed(session, items, since=until - CHANGES_BACK, until=until, limit=CHANGES_SHOWN)
    return "\n".join(f"{clocking.wall(row.at)} {row.text}" for row in rows)


def check_article(session: Session, viewer: Viewer, number: str | None) -> None:
    """Raise Invalid when the article said to have been tried is none the viewer can read."""
    if not number:
        return
    try:
        articles.get(session, viewer, number)
    except NotFound as error:
        raise Invalid.of("search.article", _("没有编号为“%(number)s”的文章，或您无权查看。", number=number)) from error
