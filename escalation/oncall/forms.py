"""What the pages of rosters and policies offer and read. The rules are the API's own schemas."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pydantic
import sqlalchemy as sa
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from accounts import queries as accounts
from accounts.models import Person, Team, Unit
from accounts.scope import Viewer, in_scope
from core.errors import Invalid, NotFound
from core.i18n import gettext as _
from escalation.oncall import queries
from escalation.oncall.models import Policy, Schedule
from escalation.oncall.schemas import PolicyIn, ScheduleIn
from web.forms import Form
from web.messages import as_invalid

Option = tuple[str, str]
SPARE_TURNS, MOST_TURNS = 3, 60
SPARE_STEPS, MOST_STEPS = 2, 20
MOST_TARGETS = 20


@dataclass(frozen=True)
class Place:
    """Where a roster or policy belongs: a team, or a unit as the default of the teams below it."""

    unit: Unit
    team: Team | None

    @property
    def key(self) -> str:
        """How a form names it."""
        return f"team:{self.team.code}" if self.team else f"unit:{self.unit.code}"

    @property
    def label(self) -> str:
        """How a person reads it."""
        if self.team is not None:
            return f"{self.team.name}（{self.unit.name}）"
        return _("%(name)s及下级的默认", name=self.unit.name)


def places(session: Session, viewer: Viewer, *, units: bool) -> list[Place]:
    """The teams (and with `units` their units) for which the viewer may set up duty."""
    rows = session.execute(
        sa.select(Team, Unit)
        .join(Unit, Unit.id == Team.unit_id)
        .where(Team.active, in_scope(viewer, "oncall.write", unit=Team.unit_id, team=Team.id))
        .order_by(Unit.code, Team.name, Team.id)
    ).all()
    found = [Place(unit, team) for team, unit in rows]
    if units and viewer.units_for("oncall.write"):
        whole = session.scalars(
            sa.select(Unit)
            .where(Unit.id.in_({unit.id for _team, unit in rows}), in_scope(viewer, "oncall.write", unit=Unit.id))
            .order_by(Unit.code)
        )
        found += [Place(unit, None) for unit in whole]
    return found


def place(session: Session, viewer: Viewer, key: str, *, units: bool) -> Place:
    """The place a form names; raises NotFound where the viewer may set up nothing."""
    for each in places(session, viewer, units=units):
        if each.key == key:
            return each
    raise NotFound(_("没有这个班组，或您不能为它设置值班。"))


def members(session: Session, where: Place, also: Iterable[int] = ()) -> list[Person]:
    """Who can be put on: the team's members (a unit's: of all its teams), and those who are there already."""
    teams = (
        [where.team.id]
        if where.team is not None
        else list(session.scalars(sa.select(Team.id).where(Team.unit_id == where.unit.id, Team.active)))
    )
    found = {p.id: p for team in teams for p in accounts.members(session, team)}
    wanted = [p for p in also if p not in found]
    found |= {p.id: p for p in session.scalars(sa.select(Person).where(Person.id.in_(wanted), Person.active))}
    return sorted(found.values(), key=lambda p: (p.name, p.id))


def people_options(people: Sequence[Person]) -> list[Option]:
    """People for a select; who shares a name with another is told apart by login."""
    names = Counter(p.name for p in people)
    return [(p.login, p.name if names[p.name] == 1 else f"{p.name}（{p.login}）") for p in people]


class RosterForm:
    """The form of a roster: `turns` are the selects of the people in order, the last ones empty."""

    def __init__(self, given: MultiDict[str, str] | None, row: Schedule | None, start: dict[str, Any]) -> None:
        values: dict[str, Any] = dict(start)
        if given is not None:
            values |= {
                k: given[k] for k in ("code", "name", "shift_days", "starts_on", "handover", "more") if k in given
            }
            values["people"] = [p for p in given.getlist("people") if p] + given.get("more", "").replace(
                ",", " "
            ).split()
        self.row = row
        self.form = Form(ScheduleIn, values)

    @property
    def turns(self) -> list[str]:
        """The logins in order, with empty turns to fill."""
        people = self.form.values("people")
        return [*people, *[""] * min(SPARE_TURNS, MOST_TURNS - len(people))]


def roster_values(session: Session, row: Schedule) -> dict[str, Any]:
    """A roster as its form starts; people who were disabled are left out, so that saving mends it."""
    known = session.execute(sa.select(Person.id, Person.login).where(Person.id.in_(row.people), Person.active)).all()
    logins = dict(known)
    return {
        "code": row.code,
        "name": row.name,
        "unit": row.unit.code,
        "team": row.team.code if row.team else None,
        "people": [logins[p] for p in row.people if p in logins],
        "shift_days": row.shift_days,
        "starts_on": row.starts_on.isoformat(),
        "handover": row.handover,
    }


@dataclass
class StepRow:
    """One step as the form shows it."""

    delay: Any
    targets: list[str]
    problem: str

    @property
    def turns(self) -> list[str]:
        """The targets with an empty place for one more."""
        return [*self.targets, *[""] * (1 if self.targets else 2)][:MOST_TARGETS]


class PolicyForm:
    """The form of a policy: steps with a delay and chosen targets; a step without targets counts as empty."""

    def __init__(self, given: MultiDict[str, str] | None, start: dict[str, Any]) -> None:
        values: dict[str, Any] = dict(start)
        if given is not None:
            values |= {k: given[k] for k in ("code", "name", "loops", "max_priority") if k in given}
            values["steps"] = [
                {"delay_minutes": given.get(f"delay-{n}", ""), "targets": [_target(t) for t in targets]}
                for n in range(MOST_STEPS)
                if (targets := [t for t in given.getlist(f"target-{n}") if t])
            ]
        self.form = Form(PolicyIn, values)
        self._steps: list[dict[str, Any]] = values.get("steps", [])

    def validate(self) -> PolicyIn | None:
        """The schema's object, or None with the form's errors filled."""
        plain = {k: self.form.value(k) for k in ("code", "name", "unit", "team", "loops", "max_priority")}
        try:
            return PolicyIn.model_validate({**{k: v for k, v in plain.items() if v != ""}, "steps": self._steps})
        except pydantic.ValidationError as error:
            self.form.refuse(as_invalid(error))
            return None

    @property
    def steps(self) -> list[StepRow]:
        """The steps with empty ones to fill."""
        rows = [
            StepRow(s["delay_minutes"], [_key(t) for t in s["targets"]], self.form.error(f"steps[{n}]") or "")
            for n, s in enumerate(self._steps)
        ]
        return rows + [StepRow("", [], "") for _spare in range(min(SPARE_STEPS, MOST_STEPS - len(rows)))]


def _target(text: str) -> dict[str, Any]:
    kind, _colon, name = text.partition(":")
    return {"kind": kind, "name": name or None}


def _key(target: dict[str, Any]) -> str:
    return f"{target['kind']}:{target['name']}" if target.get("name") else str(target["kind"])


def targets_of(session: Session, viewer: Viewer, where: Place, row: Policy | None) -> list[Option]:
    """Whom a step can page: the rosters one sees, the head, the team, each member, and whoever it pages already."""
    found: dict[str, str] = {
        f"schedule:{s.code}": _("%(name)s 的值班人", name=s.name) for s in queries.schedules(session, viewer)
    }
    found["head"] = _("组长（当时负责的班组的）")
    if where.team is not None:
        found[f"team:{where.team.code}"] = _("%(name)s全组", name=where.team.name)
    found |= {f"person:{login}": label for login, label in people_options(members(session, where))}
    for target in [t for s in row.steps for t in s["targets"]] if row is not None else []:
        named = _named(session, target)
        if named is not None and named[0] not in found:
            found[named[0]] = named[1]
    return list(found.items())


def _named(session: Session, target: dict[str, Any]) -> Option | None:
    if target["kind"] == "head":
        return None
    model: Any = {"schedule": Schedule, "person": Person, "team": Team}[target["kind"]]
    found = session.get(model, target["id"])
    if found is None or not found.active:
        return None
    if target["kind"] == "person":
        return f"person:{found.login}", str(found.name)
    if target["kind"] == "team":
        return f"team:{found.code}", _("%(name)s全组", name=found.name)
    return f"schedule:{found.code}", _("%(name)s 的值班人", name=found.name)


def policy_values(session: Session, row: Policy) -> dict[str, Any]:
    """A policy as its form starts; targets that are out of use are left out, so that saving mends it."""
    steps: list[dict[str, Any]] = []
    for step in row.steps:
        named = [("head", "") if t["kind"] == "head" else _named(session, t) for t in step["targets"]]
        if targets := [_target(n[0]) for n in named if n is not None]:
            steps.append({"delay_minutes": f"{step['delay_minutes']:g}", "targets": targets})
    return {
        "code": row.code,
        "name": row.name,
        "unit": row.unit.code,
        "team": row.team.code if row.team else None,
        "steps": steps,
        "loops": row.loops,
        "max_priority": row.max_priority,
    }


def as_field_error(error: Exception) -> Invalid:
    """A verb's refusal at the field it belongs to."""
    if isinstance(error, Invalid):
        return error
    return Invalid.of("code" if getattr(error, "slug", "") == "conflict" else "", getattr(error, "message", str(error)))


def place_options(found: Sequence[Place]) -> list[Option]:
    """Places for a select."""
    return [(each.key, each.label) for each in found]
