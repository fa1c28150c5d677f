"""A small SNMP v2c agent whose tables and faults a test decides: what a real net-snmp can't be made to do.

It speaks the real protocol on a real UDP socket (decoded by pyasn1 and pysnmp's messages), so the poller under test is
whole. Values are (type name, Python value); an object identifier is a string.
"""

from __future__ import annotations

import bisect
import socket
import threading
import time
from typing import Self

from pyasn1.codec.ber import decoder, encoder
from pysnmp.proto import api, rfc1902, rfc1905

V2C = api.PROTOCOL_MODULES[api.SNMP_VERSION_2C]
TYPES = {
    "int": rfc1902.Integer32, "str": rfc1902.OctetString, "c32": rfc1902.Counter32, "c64": rfc1902.Counter64,
    "gauge": rfc1902.Gauge32, "ticks": rfc1902.TimeTicks, "oid": rfc1902.ObjectIdentifier,
}  # fmt: skip
IF, IFX = "1.3.6.1.2.1.2.2.1", "1.3.6.1.2.1.31.1.1.1"


class Agent:
    """Answers on `target`. Faults: `drop_bulk_above`, `no_bulk`, `circle` (walks never end), `delay_s`, `deaf`."""

    def __init__(self) -> None:
        self.objects: dict[str, tuple[str, object]] = {}
        self.drop_bulk_above: int | None = None
        self.no_bulk = self.circle = self.deaf = False
        self.delay_s = 0.0
        self.bulk_sizes: list[int] = []
        self.requests = 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0.1)
        self.target = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.system()

    def system(self, uptime_ticks: int = 1_000_000, name: str = "rogue") -> None:
        """The system group."""
        self.objects |= {
            "1.3.6.1.2.1.1.1.0": ("str", "a test agent"), "1.3.6.1.2.1.1.3.0": ("ticks", uptime_ticks % 2**32),
            "1.3.6.1.2.1.1.5.0": ("str", name),
        }  # fmt: skip

    def interfaces(self, rows: dict[int, dict[str, object]]) -> None:
        """Replace the interface tables: index → name, speed (Mbit/s), in, out, bits, up, descr."""
        self.objects = {o: v for o, v in self.objects.items() if not o.startswith((IF + ".", IFX + "."))}
        for index, row in rows.items():
            descr, speed = row.get("descr", row.get("name", "")), row.get("speed", 1000)
            self.objects |= {
                f"{IF}.2.{index}": ("str", descr), f"{IF}.7.{index}": ("int", 1),
                f"{IF}.8.{index}": ("int", 1 if row.get("up", True) else 2),
                f"{IF}.5.{index}": ("gauge", min(2**32 - 1, int(speed) * 1_000_000)),
                f"{IFX}.15.{index}": ("gauge", speed),
            }  # fmt: skip
            if "name" in row:
                self.objects[f"{IFX}.1.{index}"] = ("str", row["name"])
            if row.get("bits", 64) == 64:
                self.objects |= {f"{IFX}.6.{index}": ("c64", row["in"]), f"{IFX}.10.{index}": ("c64", row["out"])}
            else:
                self.objects |= {f"{IF}.10.{index}": ("c32", row["in"]), f"{IF}.16.{index}": ("c32", row["out"])}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(2)
        self._socket.close()

    def _serve(self) -> None:
        while not self._ended.is_set():
            try:
                data, peer = self._socket.recvfrom(65536)
            except TimeoutError:
                continue
            answer = self._answer(data)
            if answer is not None:
                time.sleep(self.delay_s)
                self._socket.sendto(answer, peer)

    def _answer(self, data: bytes) -> bytes | None:
        if self.deaf or data[4:5] == b"\x03":  # version 3 is not spoken here
            return None
        message, _rest = decoder.decode(data, asn1Spec=V2C.Message())
        if bytes(V2C.apiMessage.get_community(message)) != b"public":
            return None
        self.requests += 1
        pdu = V2C.apiMessage.get_pdu(message)
        if pdu.isSameTypeWith(V2C.GetBulkRequestPDU()):
            size = int(V2C.apiBulkPDU.get_max_repetitions(pdu))
            self.bulk_sizes.append(size)
            if self.no_bulk or (self.drop_bulk_above is not None and size > self.drop_bulk_above):
                return None
            asked = [str(oid) for oid, _value in V2C.apiBulkPDU.get_varbinds(pdu)]
            found = self._walk(asked[0], size)
        else:
            asked = [str(oid) for oid, _value in V2C.apiPDU.get_varbinds(pdu)]
            is_next = pdu.isSameTypeWith(V2C.GetNextRequestPDU())
            found = [self._walk(oid, 1)[0] if is_next else (oid, self._value(oid)) for oid in asked]
        reply = V2C.ResponsePDU()
        V2C.apiPDU.set_defaults(reply)
        V2C.apiPDU.set_request_id(reply, V2C.apiPDU.get_request_id(pdu))
        V2C.apiPDU.set_varbinds(reply, found)
        V2C.apiMessage.set_pdu(message, reply)
        return encoder.encode(message)

    def _value(self, oid: str) -> object:
        if oid not in self.objects:
            return rfc1905.NoSuchInstance()
        kind, value = self.objects[oid]
        return TYPES[kind](value.encode() if isinstance(value, str) and kind == "str" else value)

    def _walk(self, start: str, count: int) -> list[tuple[str, object]]:
        known = sorted(self.objects, key=_parts)
        at = bisect.bisect_right([_parts(oid) for oid in known], _parts(start))
        found = known[at : at + count]
        if self.circle and found:
            # the last row of a column points back to its first, as broken agents do
            column = found[0].rsplit(".", 1)[0]
            rows = [oid for oid in known if oid.startswith(column + ".")]
            if start in rows or start == column:
                begin = rows.index(start) + 1 if start in rows else 0
                found = [rows[(begin + i) % len(rows)] for i in range(count)]
        if not found:
            return [(start, rfc1905.EndOfMibView())]
        return [(oid, self._value(oid)) for oid in found]


def _parts(oid: str) -> tuple[int, ...]:
    return tuple(map(int, oid.split(".")))
