"""The audit trail, carried on to a syslog receiver: seal by seal, so that no row is passed over, and none is lost while it
is away.

A seal lists its rows by number, late ones included, so its number is a place in the trail. The place is moved only once what
was sent has stood for a while on a connection that still lives: whatever may have sat in a receiver that died is sent again
(at least once; `row` tells doubles).
"""

from __future__ import annotations

import datetime as dt
import socket
import threading
import time
from collections import deque
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session

from accounts.admin.findings import Finding
from accounts.audit import chain, syslog
from accounts.audit.models import AuditExport, AuditSeal
from accounts.audit.receiver import Receiver
from accounts.models import AuditRow
from config import Settings
from core import clock
from core.db import reading, transaction
from core.i18n import gettext as _
from web.filters import local

log = structlog.get_logger()
EVERY_S = 5.0
SURE_S = 30.0
LATE = dt.timedelta(minutes=10)
THE_ONE = 1


class Exporter:
    """Sends what is sealed, and knows how far it has come."""

    def __init__(self, engine: sa.Engine, receiver: Receiver) -> None:
        self._engine, self._receiver = engine, receiver
        self._host = socket.gethostname()
        self._cursor: int | None = None  # the last seal sent on this connection; None: as far as is sure
        self._unsure: deque[tuple[float, int]] = deque()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="audit export", daemon=True)

    def start(self) -> None:
        """Begin in the background."""
        self._thread.start()

    def stop(self) -> None:
        """End; what is not sure yet is sent again next time."""
        self._stop.set()
        self._thread.join(timeout=EVERY_S * 3)
        self.leave()

    def leave(self) -> None:
        """Leave the receiver."""
        self._receiver.close()

    def _run(self) -> None:
        while not self._stop.wait(EVERY_S):
            try:
                self.round()
            except Exception as error:  # noqa: BLE001  the next round tries again
                log.warning("audit.export-failed", error=type(error).__name__)

    def round(self) -> int:
        """Send all there is; returns how many seals. What went wrong is noted, and all that is unsure waits its turn."""
        sent = 0
        try:
            self._settle()
            while not self._stop.is_set() and self._send_next():
                sent += 1
                self._settle()
        except OSError as error:
            self._receiver.close()
            self._cursor = None
            self._unsure.clear()
            self._note(f"{type(error).__name__}: {error}"[:200])
        return sent

    def _send_next(self) -> bool:
        with reading(self._engine) as session:
            if self._cursor is None:
                kept = session.get(AuditExport, THE_ONE)
                self._cursor = kept.seal if kept else 0
            seal = session.scalars(
                sa.select(AuditSeal).where(AuditSeal.seq > self._cursor).order_by(AuditSeal.seq).limit(1)
            ).first()
            if seal is None:
                return False
            messages = [*self._rows(session, seal), self._seal(seal)]
        self._receiver.send(messages)
        self._cursor = seal.seq
        self._unsure.append((time.monotonic(), seal.seq))
        return True

    def _rows(self, session: Session, seal: AuditSeal) -> Iterator[bytes]:
        ids = [entry.id for entry in chain.unpack(seal.entries)]
        for row in session.scalars(sa.select(AuditRow).where(AuditRow.id.in_(ids)).order_by(AuditRow.id)):
            values = {
                "row": row.id, "seal": seal.seq, "actor": row.actor, "verb": row.verb, "object": row.object,
                "from": row.from_address,
            }  # fmt: skip
            body = {key: value for key, value in (("before", row.before), ("after", row.after)) if value}
            yield syslog.message(
                host=self._host, at=row.at, name=row.verb, values=values, body=body, most=self._receiver.most
            )

    def _seal(self, seal: AuditSeal) -> bytes:
        """The block's hash, which the receiver then holds outside of this machine."""
        values = {"seal": seal.seq, "rows": seal.rows, "hash": seal.hash, "previous": seal.previous}
        return syslog.message(
            host=self._host, at=seal.sealed_at, name="seal", values=values, body=None, most=self._receiver.most
        )

    def _settle(self) -> None:
        """Move the place over what has stood long enough."""
        arrived = self._receiver.look()
        if not arrived and len(self._unsure) > 0:
            return
        sure: int | None = None
        while self._unsure and self._unsure[0][0] <= time.monotonic() - SURE_S:
            sure = self._unsure.popleft()[1]
        if sure is not None:
            with transaction(self._engine) as session:
                kept = session.get(AuditExport, THE_ONE) or AuditExport(id=THE_ONE, seal=0)
                kept.seal, kept.moved_at = max(kept.seal, sure), clock.now()
                kept.error, kept.error_since = None, None
                session.add(kept)

    def _note(self, error: str) -> None:
        now = clock.now()
        with transaction(self._engine) as session:
            kept = session.get(AuditExport, THE_ONE) or AuditExport(id=THE_ONE, seal=0)
            if kept.error_since is None:
                log.warning("audit.receiver-away", error=error)
            kept.error, kept.error_since = error, kept.error_since or now
            session.add(kept)


def start(app: Any, engine: sa.Engine, settings: Settings) -> Exporter | None:  # noqa: ARG001  the signature of all parts
    """Start it, where a receiver is set."""
    if not settings.syslog_url:
        return None
    made = Exporter(engine, Receiver(settings.syslog_url, settings.syslog_ca_file))
    made.start()
    return made


def findings(session: Session, *, now: dt.datetime) -> Iterator[Finding]:
    """A receiver that is away for long; nothing where there is none."""
    kept = session.get(AuditExport, THE_ONE)
    if kept is None:
        return
    part = _("审计外送")
    waiting = session.scalar(sa.select(sa.func.sum(AuditSeal.rows)).where(AuditSeal.seq > kept.seal)) or 0
    # a receiver that closes an idle connection is not away: it is, where something can't be sent
    if waiting and kept.error_since is not None and kept.error_since < now - LATE:
        text = _(
            "自 %(at)s 起送不到：%(why)s。%(n)d 行在等待，不会丢失。",
            at=local(kept.error_since),
            why=kept.error,
            n=waiting,
        )
        yield Finding(part, "warning", text, _("请检查 TAXOPS_SYSLOG_URL，并确认接收方正在运行。"))
    elif kept.error_since is None or not waiting:
        yield Finding(part, "ok", _("已送到第 %(n)d 个封条。", n=kept.seal))
