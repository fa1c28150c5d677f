"""Who is on duty: a roster's rotation, and who stands in for it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import Person
from escalation.oncall import rules
from escalation.oncall.models import Override, Schedule


def rotation_of(schedule: Schedule) -> rules.Rotation:
    """The schedule's rotation as the rules want it."""
    hour, minute = map(int, schedule.handover.split(":"))
    return rules.Rotation(tuple(schedule.people), schedule.shift_days, schedule.starts_on, dt.time(hour, minute))


def stand_ins_of(session: Session, schedule_id: int) -> list[rules.StandIn]:
    """The overrides in force of a schedule."""
    rows = session.scalars(
        sa.select(Override).where(Override.schedule_id == schedule_id, Override.cancelled_at.is_(None))
    )
    return [rules.StandIn(o.person_id, o.from_at, o.until_at, o.id) for o in rows]


def on_call_now(session: Session, schedules: Sequence[Schedule], at: dt.datetime) -> dict[int, Person]:
    """Schedule id → who is on duty, without the gaps; two statements for however many schedules."""
    rows = session.scalars(
        sa.select(Override).where(
            Override.schedule_id.in_([s.id for s in schedules]),
            Override.cancelled_at.is_(None),
            Override.from_at <= at,
            Override.until_at > at,
        )
    )
    stand_ins: dict[int, list[rules.StandIn]] = {}
    for row in rows:
        stand_ins.setdefault(row.schedule_id, []).append(
            rules.StandIn(row.person_id, row.from_at, row.until_at, row.id)
        )
    turns = {s.id: rules.on_call(rotation_of(s), stand_ins.get(s.id, []), at)[0] for s in schedules}
    wanted = sa.select(Person).where(Person.id.in_([p for p in turns.values() if p]), Person.active)
    people = {p.id: p for p in session.scalars(wanted)}
    return {schedule: people[person] for schedule, person in turns.items() if person in people}


def person_on_call(session: Session, schedule: Schedule, at: dt.datetime) -> Person | None:
    """Who is on duty; None for a gap, also when the one named is disabled."""
    person_id, _by_override = rules.on_call(rotation_of(schedule), stand_ins_of(session, schedule.id), at)
    person = session.get(Person, person_id) if person_id is not None else None
    return person if person is not None and person.active else None
