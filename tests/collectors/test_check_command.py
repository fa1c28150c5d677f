"""`taxops check`: output and exit codes of the Nagios plugin guidelines."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from collectors import nagios
from collectors.base import CheckResult, Sample, State
from collectors.cli import check
from collectors.registry import PROBES
from core import clock
from tests.servers.base import free_port

ROOT = Path(__file__).parents[2]
PERF = re.compile(r"^('[^'=|]+'|[^'=| ]+)=-?[\d.e+-]+(%|s|ms|B)?(;[^; ]*){0,4}$")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(check, list(arguments))


def perfdata(line: str) -> list[str]:
    return re.findall(r"(?:'[^']+'|[^ ']+)=[^ ]+", line.partition(" | ")[2])


def test_one_line_with_performance_data_and_exit_0(nginx):
    done = run("http", nginx.url)
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("HTTP OK - ")
    assert done.stdout.count("\n") == 1
    assert perfdata(done.stdout)
    assert [item for item in perfdata(done.stdout.strip()) if not PERF.match(item)] == []


def test_exit_1_for_a_warning_and_2_for_critical(nginx):
    assert run("http", nginx.url, "--param", "time_warning=0").exit_code == 1
    done = run("http", nginx.url, "--param", "contains=absent")
    assert done.exit_code == 2
    assert done.stdout.startswith("HTTP CRITICAL - ")
    assert run("tcp", f"127.0.0.1:{free_port()}").exit_code == 2


@pytest.mark.parametrize(("arguments", "code"), [
    (["file", "/etc/hostname", "--param", "free_warning=", "--param", "free_critical="], 0),
    (["file", "/nowhere"], 2), (["file", "relative"], 3), (["file"], 3), (["nonsense", "x"], 3),
])  # fmt: skip
def test_the_exit_code_reaches_the_shell_through_the_root_command(arguments, code):
    program = "import sys; from app.cli.main import main; main('check', *sys.argv[1:])"
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    assert (done.stdout + done.stderr).count("\n") == 1


def test_exit_3_when_the_check_itself_can_not_look():
    done = run("tcp", "no-port-here")
    assert done.exit_code == 3
    assert done.stdout.startswith("TCP UNKNOWN - ")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["tcp", "127.0.0.1:1", "--param", "bogus=1"], ["bogus", "expect"]),
        (["tcp", "127.0.0.1:1", "--param", "connect_warning=abc"], ["connect_warning", "abc", "10:20"]),
        (["icmp", "127.0.0.1", "--param", "count=0"], ["count", "0", "1"]),
        (["http", "http://x/", "--param", "method=POST"], ["method", "POST", "GET"]),
        (["http", "http://x/", "--param", "pattern=("], ["pattern"]),
        (["http", "http://x/", "--param", "status=99"], ["status", "99", "200-299"]),
        (["tcp", "127.0.0.1:1", "--param", "loose"], ["loose", "="]),
        (["nonsense", "x"], ["nonsense", "http"]),
        (["tcp"], ["TARGET"]),
        (["tcp", "x:1", "--bogus"], ["--bogus"]),
        (["tcp", "x:1", "--timeout", "never"], ["never"]),
        (["snmp", "x", "--param", "collect=cpu"], ["collect", "cpu", "storage"]),
    ],
)
def test_wrong_use_is_exit_3_with_one_clear_line_on_stderr(arguments, words):
    done = run(*arguments)
    assert done.exit_code == 3
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    for word in words:
        assert word in done.stderr


def test_json_carries_everything():
    data = json.loads(run("file", "/etc/hostname", "--json").stdout)
    assert data["type"] == "file"
    assert data["state"] in {"ok", "warning", "critical"}
    assert {"metric", "value", "unit", "labels"} == set(data["samples"][0])
    assert data["at"].endswith("+00:00")


def test_secrets_can_come_from_a_file_and_are_never_echoed(tmp_path):
    file = tmp_path / "params.json"
    file.write_text(json.dumps({"version": "3", "user": "u", "auth_password": "tiny-77"}))
    done = run("snmp", "127.0.0.1", "--params-file", str(file))
    assert done.exit_code == 3
    assert "auth_password" in done.stderr
    assert "tiny-77" not in done.output
    file.write_text("[1]")
    assert run("snmp", "127.0.0.1", "--params-file", str(file)).exit_code == 3


def test_help_and_list_name_every_probe_and_parameter():
    text, listed = run("--help").stdout, run("--list").stdout
    for name, probe in PROBES.items():
        assert name in listed
        assert str(probe.label) in listed
        for parameter in probe.params.model_fields:
            assert f"{parameter}=" in text
    assert {entry["type"] for entry in json.loads(run("--list", "--json").stdout)} == set(PROBES)


def test_performance_data_quotes_labels_and_keeps_integers():
    samples = (Sample("used", 2**63, "B", {"mount": "/a b'c=d"}), Sample("load", 1 / 3), Sample("loss", 20.0, "%"))
    result = CheckResult(State.OK, "a|b\nc", samples, clock.now(), 0.1, {"thresholds": {"loss": ["20", "60"]}})
    line = nagios.line("icmp", result)
    assert line == "ICMP OK - a¦b c | 'used_/a bc-d'=9223372036854775808B load=0.333333 loss=20%;20;60;0;100"
