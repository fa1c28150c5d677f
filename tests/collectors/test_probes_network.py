"""tcp, http, tls and icmp against real servers."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from collectors.base import State
from tests.collectors.conftest import value
from tests.servers.base import free_port
from tests.servers.nginx import Nginx
from tests.servers.tls import Authority


# --- tcp
async def test_tcp_connects_speaks_and_listens(look):
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail ready\r\n")
        if await reader.readline() == b"QUIT\r\n":
            writer.write(b"221 bye\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    target = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        assert (await look("tcp", target)).state is State.OK
        well = await look("tcp", target, send="QUIT\\r\\n", expect="221 bye")
        assert well.state is State.OK
        assert value(well, "connect_seconds") < 5
        wrong = await look("tcp", target, send="QUIT\\r\\n", expect="250 OK")
        assert wrong.state is State.CRITICAL
        assert "250 OK" in wrong.output


async def test_tcp_silence_within_the_limit_is_critical(look):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        result = await look("tcp", f"127.0.0.1:{listener.getsockname()[1]}", expect="hello", timeout_s=0.6)
    assert result.state is State.CRITICAL
    assert "没有回答" in result.output


async def test_tcp_refused_is_critical(look):
    result = await look("tcp", f"127.0.0.1:{free_port()}")
    assert result.state is State.CRITICAL
    assert "拒绝连接" in result.output


@pytest.mark.parametrize(
    "target", ["127.0.0.1", "127.0.0.1:0", "127.0.0.1:70000", "a b:80", "-x:80", ":80", "http://x:1"]
)
async def test_M_10_a_mistyped_target_says_nothing_of_a_machine(look, target):
    result = await look("tcp", target)
    assert result.state is State.UNKNOWN
    assert target.split(":")[0] in result.output


async def test_M_10_a_name_that_does_not_resolve_is_unknown(look):
    result = await look("tcp", "nowhere.invalid:80")
    assert result.state is State.UNKNOWN
    assert "DNS" in result.output


# --- http
async def test_http_shows_status_time_and_phases(look, nginx):
    result = await look("http", nginx.url, contains="正常", pattern=r"<p>\w+</p>")
    assert result.state is State.OK, result.output
    assert value(result, "http_status") == 200
    phases = {s.labels["phase"] for s in result.samples if s.metric == "phase_seconds"}
    assert phases == {"name", "connect", "first_byte", "body"}
    assert result.evidence["thresholds"]["response_seconds"] == ["3", "8"]


async def test_http_notices_that_a_real_nginx_is_killed_and_restarted(look, nginx):
    assert (await look("http", nginx.url)).state is State.OK
    nginx.kill9()
    assert (await look("http", nginx.url)).state is State.CRITICAL
    nginx.start()
    assert (await look("http", nginx.url)).state is State.OK


@pytest.mark.parametrize(
    ("params", "state", "word"),
    [
        ({"contains": "没有的字"}, State.CRITICAL, "没有的字"),
        ({"excludes": "正常"}, State.CRITICAL, "出现了"),
        ({"pattern": r"^\d+$"}, State.CRITICAL, "不匹配"),
        ({"status": "404"}, State.CRITICAL, "应为 404"),
        ({"time_warning": "0"}, State.WARNING, "用时"),
    ],
)
async def test_http_judges_the_page(look, nginx, params, state, word):
    result = await look("http", nginx.url, **params)
    assert result.state is state
    assert word in result.output


async def test_http_a_hostile_pattern_can_not_hang_the_poller(look, nginx):
    nginx.page("evil.html", "a" * 5000 + "!")
    began = time.monotonic()
    result = await look("http", f"{nginx.url}/evil.html", pattern=r"(?:(?:a|aa)+)+\1?$|^(a+)+$".replace(r"\1?", ""))
    assert time.monotonic() - began < 8
    assert result.state is State.UNKNOWN
    assert "正则" in result.output


@pytest.mark.parametrize(
    ("params", "state"),
    [
        ({"json_path": "status", "json_equals": "ok"}, State.OK),
        ({"json_path": "$.items[1].load", "json_warning": "50", "json_critical": "80"}, State.WARNING),
        ({"json_path": "items[-1].load", "json_critical": "60"}, State.CRITICAL),
        ({"json_path": "items[9].load"}, State.CRITICAL),
        ({"json_path": "status", "json_equals": "down"}, State.CRITICAL),
        ({"json_path": "status", "json_warning": "5"}, State.CRITICAL),
        ({"json_path": "items["}, State.UNKNOWN),
    ],
)
async def test_http_reads_json(look, nginx, params, state):
    nginx.page("health.json", '{"status": "ok", "items": [{"load": 1}, {"load": 70.5}]}')
    result = await look("http", f"{nginx.url}/health.json", **params)
    assert result.state is state, result.output


async def test_http_that_is_not_json_is_critical(look, nginx):
    assert (await look("http", nginx.url, json_path="status")).state is State.CRITICAL


async def test_http_follows_redirects_but_not_for_ever_and_keeps_the_password_at_home(look, tmp_path):
    locations = """
      location = /once { return 302 /index.html; }
      location = /round { return 302 /round; }
      location = /away { return 302 http://localhost:$server_port/secret; }
      location = /secret { if ($http_authorization != "") { return 500; } return 200 "none seen"; }
      location = /guarded { if ($http_authorization = "") { return 401; } return 200 "let in"; }
    """
    with Nginx(tmp_path / "n", locations=locations) as nginx:
        assert (await look("http", f"{nginx.url}/once", contains="正常")).state is State.OK
        assert (await look("http", f"{nginx.url}/once", follow=False, status="302")).state is State.OK
        endless = await look("http", f"{nginx.url}/round")
        assert endless.state is State.CRITICAL
        assert "跳转" in endless.output
        away = await look("http", f"{nginx.url}/away", user="u", password="p")
        assert away.state is State.OK, away.output
        assert (await look("http", f"{nginx.url}/guarded", user="u", password="p", contains="let in")).state is State.OK


async def test_M_10_refused_http_credentials_are_unknown(look, tmp_path):
    with Nginx(tmp_path / "n", locations="location = /x { return 401; }") as nginx:
        result = await look("http", f"{nginx.url}/x", user="u", password="hidden-word")
        assert result.state is State.UNKNOWN
        assert "hidden-word" not in repr(result)
        assert (await look("http", f"{nginx.url}/x")).state is State.CRITICAL


@pytest.mark.parametrize(
    "url", ["ftp://x/", "http://", "nothing", "http://u:hidden-word@127.0.0.1/", "http://x:99999/"]
)
async def test_http_a_url_that_is_none_is_unknown_and_shows_no_password(look, url):
    result = await look("http", url)
    assert result.state is State.UNKNOWN
    assert "hidden-word" not in repr(result)


async def test_http_what_is_no_http_is_critical(look):
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"SSH-2.0-OpenSSH\r\n" * 50)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(babble, "127.0.0.1", 0)
    async with server:
        result = await look("http", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
    assert result.state is State.CRITICAL
    assert "HTTP" in result.output


async def test_http_a_page_in_gbk_is_read(look, nginx):
    (nginx.html / "gbk.html").write_bytes("<p>核心征管系统</p>".encode("gbk"))
    assert (await look("http", f"{nginx.url}/gbk.html", contains="核心征管")).state is State.OK


# --- TLS
async def test_https_with_a_private_authority(look, tls_nginx, authority):
    result = await look("http", tls_nginx.url, ca_file=str(authority.ca_file))
    assert result.state is State.OK, result.output
    assert 88 < value(result, "certificate_days") <= 90
    assert "tls" in {s.labels["phase"] for s in result.samples if s.metric == "phase_seconds"}


async def test_https_with_an_unknown_authority_is_critical_and_says_why(look, tls_nginx):
    result = await look("http", tls_nginx.url)
    assert result.state is State.CRITICAL
    assert "不受信任" in result.output
    assert value(result, "http_status") == 200, "the page itself is still shown"
    assert (await look("http", tls_nginx.url, verify=False)).state is State.OK


async def test_https_a_wrong_host_name_is_critical_and_sni_can_be_given(look, tls_nginx, authority):
    ca = {"ca_file": str(authority.ca_file)}
    assert (await look("http", tls_nginx.url, server_name="localhost", **ca)).state is State.OK
    wrong = await look("http", tls_nginx.url, server_name="other.example", **ca)
    assert wrong.state is State.CRITICAL
    assert "主机名不符" in wrong.output


@pytest.mark.parametrize("type_name", ["tls", "http"])
@pytest.mark.parametrize(
    ("days", "state"), [(90, State.OK), (20, State.WARNING), (6, State.CRITICAL), (-3, State.CRITICAL)]
)
async def test_M_17_a_certificate_warns_21_and_7_days_before_its_end(look, tmp_path, authority, type_name, days, state):
    certificate = authority.issue(valid_for=dt.timedelta(days=days, hours=1))
    with Nginx(tmp_path / "n", authority=authority, certificate=certificate) as nginx:
        target = nginx.url if type_name == "http" else f"127.0.0.1:{nginx.port}"
        result = await look(type_name, target, ca_file=str(authority.ca_file))
    assert result.state is state, result.output
    assert days - 1 <= value(result, "certificate_days") <= days + 1
    assert result.evidence["certificate"]["issuer"] == "taxops test authority"


async def test_tls_reads_pem_files(look, authority, tmp_path):
    soon = authority.issue("soon", valid_for=dt.timedelta(days=10))
    chain = tmp_path / "chain.pem"
    chain.write_bytes(authority.issue("late").certificate.read_bytes() + soon.certificate.read_bytes())
    assert (await look("tls", str(authority.ca_file))).state is State.OK
    result = await look("tls", str(chain))
    assert result.state is State.WARNING
    assert "soon" in result.output
    for wrong in (soon.key, tmp_path / "absent.pem"):
        assert (await look("tls", str(wrong))).state is State.UNKNOWN


async def test_tls_a_port_without_tls_is_critical(look, nginx):
    result = await look("tls", f"127.0.0.1:{nginx.port}")
    assert result.state is State.CRITICAL
    assert "TLS" in result.output


async def test_M_10_a_missing_authority_file_is_the_pollers_fault(look, tls_nginx):
    result = await look("http", tls_nginx.url, ca_file="/nowhere/ca.pem")
    assert result.state is State.UNKNOWN
    assert "ca_file" in result.output


def test_tls_authority_files_are_read_again_when_they_change(tmp_path):
    from collectors import certificates

    one = Authority(tmp_path / "one")
    first = certificates.client_context(verify=True, ca_file=str(one.ca_file))
    assert certificates.client_context(verify=True, ca_file=str(one.ca_file)) is first
    one.ca_file.write_bytes(Authority(tmp_path / "two").ca_file.read_bytes())
    assert certificates.client_context(verify=True, ca_file=str(one.ca_file)) is not first


# --- icmp
def can_ping() -> bool:
    for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW):
        try:
            socket.socket(socket.AF_INET, kind, socket.IPPROTO_ICMP).close()
        except OSError:
            continue
        return True
    return False


@pytest.mark.skipif(not can_ping(), reason="this account may send no ICMP")
async def test_icmp_of_the_loopback(look):
    result = await look("icmp", "127.0.0.1", count=3, gap_s=0.05)
    assert result.state is State.OK, result.output
    assert value(result, "loss_percent") == 0
    assert 0 < value(result, "rtt_ms") < 1000


ROOT = Path(__file__).parents[2]


def check_in(namespace: str, *arguments: str, wrapper: str = "") -> subprocess.CompletedProcess[str]:
    """`taxops check …` in a network namespace of its own, prepared by a line of shell; for root only."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("only root makes network namespaces")
    program = "import sys; from collectors.cli import check; check(sys.argv[1:])"
    return subprocess.run(
        ["unshare", "-n", "sh", "-c", f'{namespace}; exec {wrapper} "$0" -c "$@"', sys.executable, program, *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
        env={"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", "PATH": f"{os.defpath}:/usr/sbin:/sbin"},
    )  # fmt: skip


def test_icmp_silence_is_critical():
    ignore = "ip link set lo up; echo 1 > /proc/sys/net/ipv4/icmp_echo_ignore_all"
    done = check_in(ignore, "icmp", "127.0.0.1", "--param", "count=2", "--timeout", "2")
    assert done.returncode == 2, done.stderr
    assert "丢包 100%（0/2）" in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("icmp", "10.0.0.1"),
        ("tcp", "10.0.0.1:80"),
        ("http", "http://10.0.0.1/"),
        ("tls", "10.0.0.1:443"),
        ("snmp", "10.0.0.1"),
        ("postgresql", "10.0.0.1"),
    ],
)
def test_M_10_a_poller_cut_off_from_its_own_network_blames_nobody(arguments):
    """In a namespace without any route every target is unreachable, and none of them is to blame."""
    done = check_in("true", *arguments)
    assert done.returncode == 3, done.stdout + done.stderr
    assert "没有到目标的路由" in done.stdout


def test_M_10_without_the_right_to_ping_the_state_is_unknown_with_what_to_do():
    """In a namespace of its own nobody may ping without privilege, and the privilege is taken away."""
    unprivileged = "setpriv --bounding-set=-net_raw --inh-caps=-net_raw"
    done = check_in("ip link set lo up", "icmp", "127.0.0.1", wrapper=unprivileged)
    assert done.returncode == 3, done.stdout + done.stderr
    assert done.stdout.startswith("ICMP UNKNOWN - ")
    assert "ping_group_range" in done.stdout
