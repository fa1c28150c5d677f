"""The auditor (E-08): looks whether paging itself is well, and only then beats an external heartbeat.

Overdue chains are taken up by the schedule (`service.tick`); here somebody else counts what is still overdue. Where
the beat stays away, the system that waits for it raises the alarm: taxops can't report its own death.
"""

from __future__ import annotations

import datetime as dt
import threading
from typing import Any

import httpx
import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session

from config import Settings
from core import clock
from core.db import reading
from core.outbox import OutboxRow
from escalation.notify.models import Channel, ChannelKind, Delivery, DeliveryState
from escalation.oncall.models import Chain, ChainState
from servicedesk.tickets.models import Ticket
from servicedesk.tickets.states import State

log = structlog.get_logger()
EVERY_S = 60.0
LATE = dt.timedelta(minutes=2)
TIME_LIMIT_S = 10.0
OPEN = (State.NEW, State.ACTIVE)


def troubles(session: Session, now: dt.datetime) -> list[str]:
    """What keeps people from being paged, in words for the log; empty when all is well."""
    found = []
    overdue = session.scalar(
        sa.select(sa.func.count())
        .select_from(Chain)
        .where(Chain.state == ChainState.RUNNING, Chain.next_at < now - LATE)
    )
    if overdue:
        found.append(f"{overdue} paging chains are overdue")
    unheard = session.scalar(
        sa.select(sa.func.count())
        .select_from(OutboxRow)
        .where(OutboxRow.done_at.is_(None), OutboxRow.dead_at.is_(None), OutboxRow.next_try_at < now - LATE)
    )
    if unheard:
        found.append(f"{unheard} events wait for their listeners")
    unsent = session.scalar(
        sa.select(sa.func.count())
        .select_from(Delivery)
        .where(Delivery.topic == "page", Delivery.state == DeliveryState.WAITING, Delivery.created_at < now - LATE)
    )
    if unsent:
        found.append(f"{unsent} pages are not sent")
    if lost := _lost(session):
        found.append(f"{lost} pages reached nobody")
    return found


def _lost(session: Session) -> int:
    """How many people of how many rounds no page can reach any more, while nobody has answered the incident.

    Given up is what was refused for good, tried too often, or had nowhere to go; one other way that worked or is still
    tried is enough, and so is the group's. The open page counts for nothing: nobody sits before it at night. A page that
    was taken back because somebody acknowledged has no error, and its chain is no longer open.
    """
    unanswered = sa.and_(Ticket.holder_id.is_(None), Ticket.acknowledged_at.is_(None), Ticket.state.in_(OPEN))
    still_open = sa.or_(Chain.state == ChainState.RUNNING, sa.and_(Chain.state == ChainState.EXHAUSTED, unanswered))
    rows = session.execute(
        sa.select(Delivery.key, Delivery.person_id, Delivery.state, Delivery.error)
        .join(Chain, Chain.number == Delivery.ref)
        .join(Ticket, Ticket.id == Chain.ticket_id)
        .join(Channel, Channel.id == Delivery.channel_id)
        .where(
            Delivery.topic == "page",
            Channel.kind != ChannelKind.LIVE,
            Delivery.created_at >= Chain.started_at,
            still_open,
        )
    )
    given_up: set[tuple[str, int | None]] = set()
    reached: set[tuple[str, int | None]] = set()
    for key, person_id, state, error in rows:
        page = key.rsplit(":", 2)[0]  # without person and channel: one round of one chain
        if state in (DeliveryState.SENT, DeliveryState.WAITING):
            reached.add((page, person_id))
        elif state == DeliveryState.DEAD or error is not None:
            given_up.add((page, person_id))
    return sum((page, None) not in reached for page, _person in given_up - reached)


class Auditor:
    """Beats `url` once a minute while there are no troubles."""

    def __init__(self, engine: sa.Engine, url: str) -> None:
        self._engine, self._url = engine, url
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="auditor", daemon=True)

    def start(self) -> None:
        """Begin in the background."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stop.set()
        self._thread.join(timeout=TIME_LIMIT_S + 2)

    def _run(self) -> None:
        while not self._stop.wait(EVERY_S):
            self.beat()

    def beat(self) -> bool:
        """Look, and beat where all is well; returns whether the beat was taken."""
        try:
            with reading(self._engine) as session:
                found = troubles(session, clock.now())
            if found:
                log.warning("auditor.silent", troubles=found)
                return False
            return httpx.get(self._url, timeout=TIME_LIMIT_S).is_success
        except Exception as error:  # noqa: BLE001  an auditor that dies says "all is well" to whoever reads only its log
            log.warning("auditor.failed", error=type(error).__name__)
            return False


def start(app: Any, engine: sa.Engine, settings: Settings) -> Auditor | None:  # noqa: ARG001  the signature of all parts
    """Start beating, where an address is set."""
    if not settings.heartbeat_url:
        return None
    auditor = Auditor(engine, settings.heartbeat_url)
    auditor.start()
    return auditor
