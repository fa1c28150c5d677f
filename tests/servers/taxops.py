"""taxops itself as its user runs it: a real process, its state under a folder of the test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.servers.base import HOST, SERVER_PATH, Daemon
from tests.servers.nursery import Born, Nursery

PROGRAM = Path(sys.executable).with_name("taxops")


class TaxopsServer(Daemon):
    """`taxops run` on a free port. restart() and kill9() keep port and state."""

    name = "taxops"
    born_of_nursery = True  # False: only its commands are
    start_seconds = 120.0  # two busy cores and a province to look after

    def __init__(
        self, home: Path, *, port: int | None = None, database_url: str | None = None,
        settings: Mapping[str, str] | None = None, demo: str | None = None, arguments: tuple[str, ...] = (),
        nursery: Nursery | None = None,
    ) -> None:  # fmt: skip
        """Without `database_url` the embedded default (SQLite); `settings` are TAXOPS_* variables.

        `demo` (small or province) loads demo data before the first start; `arguments` follow `taxops run`. With a
        `nursery` the program is started many times at a tenth of the cost.
        """
        super().__init__(home, port=port)
        self.state = home / "state"
        self._settings = {"TAXOPS_HOME": str(self.state), "TAXOPS_BIND": f"{HOST}:{self.port}"}
        if database_url:
            self._settings["TAXOPS_DATABASE_URL"] = database_url
        self._settings |= settings or {}
        self._arguments = arguments
        self._demo = demo
        self._nursery = nursery

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def command(self) -> list[str]:
        return [str(PROGRAM), "run", *self._arguments]

    def environment(self) -> dict[str, str]:
        path = os.pathsep.join((str(PROGRAM.parent), SERVER_PATH))
        return {**super().environment(), "PATH": path, "PYTHONUNBUFFERED": "1", **self._settings}

    def launch(self) -> None:
        if self._demo and not self.state.exists():
            self.run("demo", "load", "--scale", self._demo)
        super().launch()

    def _spawn(self) -> subprocess.Popen[bytes] | Born:
        if self._nursery is None or not self.born_of_nursery:
            return super()._spawn()
        arguments = ("run", *self._arguments)
        return self._nursery.start(arguments, self.environment(), self.home, self.log_path, self.log_path)

    def is_ready(self) -> bool:
        return self.readiness()[0] == 200

    def readiness(self) -> tuple[int, Any]:
        """Status and body of /readyz; OSError when nothing answers."""
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=5) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read() or b"null")

    def run(self, *arguments: str, check: bool = True, seconds: float = 120.0) -> subprocess.CompletedProcess[str]:
        """Run another taxops command on the same state; with `check` a failure raises RuntimeError with its output."""
        self.home.mkdir(parents=True, exist_ok=True)
        done = self._run(arguments, seconds)
        if check and done.returncode:
            raise RuntimeError(f"taxops {' '.join(arguments)}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def _run(self, arguments: tuple[str, ...], seconds: float) -> subprocess.CompletedProcess[str]:
        if self._nursery is None:
            return subprocess.run(
                [str(PROGRAM), *arguments], env=self.environment(), cwd=self.home, capture_output=True, text=True,
                timeout=seconds, check=False, stdin=subprocess.DEVNULL,
            )  # fmt: skip
        with tempfile.TemporaryDirectory() as folder:
            out, err = Path(folder, "out"), Path(folder, "err")
            code = self._nursery.start(arguments, self.environment(), self.home, out, err).wait(seconds)
            said = [path.read_text("utf-8") for path in (out, err)]
        return subprocess.CompletedProcess(list(arguments), code, *said)

    def run_json(self, *arguments: str) -> Any:
        """The same with --json, decoded."""
        return json.loads(self.run(*arguments, "--json").stdout)
