"""Pollers: who runs checks, and whether they are still there."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from accounts.models import Unit
from accounts.scope import Viewer, covers, in_scope
from core.errors import Conflict, Forbidden, Invalid, NotFound
from core.i18n import gettext as _
from core.schedule import shares
from monitor.models import HERE, Check, Poller

OFFLINE_AFTER = dt.timedelta(minutes=5)
SHARE = "poll"
"""Under this name the pollers of an installation share out its checks."""
_TOUCH_EVERY = dt.timedelta(seconds=10)


def here(session: Session, *, unit_id: int, now: dt.datetime) -> Poller:
    """The poller inside this program, made at its first start."""
    found = session.scalar(sa.select(Poller).where(Poller.name == HERE))
    if found is None:
        found = Poller(name=HERE, unit_id=unit_id, enrolled_at=now, last_seen_at=now, version="")
        session.add(found)
        session.flush()
    return found


def listening_since(session: Session) -> dt.datetime | None:
    """Since when this program hears results and beats; None where no poller of its own was ever started."""
    return session.scalar(sa.select(Poller.running_since).where(Poller.name == HERE))


def heard_since(session: Session) -> Callable[[Check], dt.datetime | None]:
    """Check → since when its results would have been heard without a gap; silence before then says nothing about it.

    Of a check that the pollers of this installation share among them: also since when somebody runs it.
    """
    here = session.scalar(sa.select(Poller.id).where(Poller.name == HERE))
    listening, tended = listening_since(session), shares.tended_since(session, SHARE)

    def since(check: Check) -> dt.datetime | None:
        ours = check.active and check.poller_id in {None, here}
        run = tended.get(shares.share_of(check.id)) if ours else None
        return max((each for each in (listening, run) if each is not None), default=None)

    return since


def enrol(session: Session, viewer: Viewer, *, name: str, unit_code: str | None, now: dt.datetime) -> Poller:
    """A new poller. Raises Invalid for an unknown unit, Conflict for a name that is taken."""
    unit = session.scalar(sa.select(Unit).where(Unit.code == (unit_code or viewer.unit_code)))
    if unit is None or not covers(session, viewer, "check.write", unit_id=unit.id):
        raise Invalid.of("unit", _("没有机构 %(code)s，或您无权在那里登记采集端。", code=unit_code or viewer.unit_code))
    if session.scalar(sa.select(Poller.id).where(Poller.name == name)) is not None:
        raise Conflict(_("已有名为 %(name)s 的采集端。", name=name))
    poller = Poller(name=name, unit_id=unit.id, enrolled_at=now, version="")
    session.add(poller)
    session.flush()
    return poller


def visible(viewer: Viewer, q: str | None = None) -> sa.Select[Poller]:
    """Pollers in use of the units the viewer may see, with their units."""
    scope = sa.or_(
        in_scope(viewer, "check.read", unit=Poller.unit_id), in_scope(viewer, "result.write", unit=Poller.unit_id)
    )
    found = sa.select(Poller).where(scope, Poller.retired_at.is_(None)).options(joinedload(Poller.unit))
    return found.where(Poller.name.contains(q, autoescape=True)) if q else found


def one(session: Session, viewer: Viewer, name: str) -> Poller:
    """The poller of that name. Raises NotFound where there is none for this viewer."""
    found = session.scalar(visible(viewer).where(Poller.name == name))
    if found is None:
        raise NotFound(_("没有这个采集端。"))
    return found


def seen(session: Session, viewer: Viewer, name: str, *, now: dt.datetime) -> None:
    """A poller sent results. Raises Invalid for one nobody enrolled where the sender may give results."""
    poller = session.scalar(sa.select(Poller).where(Poller.name == name, Poller.retired_at.is_(None)))
    if poller is None or not covers(session, viewer, "result.write", unit_id=poller.unit_id):
        raise Invalid.of("poller", _("没有名为 %(name)s 的采集端，请先登记。", name=name))
    touch(poller, now=now)


def touch(poller: Poller, *, now: dt.datetime) -> None:
    """It was heard of just now."""
    if poller.last_seen_at is None or now - poller.last_seen_at >= _TOUCH_EVERY:
        poller.last_seen_at = now


def retire(session: Session, viewer: Viewer, name: str, *, now: dt.datetime) -> None:
    """Take a poller out of use."""
    poller = one(session, viewer, name)
    if not covers(session, viewer, "check.write", unit_id=poller.unit_id):
        raise Forbidden(_("您可以查看这个采集端，但不能停用它。"))
    poller.retired_at = now


def state(poller: Poller, now: dt.datetime) -> Literal["online", "offline", "never-seen", "retired"]:
    """Whether it is still there, derived from when it was last heard of."""
    if poller.retired_at is not None:
        return "retired"
    if poller.last_seen_at is None:
        return "never-seen"
    return "online" if now - poller.last_seen_at <= OFFLINE_AFTER else "offline"
