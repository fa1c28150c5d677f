"""Prometheus as a client of the Alertmanager interface, and amtool. Their YAML is written as JSON, which is YAML."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.servers.base import HOST, SERVER_PATH, Daemon, answers, require_program


class Prometheus(Daemon):
    """A Prometheus that evaluates rules every second and sends its alerts to the URLs given."""

    name = "prometheus"
    start_seconds = 40.0

    def __init__(
        self, home: Path, *, alertmanagers: Sequence[str] = (), rules: Sequence[dict[str, Any]] = (),
        targets: Sequence[str] = (), token: str | None = None, port: int | None = None,
        remote_write_receiver: bool = False,
    ) -> None:  # fmt: skip
        """`alertmanagers` are base URLs such as http://127.0.0.1:8000; `rules` alerting rules as in a rule file;
        `targets` are host:port pairs whose /metrics it reads; `token` is the bearer it shows to the Alertmanagers."""
        super().__init__(home, port=port)
        self._receives_writes = remote_write_receiver
        self.configure(alertmanagers=alertmanagers, rules=rules, targets=targets, token=token)

    def configure(
        self, *, alertmanagers: Sequence[str] = (), rules: Sequence[dict[str, Any]] = (), targets: Sequence[str] = (),
        token: str | None = None,
    ) -> None:  # fmt: skip
        """Write the configuration and the rule file; reload() or restart() makes them hold."""
        rule_file = self.home / "rules.yml"
        groups = [{"name": "test", "interval": "1s", "rules": list(rules)}] if rules else []
        rule_file.write_text(json.dumps({"groups": groups}, ensure_ascii=False), "utf-8")
        config: dict[str, Any] = {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(rule_file)],
            "scrape_configs": [{"job_name": "test", "static_configs": [{"targets": list(targets)}]}],
        }
        if alertmanagers:
            config["alerting"] = {"alertmanagers": [_alertmanager(url, token) for url in alertmanagers]}
        (self.home / "prometheus.yml").write_text(json.dumps(config, ensure_ascii=False), "utf-8")

    def command(self) -> list[str]:
        options = [
            f"--config.file={self.home / 'prometheus.yml'}",
            f"--storage.tsdb.path={self.home / 'data'}",
            f"--web.listen-address={HOST}:{self.port}",
            "--rules.alert.resend-delay=1s",
        ]
        if self._receives_writes:
            options.append("--web.enable-remote-write-receiver")
        return [require_program("prometheus"), *options]

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def is_ready(self) -> bool:
        return answers(f"{self.url}/-/ready", seconds=2)

    def reload(self) -> None:
        """Read the configuration again, as on SIGHUP."""
        os.kill(self.pid, signal.SIGHUP)

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The instant vector of a PromQL expression."""
        with urllib.request.urlopen(
            f"{self.url}/api/v1/query?query={urllib.parse.quote(expression)}", timeout=5
        ) as answer:
            result: list[dict[str, Any]] = json.load(answer)["data"]["result"]
            return result


def _alertmanager(url: str, token: str | None) -> dict[str, Any]:
    scheme, _, address = url.rstrip("/").partition("://")
    entry: dict[str, Any] = {
        "scheme": scheme,
        "api_version": "v2",
        "static_configs": [{"targets": [address]}],
    }
    if token:
        entry["authorization"] = {"type": "Bearer", "credentials": token}
    return entry


class Amtool:
    """Alertmanager's own command line against a server that speaks its API v2."""

    def __init__(self, home: Path, url: str, *, token: str | None = None) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self._program = require_program("amtool")
        self._options = [f"--alertmanager.url={url}"]
        if token:
            http = home / "amtool-http.yml"
            http.write_text(json.dumps({"authorization": {"type": "Bearer", "credentials": token}}), "utf-8")
            self._options.append(f"--http.config.file={http}")
        self._home = home

    def __call__(self, *arguments: str) -> str:
        """Run `amtool ARGUMENTS`; returns what it printed, raises RuntimeError with its error if it fails."""
        done = subprocess.run(
            [self._program, *self._options, *arguments], capture_output=True, text=True, timeout=20, check=False,
            env={"PATH": SERVER_PATH, "HOME": str(self._home)}, cwd=self._home,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"amtool {' '.join(arguments)}: exit {done.returncode}: {done.stderr}{done.stdout}")
        return done.stdout

    def json(self, *arguments: str) -> Any:
        """The same with JSON output, decoded."""
        return json.loads(self("--output=json", *arguments))
