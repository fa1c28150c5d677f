"""/schedules and /policies of the API, and the calendar to subscribe to."""

from __future__ import annotations

import datetime as dt

import icalendar
import sqlalchemy as sa
from flask import Response

from accounts import queries as accounts
from accounts.current import viewer
from accounts.models import Person, Team, Unit
from core import clock
from escalation.oncall import queries, rules, service, setup
from escalation.oncall.models import Policy, Schedule
from escalation.oncall.schemas import OnCallOut, OverrideIn, PolicyIn, PolicyOut, ScheduleIn, ScheduleOut, Step, Target
from web import access
from web.api import Api, ApiModel, Created, ListQuery
from web.api.schemas import Instant
from web.db import db
from web.paging import Page

api = Api("oncall", __name__)
CALENDAR_DAYS = 90


class AtQuery(ApiModel):
    """At which instant; default: now."""

    at: Instant | None = None


def _schedule_out(row: Schedule) -> ScheduleOut:
    session = db.session()
    logins = dict(session.execute(sa.select(Person.id, Person.login).where(Person.id.in_(row.people))).all())
    person = service.person_on_call(session, row, clock.now())
    return ScheduleOut(
        id=row.id,
        code=row.code,
        name=row.name,
        unit=row.unit.code,
        team=row.team.code if row.team else None,
        people=[logins[p] for p in row.people if p in logins],
        shift_days=row.shift_days,
        starts_on=row.starts_on,
        handover=row.handover,
        on_call=person.login if person else None,
    )


@api.get("/schedules", needs="oncall.read", query=ListQuery, answer=ScheduleOut, listing=True)
def list_schedules(query: ListQuery) -> Page[ScheduleOut]:
    """Duty rosters."""
    rows = queries.schedules(db.session(), viewer())
    return Page([_schedule_out(row) for row in rows[: query.limit]], None)


@api.post("/schedules", needs="oncall.write", body=ScheduleIn, answer=ScheduleOut)
def create_schedule(body: ScheduleIn) -> Created:
    """Add a duty roster."""
    row = setup.create_schedule(db.session(), viewer(), body)
    return Created(_schedule_out(row), f"/api/v1/schedules/{row.id}")


@api.get("/schedules/<int:schedule_id>", needs="oncall.read", answer=ScheduleOut)
def get_schedule(schedule_id: int) -> ScheduleOut:
    """One duty roster."""
    return _schedule_out(queries.schedule(db.session(), viewer(), schedule_id))


@api.get("/schedules/<int:schedule_id>/oncall", needs="oncall.read", query=AtQuery, answer=OnCallOut)
def who(schedule_id: int, query: AtQuery) -> OnCallOut:
    """Who is on duty at an instant."""
    row = queries.schedule(db.session(), viewer(), schedule_id)
    at = query.at or clock.now()
    stand_ins = service.stand_ins_of(db.session(), row.id)
    person_id, by_override = rules.on_call(service.rotation_of(row), stand_ins, at)
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
    roster = rules.shifts(
        service.rotation_of(row), service.stand_ins_of(session, row.id), now, now + dt.timedelta(days=CALENDAR_DAYS)
    )
    known = accounts.names(session, [s.person_id or 0 for s in roster])
    found = icalendar.Calendar()
    found.add("prodid", "-//taxops//oncall//")
    found.add("version", "2.0")
    found.add("x-wr-calname", row.name)
    for shift in roster:
        if shift.person_id is None:
            continue
        event = icalendar.Event()
        event.add("uid", f"{row.code}-{int(shift.from_at.timestamp())}@taxops")
        event.add("dtstamp", now)
        event.add("dtstart", shift.from_at.astimezone(dt.UTC))
        event.add("dtend", shift.until_at.astimezone(dt.UTC))
        event.add("summary", f"{row.name}: {known.get(shift.person_id, '')}")
        found.add_component(event)
    return Response(found.to_ical(), mimetype="text/calendar")


api.blueprint.add_url_rule(
    "/schedules/<int:schedule_id>.ics",
    endpoint="get_calendar_file",
    view_func=access.needs("oncall.read")(calendar_file),
)


def _policy_out(row: Policy) -> PolicyOut:
    session = db.session()
    unit = session.get_one(Unit, row.unit_id)
    team = session.get(Team, row.team_id) if row.team_id else None
    steps = [
        Step(
            delay_minutes=s["delay_minutes"],
            targets=[Target(kind=t["kind"], name=_target_name(t)) for t in s["targets"]],
        )
        for s in row.steps
    ]
    return PolicyOut(
        id=row.id,
        code=row.code,
        name=row.name,
        unit=unit.code,
        team=team.code if team else None,
        steps=steps,
        loops=row.loops,
        max_priority=row.max_priority,
    )


def _target_name(target: dict[str, object]) -> str | None:
    kind, target_id = target["kind"], target.get("id")
    session = db.session()
    if kind == "schedule":
        return session.scalar(sa.select(Schedule.code).where(Schedule.id == target_id))
    if kind == "person":
        return session.scalar(sa.select(Person.login).where(Person.id == target_id))
    return session.scalar(sa.select(Team.code).where(Team.id == target_id)) if kind == "team" else None


@api.get("/policies", needs="oncall.read", query=ListQuery, answer=PolicyOut, listing=True)
def list_policies(query: ListQuery) -> Page[PolicyOut]:
    """Escalation policies."""
    rows = queries.policies(db.session(), viewer())
    return Page([_policy_out(row) for row in rows[: query.limit]], None)


@api.post("/policies", needs="oncall.write", body=PolicyIn, answer=PolicyOut)
def create_policy(body: PolicyIn) -> Created:
    """Add an escalation policy."""
    row = setup.create_policy(db.session(), viewer(), body)
    return Created(_policy_out(row), f"/api/v1/policies/{row.id}")
