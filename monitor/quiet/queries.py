"""Reads of silences; each takes the viewer. One sees a silence that can touch an alert one may read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session, selectinload

from accounts.models import Person, Unit, UnitClosure
from accounts.scope import Viewer
from core.errors import NotFound
from core.i18n import gettext as _
from monitor.alerts.models import Alert, Member
from monitor.alerts.queries import admitted
from monitor.am.matchers import Matcher, all_match
from monitor.quiet.models import (
    InhibitionRule,
    Muting,
    PlaceKind,
    Reason,
    Silence,
    SilenceChange,
    SilencePlace,
    SilenceState,
)
from web.paging import Key, Page, page

READ = "alert.read"


def visible(viewer: Viewer) -> sa.Select[Silence]:
    """Silences of the viewer's own, of places below and above theirs, of their teams and services."""
    roots = sorted(viewer.units_for(READ))
    ids = {PlaceKind.TEAM: viewer.teams_for(READ), PlaceKind.SERVICE: viewer.services_for(READ)}
    touching = [
        sa.and_(SilencePlace.kind == kind, SilencePlace.place_id.in_(sorted(places)))
        for kind, places in ids.items()
        if places
    ]
    if roots:
        below = sa.select(UnitClosure.descendant_id).where(UnitClosure.ancestor_id.in_(roots))
        above = sa.select(UnitClosure.ancestor_id).where(UnitClosure.descendant_id.in_(roots))
        touching.append(
            sa.and_(
                SilencePlace.kind == PlaceKind.UNIT,
                sa.or_(SilencePlace.place_id.in_(below), SilencePlace.place_id.in_(above)),
            )
        )
    if viewer.at_province(READ):
        touching.append(SilencePlace.kind != PlaceKind.UNIT)
    mine = [Silence.by_id == viewer.person_id] if viewer.can(READ) else []
    reached = [Silence.id.in_(sa.select(SilencePlace.silence_id).where(sa.or_(*touching)))] if touching else []
    return sa.select(Silence).options(selectinload(Silence.places)).where(sa.or_(sa.false(), *mine, *reached))


def one(session: Session, viewer: Viewer, uid: str) -> Silence:
    """Raises NotFound where there is none for this viewer."""
    found = session.scalar(visible(viewer).where(Silence.uid == uid))
    if found is None:
        raise NotFound(_("没有这个静默，或您无权查看。"))
    return found


def in_state(state: SilenceState, now: dt.datetime) -> sa.ColumnElement[bool]:
    """The condition for a state at `now`."""
    if state is SilenceState.PENDING:
        return Silence.starts_at > now
    if state is SilenceState.EXPIRED:
        return sa.and_(Silence.ends_at <= now, Silence.starts_at <= now)
    return sa.and_(Silence.starts_at <= now, Silence.ends_at > now)


def listing(
    session: Session,
    viewer: Viewer,
    *,
    now: dt.datetime,
    state: SilenceState | None = None,
    by: str | None = None,
    unit: str | None = None,
    uid: str | None = None,
    q: str | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[Silence]:
    """A page of silences, the newest first; those that are over only where asked for."""
    statement = visible(viewer).where(in_state(state, now) if state is not None else Silence.ends_at > now)
    if by:
        statement = statement.where(Silence.by_id == sa.select(Person.id).where(Person.login == by).scalar_subquery())
    if unit:
        wanted = sa.select(Unit.id).where(Unit.code == unit).scalar_subquery()
        of_unit = sa.and_(SilencePlace.kind == PlaceKind.UNIT, SilencePlace.place_id == wanted)
        statement = statement.where(Silence.id.in_(sa.select(SilencePlace.silence_id).where(of_unit)))
    if uid:
        statement = statement.where(Silence.uid == uid)
    if q:
        sought = (Silence.comment, Silence.author, sa.cast(Silence.matchers, sa.Text))
        statement = statement.where(
            sa.or_(*(sa.func.lower(c).contains(q.strip().lower(), autoescape=True) for c in sought))
        )
    return page(session, statement, [Key(Silence.id, descending=True)], cursor=cursor, limit=limit)


def everything(session: Session, viewer: Viewer, *, kept_since: dt.datetime, limit: int) -> Sequence[Silence]:
    """For API v2: all that are not over, and those that ended since `kept_since`."""
    statement = visible(viewer).where(Silence.ends_at > kept_since)
    return session.scalars(statement.order_by(Silence.ends_at, Silence.id).limit(limit)).all()


def history(session: Session, silence: Silence) -> Sequence[tuple[SilenceChange, str]]:
    """What was done to it, with the name of who did it, oldest first."""
    rows = session.execute(
        sa.select(SilenceChange, Person.name)
        .join(Person, Person.id == SilenceChange.by_id)
        .where(SilenceChange.silence_id == silence.id)
        .order_by(SilenceChange.id)
    )
    return [(change, name) for change, name in rows]


@dataclass(frozen=True, slots=True)
class Preview:
    """Open alerts that a silence would keep quiet now: how many, and the first of them."""

    count: int
    first: Sequence[Alert]


def preview(
    session: Session,
    viewer: Viewer,
    matchers: Sequence[Matcher],
    within: sa.ColumnElement[bool],
    *,
    limit: int = 8,
) -> Preview:
    """What would match among the alerts the viewer may read, within the silence's reach."""
    rows = session.execute(
        sa.select(Member.alert_id, Member.labels)
        .join(Alert, Alert.id == Member.alert_id)
        .where(Member.resolved_at.is_(None), admitted(viewer), within)
    )
    ids = sorted({alert_id for alert_id, labels in rows if all_match(matchers, labels)}, reverse=True)
    first = session.scalars(
        sa.select(Alert).where(Alert.id.in_(ids[:limit])).options(selectinload(Alert.members)).order_by(Alert.id.desc())
    ).all()
    return Preview(len(ids), first)


def silenced_now(session: Session, silences: Collection[Silence], viewer: Viewer) -> dict[str, int]:
    """Uid → how many alerts the viewer may read are quiet by it."""
    uids = [s.uid for s in silences]
    if not uids:
        return {}
    rows = session.execute(
        sa.select(Muting.by, sa.func.count(sa.distinct(Muting.alert_id)).label("n"))
        .join(Alert, Alert.id == Muting.alert_id)
        .where(Muting.by.in_(uids), Muting.reason == Reason.SILENCE, admitted(viewer))
        .group_by(Muting.by)
    )
    return {row.by: row.n for row in rows}


def mutings(session: Session, alert_ids: Collection[int]) -> dict[int, dict[Reason, list[str]]]:
    """Label set id → why and by what it is quiet."""
    found: dict[int, dict[Reason, list[str]]] = {}
    wanted = sorted(alert_ids)
    for start in range(0, len(wanted), 5000):
        some = wanted[start : start + 5000]
        columns = sa.select(Muting.member_id, Muting.reason, Muting.by)
        for member_id, reason, by in session.execute(columns.where(Muting.alert_id.in_(some)).order_by(Muting.by)):
            found.setdefault(member_id, {}).setdefault(reason, []).append(by)
    return found


def rule(session: Session, rule_id: int) -> InhibitionRule:
    """An inhibition rule in use. Raises NotFound."""
    found = session.get(InhibitionRule, rule_id)
    if found is None or found.retired_at is not None:
        raise NotFound(_("没有这条抑制规则。"))
    return found


def rules_in_use(session: Session) -> Sequence[InhibitionRule]:
    """All inhibition rules, by name."""
    in_use = sa.select(InhibitionRule).where(InhibitionRule.retired_at.is_(None))
    return session.scalars(in_use.order_by(InhibitionRule.name, InhibitionRule.id)).all()


def rules_page(session: Session, *, q: str | None, cursor: str | None, limit: int) -> Page[InhibitionRule]:
    """A page of inhibition rules in use; `q` is a part of the name."""
    statement = sa.select(InhibitionRule).where(InhibitionRule.retired_at.is_(None))
    if q:
        statement = statement.where(InhibitionRule.name.contains(q, autoescape=True))
    return page(session, statement, [Key(InhibitionRule.id)], cursor=cursor, limit=limit)
