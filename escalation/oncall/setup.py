"""Verbs that set on-call up: schedules, overrides, policies. Names are checked whole before anything is written."""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts import service as accounts
from accounts.models import Person, Team, Unit
from accounts.scope import Viewer, covers, in_scope
from core.errors import Conflict, Forbidden, Invalid, NotFound, Stale
from core.i18n import gettext as _
from escalation.oncall.models import Override, Policy, Schedule
from escalation.oncall.schemas import PolicyIn, PolicyPatch, ScheduleIn, SchedulePatch, Step, Target

LONGEST_OVERRIDE = dt.timedelta(days=60)


def _person(session: Session, login: str, field: str) -> Person:
    found = session.scalar(sa.select(Person).where(Person.login == login, Person.active))
    if found is None:
        raise Invalid.of(field, _("没有登录名为“%(login)s”的在用人员。", login=login))
    return found


def _people(session: Session, logins: list[str]) -> list[int]:
    """Ids in the same order; the one who is named twice has two turns."""
    return [_person(session, login, f"people[{n}]").id for n, login in enumerate(logins)]


def _team(session: Session, code: str | None) -> Team | None:
    if code is None:
        return None
    found = session.scalar(sa.select(Team).where(Team.code == code, Team.active))
    if found is None:
        raise Invalid.of("team", _("没有编码为“%(code)s”的班组。", code=code))
    return found


def _place(session: Session, viewer: Viewer, unit_code: str, team: Team | None) -> Unit:
    try:
        unit = accounts.unit_by_code(session, unit_code)
    except NotFound as error:
        raise Invalid.of("unit", error.message) from error
    if not covers(session, viewer, "oncall.write", unit_id=unit.id, team_id=team.id if team else None):
        raise Forbidden(_("您不能为这个机构设置值班。"))
    return unit


def create_schedule(session: Session, viewer: Viewer, given: ScheduleIn) -> Schedule:
    """Add a roster. Raises Invalid naming the field, Conflict for a taken code, Forbidden outside one's units."""
    team = _team(session, given.team)
    unit = _place(session, viewer, given.unit, team)
    if session.scalar(sa.select(Schedule.id).where(Schedule.code == given.code)) is not None:
        raise Conflict(_("编码“%(code)s”已被使用。", code=given.code))
    people = _people(session, given.people)
    row = Schedule(
        code=given.code,
        name=given.name,
        unit_id=unit.id,
        team_id=team.id if team else None,
        people=people,
        shift_days=given.shift_days,
        starts_on=given.starts_on,
        handover=given.handover,
        active=True,
    )
    session.add(row)
    session.flush()
    return row


def _changes(session: Session, row: Schedule | Policy, given: SchedulePatch | PolicyPatch, revision: int | None) -> Any:
    """What was given, after locking the row. Raises Stale for another revision, Invalid for a null."""
    _lock(session, row, revision)
    changes = {name: getattr(given, name) for name in given.model_fields_set}
    for name, value in changes.items():
        if value is None:
            raise Invalid.of(name, _("必填。"))
    return changes


def _lock(session: Session, row: Schedule | Policy, revision: int | None) -> None:
    kind = type(row)  # not session.refresh: it would join what the row was loaded with, which PostgreSQL can't lock
    session.scalar(sa.select(kind).where(kind.id == row.id).with_for_update().execution_options(populate_existing=True))
    if not row.active:
        raise NotFound(_("已被他人停用。"))
    if revision is not None and revision != row.revision:
        raise Stale(_("内容已被他人修改，请重新读取后再改。"), revision=row.revision)
    row.revision += 1


def change_schedule(session: Session, row: Schedule, given: SchedulePatch, *, revision: int | None) -> None:
    """Change the fields given. Raises Invalid naming the field, Stale where somebody else changed it since `revision`."""
    changes = _changes(session, row, given, revision)
    if "people" in changes:
        changes["people"] = _people(session, changes["people"])
    for name, value in changes.items():
        setattr(row, name, value)


def retire_schedule(session: Session, viewer: Viewer, row: Schedule, *, revision: int | None) -> None:
    """Take a roster out of use. Raises Conflict while a policy pages it: its step would reach nobody."""
    _lock(session, row, revision)
    readable = set(
        session.scalars(
            sa.select(Policy.id).where(in_scope(viewer, "oncall.read", unit=Policy.unit_id, team=Policy.team_id))
        )
    )
    users = [
        policy.name if policy.id in readable else _("其他机构的策略")
        for policy in session.scalars(sa.select(Policy).where(Policy.active).order_by(Policy.id))
        if any(t["kind"] == "schedule" and t["id"] == row.id for step in policy.steps for t in step["targets"])
    ]
    if users:
        raise Conflict(_("呼叫策略“%(names)s”还在用这个值班表，请先修改策略。", names="、".join(dict.fromkeys(users))))
    row.active = False


def change_policy(session: Session, row: Policy, given: PolicyPatch, *, revision: int | None) -> None:
    """Change the fields given; chains that run go on by what they began with (E-07). Raises Invalid, Stale."""
    changes = _changes(session, row, given, revision)
    if "steps" in changes:
        changes["steps"] = [_step(session, step, f"steps[{n}]") for n, step in enumerate(changes["steps"])]
    for name, value in changes.items():
        setattr(row, name, value)


def retire_policy(session: Session, row: Policy, *, revision: int | None) -> None:
    """Take a policy out of use; chains that run go on."""
    _lock(session, row, revision)
    row.active = False


def override(
    session: Session,
    schedule: Schedule,
    *,
    login: str,
    from_at: dt.datetime,
    until_at: dt.datetime,
    reason: str,
    by_id: int,
    now: dt.datetime,
) -> Override:
    """Let somebody stand in. Raises Invalid for a stretch that is over, reversed or longer than sixty days."""
    if until_at <= from_at:
        raise Invalid.of("until_at", _("结束时间须晚于开始时间。"))
    if until_at <= now:
        raise Invalid.of("until_at", _("这段时间已经过去。"))
    if until_at - from_at > LONGEST_OVERRIDE:
        raise Invalid.of("until_at", _("一次替班最长 60 天。"))
    row = Override(
        schedule_id=schedule.id,
        person_id=_person(session, login, "person").id,
        from_at=from_at,
        until_at=until_at,
        reason=reason,
        by_id=by_id,
    )
    session.add(row)
    session.flush()
    return row


def cancel_override(session: Session, schedule: Schedule, override_id: int, *, now: dt.datetime) -> None:
    """Take an override back. Raises NotFound."""
    row = session.get(Override, override_id)
    if row is None or row.schedule_id != schedule.id or row.cancelled_at is not None:
        raise NotFound(_("没有这次替班。"))
    row.cancelled_at = now


def create_policy(session: Session, viewer: Viewer, given: PolicyIn) -> Policy:
    """Add an escalation policy. Raises Invalid naming the step, Conflict for a taken code, Forbidden outside one's units."""
    team = _team(session, given.team)
    unit = _place(session, viewer, given.unit, team)
    if session.scalar(sa.select(Policy.id).where(Policy.code == given.code)) is not None:
        raise Conflict(_("编码“%(code)s”已被使用。", code=given.code))
    steps = [_step(session, step, f"steps[{n}]") for n, step in enumerate(given.steps)]
    row = Policy(
        code=given.code,
        name=given.name,
        unit_id=unit.id,
        team_id=team.id if team else None,
        steps=steps,
        loops=given.loops,
        max_priority=given.max_priority,
        active=True,
    )
    session.add(row)
    session.flush()
    return row


def _step(session: Session, step: Step, where: str) -> dict[str, Any]:
    targets = [_target(session, t, f"{where}.targets[{n}]") for n, t in enumerate(step.targets)]
    return {"delay_minutes": step.delay_minutes, "targets": targets}


def _target(session: Session, target: Target, where: str) -> dict[str, Any]:
    if target.kind == "head":
        return {"kind": "head"}
    model: Any = {"schedule": Schedule, "person": Person, "team": Team}[target.kind]
    column = model.login if target.kind == "person" else model.code
    found = session.scalar(sa.select(model.id).where(column == target.name, model.active))
    if found is None:
        raise Invalid.of(f"{where}.name", _("没有名为“%(name)s”的呼叫对象。", name=target.name or ""))
    return {"kind": target.kind, "id": found}
