"""Duties of somebody who changes their post: rosters, coming overrides and steps of paging policies (E-13)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import Person
from accounts.moving.registry import Held
from core.i18n import gettext as _
from core.i18n import lazy
from escalation.oncall.models import Override, Policy, Schedule


class Duties:
    """On-call rosters, overrides and policies that name the person."""

    code = "6-duties"
    label = lazy("值班")

    def held(self, session: Session, person: Person, heir: Person | None, *, now: dt.datetime) -> Sequence[Held]:
        """Without an heir the place falls away; a roster with nobody else is stuck."""
        to = _("由%(name)s接替", name=heir.name) if heir else _("移出")
        alone = _("值班表里没有别人，请指定接手人。")
        found = [
            Held(row.code, *(("", alone) if heir is None and set(row.people) == {person.id} else (to, "")))
            for row in _rosters(session, person)
        ]
        swap = to if heir else _("取消替班")
        found += [
            Held(_("%(day)s 的替班", day=f"{row.from_at:%m-%d}"), swap) for row in _overrides(session, person, now)
        ]
        return found + [Held(row.code, to) for row in _policies(session, person)]

    def hand_over(self, session: Session, person: Person, heir: Person | None, *, by: int, now: dt.datetime) -> None:  # noqa: ARG002
        """Put the heir into each place, once."""
        for roster in _rosters(session, person):
            roster.people = _replaced(roster.people, person, heir)
            roster.revision += 1
        for row in _overrides(session, person, now):
            if heir is not None:
                row.person_id, row.person = heir.id, heir
            else:
                row.cancelled_at = now
        for policy in _policies(session, person):
            policy.steps = _steps(policy.steps, person, heir)
            policy.revision += 1
        session.flush()


def _rosters(session: Session, person: Person) -> list[Schedule]:
    rows = session.scalars(sa.select(Schedule).where(Schedule.active).order_by(Schedule.id))
    return [row for row in rows if person.id in row.people]


def _overrides(session: Session, person: Person, now: dt.datetime) -> Sequence[Override]:
    coming = sa.and_(Override.until_at > now, Override.cancelled_at.is_(None))
    return session.scalars(
        sa.select(Override).where(Override.person_id == person.id, coming).order_by(Override.id)
    ).all()


def _policies(session: Session, person: Person) -> list[Policy]:
    rows = session.scalars(sa.select(Policy).where(Policy.active).order_by(Policy.id))
    return [row for row in rows if any(_is(t, person) for step in row.steps for t in step["targets"])]


def _is(target: dict[str, Any], person: Person) -> bool:
    return bool(target.get("kind") == "person" and target.get("id") == person.id)


def _replaced(people: list[Any], person: Person, heir: Person | None) -> list[Any]:
    if heir is None or heir.id in people:
        return [each for each in people if each != person.id]
    return [heir.id if each == person.id else each for each in people]


def _steps(steps: list[Any], person: Person, heir: Person | None) -> list[Any]:
    changed = []
    for step in steps:
        targets = [{**t, "id": heir.id} if heir and _is(t, person) else t for t in step["targets"]]
        changed.append({**step, "targets": [t for t in targets if not _is(t, person)]})
    return changed  # a step that reaches nobody is logged and skipped (E-08)
