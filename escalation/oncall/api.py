"""/schedules and /policies of the API, and the calendar to subscribe to."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import icalendar
import sqlalchemy as sa
from flask import Response

from accounts.current import viewer
from accounts.models import Person, Team
from core import clock
from escalation.oncall import queries, roster, rules, setup
from escalation.oncall.models import Policy, Schedule
from escalation.oncall.schemas import (
    OnCallOut,
    OverrideIn,
    PolicyIn,
    PolicyOut,
    PolicyPatch,
    ScheduleIn,
    ScheduleOut,
    SchedulePatch,
    SetupQuery,
    Step,
    Target,
)
from web import access
from web.api import Api, ApiModel, Created, etag
from web.api.schemas import Instant
from web.db import db
from web.paging import Page

api = Api("oncall", __name__)
CALENDAR_DAYS = 90


class AtQuery(ApiModel):
    """At which instant; default: now."""

    at: Instant | None = None


def _schedules_out(rows: Sequence[Schedule]) -> list[ScheduleOut]:
    if not rows:
        return []
    session = db.session()
    named = {p for row in rows for p in row.people}
    logins = dict(session.execute(sa.select(Person.id, Person.login).where(Person.id.in_(named))).all())
    on_call = roster.on_call_now(session, rows, clock.now())
    return [
        ScheduleOut(
            id=row.id,
            code=row.code,
            name=row.name,
            unit=row.unit.code,
            team=row.team.code if row.team else None,
            people=[logins[p] for p in row.people if p in logins],
            shift_days=row.shift_days,
            starts_on=row.starts_on,
            handover=row.handover,
            on_call=on_call[row.id].login if row.active and row.id in on_call else None,
            active=row.active,
        )
        for row in rows
    ]


def _schedule_out(row: Schedule) -> ScheduleOut:
    etag.tagged(row.revision)
    return _schedules_out([row])[0]


@api.get("/schedules", needs="oncall.read", query=SetupQuery, answer=ScheduleOut, listing=True)
def list_schedules(query: SetupQuery) -> Page[ScheduleOut]:
    """Duty rosters by name; retired ones only when asked for."""
    found = queries.listed(db.session(), viewer(), Schedule, query)
    return Page(_schedules_out(found.items), found.next)


@api.post("/schedules", needs="oncall.write", body=ScheduleIn, answer=ScheduleOut)
def create_schedule(body: ScheduleIn) -> Created:
    """Add a duty roster."""
    row = setup.create_schedule(db.session(), viewer(), body)
    return Created(_schedule_out(row), f"/api/v1/schedules/{row.id}")


@api.get("/schedules/<int:schedule_id>", needs="oncall.read", answer=ScheduleOut)
def get_schedule(schedule_id: int) -> ScheduleOut:
    """One duty roster."""
    return _schedule_out(queries.schedule(db.session(), viewer(), schedule_id))


@api.patch("/schedules/<int:schedule_id>", needs="oncall.write", body=SchedulePatch, answer=ScheduleOut)
def change_schedule(schedule_id: int, body: SchedulePatch) -> ScheduleOut:
    """Change the fields given; with If-Match only if nobody else changed it meanwhile."""
    row = queries.schedule(db.session(), viewer(), schedule_id, "oncall.write")
    setup.change_schedule(db.session(), row, body, revision=etag.named())
    return _schedule_out(row)


@api.delete("/schedules/<int:schedule_id>", needs="oncall.write", status=204)
def retire_schedule(schedule_id: int) -> None:
    """Retire a duty roster; refused while a policy pages it."""
    row = queries.schedule(db.session(), viewer(), schedule_id, "oncall.write")
    setup.retire_schedule(db.session(), viewer(), row, revision=etag.named())


@api.get("/schedules/<int:schedule_id>/oncall", needs="oncall.read", query=AtQuery, answer=OnCallOut)
def who(schedule_id: int, query: AtQuery) -> OnCallOut:
    """Who is on duty at an instant."""
    row = queries.schedule(db.session(), viewer(), schedule_id)
    at = query.at or clock.now()
    stand_ins = roster.stand_ins_of(db.session(), row.id)
    person_id, by_override = rules.on_call(roster.rotation_of(row), stand_ins, at)
    person = db.session().get(Person, person_id) if person_id else None
    return OnCallOut(at=at, person=person.login if person and person.active else None, by_override=by_override)


@api.post("/schedules/<int:schedule_id>/overrides", needs="oncall.write", body=OverrideIn, answer=OnCallOut)
def create_override(schedule_id: int, body: OverrideIn) -> Created:
    """Let somebody stand in for a time."""
    row = queries.schedule(db.session(), viewer(), schedule_id, "oncall.write")
    setup.override(
        db.session(),
        row,
        login=body.person,
        from_at=body.from_at,
        until_at=body.until_at,
        reason=body.reason,
        by_id=viewer().person_id,
        now=clock.now(),
    )
    made = OnCallOut(at=body.from_at, person=body.person, by_override=True)
    return Created(made, f"/api/v1/schedules/{row.id}/oncall?at={body.from_at.isoformat()}")


def calendar_file(schedule_id: int) -> Response:
    """The coming ninety days as iCalendar."""
    session, now = db.session(), clock.now()
    row = queries.schedule(session, viewer(), schedule_id)
    turns = rules.shifts(
        roster.rotation_of(row), roster.stand_ins_of(session, row.id), now, now + dt.timedelta(days=CALENDAR_DAYS)
    )
    wanted = sa.select(Person.id, Person.name).where(Person.id.in_({s.person_id for s in turns}), Person.active)
    known = dict(session.execute(wanted).all())
    found = icalendar.Calendar()
    found.add("prodid", "-//taxops//oncall//")
    found.add("version", "2.0")
    found.add("x-wr-calname", row.name)
    for shift in turns:
        if shift.person_id not in known:  # a gap, also where the one whose turn it is was disabled
            continue
        event = icalendar.Event()
        event.add("uid", f"{row.code}-{int(shift.from_at.timestamp())}@taxops")
        event.add("dtstamp", now)
        event.add("dtstart", shift.from_at.astimezone(dt.UTC))
        event.add("dtend", shift.until_at.astimezone(dt.UTC))
        event.add("summary", f"{row.name}: {known[shift.person_id]}")
        found.add_component(event)
    return Response(found.to_ical(), mimetype="text/calendar")


api.blueprint.add_url_rule(
    "/schedules/<int:schedule_id>.ics",
    endpoint="get_calendar_file",
    view_func=access.needs("oncall.read")(calendar_file),
)


def _policies_out(rows: Sequence[Policy]) -> list[PolicyOut]:
    names = _target_names([t for row in rows for s in row.steps for t in s["targets"]])
    return [
        PolicyOut(
            id=row.id,
            code=row.code,
            name=row.name,
            unit=row.unit.code,
            team=row.team.code if row.team else None,
            steps=[
                Step(
                    delay_minutes=s["delay_minutes"],
                    targets=[Target(kind=t["kind"], name=names.get((t["kind"], t.get("id")))) for t in s["targets"]],
                )
                for s in row.steps
            ],
            loops=row.loops,
            max_priority=row.max_priority,
            active=row.active,
        )
        for row in rows
    ]


def _target_names(targets: list[dict[str, Any]]) -> dict[tuple[str, int | None], str]:
    """(kind, id) → the name under which the API knows whom a step pages."""
    columns: dict[str, tuple[Any, Any]] = {
        "schedule": (Schedule.id, Schedule.code),
        "person": (Person.id, Person.login),
        "team": (Team.id, Team.code),
    }
    found: dict[tuple[str, int | None], str] = {}
    for kind, (key, name) in columns.items():
        if wanted := {t["id"] for t in targets if t["kind"] == kind}:
            rows = db.session().execute(sa.select(key, name).where(key.in_(wanted)))
            found |= {(kind, i): text for i, text in rows}
    return found


def _policy_out(row: Policy) -> PolicyOut:
    etag.tagged(row.revision)
    return _policies_out([row])[0]


@api.get("/policies", needs="oncall.read", query=SetupQuery, answer=PolicyOut, listing=True)
def list_policies(query: SetupQuery) -> Page[PolicyOut]:
    """Escalation policies by name; retired ones only when asked for."""
    found = queries.listed(db.session(), viewer(), Policy, query)
    return Page(_policies_out(found.items), found.next)


@api.post("/policies", needs="oncall.write", body=PolicyIn, answer=PolicyOut)
def create_policy(body: PolicyIn) -> Created:
    """Add an escalation policy."""
    row = setup.create_policy(db.session(), viewer(), body)
    return Created(_policy_out(row), f"/api/v1/policies/{row.id}")


@api.get("/policies/<int:policy_id>", needs="oncall.read", answer=PolicyOut)
def get_policy(policy_id: int) -> PolicyOut:
    """One escalation policy."""
    return _policy_out(queries.policy(db.session(), viewer(), policy_id))


@api.patch("/policies/<int:policy_id>", needs="oncall.write", body=PolicyPatch, answer=PolicyOut)
def change_policy(policy_id: int, body: PolicyPatch) -> PolicyOut:
    """Change the fields given; with If-Match only if nobody else changed it meanwhile. Chains that run are untouched."""
    row = queries.policy(db.session(), viewer(), policy_id, "oncall.write")
    setup.change_policy(db.session(), row, body, revision=etag.named())
    return _policy_out(row)


@api.delete("/policies/<int:policy_id>", needs="oncall.write", status=204)
def retire_policy(policy_id: int) -> None:
    """Retire an escalation policy."""
    row = queries.policy(db.session(), viewer(), policy_id, "oncall.write")
    setup.retire_policy(db.session(), row, revision=etag.named())
