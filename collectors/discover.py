"""What can be watched on this machine without being told: proposals, never actions."""

from __future__ import annotations

import getpass
import math
import socket
import time
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil

from collectors import certificates
from collectors.blocking import in_thread
from collectors.probes import _host_readings as readings
from collectors.registry import PROBES
from collectors.run import check
from core.i18n import gettext as _

LOOK_S = 2.0
MOST_PORTS = 40
PLAIN_TO_TLS = 400
"""What web servers answer to plain HTTP on a TLS port."""
MIN_AGE_S = 120.0
MOST_CERTIFICATES = 20
MAX_CERTIFICATE_BYTES = 200_000
WEB_SERVERS = frozenset(
    {"nginx", "apache2", "httpd", "caddy", "haproxy", "lighttpd", "openresty", "tengine", "traefik"}
)
ITEM_TYPES: Mapping[str, str] = {
    **dict.fromkeys(("postgres", "mysqld", "mariadbd", "mongod", "redis-server", "oracle"), "database"),
    **dict.fromkeys(("java", "rabbitmq-server", "beam.smp"), "middleware"),
    "slapd": "directory",
    "named": "dns",
    "dnsmasq": "dns",
    "haproxy": "load-balancer",
}  # fmt: skip
CERTIFICATE_PLACES = (
    "/etc/nginx/**/*.pem", "/etc/nginx/**/*.crt", "/etc/apache2/**/*.pem", "/etc/apache2/**/*.crt",
    "/etc/httpd/**/*.crt",
    "/etc/letsencrypt/live/*/fullchain.pem", "/etc/ssl/*.pem", "/etc/ssl/*.crt", "/etc/ssl/private/*.pem",
    "/etc/pki/tls/certs/localhost.crt", "/etc/haproxy/**/*.pem",
)  # fmt: skip


@dataclass(frozen=True)
class Proposal:
    """A check worth having. `name` is for people; `item_type` is one of the item types of the contract."""

    type: str
    target: str
    name: str
    item_type: str
    params: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str]:
        """Two proposals with the same key are one, also tomorrow."""
        return (self.type, self.target)


@dataclass(frozen=True)
class Listener:
    """A listening TCP port; `process` is empty, and `age_s` without end, where the system does not tell."""

    port: int
    address: str
    process: str
    age_s: float = math.inf


async def discover(
    *,
    own_url: str | None = None,
    database_file: Path | None = None,
    home: Path | None = None,
    min_age_s: float = MIN_AGE_S,
) -> list[Proposal]:
    """Everything found on this machine, each once; what can't be read is left out.

    `own_url` is this program's page, `database_file` its database, `home` where it keeps its state.
    Servers started less than `min_age_s` ago are left out: they may be somebody's experiment and soon be gone again.
    """
    found = [
        _machine(),
        *await in_thread("mounts", lambda: list(_mounts())),
        *_own(own_url, database_file, home),
    ]
    own_port = _port_of(own_url)
    others = [
        listener
        for listener in await in_thread("listeners", listeners)
        if listener.port != own_port and listener.age_s >= min_age_s
    ]
    found.extend([await _of_listener(listener) for listener in others])
    found.extend(await in_thread("certificates", lambda: list(_certificate_files())))
    return list({proposal.key: proposal for proposal in found}.values())


def listeners() -> list[Listener]:
    """Ports that answer on this machine, lowest first; none where the system refuses to tell.

    Ports from the range for outgoing connections are passing by, not services.
    """
    try:
        connections = psutil.net_connections(kind="tcp")
    except (psutil.AccessDenied, OSError):
        return []
    passing = _ephemeral_ports()
    found: dict[int, Listener] = {}
    for connection in connections:
        if connection.status != psutil.CONN_LISTEN or not connection.laddr or connection.laddr.port in passing:
            continue
        address, port = connection.laddr.ip, connection.laddr.port
        if port not in found or (not found[port].process and connection.pid):
            found[port] = Listener(port, _reachable(address), *_process(connection.pid))
    return sorted(found.values(), key=lambda listener: listener.port)[:MOST_PORTS]


def _machine() -> Proposal:
    # mounts get checks of their own, so that a full disk is an alert of its own
    return Proposal("host", "localhost", socket.gethostname(), "server", {"ignore_mounts": "*"})


def _own(url: str | None, database_file: Path | None, home: Path | None) -> Iterator[Proposal]:
    if url:
        yield Proposal("http", url, _("本平台页面"), "application")
    if database_file is not None:
        yield Proposal("sqlite", str(database_file.resolve()), _("本平台数据库文件"), "database")
    elif home is not None:
        yield Proposal("file", str(home.resolve()), _("本平台数据目录"), "storage")


def _mounts() -> Iterator[Proposal]:
    for mount in [*(disk.mount for disk in readings.disks()), *readings.network_mounts()]:
        if not mount.startswith(("/boot", "/snap", "/etc")):
            yield Proposal("disk", mount, _("磁盘 %(mount)s", mount=mount), "storage")


async def _of_listener(listener: Listener) -> Proposal:
    """The best check for a port: a database login, a page, or at least the port itself."""
    if listener.process == "postgres" and (database := await _postgresql(listener)) is not None:
        return database
    if listener.process in WEB_SERVERS and (page := await _page(listener)) is not None:
        return page
    name = _("端口 %(port)d（%(process)s）", port=listener.port, process=listener.process or _("未知程序"))
    return Proposal("tcp", _place(listener), name, ITEM_TYPES.get(listener.process, "application"))


async def _page(listener: Listener) -> Proposal | None:
    """The page a web server shows; what it answers today is what is well from now on."""
    for scheme, params in (("http", {}), ("https", {"verify": False})):
        url = f"{scheme}://{_place(listener)}/"
        seen = await check(PROBES["http"](), url, {**params, "status": "100-599"}, timeout_s=LOOK_S)
        status = seen.evidence.get("status")
        if status is None or status == PLAIN_TO_TLS:
            continue
        usual = {} if 200 <= status < 300 else {"status": str(status)}  # noqa: PLR2004  the successes
        name = _("网页 %(process)s :%(port)d", process=listener.process, port=listener.port)
        return Proposal("http", url, name, "application", {**params, **usual})
    return None


def _place(listener: Listener) -> str:
    host = f"[{listener.address}]" if ":" in listener.address else listener.address
    return f"{host}:{listener.port}"


async def _postgresql(listener: Listener) -> Proposal | None:
    """A login without a password that works, or None."""
    target = f"{listener.address}:{listener.port}"
    for user in dict.fromkeys((getpass.getuser(), "postgres")):
        params = {"user": user, "database": "postgres"}
        seen = await check(PROBES["postgresql"](), target, params, timeout_s=LOOK_S)
        if seen.evidence.get("version"):
            return Proposal("postgresql", target, f"PostgreSQL :{listener.port}", "database", params)
    return None


def _certificate_files() -> Iterator[Proposal]:
    seen: set[Path] = set()
    for pattern in CERTIFICATE_PLACES:
        for path in sorted(Path("/").glob(pattern.lstrip("/"))):
            try:
                real = path.resolve(strict=True)
                if len(seen) >= MOST_CERTIFICATES or real in seen or not _is_server_certificate(real):
                    continue
            except OSError:
                continue
            seen.add(real)
            yield Proposal("tls", str(path), _("证书 %(file)s", file=path.name), "certificate")


def _is_server_certificate(path: Path) -> bool:
    if path.stat().st_size > MAX_CERTIFICATE_BYTES:
        return False  # a bundle of authorities
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # odd old certificates are not our concern here
        try:
            first = certificates.all_from_pem(path.read_bytes())[0]
        except ValueError:
            return False
    return not first.is_authority


def _reachable(address: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "127.0.0.1", "": "127.0.0.1"}.get(address, address)  # noqa: S104  read, not bound


def _process(pid: int | None) -> tuple[str, float]:
    """Name and age in seconds."""
    if pid is None:
        return "", math.inf
    try:
        process = psutil.Process(pid)
        return process.name(), max(0.0, time.time() - process.create_time())
    except psutil.Error:
        return "", math.inf


def _ephemeral_ports() -> range:
    try:
        low, high = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text("ascii").split()
    except (OSError, ValueError):
        return range(49152, 65536)  # the range of RFC 6335
    return range(int(low), int(high) + 1)


def _port_of(url: str | None) -> int | None:
    return None if url is None else urlsplit(url).port
