"""A target of the poller's own, to tell "it is down" from "I can't get out" (M-10)."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import time
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from prometheus_client import Gauge

from collectors.base import CheckResult, State
from collectors.net import split_host
from collectors.registry import PROBES
from collectors.report import CheckDefinition
from collectors.run import check
from core.i18n import gettext as _

UP = Gauge("taxops_poller_canary_up", "Whether the poller reaches its own canary target")
FRESH_S = 5.0
LIMIT_S = 3.0
LOCAL_TYPES = frozenset({"host", "disk", "file", "sqlite", "process"})


@dataclass(frozen=True)
class CanaryTarget:
    """What to try. `is_sure`: chosen by a person; a guess counts only after it has answered once."""

    type: str
    target: str
    is_sure: bool = True


class Canary:
    """Asked when something looks down, and at times by itself."""

    def __init__(self, target: CanaryTarget) -> None:
        self.target = target
        self._probe = PROBES[target.type]()
        self._looked_at = float("-inf")
        self._is_up = True
        self._was_up = target.is_sure
        self._lock = asyncio.Lock()
        self.output = ""

    async def is_up(self, fresh_s: float = FRESH_S) -> bool:
        """Whether it answers, by a look at most `fresh_s` old. True as long as a mere guess never answered."""
        async with self._lock:
            if time.monotonic() - self._looked_at > fresh_s:
                params = {"count": 2, "gap_s": 0.1} if self.target.type == "icmp" else {}
                result = await check(self._probe, self.target.target, params, timeout_s=LIMIT_S)
                self._is_up = result.state in (State.OK, State.WARNING)
                self._was_up |= self._is_up
                self.output = result.output
                self._looked_at = time.monotonic()
                UP.set(int(self._is_up))
        return self._is_up or not self._was_up

    @property
    def was_reached(self) -> bool:
        """What the last look found, without looking again."""
        return self._is_up

    async def judge(self, definition: CheckDefinition, result: CheckResult) -> CheckResult:
        """A target that looks down stays so only if the poller can reach its canary; else the state is UNKNOWN."""
        if result.state is not State.CRITICAL or is_local(definition) or await self.is_up():
            return result
        text = _(
            "采集端自己的网络不通（连 %(canary)s 也到不了），不能断定目标故障；看到的是：%(output)s",
            canary=self.target.target,
            output=result.output,
        )
        return replace(result, state=State.UNKNOWN, output=text, evidence={**result.evidence, "fault": "poller"})


def is_local(definition: CheckDefinition) -> bool:
    """True for what needs no network: this machine's own state and loopback addresses."""
    if definition.type in LOCAL_TYPES or definition.target.startswith("/"):
        return True
    target, host = definition.target, ""
    try:
        host = (urlsplit(target).hostname or "") if "://" in target else split_host(target)[0]
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host in ("localhost", socket.gethostname())


def default_gateway() -> CanaryTarget | None:
    """The router this machine sends everything to, as a guess; None where there is none.

    Source: proc(5), /proc/net/route: destination and gateway are hexadecimal in host byte order.
    """
    try:
        lines = Path("/proc/net/route").read_text("ascii").splitlines()[1:]
    except OSError:
        return None
    for fields in (line.split() for line in lines):
        if len(fields) > 2 and fields[1] == "00000000" and fields[2] != "00000000":  # noqa: PLR2004  three columns
            address = socket.inet_ntoa(int(fields[2], 16).to_bytes(4, "little"))
            return CanaryTarget("icmp", address, is_sure=False)
    return None
