"""Every probe there is, by its type: the one place where a new one is entered."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from collectors.base import Probe
from collectors.probes.disk import DiskProbe
from collectors.probes.file import FileProbe, SqliteProbe
from collectors.probes.host import HostProbe
from collectors.probes.http import HttpProbe
from collectors.probes.icmp import IcmpProbe
from collectors.probes.postgresql import PostgresqlProbe
from collectors.probes.process import ProcessProbe
from collectors.probes.snmp import SnmpProbe
from collectors.probes.tcp import TcpProbe
from collectors.probes.tls import TlsProbe
from core.errors import Invalid
from core.i18n import gettext as _

PROBES: Mapping[str, type[Probe[Any]]] = MappingProxyType(
    {
        probe.type: probe
        for probe in (
            HostProbe,
            DiskProbe,
            IcmpProbe,
            TcpProbe,
            HttpProbe,
            TlsProbe,
            SnmpProbe,
            PostgresqlProbe,
            FileProbe,
            SqliteProbe,
            ProcessProbe,
        )
    }
)


def make_probes() -> dict[str, Probe[Any]]:
    """One instance of each, to be kept as long as the poller runs: they remember readings by target."""
    return {name: kind() for name, kind in PROBES.items()}


def probe_class(type_name: str) -> type[Probe[Any]]:
    """The probe of that type. Raises core.errors.Invalid naming the types there are."""
    try:
        return PROBES[type_name]
    except KeyError:
        raise Invalid.of(
            "type", _("没有检查类型 %(given)s；可用的有 %(names)s", given=type_name, names=", ".join(sorted(PROBES)))
        ) from None
