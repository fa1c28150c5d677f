"""What all servers of the tests share: ports, a process with a log, readiness, and an end by pid."""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Self

import pytest

from tests.servers.nursery import Born

HOST = "127.0.0.1"
SERVER_PATH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))

# Below the range the kernel takes outgoing ports from: no client sits on a port between kill and restart.
_FIRST_PORT, _LAST_PORT = 10_240, 32_000
_ports = itertools.count(random.SystemRandom().randrange(_LAST_PORT - _FIRST_PORT))

#: Servers now running in this process, newest last: their logs are shown with a failed test.
RUNNING: list[Daemon] = []


def free_port() -> int:
    """A loopback port free for TCP and UDP right now, and not handed out before by this process."""
    for number in itertools.islice(_ports, 2_000):
        port = _FIRST_PORT + number % (_LAST_PORT - _FIRST_PORT)
        with (
            socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        ):
            try:
                tcp.bind((HOST, port))
                udp.bind((HOST, port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free loopback port found")


def find_program(*names: str, globs: tuple[str, ...] = ()) -> str | None:
    """Path of the first program that exists, by name on the PATH (and /usr/sbin) or by absolute glob, newest first."""
    for pattern in globs:
        found = sorted(Path("/").glob(pattern.lstrip("/")), reverse=True)
        if found:
            return str(found[0])
    return next(filter(None, (shutil.which(name, path=SERVER_PATH) for name in names)), None)


def require_program(*names: str, globs: tuple[str, ...] = ()) -> str:
    """The program's path. Without it: an error in CI and for root (who can install it), else a skip."""
    if path := find_program(*names, globs=globs):
        return path
    message = f"{names[0]} is not installed: run tools/install-servers as root"
    if os.environ.get("CI") == "true" or os.geteuid() == 0:
        pytest.fail(message, pytrace=False)
    pytest.skip(message)


def answers(url: str, *, seconds: float = 5.0, context: ssl.SSLContext | None = None) -> bool:
    """Whether a GET of this address says 200. OSError where nobody listens; whatever is answered is closed again."""
    try:
        with urllib.request.urlopen(url, timeout=seconds, context=context) as answer:
            return bool(answer.status == 200)
    except urllib.error.HTTPError as error:
        error.close()  # a refusal is an open answer too
        return False


def wait_until(condition: Callable[[], object], what: str, *, seconds: float = 20.0, every: float = 0.05) -> None:
    """Poll until the condition is true.

    Raises TimeoutError, naming what was waited for and the last error the condition raised.
    """
    deadline = time.monotonic() + seconds
    last: Exception | None = None
    while time.monotonic() < deadline:
        try:
            if condition():
                return
            last = None
        except (OSError, AssertionError, LookupError, ValueError) as error:
            last = error
        time.sleep(every)
    raise TimeoutError(f"{what}: not within {seconds:g} s" + (f" ({last})" if last else ""))


def accepts_tcp(port: int, host: str = HOST) -> bool:
    """Whether something listens there."""
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=1):
        return True
    return False


class Daemon:
    """A server process of a test. Subclasses say its command and how to see that it is ready."""

    name = "daemon"
    start_seconds = 20.0

    def __init__(self, home: Path, *, port: int | None = None) -> None:
        self.home = home
        self.home.mkdir(parents=True, exist_ok=True)
        self.port = port or free_port()
        self.log_path = home / f"{self.name}.log"
        self._process: subprocess.Popen[bytes] | Born | None = None

    # --- what a subclass says
    def command(self) -> list[str]:
        raise NotImplementedError

    def environment(self) -> Mapping[str, str]:
        return {"PATH": SERVER_PATH, "LANG": "C.UTF-8", "HOME": str(self.home)}

    def user(self) -> str | None:
        """The account to run as, where root is refused; None is this process's own."""
        return None

    def is_ready(self) -> bool:
        return accepts_tcp(self.port)

    # --- life
    @property
    def pid(self) -> int:
        """Process id; raises RuntimeError when it isn't running."""
        if self._process is None:
            raise RuntimeError(f"{self.name} is not running")
        return self._process.pid

    def launch(self) -> None:
        """Start the process without waiting for it."""
        if self._process is not None:
            raise RuntimeError(f"{self.name} is running already (pid {self._process.pid})")
        self._process = self._spawn()
        RUNNING.append(self)

    def _spawn(self) -> subprocess.Popen[bytes] | Born:
        account = self.user()
        with self.log_path.open("ab") as log:
            return subprocess.Popen(
                self.command(), env=dict(self.environment()), cwd=self.home, user=account, group=account,
                extra_groups=[] if account else None, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip

    def start(self) -> Self:
        """Start and wait until it answers. Raises RuntimeError with the end of its log if it ends or never answers."""
        self.launch()
        try:
            wait_until(self._ready_or_dead, f"{self.name} on port {self.port}", seconds=self.start_seconds)
        except TimeoutError as error:
            self.kill9()
            raise RuntimeError(f"{error}\n{self.log_tail()}") from error
        return self

    def _ready_or_dead(self) -> bool:
        if not self.alive():
            code = self._process.returncode if self._process else None
            self._forget()
            raise RuntimeError(f"{self.name} ended at once (exit {code})\n{self.log_tail()}")
        return self.is_ready()

    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self, seconds: float = 15.0) -> int | None:
        """End it politely (SIGTERM), by force after some seconds; returns its exit code, None if it was not running."""
        return self._end(signal.SIGTERM, seconds)

    def kill9(self) -> None:
        """End it and every process it started as a power cut of the machine's mind would: SIGKILL."""
        self._end(signal.SIGKILL, 10.0)

    def restart(self) -> Self:
        """Stop (if it runs) and start again on the same port."""
        self.stop()
        return self.start()

    def _end(self, with_signal: signal.Signals, seconds: float) -> int | None:
        process = self._process
        if process is None:
            return None
        if process.poll() is None:
            if with_signal is signal.SIGKILL:
                _signal_group(process.pid, signal.SIGKILL)
            else:
                process.send_signal(with_signal)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            _signal_group(process.pid, signal.SIGKILL)
            process.wait(10)
        _signal_group(process.pid, signal.SIGKILL)  # whatever it left behind in its own group
        self._forget()
        return process.returncode

    def _forget(self) -> None:
        self._process = None
        if self in RUNNING:
            RUNNING.remove(self)

    def log_tail(self, lines: int = 60) -> str:
        """The last lines of its log."""
        try:
            text = self.log_path.read_text("utf-8", "replace")
        except OSError as error:
            return f"(no log: {error})"
        return "\n".join(text.splitlines()[-lines:])

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def _signal_group(pid: int, with_signal: signal.Signals) -> None:
    """Signal the session the process was started in; it is ours alone, since start_new_session made it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, with_signal)


@contextlib.contextmanager
def owned_directory(account: str | None, parent: Path | None = None) -> Iterator[Path]:
    """A new directory an ordinary account owns and reaches (pytest's are closed to others); removed at the end."""
    directory = Path(tempfile.mkdtemp(prefix="taxops-test-", dir=parent))
    try:
        if account:
            shutil.chown(directory, account, account)
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
