"""Behind a reverse proxy: the client's own address and scheme, believed only from proxies that are named."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import TYPE_CHECKING

from config import Network

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


class TrustedProxies:
    """WSGI middleware. What others than the named proxies say of themselves is dropped."""

    def __init__(self, application: WSGIApplication, networks: tuple[Network, ...]) -> None:
        self._application, self._networks = application, networks

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        forwarded = str(environ.pop("HTTP_X_FORWARDED_FOR", ""))
        scheme = str(environ.pop("HTTP_X_FORWARDED_PROTO", ""))
        if self._trusts(str(environ.get("REMOTE_ADDR", ""))):
            environ["REMOTE_ADDR"] = self._client(forwarded) or environ["REMOTE_ADDR"]
            if scheme in {"http", "https"}:
                environ["wsgi.url_scheme"] = scheme
        return self._application(environ, start_response)

    def _client(self, forwarded: str) -> str:
        """The nearest address that is no proxy of ours: what stands left of it, anybody may have written."""
        for hop in reversed(forwarded.split(",")):
            if not self._trusts(hop):
                return str(_address(hop) or "")
        return ""

    def _trusts(self, address: str) -> bool:
        found = _address(address)
        return found is not None and any(found in network for network in self._networks)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text.strip().strip("[]"))
    except ValueError:
        return None
