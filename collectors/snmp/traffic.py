"""Rates of interfaces from this reading and the one before, remembered by device and interface name (M-12, M-13)."""

from __future__ import annotations

from dataclasses import dataclass

from collectors.counters import Bits, Reading, rate
from collectors.snmp.tables import Interface

FORGET_AFTER_S = 3600.0


@dataclass(frozen=True)
class Rates:
    """Of one interface: bits per second in and out, events per second; None where no sample is honest."""

    in_bps: float | None
    out_bps: float | None
    events: dict[str, float]

    def utilisation(self, speed_bps: int | None) -> float | None:
        """Percent of the speed in the busier direction."""
        known = [value for value in (self.in_bps, self.out_bps) if value is not None]
        return 100 * max(known) / speed_bps if known and speed_bps else None


@dataclass(frozen=True)
class _Kept:
    bits: Bits
    readings: dict[str, Reading]
    at_s: float


class TrafficMemory:
    """The last reading of each interface, by device and name: a new index changes nothing."""

    def __init__(self) -> None:
        self._kept: dict[str, dict[str, _Kept]] = {}

    def rates(
        self, device: str, interfaces: list[Interface], *, at_s: float, uptime_ticks: int | None
    ) -> dict[str, Rates]:
        """Rates of the interfaces that had a reading before; remembers this one."""
        before = self._kept.get(device, {})
        result = {}
        now_kept = {name: kept for name, kept in before.items() if at_s - kept.at_s < FORGET_AFTER_S}
        for interface in interfaces:
            now = _Kept(interface.bits, _readings(interface, at_s, uptime_ticks), at_s)
            old = before.get(interface.name)
            if old is not None and old.bits == interface.bits and at_s > old.at_s:
                result[interface.name] = _rates(old.readings, now.readings, interface)
            now_kept[interface.name] = now
        self._kept[device] = now_kept
        return result

    def forget(self, device: str) -> None:
        """Begin anew, after a reading that can't be trusted."""
        self._kept.pop(device, None)


def _readings(interface: Interface, at_s: float, uptime_ticks: int | None) -> dict[str, Reading]:
    values = {"in": interface.octets[0], "out": interface.octets[1], **interface.errors}
    return {
        name: Reading(value, at_s, uptime_ticks, interface.discontinuity)
        for name, value in values.items()
        if value is not None
    }


def _rates(before: dict[str, Reading], after: dict[str, Reading], interface: Interface) -> Rates:
    max_octets = interface.speed_bps / 8 if interface.speed_bps else None

    def per_second(name: str, bits: Bits, limit: float | None) -> float | None:
        if name not in before or name not in after:
            return None
        return rate(before[name], after[name], bits=bits, max_per_s=limit)

    octets = {name: per_second(name, interface.bits, max_octets) for name in ("in", "out")}
    events = {name: value for name in interface.errors if (value := per_second(name, 32, None)) is not None}
    in_octets, out_octets = octets["in"], octets["out"]
    return Rates(None if in_octets is None else in_octets * 8, None if out_octets is None else out_octets * 8, events)
