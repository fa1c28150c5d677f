"""Tables from columns: interfaces keyed by name, storage keyed by description (M-13). Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from collectors.counters import WRAP_32, Bits
from collectors.snmp import oids

Column = Mapping[str, object]
UP = 1
UNKNOWN_SPEED = WRAP_32 - 1
"""ifSpeed's value when the real one does not fit. Source: RFC 2863 ifSpeed."""
ERROR_COLUMNS = {
    "if_in_errors": oids.IF_IN_ERRORS,
    "if_out_errors": oids.IF_OUT_ERRORS,
    "if_in_discards": oids.IF_IN_DISCARDS,
    "if_out_discards": oids.IF_OUT_DISCARDS,
}


@dataclass(frozen=True)
class Interface:
    """One interface. `name` is its identity; `index` may be another after the next restart."""

    name: str
    index: str
    alias: str
    speed_bps: int | None
    admin_up: bool
    oper_up: bool
    octets: tuple[int | None, int | None]
    bits: Bits
    errors: Mapping[str, int]
    discontinuity: int | None


@dataclass(frozen=True)
class Storage:
    """One storage area; sizes in bytes. `description` (the mount) is its identity."""

    description: str
    index: str
    type_oid: str
    size: int
    used: int


def interfaces(columns: Mapping[str, Column]) -> list[Interface]:
    """Every interface of ifTable and ifXTable.

    Named by ifName, else ifDescr, else index; a name that several share is made unique by ifDescr or, at last, by the
    index. Octets come from the 64-bit counters where the agent has them, else from the 32-bit ones, never mixed.
    """
    indexes = sorted(
        {i for oid in (oids.IF_DESCR, oids.IF_OPER, oids.IF_NAME) for i in columns.get(oid, {})}, key=_order
    )
    named = _unique_names(columns, indexes)
    return [_interface(columns, index, named[index]) for index in indexes]


def _interface(columns: Mapping[str, Column], index: str, name: str) -> Interface:
    def number(oid: str) -> int | None:
        value = columns.get(oid, {}).get(index)
        return value if isinstance(value, int) else None

    high = (number(oids.IF_HC_IN), number(oids.IF_HC_OUT))
    has_high = None not in high
    return Interface(
        name=name,
        index=index,
        alias=text(columns.get(oids.IF_ALIAS, {}).get(index)),
        speed_bps=speed(number(oids.IF_HIGH_SPEED), number(oids.IF_SPEED)),
        admin_up=number(oids.IF_ADMIN) == UP,
        oper_up=number(oids.IF_OPER) == UP,
        octets=high if has_high else (number(oids.IF_IN), number(oids.IF_OUT)),
        bits=64 if has_high else 32,
        errors={metric: count for metric, oid in ERROR_COLUMNS.items() if (count := number(oid)) is not None},
        discontinuity=number(oids.IF_DISCONTINUITY),
    )


def speed(high_mbps: int | None, low_bps: int | None) -> int | None:
    """Bits per second, or None when the agent does not know. ifHighSpeed counts in millions of bits."""
    if high_mbps:
        return high_mbps * 1_000_000
    return low_bps if low_bps and low_bps != UNKNOWN_SPEED else None


def _unique_names(columns: Mapping[str, Column], indexes: list[str]) -> dict[str, str]:
    names, descriptions = columns.get(oids.IF_NAME, {}), columns.get(oids.IF_DESCR, {})
    first = {i: text(names.get(i)) or text(descriptions.get(i)) or i for i in indexes}
    shared = {name for name, count in Counter(first.values()).items() if count > 1}
    second = {i: f"{n} ({text(descriptions.get(i)) or i})" if n in shared else n for i, n in first.items()}
    still = {name for name, count in Counter(second.values()).items() if count > 1}
    return {i: f"{n} #{i}" if n in still else n for i, n in second.items()}


def storages(columns: Mapping[str, Column]) -> list[Storage]:
    """Every area of hrStorageTable that has a size."""
    found = []
    for index in sorted(columns.get(oids.STORAGE_DESCR, {}), key=_order):

        def cell(oid: str, index: str = index) -> object:
            return columns.get(oid, {}).get(index)

        unit, size, used = (_unsigned(cell(o)) for o in (oids.STORAGE_UNIT, oids.STORAGE_SIZE, oids.STORAGE_USED))
        if unit and size and used is not None:
            found.append(
                Storage(
                    text(cell(oids.STORAGE_DESCR)), index, str(cell(oids.STORAGE_TYPE) or ""), size * unit, used * unit
                )
            )
    return found


def _unsigned(value: object) -> int | None:
    """hrStorageSize is signed, so agents with large disks show negative numbers; read as unsigned they are right."""
    if not isinstance(value, int):
        return None
    return value + WRAP_32 if value < 0 else value


def text(value: object) -> str:
    """An octet string as text: UTF-8, else GB 18030 (device names typed on Chinese consoles)."""
    if not isinstance(value, bytes):
        return "" if value is None else str(value)
    for encoding in ("utf-8", "gb18030"):
        try:
            return value.decode(encoding).strip("\0 \r\n")
        except UnicodeDecodeError:
            continue
    return value.hex()


def _order(index: str) -> tuple[int, ...]:
    return tuple(int(part) for part in index.split(".") if part.isdecimal())
