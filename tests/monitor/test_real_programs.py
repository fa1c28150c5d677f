"""A real Prometheus with taxops as its only Alertmanager, amtool, and the real poller on a real nginx (A-01, A-06, M-01)."""

import datetime as dt
import json
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core import clock
from tests.fixtures.world import World
from tests.servers.base import wait_until
from tests.servers.nginx import Nginx
from tests.servers.prometheus import Amtool, Prometheus
from tests.servers.taxops import TaxopsServer

pytestmark = pytest.mark.slow


class Program:
    """A running taxops and a token of its integration account."""

    def __init__(self, server: TaxopsServer, token: str) -> None:
        self.server, self.token = server, token

    def api(self, method: str, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(
            f"{self.server.url}{path}",
            json.dumps(body).encode() if body is not None else None,
            {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def alerts(self, query: str = "") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.api("GET", f"/api/v1/alerts?{query}")["items"]
        return found


@pytest.fixture
def program(taxops_server: Callable[..., TaxopsServer], world: World, database_url: str) -> Iterator[Program]:
    with taxops_server(database_url=database_url) as server:
        yield Program(server, world.api("integration").token)


def rule(threshold: int) -> dict[str, Any]:
    return {
        "alert": "TooBig",
        "expr": f"vector(5) > {threshold}",
        "labels": {"severity": "critical", "unit": "610122"},
        "annotations": {"summary": "值是 {{ $value }}"},
    }


def test_a_real_prometheus_raises_keeps_and_ends_one_alert(program: Program, tmp_path: Path) -> None:
    address = [program.server.url]
    with Prometheus(tmp_path / "prometheus", alertmanagers=address, rules=[rule(1)], token=program.token) as prometheus:
        wait_until(lambda: program.alerts("alertname=TooBig"), "the alert", seconds=30)
        wait_until(lambda: program.alerts("alertname=TooBig")[0]["count"] >= 4, "it is sent again", seconds=30)
        [alert] = program.alerts("alertname=TooBig")
        assert (alert["state"], alert["severity"], alert["unit"]) == ("firing", "critical", "610122")
        assert alert["annotations"]["summary"] == "值是 5"
        prometheus.configure(alertmanagers=address, rules=[rule(9)], token=program.token)
        prometheus.reload()
        wait_until(lambda: program.alerts("alertname=TooBig")[0]["state"] == "resolved", "the end", seconds=30)
        [alert] = program.alerts("alertname=TooBig")
        assert alert["episode"] == 1
        log = prometheus.log_tail(500)
        assert "Error sending alert" not in log


def test_amtool_adds_and_queries(program: Program, tmp_path: Path) -> None:
    amtool = Amtool(tmp_path / "amtool", program.server.url, token=program.token)
    amtool("alert", "add", "alertname=磁盘将满", "instance=db1", "--annotation=summary=数据盘 97%")
    amtool("alert", "add", "alertname=Other", "severity=info")
    shown = amtool.json("alert", "query")
    assert {a["labels"]["alertname"] for a in shown} == {"磁盘将满", "Other"}
    [disk] = amtool.json("alert", "query", "instance=~db.*")
    assert disk["annotations"] == {"summary": "数据盘 97%"}
    assert disk["status"]["state"] == "active"
    assert "Other" in amtool("alert", "query", "alertname=Other")
    end = (clock.now() + dt.timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    amtool("alert", "add", "alertname=Other", "severity=info", f"--end={end}")
    wait_until(lambda: len(amtool.json("alert", "query")) == 1, "the end amtool named", seconds=10)
    assert "taxops" in amtool("config", "show")


def test_M_01_the_poller_sees_a_real_nginx_die_and_return(program: Program, nginx: Nginx) -> None:
    item = program.api("POST", "/api/v1/items", {"name": "办税厅网站", "type": "application", "unit": "610122"})
    body = {
        "item": item["id"],
        "type": "http",
        "target": f"{nginx.url}/",
        "interval_s": 1,
        "retry_s": 1,
        "max_attempts": 3,
    }
    check = program.api("POST", "/api/v1/checks", body)

    def state() -> tuple[str, str]:
        shown = program.api("GET", f"/api/v1/checks/{check['id']}")
        return shown["state"], shown["kind"]

    wait_until(lambda: state() == ("ok", "hard"), "the first result", seconds=15)
    nginx.kill9()
    wait_until(lambda: state()[0] == "critical", "the failure", seconds=15)
    wait_until(lambda: program.alerts(f"check={check['id']}"), "the alert", seconds=20)
    [alert] = program.alerts(f"check={check['id']}")
    assert (alert["state"], alert["severity"], alert["item"]) == ("firing", "critical", item["id"])
    assert program.api("GET", f"/api/v1/items/{item['id']}")["health"] == "critical"
    nginx.restart()
    wait_until(lambda: program.alerts(f"check={check['id']}")[0]["state"] == "resolved", "the recovery", seconds=20)
    assert program.api("GET", f"/api/v1/items/{item['id']}")["health"] == "ok"


def test_the_machine_itself_is_watched_from_the_first_minute(program: Program) -> None:
    def checks() -> dict[str, str]:
        return {c["type"]: c["state"] for c in program.api("GET", "/api/v1/checks?limit=200")["items"]}

    wait_until(lambda: {"host", "disk", "http"} <= set(checks()), "its checks", seconds=30)
    wait_until(
        lambda: all(checks()[t] != "nodata" for t in ("host", "disk", "http")), "their first results", seconds=40
    )
    assert checks()["http"] == "ok", "its own page answers"
