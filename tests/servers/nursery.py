"""Starts of the program without the seconds its imports take: one process has imported everything and forks.

What is born is the program itself from `taxops …` on, in a session of its own, with the environment, folder and log that
it is told; only the interpreter's start and the imports are shared. `python -m tests.servers.nursery` is the process: a
line of JSON in, a line out.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import pkgutil
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, NoReturn, Self

_ROOMS = ("config", "core", "collectors", "web", "accounts", "cmdb", "kb", "servicedesk", "monitor", "escalation",
          "assessment", "app")  # fmt: skip
_POLL_S = 0.02


class Born:
    """A process the nursery started; what the tests use of subprocess.Popen."""

    def __init__(self, nursery: Nursery, pid: int) -> None:
        self._nursery, self.pid = nursery, pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Its exit code, None while it lives."""
        if self.returncode is None:
            self.returncode = self._nursery.ask(do="poll", pid=self.pid)["code"]
        return self.returncode

    def wait(self, timeout: float) -> int:
        """Raises subprocess.TimeoutExpired."""
        deadline = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("taxops", timeout)
            time.sleep(_POLL_S)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)


class Nursery:
    """The tests' end of it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.servers.nursery"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            cwd=Path(__file__).parents[2], env={"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip

    def ask(self, **question: Any) -> dict[str, Any]:
        """One question, one answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._lock:
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the nursery has ended")
        found: dict[str, Any] = json.loads(line)
        return found

    def start(self, arguments: Sequence[str], env: Mapping[str, str], folder: Path, out: Path, err: Path) -> Born:
        """`taxops` with these arguments; both logs are appended to."""
        question = {
            "arguments": list(arguments),
            "env": dict(env),
            "cwd": str(folder),
            "out": str(out),
            "err": str(err),
        }
        return Born(self, int(self.ask(do="start", **question)["pid"]))

    def close(self) -> None:
        """End the nursery; what it started was ended by its tests."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


# --- the process itself
def _import_everything() -> None:
    for room in _ROOMS:
        package = importlib.import_module(room)
        for found in pkgutil.walk_packages(package.__path__, f"{room}."):
            importlib.import_module(found.name)


def _become(question: dict[str, Any]) -> NoReturn:
    """In the child: the program, as if it had been started by its name."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(question["cwd"])
    for descriptor, path, flags in (
        (0, os.devnull, os.O_RDONLY),
        (1, question["out"], os.O_WRONLY | os.O_CREAT | os.O_APPEND),
        (2, question["err"], os.O_WRONLY | os.O_CREAT | os.O_APPEND),
    ):
        opened = os.open(path, flags, 0o600)
        os.dup2(opened, descriptor)
        os.close(opened)
    os.environ.clear()
    os.environ.update(question["env"])
    time.tzset()
    sys.argv = ["taxops", *question["arguments"]]
    _leave(_code_of(question["arguments"]))


def _code_of(arguments: list[str]) -> int:
    from app.cli.main import main

    try:
        main(*arguments)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def _leave(code: int) -> NoReturn:
    """Without the interpreter's own end, at which libraries of C++ complain about each other in a forked process."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _serve(lines: IO[str], answers: IO[str]) -> None:
    codes: dict[int, int] = {}
    for line in lines:
        question = json.loads(line)
        if question["do"] == "start":
            pid = os.fork()
            if pid == 0:
                os.close(answers.fileno())
                _become(question)
            answer: dict[str, Any] = {"pid": pid}
        else:
            pid = question["pid"]
            if pid not in codes:
                ended, status = os.waitpid(pid, os.WNOHANG)
                if ended:
                    codes[pid] = os.waitstatus_to_exitcode(status)
            answer = {"code": codes.get(pid)}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the tests
    _pipe = os.fdopen(os.dup(1), "w")
    os.set_inheritable(_pipe.fileno(), False)
    os.dup2(2, 1)  # whatever an import prints is no answer
    _import_everything()
    gc.freeze()
    _serve(sys.stdin, _pipe)
    _leave(0)
