"""Network devices and servers by SNMP v2c or v3: system, interfaces, storage."""

from __future__ import annotations

import asyncio
import fnmatch
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass

from collectors import net
from collectors.base import Outcome, Probe, State, remaining
from collectors.counters import uptime_seconds
from collectors.findings import Findings
from collectors.snmp import oids, tables
from collectors.snmp.device import Device, Memory
from collectors.snmp.params import SnmpParams
from collectors.snmp.tables import text
from collectors.snmp.traffic import Rates, TrafficMemory
from collectors.text import bytes_text, duration_text, names
from core.i18n import gettext as _
from core.i18n import lazy

SNMP_PORT = 161
MARGIN_S = 0.5
MOST_SHOWN = 100
ENGINE_SEEN_S = 3600.0


@dataclass
class _Engine:
    place: str
    seen_at: float


class SnmpProbe(Probe[SnmpParams]):
    """An agent and its tables. Slow agents only slow the lane of the slow."""

    type = "snmp"
    label = lazy("SNMP 设备")
    target_help = lazy("主机 或 主机:端口（默认 161）")
    example = "127.0.0.1:161"
    params = SnmpParams
    lane = "snmp"

    def __init__(self) -> None:
        self._memories: dict[tuple[str, str], Memory] = {}
        self._traffic = TrafficMemory()
        self._engines: dict[bytes, _Engine] = {}

    async def measure(self, target: str, params: SnmpParams, *, deadline: float) -> Outcome:
        """Read the parts asked for, as far as the deadline allows."""
        host, port = net.split_target(target, SNMP_PORT)
        found_at = await net.resolve(host, port, kind=socket.SOCK_DGRAM)
        address = next((a for a in found_at if ":" not in a), found_at[0])  # agents seldom listen on both
        access = params.access()
        memory = self._memories.setdefault((f"{host}:{port}", access.key), Memory())
        found = Findings()
        async with memory.lock:
            device = Device(address, port, access, memory, params.request_s)
            try:
                async with asyncio.timeout(remaining(deadline - MARGIN_S)):
                    await self._read(device, f"{host}:{port}", params, found)
            except net.TargetDown as down:
                found.note(State.CRITICAL, str(down))
            except TimeoutError:
                memory.session = None  # an answer may still be on its way
                found.note(State.WARNING, _("设备太慢，时限内没有读完"))
        if device.broken:
            found.note(State.WARNING, _("设备的表 %(oids)s 编号不递增，已停止读取", oids=", ".join(device.broken)))
        found.evidence["bulk"] = memory.bulk
        return found.outcome()

    async def _read(self, device: Device, key: str, params: SnmpParams, found: Findings) -> None:
        await device.open()
        system = await device.get((*oids.SYSTEM, oids.IF_TABLE_LAST_CHANGE))
        wanted = names(params.collect)
        self._system(found, params, f"{device.address}:{device.port}", system)
        if "interfaces" in wanted:
            await self._interfaces(device, key, params, found, system)
        if "storage" in wanted:
            await self._storage(device, params, found)

    def _system(self, found: Findings, params: SnmpParams, place: str, system: Mapping[str, object]) -> None:
        ticks, engine_s = system.get(oids.SYS_UPTIME), system.get(oids.ENGINE_TIME)
        found.evidence["system"] = {
            "name": text(system.get(oids.SYS_NAME)),
            "description": text(system.get(oids.SYS_DESCR)),
            "object_id": text(system.get(oids.SYS_OBJECT_ID)),
            "location": text(system.get(oids.SYS_LOCATION)),
        }
        if isinstance(ticks, int):
            uptime = uptime_seconds(engine_s if isinstance(engine_s, int) else None, ticks)
            found.judged(
                "uptime_seconds",
                uptime,
                "s",
                warning=params.uptime_warning,
                text=_(
                    "%(name)s 已运行 %(time)s",
                    name=text(system.get(oids.SYS_NAME)) or place,
                    time=duration_text(uptime),
                ),
            )
        else:
            found.note(State.OK, _("%(name)s 有回应", name=text(system.get(oids.SYS_NAME)) or place))
        engine = system.get(oids.ENGINE_ID)
        if isinstance(engine, bytes) and engine and (other := self._same_engine(engine, place)):
            found.note(State.WARNING, _("SNMP 引擎标识与 %(other)s 重复，会互相干扰", other=other))

    def _same_engine(self, engine: bytes, place: str) -> str | None:
        now = time.monotonic()
        seen = self._engines.get(engine)
        if seen is not None and seen.place != place and now - seen.seen_at < ENGINE_SEEN_S:
            return seen.place
        self._engines[engine] = _Engine(place, now)
        return None

    async def _interfaces(
        self, device: Device, key: str, params: SnmpParams, found: Findings, system: Mapping[str, object]
    ) -> None:
        columns = {oid: await device.column(oid) for oid in _IF_COLUMNS}
        began = time.monotonic()
        columns |= {oid: await device.column(oid) for oid in (oids.IF_HC_IN, oids.IF_HC_OUT)}
        if len(columns[oids.IF_HC_OUT]) < len(columns[oids.IF_DESCR]):  # some or all have only 32-bit counters
            columns |= {oid: await device.column(oid) for oid in (oids.IF_IN, oids.IF_OUT)}
        at_s = (began + time.monotonic()) / 2
        ticks = system.get(oids.SYS_UPTIME)
        rows = [i for i in tables.interfaces(columns) if not _matches(i.name, params.ignore)]
        renumbered = await self._renumbered(device, system)
        rates = (
            {}
            if renumbered
            else self._traffic.rates(key, rows, at_s=at_s, uptime_ticks=ticks if isinstance(ticks, int) else None)
        )
        if renumbered:
            self._traffic.forget(key)
        for row in rows:
            _judge_interface(found, params, row, rates.get(row.name))
        up = sum(row.oper_up for row in rows)
        found.note(State.OK, _("接口 %(up)d/%(all)d 连通", up=up, all=len(rows)))
        missing = [n for n in names(params.watch) if not any(fnmatch.fnmatchcase(r.name, n) for r in rows)]
        if missing:
            found.note(State.CRITICAL, _("找不到接口 %(names)s", names=", ".join(missing)))
        found.evidence["interfaces"] = [_shown(row) for row in rows[:MOST_SHOWN]]
        found.evidence["interface_count"] = len(rows)

    async def _renumbered(self, device: Device, system: Mapping[str, object]) -> bool:
        """True when the table changed while it was read, so that its columns may not belong together."""
        if not isinstance(system.get(oids.IF_TABLE_LAST_CHANGE), int):
            return False
        after = await device.get((oids.IF_TABLE_LAST_CHANGE,))
        return after.get(oids.IF_TABLE_LAST_CHANGE) != system[oids.IF_TABLE_LAST_CHANGE]

    async def _storage(self, device: Device, params: SnmpParams, found: Findings) -> None:
        columns = {oid: await device.column(oid) for oid in _STORAGE_COLUMNS}
        for row in tables.storages(columns):
            if row.type_oid not in (oids.FIXED_DISK, oids.RAM) or _matches(row.description, params.ignore_storage):
                continue
            label, percent = {"storage": row.description}, 100 * row.used / row.size
            found.sample("storage_used_bytes", row.used, "B", label)
            if row.type_oid == oids.FIXED_DISK:
                found.judged(
                    "storage_percent",
                    percent,
                    "%",
                    labels=label,
                    warning=params.storage_warning,
                    critical=params.storage_critical,
                    text=_(
                        "存储 %(name)s 已用 %(value).0f%%（剩 %(free)s）",
                        name=row.description,
                        value=percent,
                        free=bytes_text(row.size - row.used),
                    ),
                )
            else:
                found.sample("storage_percent", percent, "%", label)


def _judge_interface(found: Findings, params: SnmpParams, row: tables.Interface, rates: Rates | None) -> None:
    label = {"interface": row.name}
    found.sample("if_up", int(row.oper_up), "", label)
    if _matches(row.name, params.watch) and not row.oper_up:
        why = _("已断开") if row.admin_up else _("被人为关闭")
        found.note(State.CRITICAL, _("接口 %(name)s %(why)s", name=row.name, why=why))
    if rates is None:
        return
    for metric, value in (("if_in_bps", rates.in_bps), ("if_out_bps", rates.out_bps)):
        if value is not None:
            found.sample(metric, value, "bit/s", label)
    busy = rates.utilisation(row.speed_bps)
    if busy is not None:
        found.judged(
            "if_utilisation_percent",
            busy,
            "%",
            labels=label,
            warning=params.traffic_warning,
            quiet=True,
            critical=params.traffic_critical,
            text=_("接口 %(name)s 利用率 %(value).0f%%", name=row.name, value=busy),
        )
    for metric, value in rates.events.items():
        watched = metric.endswith("errors")
        found.judged(
            metric,
            value,
            "1/s",
            labels=label,
            quiet=True,
            warning=params.errors_warning if watched else "",
            critical=params.errors_critical if watched else "",
            text=_("接口 %(name)s 每秒错包 %(value).1f", name=row.name, value=value),
        )


def _shown(row: tables.Interface) -> dict[str, object]:
    return {
        "name": row.name,
        "index": row.index,
        "alias": row.alias,
        "admin_up": row.admin_up,
        "oper_up": row.oper_up,
        "speed_bps": row.speed_bps,
        "bits": row.bits,
    }


def _matches(name: str, patterns: str) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in names(patterns))


_IF_COLUMNS = (
    oids.IF_DESCR,
    oids.IF_NAME,
    oids.IF_ALIAS,
    oids.IF_ADMIN,
    oids.IF_OPER,
    oids.IF_SPEED,
    oids.IF_HIGH_SPEED,
    oids.IF_DISCONTINUITY,
    *tables.ERROR_COLUMNS.values(),
)
_STORAGE_COLUMNS = (
    oids.STORAGE_TYPE,
    oids.STORAGE_DESCR,
    oids.STORAGE_UNIT,
    oids.STORAGE_SIZE,
    oids.STORAGE_USED,
)
