"""What a user would pick instead, started beside taxops: Alertmanager (from Debian) and Alerta (from PyPI, in its own venv)."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil

from bench.load import HOST
from bench.program import free_port
from tests.servers.base import SERVER_PATH, owned_directory, require_program
from tests.servers.postgresql import PostgreSQL, ordinary_account

STATE = Path(os.environ.get("BENCH_STATE", "var/bench")).resolve()
ALERTA = ("alerta-server==9.1.0", "gunicorn", "psycopg2-binary")


def resident_mib(pid: int) -> float:
    """Resident memory of a process and its children, in MiB."""
    parent = psutil.Process(pid)
    return float(sum(p.memory_info().rss for p in (parent, *parent.children(recursive=True)))) / 2**20


def cpu_seconds(pid: int) -> float:
    """CPU seconds of a process and its children so far."""
    parent = psutil.Process(pid)
    return float(sum(t.user + t.system for t in (p.cpu_times() for p in (parent, *parent.children(recursive=True)))))


@contextlib.contextmanager
def started(command: list[str], folder: Path, url: str, environment: dict[str, str]) -> Iterator[int]:
    """The pid of a server that answers at `url`; it is ended at the end. Raises TimeoutError with the end of its log."""
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            command, cwd=folder, env={**os.environ, "PATH": SERVER_PATH, **environment}, stdout=log, stderr=log
        )
    try:
        for _attempt in range(400):
            with contextlib.suppress(OSError, urllib.error.URLError), urllib.request.urlopen(url, timeout=2):
                break
            time.sleep(0.1)
        else:
            raise TimeoutError((folder / "log").read_text()[-2000:])
        yield process.pid
    finally:
        process.terminate()
        process.wait(timeout=30)


@contextlib.contextmanager
def alertmanager(folder: Path) -> Iterator[tuple[int, int]]:
    """(port, pid) of a fresh Alertmanager without a cluster; it keeps alerts in memory only."""
    port = free_port()
    folder.mkdir(parents=True)
    config = folder / "am.yml"
    config.write_text(
        "route: {receiver: none, group_by: [alertname], group_wait: 30s, group_interval: 5m, repeat_interval: 12h}\n"
        "receivers: [{name: none}]\n"
    )
    command = [
        require_program("prometheus-alertmanager", "alertmanager"), f"--config.file={config}",
        f"--storage.path={folder / 'data'}", f"--web.listen-address={HOST}:{port}", "--cluster.listen-address=",
        "--log.level=warn",
    ]  # fmt: skip
    with started(command, folder, f"http://{HOST}:{port}/-/ready", {}) as pid:
        yield port, pid


def _venv() -> Path:
    """Alerta's own environment, made once."""
    place = STATE / "alerta"
    if not (place / "bin" / "gunicorn").exists():
        subprocess.run([sys.executable, "-m", "venv", place], check=True)
        subprocess.run([place / "bin" / "pip", "install", "--quiet", *ALERTA], check=True)
    return place / "bin"


@contextlib.contextmanager
def alerta(folder: Path, *, workers: int = 2) -> Iterator[tuple[int, int]]:
    """(port, pid) of a fresh Alerta on a PostgreSQL of its own that flushes as in production."""
    bin_, port = _venv(), free_port()
    folder.mkdir(parents=True)
    with owned_directory(ordinary_account()) as home, PostgreSQL(home, durable=True) as server:
        with server.connect() as connection:
            connection.execute("CREATE DATABASE alerta")
        (folder / "alertad.conf").write_text(
            f"DATABASE_URL='postgresql://taxops@{HOST}:{server.port}/alerta'\nDATABASE_NAME='alerta'\n"
            "SECRET_KEY='x'*32\nAUTH_REQUIRED=False\nPLUGINS=[]\nLOG_LEVEL='WARNING'\n"
        )
        (folder / "wsgi.py").write_text("from alerta import create_app\napp = create_app()\n")
        environment = {"ALERTA_SVR_CONF_FILE": str(folder / "alertad.conf")}
        schema = [str(bin_ / "python"), "-c", "import wsgi; wsgi.app.test_client().get('/alerts')"]
        subprocess.run(schema, cwd=folder, env={**os.environ, **environment}, check=True, capture_output=True)
        command = [str(bin_ / "gunicorn"), "-w", str(workers), "-b", f"{HOST}:{port}", "--keep-alive", "30", "wsgi:app"]
        with started(command, folder, f"http://{HOST}:{port}/alerts", environment) as pid:
            yield port, pid
