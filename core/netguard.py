"""Where the program may connect to on behalf of what people typed: targets of checks, web hooks, identity providers.

Two lists of networks decide (settings `check_networks` and `send_networks`). Addresses that mean something special (this
machine itself, the link, all machines) are only reached where a network lying wholly inside that special range is listed;
the addresses at which clouds hand out credentials are never reached. An IPv6 address that carries an IPv4 one is judged by
both.

Three ways to ask, from the outside inwards:
- `refuse_url(url, Purpose.SEND)` when something is saved: an address written out is judged at once, a name is not resolved.
- `permitted(addresses, purpose)` after a name was resolved; connecting to what it returns pins the name's answer.
- `with guarded(purpose):` around a library that resolves, connects and follows redirects by itself: every Python socket
  that this context opens is judged by the address it really connects to, so neither a name that changes its answer
  meanwhile nor a redirect leads elsewhere.

Servers that the machine's own administrator names in the settings (database, mail server, search) are not asked about.

Source: RFC 6890 (special-purpose registries), RFC 6052 and 3056 (addresses inside addresses).
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from config import Network, Settings
from core.errors import Invalid
from core.i18n import gettext as _

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Purpose(StrEnum):
    """Why the program connects: to look at a machine, or to tell another program something (and hear its answer)."""

    CHECK = "check"
    SEND = "send"


class RefusedTargetError(OSError):
    """The address is none that may be reached for this purpose; the message says which and why, for people."""


ANYWHERE = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))
THIS_MACHINE = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
METADATA = frozenset(
    map(
        ipaddress.ip_address,
        (
            "169.254.169.254",
            "169.254.170.2",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.192",
            "fd00:ec2::254",
            "fd20:ce::254",
        ),
    )
)
"""Where AWS, Azure, Google, Alibaba, Oracle and their like hand out credentials to whoever asks from inside."""
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_NEVER = tuple(map(ipaddress.ip_network, ("0.0.0.0/8", "224.0.0.0/4", "240.0.0.0/4", "::/128", "ff00::/8")))

_networks: dict[Purpose, tuple[Network, ...]] = {Purpose.CHECK: (*ANYWHERE, *THIS_MACHINE), Purpose.SEND: ANYWHERE}
"""What is allowed until `configure` says otherwise: the shipped settings (config/defaults.toml)."""
_purpose: ContextVar[Purpose | None] = ContextVar("netguard_purpose", default=None)


def configure(settings: Settings) -> None:
    """Take the lists of the settings, for the whole process."""
    use({Purpose.CHECK: settings.networks("check_networks"), Purpose.SEND: settings.networks("send_networks")})


def use(networks: Mapping[Purpose, Sequence[Network]]) -> None:
    """Replace the lists given."""
    _networks.update({purpose: tuple(listed) for purpose, listed in networks.items()})


def why_refused(address: str, purpose: Purpose) -> str | None:
    """Why this address (no name) may not be reached, in words; None when it may be. Raises ValueError for a name."""
    listed = _networks[purpose]
    found = ipaddress.ip_address(address.partition("%")[0])
    return next((why for one in _meanings(found) if (why := _judge(one, listed))), None)


def permitted(addresses: Iterable[str], purpose: Purpose) -> list[str]:
    """Those of a name's addresses that may be reached, in their order. Raises RefusedTargetError when none may."""
    reasons: list[str] = []
    good: list[str] = []
    for address in addresses:
        if why := why_refused(address, purpose):
            reasons.append(why)
        else:
            good.append(address)
    if not good:
        raise RefusedTargetError(reasons[0] if reasons else _("没有地址"))
    return good


def refuse_url(url: str, purpose: Purpose, *, field: str = "url") -> None:
    """For saving: raises core.errors.Invalid on `field` where the URL's host is an address that may not be reached."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        host = ""
    if not host:
        raise Invalid.of(field, _("不是有效的网址"))
    if why := why_host_refused(host, purpose):
        raise Invalid.of(field, why)


def why_host_refused(host: str, purpose: Purpose) -> str | None:
    """As why_refused for what people type: also `localhost` and the short spellings of IPv4 (127.1, 0x7f000001)."""
    name = host.strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        name = "127.0.0.1"
    with contextlib.suppress(ValueError):
        return why_refused(name, purpose)
    try:
        return why_refused(socket.inet_ntoa(socket.inet_aton(name)), purpose)
    except (OSError, UnicodeError):
        return None  # a name: judged by its addresses, when they are known


@contextlib.contextmanager
def guarded(purpose: Purpose) -> Iterator[None]:
    """Judge every Python socket opened inside, also by libraries. A refusal is an OSError where they connect.

    Threads started inside are not covered, unless they run in a copy of this context.
    """
    _install()
    token = _purpose.set(purpose)
    try:
        yield
    finally:
        _purpose.reset(token)


def _meanings(address: Address) -> list[Address]:
    """The address, and the IPv4 address it carries."""
    if isinstance(address, ipaddress.IPv4Address):
        return [address]
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]
    inside = [address.sixtofour, address.teredo[1] if address.teredo else None]
    if address in _NAT64 or (int(address) >> 32 == 0 and int(address) > 0xFFFF):  # noqa: PLR2004  ::1 is no IPv4 address
        inside.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return [address, *(one for one in inside if one is not None)]


def _judge(address: Address, listed: Sequence[Network]) -> str | None:
    if address in METADATA:
        return _("%(address)s 是云平台发放凭据的地址，任何时候都不允许访问", address=address)
    if any(address in network for network in _NEVER):
        return _("%(address)s 不是一台机器的地址", address=address)
    around = [network for network in listed if address in network]
    if address.is_loopback and not any(network.is_loopback for network in around):
        return _("%(address)s 是本机地址，设置里没有允许", address=address)
    if address.is_link_local and not any(network.is_link_local for network in around):
        return _("%(address)s 是链路本地地址，设置里没有允许", address=address)
    return None if around else _("%(address)s 不在允许访问的网段内", address=address)


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if event not in {"socket.connect", "socket.sendto", "socket.sendmsg"}:
        return
    purpose = _purpose.get()
    if purpose is None:
        return
    family, place = arguments[0].family, arguments[1]
    if family not in {socket.AF_INET, socket.AF_INET6}:
        if purpose is Purpose.SEND:
            raise RefusedTargetError(_("只允许网络连接"))
        return
    if place is None:  # a socket that is connected already
        return
    try:
        why = why_refused(str(place[0]), purpose)
    except ValueError:  # a name: what it stands for was never judged
        why = _("%(address)s 没有先解析成地址", address=place[0])
    if why:
        raise RefusedTargetError(why)


_installed: list[bool] = []


def _install() -> None:
    """The hook can't be taken away again, and costs nothing where no context is guarded."""
    if not _installed:
        _installed.append(True)
        sys.addaudithook(_hook)
