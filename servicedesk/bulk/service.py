"""Verbs on runs: order one, do the next part of it, stop it. None commits."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session

from accounts.models import Person
from accounts.scope import Viewer, viewer_for
from core.errors import Forbidden, Invalid, NotFound, TaxopsError, TransitionRefused
from core.events.servicedesk import BulkMoved
from core.i18n import gettext as _
from core.i18n import use_locale
from core.outbox import record
from servicedesk.bulk import actions
from servicedesk.bulk.actions import BulkAction
from servicedesk.bulk.models import BulkItem, BulkRun, ItemState
from servicedesk.tickets import access
from servicedesk.tickets.models import Ticket
from servicedesk.tickets.states import STATE_LABELS
from web.api import ApiModel

log = structlog.get_logger(__name__)

MOST = 500
"""Tickets of one run."""
PIECE = 10
"""Tickets of one transaction: what a crash in the middle has to do again, and how often the page hears of it."""
KEPT = dt.timedelta(days=90)


def order(
    session: Session, viewer: Viewer, *, action: BulkAction, numbers: Sequence[str], values: ApiModel, now: dt.datetime
) -> BulkRun:
    """Write a run down; the relay does it after the commit. Raises Invalid or Forbidden; each ticket is judged later."""
    wanted = list(dict.fromkeys(numbers))
    if not wanted:
        raise Invalid.of("tickets", _("请至少选择一个事项。"))
    if len(wanted) > MOST:
        raise Invalid.of("tickets", _("一次最多处理 %(n)s 个事项，请缩小范围分批进行。", n=MOST))
    if not viewer.can(actions.NEEDS[action]):
        raise Forbidden(_("您没有批量执行这个操作的权限。"))
    run = BulkRun(
        by_id=viewer.person_id,
        action=str(action),
        given=values.model_dump(mode="json", exclude_none=True),
        scopes=sorted(viewer.token_scopes) if viewer.token_scopes else None,
        total=len(wanted),
        created_at=now,
    )
    session.add(run)
    session.flush()
    rows = [
        {"run_id": run.id, "seq": i, "number": n, "state": ItemState.PENDING, "reason": ""}
        for i, n in enumerate(wanted)
    ]
    session.execute(sa.insert(BulkItem), rows)
    record(session, BulkMoved(run_id=run.id, by_id=run.by_id), now=now)
    return run


def get(session: Session, viewer: Viewer, run_id: int, *, lock: bool = False) -> BulkRun:
    """A run of the viewer's own; else NotFound."""
    query = sa.select(BulkRun).where(BulkRun.id == run_id, BulkRun.by_id == viewer.person_id)
    run = session.scalar(query.with_for_update() if lock else query)
    if run is None:
        raise NotFound(_("没有这次批量处理，或您无权查看。"))
    return run


def stop(run: BulkRun, *, now: dt.datetime) -> None:
    """Leave the rest undone; what is done stays done. Repeating it changes nothing."""
    if run.finished_at is None and run.stopped_at is None:
        run.stopped_at = now


def go_on(session: Session, event: BulkMoved, now: dt.datetime) -> None:
    """Do the next few tickets of a run, and say that it moved: so it goes on, and so its page hears of it."""
    run = session.scalar(sa.select(BulkRun).where(BulkRun.id == event.run_id).with_for_update())
    if run is None or run.finished_at is not None:
        return
    left = sa.select(BulkItem).where(BulkItem.run_id == run.id, BulkItem.state == ItemState.PENDING)
    if run.stopped_at is None:
        items = session.scalars(left.order_by(BulkItem.seq).limit(PIECE)).all()
        with _as(session, run.by):
            for item in items:
                _one(session, run, item, now=now)
        session.flush()
    else:
        for item in session.scalars(left):
            item.state, item.at = ItemState.SKIPPED, now
        session.flush()
    if session.scalar(left.limit(1)) is None:
        run.finished_at = now
    record(session, BulkMoved(run_id=run.id, by_id=run.by_id, over=run.finished_at is not None), now=now)


@contextlib.contextmanager
def _as(session: Session, person: Person) -> Iterator[None]:
    """In this person's name and language: the audit says who it was, the reasons are theirs to read."""
    before = session.info.get("actor")
    session.info["actor"] = person.login
    try:
        with use_locale(person.locale):
            yield
    finally:
        session.info["actor"] = before


def _one(session: Session, run: BulkRun, item: BulkItem, *, now: dt.datetime) -> None:
    """One ticket, by the rights its orderer has now. Whatever goes wrong concerns this one alone."""
    ticket: Ticket | None = None
    try:
        with session.begin_nested():
            viewer = _viewer(session, run, now)
            ticket = access.get(session, viewer, item.number, lock=True)
            actions.perform(session, viewer, ticket, BulkAction(run.action), run.given, now=now)
    except TaxopsError as error:
        item.state, item.reason = ItemState.FAILED, _reason(error, ticket)
    except sa.exc.OperationalError:  # not this ticket's fault: the relay tries again
        raise
    except Exception:
        log.exception("bulk.item", run=run.id, number=item.number)
        item.state, item.reason = ItemState.FAILED, _("平台内部错误，已记入日志。")
    else:
        item.state = ItemState.DONE
    item.at = now


def _viewer(session: Session, run: BulkRun, now: dt.datetime) -> Viewer:
    if not run.by.active:
        raise Forbidden(_("发起人已停用。"))
    return viewer_for(session, run.by, now=now, token_scopes=frozenset(run.scopes) if run.scopes else None)


def _reason(error: TaxopsError, ticket: Ticket | None) -> str:
    if isinstance(error, TransitionRefused) and ticket is not None:
        return _("现在是“%(state)s”，不能执行此操作。", state=str(STATE_LABELS[ticket.state]))
    found: Any = getattr(error, "errors", None)
    return " ".join(e.message for e in found) if found else error.message


def forget_old(session: Session, now: dt.datetime) -> None:
    """Runs and their results are kept for 90 days; the tickets' timelines keep what was done."""
    old = sa.select(BulkRun.id).where(BulkRun.finished_at.is_not(None), BulkRun.created_at < now - KEPT)
    session.execute(sa.delete(BulkItem).where(BulkItem.run_id.in_(old)))
    session.execute(sa.delete(BulkRun).where(BulkRun.finished_at.is_not(None), BulkRun.created_at < now - KEPT))
