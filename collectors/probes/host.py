"""The machine this poller runs on: CPU, load, memory, swap, disks, network, uptime."""

from __future__ import annotations

import asyncio
import fnmatch
import socket
import time
from typing import Annotated

from pydantic import Field

from collectors.base import About, Outcome, Params, PollerFault, Probe, State
from collectors.blocking import in_thread
from collectors.findings import Findings
from collectors.probes import _host_readings as readings
from collectors.text import bytes_text, duration_text, names
from collectors.thresholds import RangeText
from core.i18n import gettext as _
from core.i18n import lazy

SPAN_S = 0.5
"""Rates need two readings at least this far apart."""


class HostParams(Params):
    """Thresholds of the host check; an empty one is not watched."""

    cpu_warning: Annotated[RangeText, About(lazy("处理器使用率警告阈值"), "%")] = ""
    cpu_critical: Annotated[RangeText, About(lazy("处理器使用率严重阈值；忙不等于坏，默认不设"), "%")] = ""
    load_warning: Annotated[RangeText, About(lazy("每核五分钟负载警告阈值"))] = "8"
    load_critical: Annotated[RangeText, About(lazy("每核五分钟负载严重阈值"))] = "20"
    memory_warning: Annotated[RangeText, About(lazy("内存使用率警告阈值"), "%")] = "90"
    memory_critical: Annotated[RangeText, About(lazy("内存使用率严重阈值"), "%")] = "97"
    swap_warning: Annotated[RangeText, About(lazy("交换区使用率警告阈值"), "%")] = "60"
    swap_critical: Annotated[RangeText, About(lazy("交换区使用率严重阈值"), "%")] = "90"
    disk_warning: Annotated[RangeText, About(lazy("磁盘使用率警告阈值（每个挂载点）"), "%")] = "85"
    disk_critical: Annotated[RangeText, About(lazy("磁盘使用率严重阈值（每个挂载点）"), "%")] = "95"
    inode_warning: Annotated[RangeText, About(lazy("索引节点使用率警告阈值"), "%")] = "85"
    inode_critical: Annotated[RangeText, About(lazy("索引节点使用率严重阈值"), "%")] = "95"
    uptime_warning: Annotated[RangeText, About(lazy("运行时长警告阈值，如 600: 表示刚重启十分钟内告警"), "s")] = ""
    mounts: Annotated[str, About(lazy("只看这些挂载点，逗号分隔，可用 * 通配")), Field(max_length=1000)] = "*"
    ignore_mounts: Annotated[str, About(lazy("不看这些挂载点，逗号分隔，可用 * 通配")), Field(max_length=1000)] = ""


class HostProbe(Probe[HostParams]):
    """Looks at its own machine; another machine is seen by SNMP or by a satellite on it."""

    type = "host"
    label = lazy("主机")
    target_help = lazy("localhost：采集端所在的这台机器")
    example = "localhost"
    params = HostParams
    timeout_state = State.UNKNOWN

    def __init__(self) -> None:
        self._before: readings.Counters | None = None

    async def measure(self, target: str, params: HostParams, *, deadline: float) -> Outcome:  # noqa: ARG002  the runner holds the limit
        """Read once; rates since the previous run."""
        if target not in ("localhost", "127.0.0.1", "::1", socket.gethostname()):
            raise PollerFault(
                _("主机检查只能看采集端自己，目标却是 %(target)s", target=target),
                _("目标写 localhost；别的机器用 snmp，或在那台机器上运行卫星采集端"),
            )
        if self._before is None:
            self._before = await in_thread("host counters", readings.counters)
        await asyncio.sleep(max(0.0, self._before.at_s + SPAN_S - time.monotonic()))
        now = await in_thread("host", readings.snapshot)
        found = Findings()
        self._cpu(found, params, self._before, now)
        self._memory(found, params, now)
        self._disks(found, params, now)
        self._network(found, self._before, now.counters)
        self._before = now.counters
        return found.outcome()

    def _cpu(self, found: Findings, p: HostParams, before: readings.Counters, now: readings.Snapshot) -> None:
        span = now.counters.total_s - before.total_s
        if span > 0:
            percent = 100 * (now.counters.busy_s - before.busy_s) / span
            found.judged(
                "cpu_percent",
                percent,
                "%",
                text=_("处理器 %(value).0f%%", value=percent),
                warning=p.cpu_warning,
                critical=p.cpu_critical,
            )
            found.sample("iowait_percent", max(0.0, 100 * (now.counters.iowait_s - before.iowait_s) / span), "%")
        per_core = now.load[1] / now.cores
        found.judged(
            "load_per_core",
            per_core,
            text=_("负载 %(value).2f/核", value=per_core),
            warning=p.load_warning,
            critical=p.load_critical,
        )
        for minutes, value in zip((1, 5, 15), now.load, strict=True):
            found.sample(f"load{minutes}", value)
        found.judged(
            "uptime_seconds",
            now.uptime_s,
            "s",
            text=_("已运行 %(time)s", time=duration_text(now.uptime_s)),
            warning=p.uptime_warning,
        )
        found.sample("processes", now.processes)

    def _memory(self, found: Findings, p: HostParams, now: readings.Snapshot) -> None:
        percent = 100 * (1 - now.memory_available / now.memory_total)
        found.judged(
            "memory_percent",
            percent,
            "%",
            warning=p.memory_warning,
            critical=p.memory_critical,
            text=_("内存 %(value).0f%%（可用 %(free)s）", value=percent, free=bytes_text(now.memory_available)),
        )
        found.sample("memory_available_bytes", now.memory_available, "B")
        if now.swap_total:
            swap = 100 * now.swap_used / now.swap_total
            found.judged(
                "swap_percent",
                swap,
                "%",
                text=_("交换区 %(value).0f%%", value=swap),
                warning=p.swap_warning,
                critical=p.swap_critical,
            )

    def _disks(self, found: Findings, p: HostParams, now: readings.Snapshot) -> None:
        wanted, ignored = names(p.mounts), names(p.ignore_mounts)
        for disk in now.disks:
            if not _matches(disk.mount, wanted) or _matches(disk.mount, ignored):
                continue
            label = {"mount": disk.mount}
            found.judged(
                "disk_percent",
                disk.used_percent,
                "%",
                labels=label,
                warning=p.disk_warning,
                critical=p.disk_critical,
                text=_(
                    "磁盘 %(mount)s 已用 %(value).0f%%（剩 %(free)s）",
                    mount=disk.mount,
                    value=disk.used_percent,
                    free=bytes_text(disk.free),
                ),
            )
            found.sample("disk_free_bytes", disk.free, "B", label)
            if disk.inodes_percent is not None:
                found.judged(
                    "inode_percent",
                    disk.inodes_percent,
                    "%",
                    labels=label,
                    warning=p.inode_warning,
                    critical=p.inode_critical,
                    text=_("索引节点 %(mount)s 已用 %(value).0f%%", mount=disk.mount, value=disk.inodes_percent),
                )

    def _network(self, found: Findings, before: readings.Counters, now: readings.Counters) -> None:
        span = now.at_s - before.at_s
        for name, (received, sent) in now.network.items():
            if name not in before.network or span <= 0:
                continue
            old_received, old_sent = before.network[name]
            if received >= old_received and sent >= old_sent:  # the kernel counts in 64 bits: less means a new device
                label = {"interface": name}
                found.sample("net_in_bytes", (received - old_received) / span, "B/s", label)
                found.sample("net_out_bytes", (sent - old_sent) / span, "B/s", label)
                errors = now.network_errors[name] - before.network_errors.get(name, 0)
                found.sample("net_errors", max(0, errors) / span, "1/s", label)


def _matches(mount: str, patterns: list[str]) -> bool:
    return any(fnmatch.fnmatchcase(mount, pattern) for pattern in patterns)
