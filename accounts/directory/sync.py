"""The sync: what the directory says beside what we have, looked at first, then done whole or not at all (R-03)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.audit import listener as audit
from accounts.directory import rules
from accounts.directory.models import DirectoryRun, Outcome
from accounts.directory.rules import Entry, Known, Plan, Step, What
from accounts.models import Grant, Person, Role, TeamMember, Unit
from accounts.service import people
from accounts.service.rights import is_last
from accounts.validity import lasting, standing
from core.errors import Conflict, NotFound, TaxopsError
from core.i18n import gettext as _


class Changed(Conflict):
    """Not what was looked at any more."""

    def __init__(self) -> None:
        super().__init__(_("查看之后目录或人员有变化，请重新查看后再同步。"))


KEEP = dt.timedelta(days=400)


def look(session: Session, found: Sequence[Mapping[str, str]], *, most: int, now: dt.datetime) -> Plan:
    """What a sync would do with these entries (client.entries); changes nothing.

    Raises Conflict where there are none: a wrong base or filter must not look like a bureau that everybody left.
    """
    if not found:
        raise Conflict(_("目录里一个人也没有找到，请检查目录的起点（LDAP_BASE）和人员条件（LDAP_PEOPLE）。"))
    units = _units(session, now)
    return rules.plan([_entry(one, units) for one in found], _known(session, now), most=most)


def _entry(one: Mapping[str, str], units: Mapping[str, str]) -> Entry:
    cut = {key: one[key][:longest] for key, longest in rules.LONGEST.items()}
    unit = units.get(one["unit"])
    return Entry(one["login"][:80], cut["name"], unit, cut["email"] or None, cut["phone"] or None, one["unit"][:80])


def _units(session: Session, now: dt.datetime) -> dict[str, str]:
    """Codes of the units that stand, by what the directory may call them: the code, or a name that only one has."""
    rows = session.execute(sa.select(Unit.code, Unit.name).where(standing(now))).all()
    names = [name for _code, name in rows]
    by_name = {name: code for code, name in rows if names.count(name) == 1}
    return by_name | {code: code for code, _name in rows}


def _known(session: Session, now: dt.datetime) -> dict[str, Known]:
    granted = set(session.scalars(sa.select(Grant.person_id).where(lasting(now))))
    holding = granted | set(session.scalars(sa.select(TeamMember.person_id)))
    kept = _last_administrators(session, now)
    wanted = sa.select(Person, Unit.code).join(Unit, Unit.id == Person.unit_id)
    return {
        person.login: Known(
            login=person.login,
            name=person.name,
            unit=code,
            email=person.email,
            phone=person.phone,
            active=person.active,
            directory=person.directory,
            left=person.directory_left_at is not None,
            holds=person.id in holding,
            kept=person.id in kept,
        )
        for person, code in session.execute(wanted)
    }


def _last_administrators(session: Session, now: dt.datetime) -> set[int]:
    held = (
        sa.select(Grant)
        .join(Role, Role.code == Grant.role_code)
        .join(Person, Person.id == Grant.person_id)
        .where(Person.directory, Person.active, Role.administrator.is_not(None), lasting(now))
    )
    return {grant.person_id for grant in session.scalars(held).all() if is_last(session, grant, now)}


def carry_out(session: Session, plan: Plan, *, by: str, now: dt.datetime, seen: str | None = None) -> DirectoryRun:
    """Do all of a plan that was made in this transaction, and note it.

    Raises Conflict where it has to stop, Changed where it is not what was `seen` (its digest).
    """
    if seen is not None and seen != plan.digest:
        raise Changed
    if plan.stopped:
        raise Conflict(stopped_words(plan))
    units = dict(session.execute(sa.select(Unit.code, Unit.id)).all())
    theirs = {step.login for step in plan.steps if step.what is not What.SKIP}
    persons = {p.login: p for p in session.scalars(sa.select(Person).where(Person.directory)) if p.login in theirs}
    for step in plan.steps:
        if step.what is not What.SKIP:
            _do(session, step, persons.get(step.login), units, now)
    session.flush()
    run = note(session, Outcome.DONE, by=by, counts=plan.counts, now=now)
    audit.record(session, verb="directory-sync", object_name="directory", after=dict(plan.counts), now=now)
    return run


def _do(session: Session, step: Step, person: Person | None, units: Mapping[str, int], now: dt.datetime) -> None:
    after = {key: value for key, (_before, value) in step.fields.items()}
    if person is None:
        unit = session.get_one(Unit, units[str(after["unit"])])
        people.create_person(
            session, login=step.login, name=str(after["name"]), unit=unit, email=after.get("email"),
            phone=after.get("phone"), directory=True, now=now,
        )  # fmt: skip
    elif step.what is What.CHANGE:
        for key, value in after.items():
            if key == "unit":
                person.unit_id = units[str(value)]
                person.access_version += 1
            else:
                setattr(person, key, value)
    else:
        people.set_active(session, person, active=step.what is What.ENABLE, now=now)
        person.directory_left_at = now if step.what is What.DISABLE else None


def to_adopt(session: Session, known: Collection[str], logins: Collection[str] | None) -> list[Person]:
    """Active local people of whom the directory has an account (`known`): those of `logins`; None: who has no password here.

    Raises NotFound with the first login that is none of them.
    """
    local = sa.select(Person).where(~Person.directory, Person.active, ~Person.is_service).order_by(Person.login)
    if logins is None:
        return [p for p in session.scalars(local.where(Person.password_hash.is_(None))) if p.login in known]
    found = {p.login: p for p in session.scalars(local.where(Person.login.in_(logins))) if p.login in known}
    if missing := sorted(set(logins) - set(found)):
        raise NotFound(_("“%(login)s”不是目录里有同名账号的本地在用人员。", login=missing[0]))
    return list(found.values())


def stopped_words(plan: Plan) -> str:
    """Why nothing is done."""
    return _(
        "要停用 %(n)d 人，超过目录人员（%(all)d 人）的 %(most)d%%，同步已停止，什么都没有改。"
        "请先核对目录；确实如此时，请调高 LDAP_MOST_DISABLED 后再同步。",
        n=len(plan.of(What.DISABLE)),
        all=plan.theirs,
        most=plan.most,
    )


def note(
    session: Session,
    outcome: Outcome,
    *,
    by: str,
    now: dt.datetime,
    counts: Mapping[str, int] | None = None,
    why: str = "",
) -> DirectoryRun:
    """Keep what became of a sync; notes of before 400 days go."""
    session.execute(sa.delete(DirectoryRun).where(DirectoryRun.at < now - KEEP))
    run = DirectoryRun(at=now, by=by[:80], outcome=outcome, counts=dict(counts or {}), note=why[:400])
    session.add(run)
    session.flush()
    return run


def last_runs(session: Session, most: int = 10) -> Sequence[DirectoryRun]:
    """The newest first."""
    return session.scalars(sa.select(DirectoryRun).order_by(DirectoryRun.id.desc()).limit(most)).all()


def outcome_of(error: TaxopsError) -> Outcome:
    """How a sync that raised this ended."""
    return Outcome.STOPPED if isinstance(error, Conflict) else Outcome.FAILED
