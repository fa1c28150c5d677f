"""The verbs on checks: create, change, retire."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from cmdb.models import Item
from cmdb.service import log_event
from core.errors import Conflict, Invalid
from core.i18n import gettext as _
from monitor import health, intake, reachability
from monitor.alerts import keys
from monitor.alerts import service as alerts
from monitor.alerts.telling import Told
from monitor.checks import definition, wake
from monitor.models import Check, CheckParent, CheckState, Poller

DEFAULT_INTERVAL_S, DEFAULT_RETRY_S, DEFAULT_ATTEMPTS, DEFAULT_TIMEOUT_S = 60, 15, 3, 10
FRESH_INTERVALS = 3


@dataclass
class Definition:
    """What a check shall be. `parents` are (check id, group or None); None keeps or takes the default."""

    name: str | None = None
    type: str | None = None
    target: str | None = None
    params: dict[str, Any] | None = None
    active: bool | None = None
    interval_s: int | None = None
    retry_s: int | None = None
    max_attempts: int | None = None
    timeout_s: int | None = None
    freshness_s: int | None = None
    parents: Sequence[tuple[int, str | None]] | None = None
    poller: str | None = None
    origin: str = "declared"


def create(session: Session, item: Item, wanted: Definition, *, now: dt.datetime) -> Check:
    """A new check of `item`. Raises Invalid for a type, parameter, parent or poller that can't be."""
    interval = wanted.interval_s or DEFAULT_INTERVAL_S
    check = Check(
        item_id=item.id,
        type=wanted.type or "",
        name=wanted.name or "",
        target=wanted.target or "",
        params={},
        secrets={},
        active=wanted.active if wanted.active is not None else True,
        interval_s=interval,
        retry_s=wanted.retry_s or min(DEFAULT_RETRY_S, interval),
        max_attempts=wanted.max_attempts or DEFAULT_ATTEMPTS,
        timeout_s=wanted.timeout_s or DEFAULT_TIMEOUT_S,
        freshness_s=wanted.freshness_s if wanted.freshness_s is not None else FRESH_INTERVALS * interval,
        poller_id=_poller_id(session, wanted.poller),
        origin=wanted.origin,
        created_at=now,
        parents=[],
    )
    _take_params(check, wanted.params or {})
    check.standing = CheckState(attempt=0, output="", evidence={}, digest="", reachable=True, flapping=False)
    check.standing.stale_at = intake.stale_at(check, now)
    session.add(check)
    session.flush()
    _set_parents(session, check, wanted.parents or ())
    health.say(session, [check.standing], now=now)
    wake.changed(session)
    _log(session, check, _("新增监控项“%(name)s”", name=label(check)), now)
    return check


def change(session: Session, check: Check, wanted: Definition, *, now: dt.datetime) -> Check:
    """Change what is given. A new interval keeps the freshness at three of them where it was so before."""
    if check.retired_at is not None:
        raise Conflict(_("监控项已停用，不能修改。"))
    usual = check.freshness_s == FRESH_INTERVALS * check.interval_s
    for name in ("name", "target", "active", "interval_s", "retry_s", "max_attempts", "timeout_s", "freshness_s"):
        if (value := getattr(wanted, name)) is not None:
            setattr(check, name, value)
    if wanted.interval_s is not None and wanted.freshness_s is None and usual:
        check.freshness_s = FRESH_INTERVALS * check.interval_s
    if wanted.poller is not None:
        check.poller_id = _poller_id(session, wanted.poller)
    if wanted.type is not None:
        check.type = wanted.type
    given = definition.unhidden(wanted.params, check.secrets) if wanted.params is not None else definition.whole(check)
    _take_params(check, given)
    if wanted.parents is not None:
        _set_parents(session, check, wanted.parents)
    if (standing := check.standing).nodata_since is None:
        standing.stale_at = intake.stale_at(check, standing.at or check.created_at)
    session.flush()
    wake.changed(session)
    _log(session, check, _("修改监控项“%(name)s”", name=label(check)), now)
    return check


def retire(session: Session, check: Check, *, now: dt.datetime) -> None:
    """Stop checking; the history stays, an open alert ends, the item hears no more of it."""
    if check.retired_at is not None:
        return
    check.retired_at = now
    wake.changed(session)
    session.execute(
        sa.delete(CheckParent).where(sa.or_(CheckParent.check_id == check.id, CheckParent.parent_id == check.id))
    )
    session.expire(check, ["parents"])
    told = Told()
    if (alert := alerts.open_alert(session, keys.problem_key_of_check(check.id))) is not None:
        alerts.resolve(alert, at=now, why="retired", told=told)
    told.record(session, now=now)
    health.forget(session, item_id=check.item_id, check_id=check.id, now=now)
    _log(session, check, _("停用监控项“%(name)s”", name=label(check)), now)


def label(check: Check) -> str:
    """What a person calls it."""
    return check.name or f"{check.type} {check.target}".strip()


def _take_params(check: Check, given: dict[str, Any]) -> None:
    params = definition.parsed(check.type, given) if check.active else dict(given)
    check.params, check.secrets = definition.split(check.type, params)


def _poller_id(session: Session, name: str | None) -> int | None:
    if not name:
        return None
    found = session.scalar(sa.select(Poller.id).where(Poller.name == name, Poller.retired_at.is_(None)))
    if found is None:
        raise Invalid.of("poller", _("没有名为 %(name)s 的采集端。", name=name))
    return found


def _set_parents(session: Session, check: Check, parents: Sequence[tuple[int, str | None]]) -> None:
    wanted = dict(parents)
    known = set(session.scalars(sa.select(Check.id).where(Check.id.in_(sorted(wanted)), Check.retired_at.is_(None))))
    if missing := sorted(set(wanted) - known):
        raise Invalid.of("parents", _("没有监控项 %(ids)s。", ids="、".join(map(str, missing))))
    above: dict[int, list[int]] = {}
    for child, parent in session.execute(sa.select(CheckParent.check_id, CheckParent.parent_id)):
        above.setdefault(child, []).append(parent)
    above[check.id] = sorted(wanted)
    if ring := reachability.cycle(above, check.id):
        raise Invalid.of("parents", _("监控项不能依赖自己：%(way)s。", way=" → ".join(map(str, ring))))
    check.parents = [CheckParent(parent_id=parent, group_name=group) for parent, group in wanted.items()]
    session.flush()


def _log(session: Session, check: Check, text: str, now: dt.datetime) -> None:
    log_event(session, check.item_id, "check", text, now, ref=f"check:{check.id}")
