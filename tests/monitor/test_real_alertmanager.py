"""A real Alertmanager between two taxops' ends: it posts its web hook to us, and we post ours where it would."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.world import World
from tests.monitor.test_ingest import source
from tests.servers.base import HOST, Daemon, answers, free_port, require_program, wait_until
from tests.servers.prometheus import Amtool
from tests.servers.taxops import TaxopsServer

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)]


class Alertmanager(Daemon):
    """An Alertmanager whose only receiver is one web hook."""

    name = "alertmanager"
    start_seconds = 40.0

    def __init__(self, home: Path, hook: str) -> None:
        super().__init__(home)
        config = {
            "route": {
                "receiver": "hook", "group_by": ["alertname"], "group_wait": "1s", "group_interval": "1s",
                "repeat_interval": "1h",
            },
            "receivers": [{"name": "hook", "webhook_configs": [{"url": hook, "send_resolved": True}]}],
        }  # fmt: skip
        (home / "alertmanager.yml").write_text(json.dumps(config), "utf-8")

    def command(self) -> list[str]:
        return [
            require_program("prometheus-alertmanager"),
            f"--config.file={self.home / 'alertmanager.yml'}",
            f"--storage.path={self.home / 'data'}",
            f"--web.listen-address={HOST}:{self.port}",
            "--cluster.listen-address=",
        ]

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def is_ready(self) -> bool:
        return answers(f"{self.url}/-/ready", seconds=2)


class Heard:
    """A small web server that keeps what is posted to it."""

    def __init__(self) -> None:
        heard = self
        self.bodies: list[dict[str, Any]] = []
        self.keys: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                heard.bodies.append(json.loads(body))
                heard.keys.append(self.headers.get("Idempotency-Key", ""))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        self.server = HTTPServer((HOST, free_port()), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.server.server_address[1]}/hook"

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def test_a_real_alertmanagers_webhook_raises_and_ends_an_alert(
    taxops_server: Callable[..., TaxopsServer], world: World, database_url: str, tmp_path: Path
) -> None:
    address, api = source(world), world.api("integration")
    with (
        taxops_server(database_url=database_url) as server,
        Alertmanager(tmp_path / "alertmanager", server.url + address) as alertmanager,
    ):
        amtool = Amtool(tmp_path / "amtool", alertmanager.url)
        amtool("alert", "add", "alertname=DiskFull", "instance=db1", "severity=critical", "--annotation=summary=满了")
        wait_until(lambda: api.get("/alerts?state=firing").json["items"], "the alert", seconds=30)
        [alert] = api.get("/alerts?state=firing").json["items"]
        assert (alert["unit"], alert["severity"], alert["annotations"]["summary"]) == ("610122", "critical", "满了")
        amtool("alert", "add", "alertname=DiskFull", "instance=db1", "severity=critical", "--end=2020-01-01T00:00:00Z",
               "--start=2019-01-01T00:00:00Z")  # fmt: skip
        wait_until(lambda: not api.get("/alerts?state=firing").json["items"], "its end", seconds=30)


def test_a_receiver_outside_is_told_as_alertmanager_tells_it(
    taxops_server: Callable[..., TaxopsServer], world: World, database_url: str, tmp_path: Path
) -> None:
    """The same alert by both: but for receiver, address and times the bodies are alike."""
    ours, theirs = Heard(), Heard()
    hook = {"name": "hook", "url": ours.url, "group_by": ["alertname"], "group_wait_s": 1, "group_interval_s": 1}
    assert world.api("sys-admin").post("/receivers", hook).status_code == 201
    token = world.api("integration").token
    settings = {"TAXOPS_SEND_NETWORKS": "127.0.0.0/8"}
    try:
        with (
            taxops_server(database_url=database_url, settings=settings) as server,
            Alertmanager(tmp_path / "alertmanager", theirs.url) as alertmanager,
        ):
            for url, show in ((server.url, token), (alertmanager.url, None)):
                amtool = Amtool(tmp_path / f"amtool-{show is None}", url, token=show)
                for host in ("db1", "db2"):
                    amtool("alert", "add", "alertname=DiskFull", f"instance={host}", "--annotation=summary=满了")
            wait_until(lambda: ours.bodies and len(ours.bodies[-1]["alerts"]) == 2, "our message", seconds=30)
            wait_until(lambda: theirs.bodies and len(theirs.bodies[-1]["alerts"]) == 2, "theirs", seconds=30)
    finally:
        ours.stop()
        theirs.stop()
    one, other = ours.bodies[-1], theirs.bodies[-1]
    assert set(one) == set(other)
    alike = (
        "receiver",
        "status",
        "groupLabels",
        "commonLabels",
        "commonAnnotations",
        "version",
        "groupKey",
        "truncatedAlerts",
    )
    assert {k: one[k] for k in alike} == {k: other[k] for k in alike}
    for mine, its in zip(one["alerts"], other["alerts"], strict=True):
        assert set(mine) == set(its)
        for key in ("status", "labels", "annotations", "endsAt", "fingerprint"):
            assert mine[key] == its[key], key
    assert all(key.startswith("receiver:") for key in ours.keys)
