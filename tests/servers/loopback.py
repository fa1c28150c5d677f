"""Lets this process talk to this machine only. An audit hook sees every Python socket, whoever opened it."""

from __future__ import annotations

import ipaddress
import socket
import sys
from typing import Any

_LOCAL_NAMES = {"localhost", "localhost.localdomain", "ip6-localhost", ""}


class LeftTheMachineError(RuntimeError):
    """A test tried to reach another machine."""


def is_local(host: str | bytes | None) -> bool:
    """Whether the host is a loopback (or unspecified) address or name. Other names are remote, and not resolved."""
    if host is None:
        return True
    name = (host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)).split("%")[0].lower()
    if name in _LOCAL_NAMES or name == socket.gethostname().lower():
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        # Reserved for documentation and tests (RFC 2606): certain not to exist, so a test may show what happens then.
        return name.endswith((".invalid", ".localhost"))
    return address.is_loopback or address.is_unspecified


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if event in {"socket.connect", "socket.sendto", "socket.sendmsg"}:
        sock, address = arguments[0], arguments[1]
        if address is None or sock.family not in {socket.AF_INET, socket.AF_INET6}:
            return
        host = address[0]
    elif event == "socket.getaddrinfo":
        host = arguments[0]
    else:
        return
    if not is_local(host):
        raise LeftTheMachineError(f"{event} to {host!r}: tests talk to this machine only")


def forbid_other_machines() -> None:
    """Install the hook; it stays until the process ends."""
    sys.addaudithook(_audit)
