"""The one action: what it would do, and doing it, in one transaction."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.audit import listener as audit
from accounts.models import Person, Unit
from accounts.moving import registry
from accounts.moving.registry import Held
from accounts.service import holding, people, rights
from accounts.signin import service as signin
from core.errors import Conflict, Invalid
from core.i18n import LazyText
from core.i18n import gettext as _


class Way(StrEnum):
    """What happens to the person."""

    TRANSFER = "transfer"  # another unit, another role, or both
    LEAVE = "leave"


@dataclass(frozen=True)
class Plan:
    """What was decided. `unit`: the new one; `role`: given there, none means only a reporter; `heir`: who takes over."""

    way: Way
    reason: str
    unit: Unit | None = None
    role: str | None = None
    heir: Person | None = None


@dataclass(frozen=True)
class Part:
    """One kind of things and what becomes of each."""

    code: str
    label: LazyText
    held: tuple[Held, ...]


def parts(session: Session, person: Person, heir: Person | None, *, now: dt.datetime) -> list[Part]:
    """All this person holds, kind by kind; kinds of which they hold nothing are left out."""
    found = [Part(k.code, k.label, tuple(k.held(session, person, heir, now=now))) for k in registry.kinds()]
    return [part for part in found if part.held]


def digest(person: Person, shown: list[Part]) -> str:
    """Stands for what a preview showed, so that nothing is done that was not seen."""
    text = "\n".join(
        [f"{person.id} {person.unit_id} {person.active}"] + [f"{p.code} {h.name} {h.to}" for p in shown for h in p.held]
    )
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def carry_out(
    session: Session, person: Person, plan: Plan, *, seen: str | None, by: int, now: dt.datetime
) -> list[Part]:
    """Hand everything over, end the old rights, and move or disable the person. Returns what was done.

    Raises Conflict where something changed since the preview (`seen`), can't be handed over, or the person is the last
    administrator of a kind; Invalid where the plan itself can't be carried out.
    """
    check(person, plan, by)
    if plan.unit is not None:
        holding.share(session, plan.unit.id, now=now)  # units before people
    session.scalars(
        sa.select(Person).where(Person.id == person.id).with_for_update(), execution_options={"populate_existing": True}
    ).one()
    shown = parts(session, person, plan.heir, now=now)
    if seen is not None and seen != digest(person, shown):
        raise Conflict(_("预览之后情况有变化，请重新查看后再确认。"))
    if stuck := [h for part in shown for h in part.held if h.stuck]:
        raise Conflict("；".join(f"{h.name}：{h.stuck}" for h in stuck[:5]))
    for kind in sorted(registry.kinds(), key=lambda k: k.code, reverse=True):  # rights last: others ask where one is
        kind.hand_over(session, person, plan.heir, by=by, now=now)
    _place(session, person, plan, by=by, now=now)
    done = {str(part.code.partition("-")[2]): [f"{h.name} → {h.to}" for h in part.held][:50] for part in shown}
    done["reason"] = [plan.reason]
    if plan.heir is not None:
        done["heir"] = [plan.heir.login]
    verb = "person-left" if plan.way is Way.LEAVE else "person-moved"
    audit.record(session, verb=verb, object_name=f"person:{person.login}", after=done, now=now)
    return shown


def check(person: Person, plan: Plan, by: int) -> None:
    """Whether the plan makes sense at all. Raises Conflict and Invalid as carry_out does."""
    if person.id == by:
        raise Conflict(_("不能为自己办理，请由另一名安全管理员操作。"))
    if plan.heir is not None and (plan.heir.id == person.id or not plan.heir.active):
        raise Invalid.of("heir", _("接手人须是另一名在用人员。"))
    if plan.way is Way.TRANSFER and plan.unit is None:
        raise Invalid.of("unit", _("请填写调入机构。"))
    if plan.way is Way.LEAVE and (plan.unit is not None or plan.role):
        raise Invalid.of("way", _("离职不再有新的机构和角色。"))


def _place(session: Session, person: Person, plan: Plan, *, by: int, now: dt.datetime) -> None:
    if plan.way is Way.LEAVE:
        people.set_active(session, person, active=False, now=now)
        return
    if plan.unit is not None:
        person.unit_id, person.unit = plan.unit.id, plan.unit
    person.access_version += 1
    session.flush()
    signin.end_sessions(session, person.id, now=now)
    if plan.role:
        rights.grant(session, person=person, role_code=plan.role, unit=plan.unit, by=by, now=now)
