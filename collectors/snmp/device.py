"""One SNMP agent: what was learned about it, and careful reading of its objects (M-14).

Bulk size is learned per device and halved on a time-out, down to GETNEXT. A walk stops at an object identifier that
does not increase. For v3 the session (engine id, boots, time) is kept, and dropped and discovered anew once when the
agent refuses it, as it does after a restart.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field

from gufo.snmp import SnmpError, User, ValueType
from gufo.snmp.aio import SnmpSession

from collectors.base import PollerFault
from collectors.net import TargetDown
from core.i18n import gettext as _

LADDER = (50, 25, 12, 6, 3, 1, 0)
"""Fifty rows of counters still fit into one packet."""
REGROW_AFTER = 200
REFRESH_AFTER_S = 100.0
"""Within the 150 seconds an engine's time may drift. Source: RFC 3414 section 2.2.3."""
FAILURES = (SnmpError, TimeoutError, ConnectionError)


@dataclass(frozen=True)
class Access:
    """How to speak to an agent: a community (v2c) or a user (v3)."""

    community: str = field(default="", repr=False)
    user: User | None = field(default=None, repr=False)
    key: str = ""


@dataclass
class Memory:
    """What is remembered of one agent between runs. `step` is its place on LADDER."""

    step: int = 0
    failures: dict[int, int] = field(default_factory=dict)
    good: int = 0
    session: SnmpSession | None = None
    used_at: float = 0.0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def bulk(self) -> int:
        """Rows to ask for at once; 0 means one by one, by GETNEXT."""
        return LADDER[self.step]

    def timed_out(self) -> bool:
        """Halve the bulk size; False once nothing smaller is left, not even GETNEXT."""
        if self.step == len(LADDER) - 1:
            return False
        self.failures[self.step] = self.failures.get(self.step, 0) + 1
        self.good = 0
        self.step += 1
        return True

    def answered(self) -> None:
        """After a long good run try the next size up again: one lost packet must not slow a device for ever."""
        self.good += 1
        if self.good >= REGROW_AFTER and self.step > 0 and self.failures.get(self.step - 1, 0) < 2:  # noqa: PLR2004  twice is no accident
            self.good = 0
            self.step -= 1


@dataclass
class Device:
    """An agent during one run. Use inside `async with memory.lock`: one conversation at a time."""

    address: str
    port: int
    access: Access
    memory: Memory
    request_s: float
    broken: list[str] = field(default_factory=list)

    async def open(self) -> None:
        """Get a session ready. Raises PollerFault for refused credentials and TargetDown for silence."""
        kept = self.memory.session
        if kept is not None:
            try:
                if time.monotonic() - self.memory.used_at > REFRESH_AFTER_S:
                    await kept.refresh()
            except FAILURES:
                self.memory.session = None
            else:
                return
        self.memory.session = await self._connect()

    async def get(self, oids: Iterable[str]) -> dict[str, ValueType]:
        """The objects that exist among `oids`; after a refusal or silence tried once more on a new session."""
        wanted = list(oids)
        try:
            return await self._get(wanted)
        except FAILURES:
            self.memory.session = None  # not-in-time-window, another engine, or a lost packet
            self.memory.session = await self._connect(patience=2)  # it may still be busy with the first request
        try:
            return await self._get(wanted)
        except FAILURES:
            self.memory.session = None
            raise await self._why_silent() from None

    async def column(self, oid: str) -> dict[str, ValueType]:
        """One column of a table as index → value. Raises TargetDown."""
        while True:
            try:
                return await self._walk(oid)
            except FAILURES:
                if not self.memory.timed_out():
                    raise TargetDown(_("设备读到一半不再回应")) from None

    async def _walk(self, base: str) -> dict[str, ValueType]:
        rows: dict[str, ValueType] = {}
        last: tuple[int, ...] = ()
        async for oid, value in self._iterate(base):
            here = tuple(map(int, oid.split(".")))
            if here <= last:
                self.broken.append(base)  # an agent that goes round in circles would never end
                break
            last = here
            rows[oid[len(base) + 1 :]] = value
        self.memory.used_at = time.monotonic()
        self.memory.answered()
        return rows

    def _iterate(self, base: str) -> AsyncIterator[tuple[str, ValueType]]:
        session = self._session()
        return session.getbulk(base, self.memory.bulk) if self.memory.bulk else session.getnext(base)

    async def _get(self, oids: list[str]) -> dict[str, ValueType]:
        answer = await self._session().get_many(oids)
        self.memory.used_at = time.monotonic()
        return dict(answer)

    def _session(self) -> SnmpSession:
        if self.memory.session is None:
            raise RuntimeError("open() comes first")
        return self.memory.session

    async def _connect(self, patience: int = 1) -> SnmpSession:
        """A new session; for v3 with the engine discovered, tried twice because a packet may be lost."""
        for last_try in (False, True):
            session = SnmpSession(
                self.address,
                self.port,
                community=self.access.community,
                user=self.access.user,
                timeout=self.request_s * patience,
            )
            if self.access.user is None:
                return session
            try:
                await session.refresh()
            except FAILURES as error:
                if last_try or isinstance(error, SnmpError):
                    raise await self._why_silent() from None
            else:
                return session
        raise AssertionError("unreachable")

    async def _why_silent(self) -> Exception:
        """Silence may mean a dead device or credentials it ignores; engine discovery, which needs none, tells."""
        probe = SnmpSession(self.address, self.port, user=User.default(), timeout=self.request_s)
        try:
            await probe.refresh()
        except FAILURES:
            return TargetDown(_("%(address)s 端口 %(port)d 不回应 SNMP", address=self.address, port=self.port))
        what = _("用户名、认证口令或加密口令") if self.access.user is not None else _("团体字")
        return PollerFault(_("设备在回应，但不接受%(what)s", what=what), _("核对检查的 SNMP 凭据和设备上的访问视图"))
