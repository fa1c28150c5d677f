"""taxops as a process of its own, for measuring: started on a free port, its state in a temporary folder."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from accounts import service
from accounts.models import UnitLevel
from accounts.signin import service as signin
from core import clock
from core.db import make_engine, transaction

PROGRAM = Path(sys.executable).with_name("taxops")


def free_port() -> int:
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Program:
    """One running taxops."""

    def __init__(self, home: Path, *, database_url: str | None = None) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {
            **os.environ,
            "TAXOPS_HOME": str(home),
            "TAXOPS_BIND": f"127.0.0.1:{self.port}",
            "TAXOPS_LOG_LEVEL": "error",
            **({"TAXOPS_DATABASE_URL": database_url} if database_url else {}),
        }
        self.log = home.parent / "taxops.log"
        self.process: subprocess.Popen[bytes] | None = None

    def command(self, *arguments: str) -> str:
        done = subprocess.run([PROGRAM, *arguments], env=self.environment, check=True, capture_output=True, text=True)
        return done.stdout

    def start(self) -> float:
        """Start and wait until it answers; returns the seconds it took."""
        began = time.monotonic()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([PROGRAM, "run"], env=self.environment, stdout=log, stderr=log)
        while time.monotonic() - began < 120:
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"{self.url}/readyz", timeout=2).status_code == 200:
                    return time.monotonic() - began
            time.sleep(0.05)
        raise TimeoutError(self.log.read_text()[-2000:])

    def stop(self) -> None:
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=180)

    def pss_mib(self) -> float:
        """Proportional set size of the process and its children, in MiB."""
        assert self.process
        pids = [self.process.pid]
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        pids += [int(c) for c in children]
        total = 0
        for pid in pids:
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
        return total / 1024

    def people(self) -> dict[str, tuple[str, str]]:
        """role → (login, password) of the demo's people."""
        return {p["role"]: (p["login"], p["password"]) for p in json.loads(self.command("demo", "people", "--json"))}

    def prepare(self) -> str:
        """An installation with nothing but one province and a service account; returns the token it sends with."""
        self.command("init")
        engine, now = make_engine(self.environment["TAXOPS_DATABASE_URL"]), clock.now()
        with transaction(engine) as session:
            unit = service.create_unit(session, code="61", name="省局", level=UnitLevel.PROVINCE, parent=None)
            team_head = service.create_person(session, login="head", name="值班长", unit=unit, now=now)
            service.create_team(session, code="P", name="运维组", unit=unit, head=team_head, is_default=True)
            person = service.create_person(session, login="machine", name="接口", unit=unit, now=now, is_service=True)
            service.grant(session, person=person, role_code="integration", unit=unit, now=now)
            session.flush()
            token = signin.create_token(session, person=person, name="bench", scopes=[], expires_at=None, now=now)[1]
        engine.dispose()
        return token

    def browser(self, login: str, password: str) -> httpx.Client:
        """A signed-in client."""
        client = httpx.Client(base_url=self.url, timeout=60)
        token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/login").text)
        assert token
        answer = client.post("/login", data={"login": login, "password": password, "csrf_token": token[1]})
        assert answer.status_code == 303, answer.status_code
        return client


@contextlib.contextmanager
def running(home: Path) -> Iterator[Program]:
    program = Program(home)
    program.start()
    try:
        yield program
    finally:
        program.stop()
