"""Names, addresses and connections, with faults told apart: the target's, or the poller's own."""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
import ssl
from collections.abc import Sequence

from collectors.base import PollerFault, remaining
from collectors.blocking import in_thread
from collectors.run import poller_fault
from core import netguard
from core.i18n import gettext as _

_HOSTNAME = re.compile(r"(?=.{1,253}$)[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62})(?:\.[A-Za-z0-9_-]{1,63})*\.?")
MAX_PORT = 65535


class TargetDown(Exception):
    """The target did not do what it should; the message is worded for the output line."""


def split_target(target: str, default_port: int | None = None) -> tuple[str, int]:
    """Host and port of `host`, `host:port`, `[v6]:port` or a bare IPv6 address.

    Raises PollerFault when it is none of these, for a mistyped target says nothing of a machine.
    """
    host, port = split_host(target.strip())
    number = int(port) if port.isdecimal() else default_port if not port else None
    if number is None or not 1 <= number <= MAX_PORT:
        raise PollerFault(
            _("目标 %(target)s 没有有效的端口", target=target), _("写成 主机:端口，端口为 1 到 65535，如 10.1.2.3:443")
        )
    return check_host(host, target), number


def check_host(host: str, target: str | None = None) -> str:
    """`host` if it can be one; raises PollerFault otherwise (no spaces, no leading dash, no URL)."""
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        if not _HOSTNAME.fullmatch(_ascii(host)):
            raise PollerFault(
                _("目标 %(target)s 不是主机名或地址", target=target or host), _("写主机名或 IP 地址，如 10.1.2.3")
            ) from None
    return host


def split_host(target: str) -> tuple[str, str]:
    """Host and port as they stand in `host`, `host:port` or `[v6]:port`, neither of them checked."""
    if target.startswith("["):
        host, _bracket, rest = target[1:].partition("]")
        return host, rest.removeprefix(":")
    if target.count(":") > 1:
        return target, ""
    host, _colon, port = target.partition(":")
    return host, port


def _ascii(host: str) -> str:
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        return ""


async def resolve(host: str, port: int, *, kind: int = socket.SOCK_STREAM) -> list[str]:
    """The addresses of `host` that checks may reach, in the order to try them.

    Connect to these and not to the name: its next answer may be another. Raises PollerFault when it has none.
    """
    try:
        found = [str(ipaddress.ip_address(host))]
    except ValueError:
        found = await _look_up(host, port, kind)
    try:
        return netguard.permitted(found, netguard.Purpose.CHECK)
    except netguard.RefusedTargetError as refused:
        raise PollerFault(str(refused), _("请管理员检查设置 TAXOPS_CHECK_NETWORKS")) from None


async def _look_up(host: str, port: int, kind: int) -> list[str]:
    try:
        found = await in_thread(("resolve", host), lambda: socket.getaddrinfo(host, port, type=kind))
    except (socket.gaierror, UnicodeError) as error:
        raise PollerFault(
            _("主机名 %(host)s 解析不了：%(why)s", host=host, why=getattr(error, "strerror", None) or error),
            _("检查目标的名字和采集端的 DNS 设置"),
        ) from None
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def connect(
    addresses: Sequence[str],
    port: int,
    *,
    deadline: float,
    context: ssl.SSLContext | None = None,
    name: str | None = None,
) -> Streams:
    """Open a connection to the first address that takes one, as browsers do (a name may have IPv6 and IPv4).

    Raises TargetDown when all refuse or are silent, PollerFault when the fault is our own. With `context` the TLS
    handshake is part of it, and ssl errors pass through to the caller.
    """
    failures: list[TargetDown | PollerFault] = []
    for tried, address in enumerate(addresses):
        share = remaining(deadline) / (len(addresses) - tried)
        try:
            return await _connect_one(address, port, share, context, name)
        except (TargetDown, PollerFault) as failure:
            failures.append(failure)
    raise next((f for f in failures if isinstance(f, TargetDown)), failures[0])


async def _connect_one(
    address: str, port: int, limit_s: float, context: ssl.SSLContext | None, name: str | None
) -> Streams:
    try:
        async with asyncio.timeout(limit_s):
            return await asyncio.open_connection(
                address, port, ssl=context, server_hostname=name if context else None, limit=2**20
            )
    except TimeoutError:
        raise TargetDown(_("连接 %(address)s 端口 %(port)d 超时", address=address, port=port)) from None
    except ssl.SSLError:
        raise
    except OSError as error:
        raise down_or_fault(error, address, port) from None


def down_or_fault(error: OSError, address: str, port: int) -> TargetDown | PollerFault:
    """Whose fault a failed connection is."""
    if (fault := poller_fault(error)) is not None:
        return fault
    reasons: dict[type[OSError], str] = {
        ConnectionRefusedError: _("拒绝连接"),
        ConnectionResetError: _("连接被对方重置"),
        BrokenPipeError: _("连接被对方断开"),
    }
    why = reasons.get(type(error)) or error.strerror or str(error)
    return TargetDown(_("%(address)s 端口 %(port)d：%(why)s", address=address, port=port, why=why))


async def close(writer: asyncio.StreamWriter) -> None:
    """Let go of a connection without waiting for the other side's good-bye."""
    writer.transport.abort()
    await asyncio.sleep(0)
