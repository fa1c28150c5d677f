"""Behind a reverse proxy: whose word on the client's address is taken."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest

import config
from app.web.proxies import TrustedProxies

OURS = (ipaddress.ip_network("127.0.0.1/32"), ipaddress.ip_network("10.61.0.0/24"))


def seen(peer: str, forwarded: str | None = None, scheme: str | None = None) -> tuple[str, str]:
    """Address and scheme that the application gets to see."""
    found: dict[str, Any] = {}

    def application(environ: Any, _start: Any) -> list[bytes]:
        found.update(environ)
        return []

    environ = {"REMOTE_ADDR": peer, "wsgi.url_scheme": "http"}
    environ |= {"HTTP_X_FORWARDED_FOR": forwarded} if forwarded is not None else {}
    environ |= {"HTTP_X_FORWARDED_PROTO": scheme} if scheme is not None else {}
    TrustedProxies(application, OURS)(environ, lambda *_: None)  # type: ignore[arg-type]
    return found["REMOTE_ADDR"], found["wsgi.url_scheme"]


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("10.9.9.9", "1.2.3.4", "10.9.9.9"),  # a stranger's word
        ("127.0.0.1", None, "127.0.0.1"),
        ("127.0.0.1", "10.9.9.9", "10.9.9.9"),
        ("127.0.0.1", "1.2.3.4, 10.9.9.9", "10.9.9.9"),  # what the client wrote itself stands further left
        ("127.0.0.1", "10.9.9.9, 10.61.0.7", "10.9.9.9"),  # two proxies of ours in a row
        ("127.0.0.1", "1.2.3.4, nonsense", "127.0.0.1"),
        ("127.0.0.1", "[2001:db8::1]", "2001:db8::1"),
        ("nonsense", "1.2.3.4", "nonsense"),
    ],
)
def test_only_named_proxies_are_believed(peer: str, forwarded: str | None, address: str) -> None:
    assert seen(peer, forwarded)[0] == address


@pytest.mark.parametrize(
    ("peer", "said", "scheme"),
    [("127.0.0.1", "https", "https"), ("10.9.9.9", "https", "http"), ("127.0.0.1", "gopher", "http")],
)
def test_the_scheme_too(peer: str, said: str, scheme: str) -> None:
    assert seen(peer, scheme=said)[1] == scheme


def test_a_wrong_network_stops_the_start(tmp_path: Any) -> None:
    with pytest.raises(config.SettingError, match="TAXOPS_TRUSTED_PROXIES"):
        config.load({"TAXOPS_HOME": str(tmp_path), "TAXOPS_TRUSTED_PROXIES": "10.61.0.0/24, everybody"})
