"""Where the program may connect to on behalf of what people typed. The refusals here are attacks that were tried."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import apprise
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

import config
from collectors.base import State
from collectors.registry import PROBES
from collectors.run import check
from core import netguard
from core.errors import Invalid
from core.netguard import Purpose, RefusedTargetError
from escalation.notify.channels import apprise_targets
from escalation.notify.channels.base import Context, Outgoing, SendFailed


@pytest.fixture(autouse=True)
def shipped(tmp_path: Path) -> Iterator[Callable[..., None]]:
    """The shipped lists; call it to set others. Put back at the end."""
    before = dict(netguard._networks)

    def use(**names: str) -> None:
        given = {f"TAXOPS_{name.upper()}": value for name, value in names.items()}
        netguard.configure(config.load({"TAXOPS_HOME": str(tmp_path), **given}))

    use()
    yield use
    netguard.use(before)


class Site:
    """A web server at one loopback address: counts requests, answers with a redirect where told."""

    def __init__(self, address: str, port: int = 0) -> None:
        self.asked: list[str] = []
        self.redirect = ""
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append(self.path)
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                self.send_response(302 if site.redirect else 200)
                if site.redirect:
                    self.send_header("Location", site.redirect)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_POST = do_GET  # noqa: N815  the handler's own naming

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer((address, port), Handler)
        self.port = self.server.server_port
        self.url = f"http://{address}:{self.port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def site() -> Iterator[Callable[..., Site]]:
    made: list[Site] = []

    def start(address: str, port: int = 0) -> Site:
        made.append(Site(address, port))
        return made[-1]

    yield start
    for one in made:
        one.close()


METADATA = (
    "169.254.169.254",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
    "100.100.100.200",
    "fd00:ec2::254",
)
NO_MACHINE = ("0.0.0.0", "0.1.2.3", "224.0.0.1", "255.255.255.255", "::", "ff02::1", "240.0.0.1", "::ffff:0.0.0.0")
LOOPBACK = ("127.0.0.1", "127.99.1.2", "::1", "::ffff:127.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::")
LINK = ("169.254.7.7", "fe80::1", "fe80::1%eth0", "::ffff:169.254.7.7")
PRIVATE = ("10.61.2.3", "192.168.1.1", "172.16.9.9", "fd12::1", "8.8.8.8", "2400:3200::1")


@pytest.mark.parametrize("address", [*METADATA, *NO_MACHINE, *LINK])
@pytest.mark.parametrize("purpose", Purpose)
def test_metadata_link_local_and_what_is_no_machine_are_refused_for_every_purpose(
    address: str, purpose: Purpose
) -> None:
    assert netguard.why_refused(address, purpose)


@pytest.mark.parametrize("address", LOOPBACK)
def test_this_machine_may_be_watched_but_nothing_is_sent_to_it(address: str) -> None:
    assert netguard.why_refused(address, Purpose.CHECK) is None
    assert netguard.why_refused(address, Purpose.SEND)


@pytest.mark.parametrize("address", PRIVATE)
def test_private_networks_are_what_the_program_is_for(address: str) -> None:
    assert [netguard.why_refused(address, purpose) for purpose in Purpose] == [None, None]


def test_a_list_narrows_and_special_ranges_open_only_by_name(shipped: Callable[..., None]) -> None:
    shipped(check_networks="10.61.0.0/16, 169.254.7.0/24", send_networks="0.0.0.0/0, 127.0.0.1/32")
    assert netguard.why_refused("10.61.9.9", Purpose.CHECK) is None
    assert netguard.why_refused("169.254.7.7", Purpose.CHECK) is None
    assert netguard.why_refused("10.62.0.1", Purpose.CHECK)
    assert netguard.why_refused("127.0.0.1", Purpose.CHECK)
    assert netguard.why_refused("127.0.0.1", Purpose.SEND) is None
    assert netguard.why_refused("127.0.0.2", Purpose.SEND)


def test_metadata_stays_refused_where_its_network_is_listed(shipped: Callable[..., None]) -> None:
    shipped(send_networks="169.254.0.0/16, fd00::/8, ::/0")
    assert netguard.why_refused("169.254.1.1", Purpose.SEND) is None
    assert all(netguard.why_refused(address, Purpose.SEND) for address in METADATA)


@given(st.ip_addresses())
def test_every_address_gets_an_answer(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    for purpose in Purpose:
        why = netguard.why_refused(str(address), purpose)
        assert why is None or str(address) in why or ":" in str(address)


@given(st.integers(0, 2**32 - 1))
def test_an_ipv4_address_inside_an_ipv6_one_is_judged_as_itself(number: int) -> None:
    inner = ipaddress.IPv4Address(number)
    mapped = ipaddress.IPv6Address((0xFFFF << 32) | number)
    nat64 = ipaddress.IPv6Address((0x64FF9B << 96) | number)
    if netguard.why_refused(str(inner), Purpose.SEND):
        assert netguard.why_refused(str(mapped), Purpose.SEND)
        assert netguard.why_refused(str(nat64), Purpose.SEND)


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost/", "http://LOCALHOST./x", "http://a.localhost/", "http://127.1/", "http://2130706433/", "http://0x7f000001/",
        "http://0177.0.0.1/", "http://[::ffff:127.0.0.1]:8000/", "http://169.254.169.254/latest/meta-data", "http://0/", "http://[fe80::1]/",
        "http://user:pass@127.0.0.1/", "not a url", "http://", "http://[::1",
    ],
)  # fmt: skip
def test_an_address_is_refused_when_it_is_saved(url: str) -> None:
    with pytest.raises(Invalid) as refused:
        netguard.refuse_url(url, Purpose.SEND, field="url")
    assert refused.value.errors[0].field == "url"


@pytest.mark.parametrize("url", ["https://hooks.example.test/x", "http://10.61.0.7:8080/", "https://[fd12::1]/"])
def test_what_may_be_reached_is_saved(url: str) -> None:
    netguard.refuse_url(url, Purpose.SEND)


@pytest.mark.parametrize("name", ["check_networks", "send_networks"])
def test_a_wrong_list_stops_the_start_with_the_name_of_the_setting(shipped: Callable[..., None], name: str) -> None:
    with pytest.raises(config.SettingError, match=f"TAXOPS_{name.upper()}"):
        shipped(**{name: "10.0.0.1/8"})


def test_of_a_name_only_the_permitted_addresses_are_used() -> None:
    assert netguard.permitted(["127.0.0.1", "10.1.1.1"], Purpose.SEND) == ["10.1.1.1"]
    for addresses in (["127.0.0.1", "::1"], []):
        with pytest.raises(RefusedTargetError):
            netguard.permitted(addresses, Purpose.SEND)


def test_a_library_under_guard_does_not_reach_this_machine(site: Callable[..., Site]) -> None:
    there = site("127.0.0.1")
    for host in ("127.0.0.1", "localhost"):
        with netguard.guarded(Purpose.SEND), pytest.raises(httpx.ConnectError):
            httpx.get(f"http://{host}:{there.port}/")
    assert there.asked == []
    assert httpx.get(there.url).status_code == 200, "outside of the guard nothing changes"


def test_a_redirect_leads_nowhere_else(shipped: Callable[..., None], site: Callable[..., Site]) -> None:
    shipped(send_networks="127.0.0.1/32")
    door, inside = site("127.0.0.1"), site("127.0.0.2")
    door.redirect = inside.url
    with netguard.guarded(Purpose.SEND), pytest.raises(httpx.ConnectError):
        httpx.get(door.url, follow_redirects=True)
    assert (door.asked, inside.asked) == (["/"], [])


def test_a_name_that_changes_its_answer_is_caught_at_the_socket(
    shipped: Callable[..., None], site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: good when it is looked at, another machine when it is used."""
    shipped(send_networks="127.0.0.1/32")
    good = site("127.0.0.1")
    bad = site("127.0.0.2", good.port)
    answers = iter(["127.0.0.1", "127.0.0.2"])
    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda _host, *rest, **more: real(next(answers), *rest, **more))
    with netguard.guarded(Purpose.SEND):
        assert httpx.get(f"http://rebind.invalid:{good.port}/").status_code == 200
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"http://rebind.invalid:{good.port}/")
    assert (good.asked, bad.asked) == (["/"], [])


def test_local_sockets_and_unresolved_names_are_refused_under_guard(tmp_path: Path) -> None:
    with netguard.guarded(Purpose.SEND), socket.socket(socket.AF_UNIX) as local, pytest.raises(RefusedTargetError):
        local.connect(str(tmp_path / "x"))
    with netguard.guarded(Purpose.SEND), socket.socket() as named, pytest.raises(RefusedTargetError):
        named.connect(("localhost", 9))
    with (
        netguard.guarded(Purpose.SEND),
        socket.socket(type=socket.SOCK_DGRAM) as packet,
        pytest.raises(RefusedTargetError),
    ):
        packet.sendto(b"x", ("127.0.0.1", 9))


async def test_the_guard_is_of_its_own_task_only(site: Callable[..., Site]) -> None:
    there = site("127.0.0.1")

    async def reaches(guard: bool) -> bool:
        with netguard.guarded(Purpose.SEND) if guard else contextlib.nullcontext():
            await asyncio.sleep(0)
            try:
                _reader, writer = await asyncio.open_connection("127.0.0.1", there.port)
            except RefusedTargetError:
                return False
        writer.close()
        await writer.wait_closed()
        return True

    assert await asyncio.gather(*(reaches(i % 2 == 0) for i in range(6))) == [False, True] * 3


@pytest.mark.parametrize(
    ("kind", "target", "params"),
    [
        ("http", "http://169.254.169.254/latest/meta-data/", {}),
        ("http", "http://good.example/", {"address": "169.254.169.254"}),
        ("http", "http://[::ffff:169.254.169.254]/", {}),
        ("tcp", "169.254.169.254:80", {}),
        ("tls", "169.254.169.254:443", {}),
        ("icmp", "169.254.169.254", {}),
        ("snmp", "169.254.169.254", {"community": "public"}),
        ("postgresql", "169.254.169.254:5432", {}),
    ],
)
async def test_no_probe_reaches_the_metadata_service(kind: str, target: str, params: dict[str, str]) -> None:
    """And it is the poller's word, never a state of the target (M-10)."""
    result = await check(PROBES[kind](), target, params, timeout_s=3)
    assert result.state is State.UNKNOWN, result.output
    assert "169.254.169.254" in result.output
    assert "TAXOPS_CHECK_NETWORKS" in result.output


async def test_a_page_cannot_redirect_a_check_out_of_the_allowed_networks(
    shipped: Callable[..., None], site: Callable[..., Site]
) -> None:
    shipped(check_networks="127.0.0.1/32")
    door, inside = site("127.0.0.1"), site("127.0.0.2")
    door.redirect = inside.url
    result = await check(PROBES["http"](), door.url, {}, timeout_s=3)
    assert result.state is State.UNKNOWN
    assert "127.0.0.2" in result.output
    assert (door.asked, inside.asked) == (["/"], [])


async def test_the_program_may_watch_its_own_machine_as_shipped(site: Callable[..., Site]) -> None:
    there = site("127.0.0.1")
    result = await check(PROBES["http"](), there.url, {}, timeout_s=5)
    assert result.state is State.OK, result.output


def outgoing() -> Outgoing:
    return Outgoing("k", "13800000000", "题", "文", "http://taxops.test/x", 1, "INC-1")


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # one of Apprise's plug-ins
def test_a_chat_channel_reaches_this_machine_only_where_allowed(
    shipped: Callable[..., None], site: Callable[..., Site]
) -> None:
    there = site("127.0.0.1")
    context = Context("", "taxops@example.test", "http://taxops.test", "s" * 32)
    address = f"json://127.0.0.1:{there.port}/hook"
    assert apprise.Apprise.instantiate(address) is not None
    with pytest.raises(SendFailed):
        apprise_targets.send(outgoing(), address, context)
    assert there.asked == []
    shipped(send_networks="127.0.0.0/8")
    apprise_targets.send(outgoing(), address, context)
    assert there.asked == ["/hook"]
