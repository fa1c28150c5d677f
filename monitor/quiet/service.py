"""Verbs of silences and inhibition rules. Every verb takes the session and `now`, and never commits."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import Unit
from accounts.scope import Viewer, covers
from core.errors import Conflict, Forbidden, Invalid
from core.i18n import gettext as _
from monitor.am.matchers import Matcher
from monitor.quiet import rules, turning
from monitor.quiet.models import InhibitionRule, PlaceKind, Silence, SilenceChange, SilencePlace, SilenceState

WRITE = "silence.write"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A silence as somebody wants it. `unit_id` None: wherever its maker may silence."""

    matchers: tuple[Matcher, ...]
    starts_at: dt.datetime
    ends_at: dt.datetime
    comment: str
    author: str = ""
    unit_id: int | None = None


def create(
    session: Session, viewer: Viewer, wanted: Wanted, *, now: dt.datetime, follows: str | None = None
) -> Silence:
    """A new silence; what begins in the past begins now. It reaches no further than its maker's right does.

    Raises Invalid for wrong matchers or times, Forbidden for a unit that is not the maker's to silence.
    """
    starts_at = max(wanted.starts_at, now)
    rules.check_matchers(wanted.matchers)
    rules.check_times(starts_at, wanted.ends_at, now=now)
    made = Silence(
        uid=str(uuid.uuid4()),
        matchers=rules.plain(wanted.matchers),
        starts_at=starts_at,
        ends_at=wanted.ends_at,
        comment=wanted.comment,
        author=wanted.author,
        by_id=viewer.person_id,
        follows=follows,
        created_at=now,
        updated_at=now,
        places=reach(session, viewer, wanted.unit_id),
    )
    session.add(made)
    session.flush()
    _note(session, made, viewer, "created", "", now)
    turning.silence_changed(session, made, now=now, by=viewer.person_id)
    return made


def reach(session: Session, viewer: Viewer, unit_id: int | None) -> list[SilencePlace]:
    """The places a silence of this person gets. Raises Forbidden where the named unit is not theirs, or nothing is."""
    if unit_id is not None:
        if not covers(session, viewer, WRITE, unit_id=unit_id):
            raise Forbidden(_("您不能静默这个机构的告警。"))
        return [SilencePlace(kind=PlaceKind.UNIT, place_id=unit_id)]
    found = (
        (PlaceKind.UNIT, viewer.units_for(WRITE)),
        (PlaceKind.TEAM, viewer.teams_for(WRITE)),
        (PlaceKind.SERVICE, viewer.services_for(WRITE)),
    )
    places = [SilencePlace(kind=kind, place_id=i) for kind, ids in found for i in sorted(ids)]
    if not places:
        raise Forbidden(_("您没有可以静默的范围。"))
    return places


def may_change(session: Session, viewer: Viewer, silence: Silence) -> bool:
    """Whoever may silence all that it silences."""
    for place in silence.places:
        held = (
            covers(session, viewer, WRITE, unit_id=place.place_id)
            if place.kind is PlaceKind.UNIT
            else place.place_id in viewer.teams_for(WRITE)
            if place.kind is PlaceKind.TEAM
            else place.place_id in viewer.services_for(WRITE)
        )
        if not held:
            return False
    return True


def change(
    session: Session,
    viewer: Viewer,
    silence: Silence,
    *,
    now: dt.datetime,
    matchers: tuple[Matcher, ...] | None = None,
    starts_at: dt.datetime | None = None,
    ends_at: dt.datetime | None = None,
    comment: str | None = None,
) -> Silence:
    """Change the fields given. Raises Conflict once it is over, or where the beginning of an active one is moved."""
    state = silence.state(now)
    if state is SilenceState.EXPIRED:
        raise Conflict(_("静默已经结束，不能再修改；请新建一个。"))
    if matchers is not None:
        rules.check_matchers(matchers)
    moved = starts_at is not None and starts_at != silence.starts_at
    if moved and state is SilenceState.ACTIVE:
        raise Conflict(_("静默已经开始，开始时间不能再改。"))
    starts, ends = starts_at or silence.starts_at, ends_at or silence.ends_at
    if moved:
        starts = max(starts, now)
    rules.check_times(starts, ends, now=now)
    before = _before(silence)
    silence.starts_at, silence.ends_at, silence.updated_at = starts, ends, now
    if matchers is not None:
        silence.matchers = rules.plain(matchers)
    if comment is not None:
        silence.comment = comment
    session.flush()
    _note(session, silence, viewer, "changed", before, now)
    turning.silence_changed(session, silence, now=now, by=viewer.person_id)
    return silence


def expire(session: Session, viewer: Viewer, silence: Silence, *, now: dt.datetime, what: str = "expired") -> None:
    """End it now; one that is over stays as it is. `what`: expired, or replaced by an edit."""
    state = silence.state(now)
    if state is SilenceState.EXPIRED:
        return
    before = _before(silence)
    if state is SilenceState.PENDING:
        silence.starts_at = now
    silence.ends_at, silence.updated_at = now, now
    session.flush()
    _note(session, silence, viewer, what, before, now)
    turning.silence_changed(session, silence, now=now, by=viewer.person_id)


def can_revive(session: Session, silence: Silence, *, now: dt.datetime) -> bool:
    """Whether its early end can be taken back: it was ended by hand, and the end it had is still to come."""
    ends_at = _end_it_had(session, silence, now)
    return ends_at is not None and ends_at > now


def _end_it_had(session: Session, silence: Silence, now: dt.datetime) -> dt.datetime | None:
    last = session.scalar(
        sa.select(SilenceChange)
        .where(SilenceChange.silence_id == silence.id)
        .order_by(SilenceChange.id.desc())
        .limit(1)
    )
    if last is None or last.what != "expired" or silence.state(now) is not SilenceState.EXPIRED:
        return None
    return dt.datetime.fromisoformat(last.text.split(" ")[1])


def revive(session: Session, viewer: Viewer, silence: Silence, *, now: dt.datetime) -> Silence:
    """Take back an early end: the same silence again, to the end it had. Raises Conflict where there is none, or it is past."""
    ends_at = _end_it_had(session, silence, now)
    if ends_at is None:
        raise Conflict(_("这个静默没有被人为结束，无需恢复。"))
    if ends_at <= now:
        raise Conflict(_("原定的结束时间已过，请新建静默。"))
    before = _before(silence)
    silence.ends_at, silence.updated_at = ends_at, now
    session.flush()
    _note(session, silence, viewer, "changed", before, now)
    turning.silence_changed(session, silence, now=now, by=viewer.person_id)
    return silence


def _before(silence: Silence) -> str:
    """What it was, for its history: beginning and end in ISO 8601, then the matchers."""
    return f"{silence.starts_at.isoformat()} {silence.ends_at.isoformat()} {rules.text(silence.matchers)}"


def _note(session: Session, silence: Silence, viewer: Viewer, what: str, text: str, now: dt.datetime) -> None:
    session.add(SilenceChange(silence_id=silence.id, at=now, by_id=viewer.person_id, what=what, text=text))


@dataclass(frozen=True, slots=True)
class WantedRule:
    """An inhibition rule as an administrator wants it."""

    name: str
    source: tuple[Matcher, ...]
    target: tuple[Matcher, ...]
    equal: Sequence[str]
    across_units: bool = False
    active: bool = True


def put_rule(
    session: Session, wanted: WantedRule, *, now: dt.datetime, rule: InhibitionRule | None = None
) -> InhibitionRule:
    """A new rule, or `rule` changed. Raises Invalid for wrong matchers, Conflict for a name that is taken."""
    for field, matchers in (("source", wanted.source), ("target", wanted.target)):
        try:
            rules.check_matchers(matchers)
        except Invalid as error:
            raise Invalid.of(field, error.message) from error
    taken = sa.select(InhibitionRule.id).where(InhibitionRule.name == wanted.name)
    if session.scalar(taken.where(InhibitionRule.id != (rule.id if rule is not None else 0))) is not None:
        raise Conflict(_("名称“%(name)s”已被使用。", name=wanted.name))
    if rule is None:
        rule = InhibitionRule(created_at=now)
        session.add(rule)
    rule.name, rule.equal = wanted.name, sorted(set(wanted.equal))
    rule.source, rule.target = rules.plain(wanted.source), rules.plain(wanted.target)
    rule.across_units, rule.active = wanted.across_units, wanted.active
    session.flush()
    turning.rule_changed(session, rule, now=now)
    return rule


def retire_rule(session: Session, rule: InhibitionRule, *, now: dt.datetime) -> None:
    """Nothing is kept quiet by it any more; it stays to be looked at."""
    if rule.retired_at is None:
        rule.retired_at, rule.name = now, f"{rule.name[:90]} #{rule.id}"
        session.flush()
        turning.rule_changed(session, rule, now=now)


def unit_named(session: Session, code: str | None) -> int | None:
    """The unit of a code. Raises Invalid where there is none."""
    if code is None:
        return None
    found = session.scalar(sa.select(Unit.id).where(Unit.code == code))
    if found is None:
        raise Invalid.of("unit", _("没有编码为 %(code)s 的机构。", code=code))
    return found
