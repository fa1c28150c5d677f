"""Importing one ticket through the API, with the scope `import`."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy.orm import Session

from accounts.audit import listener as audit
from accounts.models import Team
from core.errors import Invalid
from core.i18n import gettext as _
from servicedesk.custody import routing
from servicedesk.custody import service as custody
from servicedesk.tickets import clocking, facts, importer, opening, rules
from servicedesk.tickets.facts import What
from servicedesk.tickets.models import Ticket
from servicedesk.tickets.states import INITIAL, STATES_OF, Kind, State
from servicedesk.tickets.story import Leg, Past

_WORKED = frozenset({State.ACTIVE, State.SUSPENDED, State.RESOLVED, State.CLOSED})


def import_ticket(session: Session, report: opening.Report, given: dict[str, Any], *, now: dt.datetime) -> Ticket:
    """A ticket with a past. Raises Invalid for times in the wrong order or a state the kind does not know."""
    state = _state(report.kind, given)
    opened_at = given.get("opened_at") or given.get("resolved_at") or now
    _check_times(opened_at, given, now)
    team = (
        session.get_one(Team, report.team_id)
        if report.team_id
        else routing.first_team(session, report.unit_id, service_id=report.service_id)
    )
    impact = report.impact or rules.impact(report.people_hit, report.services_hit)
    line = custody.line_of(team)
    legs = (Leg(team.id, line, team.head_id, 0, 0),) if state in _WORKED and report.kind is Kind.INCIDENT else ()
    past = Past(
        opened_at=opened_at,
        priority=rules.priority(report.urgency, impact),
        first_team_id=team.id,
        first_line=line,
        reporter_id=report.reporter_id,
        tax=clocking.is_tax(session, report.service_id),
        targets=clocking.targets_version(session),
        source=str(report.source),
        description=report.description,
        legs=legs,
        outcome=state,
        resolved_at=given.get("resolved_at"),
        closed_after=dt.timedelta(),
    )
    one = importer.Imported(
        past=past,
        title=report.title,
        category=report.category,
        unit_id=report.unit_id,
        kind=report.kind,
        urgency=report.urgency,
        impact=impact,
        service_id=report.service_id,
        item_id=report.item_id,
        people_hit=report.people_hit,
        parent_id=report.parent_id,
        state=state,
        extra={**report.extra, **{k: given.get(k) for k in ("actual_start", "actual_end")}},
    )
    written = importer.write_one(session, one, now=now)
    ticket = session.get_one(Ticket, written.id)
    after = {"number": ticket.number, "title": ticket.title, "state": str(state), "opened_at": opened_at.isoformat()}
    audit.record(session, verb="import", object_name=f"ticket:{ticket.id}", after=after, now=now)  # Core wrote it
    facts.changed(session, ticket, What.IMPORTED, now=now)
    return ticket


def _state(kind: Kind, given: dict[str, Any]) -> State:
    default = State.RESOLVED if given.get("resolved_at") and State.RESOLVED in STATES_OF[kind] else INITIAL[kind]
    state = given.get("state") or default
    if state not in STATES_OF[kind]:
        allowed = "、".join(str(s) for s in STATES_OF[kind])
        raise Invalid.of("state", _("该类事项没有这个状态；可用的有：%(allowed)s。", allowed=allowed))
    return State(state)


def _check_times(opened_at: dt.datetime, given: dict[str, Any], now: dt.datetime) -> None:
    limits = (
        ("opened_at", opened_at, None),
        ("resolved_at", given.get("resolved_at"), opened_at),
        ("actual_end", given.get("actual_end"), given.get("actual_start")),
    )
    for name, value, earliest in limits:
        if value is None:
            continue
        if name != "actual_end" and value > now + dt.timedelta(minutes=5):
            raise Invalid.of(name, _("不能晚于现在。"))
        if earliest is not None and value < earliest:
            raise Invalid.of(name, _("不能早于开始的时间。"))
