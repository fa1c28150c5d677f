"""The sender: claims waiting deliveries under a lease that expires, sends, records each attempt.

Network sends happen outside any transaction. A crash between sending and recording repeats the send after the lease,
with the same key: at least once.
"""

from __future__ import annotations

import contextlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import sqlalchemy as sa
import structlog

from core import clock
from core.db import reading, transaction
from core.outbox import registry
from escalation.notify import links, rules
from escalation.notify.channels import SENDERS, Context, NotSetUp, Outgoing, SendFailed
from escalation.notify.models import Channel, Delivery, DeliveryAttempt, DeliveryState

log = structlog.get_logger()
TIMER_S = 5.0
BATCH = 32
PARALLEL = 4


class DeliverySender:
    """Sends the deliveries of one database, from a thread of its own or by hand (`drain`)."""

    def __init__(self, engine: sa.Engine, context: Context) -> None:
        self._engine, self._context = engine, context
        self._wake, self._stop = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin sending in the background."""
        registry.on_commit.append(self._wake.set)
        self._thread = threading.Thread(target=self._run, name="sender", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Finish what is being sent and end."""
        self._stop.set()
        self._wake.set()
        with contextlib.suppress(ValueError):
            registry.on_commit.remove(self._wake.set)
        if self._thread:
            self._thread.join(timeout=30)

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wake.wait(TIMER_S)
            self._wake.clear()
            try:
                self.drain()
            except sa.exc.SQLAlchemyError as error:
                log.warning("sender.database", error=str(error).splitlines()[0])
                self._stop.wait(1.0)

    def drain(self) -> int:
        """Send everything that is due; returns how many were sent."""
        sent = 0
        with ThreadPoolExecutor(PARALLEL, thread_name_prefix="send") as pool:
            while not self._stop.is_set() and (due := self._due()):
                sent += sum(pool.map(self._send, due))
        return sent

    def _due(self) -> list[int]:
        now = clock.now()
        with reading(self._engine) as session:
            return list(
                session.scalars(
                    sa.select(Delivery.id)
                    .where(
                        Delivery.state == DeliveryState.WAITING,
                        Delivery.next_try_at <= now,
                        sa.or_(Delivery.lease_until.is_(None), Delivery.lease_until <= now),
                    )
                    .order_by(Delivery.next_try_at, Delivery.id)
                    .limit(BATCH)
                )
            )

    def _claim(self, delivery_id: int) -> tuple[Delivery, Channel] | None:
        now = clock.now()
        with transaction(self._engine) as session:
            result = session.execute(
                sa.update(Delivery)
                .where(
                    Delivery.id == delivery_id,
                    Delivery.state == DeliveryState.WAITING,
                    Delivery.next_try_at <= now,
                    sa.or_(Delivery.lease_until.is_(None), Delivery.lease_until <= now),
                )
                .values(lease_until=now + rules.LEASE, attempts=Delivery.attempts + 1)
            )
            if getattr(result, "rowcount", 0) != 1:
                return None
            row = session.get_one(Delivery, delivery_id)
            return row, session.get_one(Channel, row.channel_id)

    def _send(self, delivery_id: int) -> bool:
        claimed = self._claim(delivery_id)
        if claimed is None:
            return False
        row, channel = claimed
        url = links.signed(self._context.secret_key, row.url)
        outgoing = Outgoing(row.key, row.address, row.subject, row.body, url, row.person_id, row.ref)
        began = time.monotonic()
        error: SendFailed | None = None
        try:
            SENDERS[channel.kind](outgoing, channel.url or "", self._context)
        except SendFailed as failed:
            error = failed
        except Exception as unexpected:  # noqa: BLE001  a channel's own fault is kept with the delivery and shown
            error = SendFailed(f"{type(unexpected).__name__}: {unexpected}")
        self._record(delivery_id, int((time.monotonic() - began) * 1000), error)
        return error is None

    def _record(self, delivery_id: int, took_ms: int, error: SendFailed | None) -> None:
        now = clock.now()
        with transaction(self._engine) as session:
            row = session.get_one(Delivery, delivery_id, with_for_update=True)
            session.add(
                DeliveryAttempt(delivery_id=delivery_id, at=now, took_ms=took_ms, error=str(error) if error else None)
            )
            row.lease_until = None
            if error is None:
                row.state, row.sent_at, row.error = DeliveryState.SENT, now, None
                return
            row.error = str(error)[:1000]
            row.next_try_at = now + rules.back_off(row.attempts)
            if isinstance(error, NotSetUp):
                row.state = DeliveryState.CANCELLED
                return
            if error.permanent or rules.is_last(row.attempts):
                row.state = DeliveryState.DEAD
            log.warning(
                "delivery.failed", delivery=delivery_id, attempts=row.attempts, state=str(row.state), error=row.error
            )
