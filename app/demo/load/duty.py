"""Who is on duty in the demo province, and how a night incident climbs until somebody acknowledges."""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import Person, Team, TeamMember, Unit
from core import clock
from core.db import transaction
from escalation.oncall.models import Policy, Schedule

FIRST_DUTY = "yangfan"  # the cast's on-call person has the first turn, so that a visitor sees a page arrive
TEAM = "p-platform"
ROOT = "61"
TURNS = 4


def load(engine: sa.Engine, *, now: dt.datetime) -> dict[str, int]:
    """One roster of the provincial platform team and the default policy; repeating it changes nothing."""
    with transaction(engine) as session:
        session.info["actor"] = "command-line"
        unit = session.scalar(sa.select(Unit).where(Unit.code == ROOT))
        team = session.scalar(sa.select(Team).where(Team.code == TEAM))
        if unit is None or team is None or session.scalar(sa.select(Schedule.id).limit(1)) is not None:
            return {"schedules": 0}
        today = clock.local_date(now)
        monday = today - dt.timedelta(days=today.weekday())
        schedule = Schedule(
            code="province-duty",
            name="省局信息中心值班",
            unit_id=unit.id,
            team_id=team.id,
            people=_turns(session, team.id),
            shift_days=7,
            starts_on=monday,
            handover="09:00",
            active=True,
        )
        session.add(schedule)
        session.flush()
        steps: list[dict[str, Any]] = [
            {"delay_minutes": 5, "targets": [{"kind": "schedule", "id": schedule.id}]},
            {"delay_minutes": 10, "targets": [{"kind": "team", "id": team.id}]},
            {"delay_minutes": 15, "targets": [{"kind": "head"}]},
        ]
        session.add(
            Policy(
                code="province-default",
                name="省局默认呼叫",
                unit_id=unit.id,
                team_id=None,
                steps=steps,
                loops=2,
                max_priority=2,
                active=True,
            )
        )
    return {"schedules": 1}


def _turns(session: Session, team_id: int) -> list[int]:
    first = session.scalar(sa.select(Person.id).where(Person.login == FIRST_DUTY))
    others = session.scalars(
        sa.select(TeamMember.person_id)
        .join(Person, Person.id == TeamMember.person_id)
        .where(TeamMember.team_id == team_id, Person.active, Person.login != FIRST_DUTY)
        .order_by(Person.login)
        .limit(TURNS - 1)
    )
    return [i for i in (first, *others) if i is not None]
