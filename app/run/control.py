"""Commands ask the running program: a socket in TAXOPS_HOME that only the owner of that folder can open.

One line of JSON in, one out. It is for what another process can't do by itself, such as copying a file that this one owns.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import structlog
from flask import Flask

from config import Settings
from monitor.samples.access import store_of
from monitor.samples.base import SampleStoreError

log = structlog.get_logger(__name__)
NAME = "control.sock"
_LONGEST = 64 * 1024
_LINE_S = 5.0
Verb = Callable[[dict[str, Any]], dict[str, Any]]


@contextlib.contextmanager
def _address(home: Path) -> Iterator[str]:
    """A socket's address holds 108 bytes at most; the folder's own descriptor makes any path short enough."""
    descriptor = os.open(home, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}/{NAME}"
    finally:
        os.close(descriptor)


def ask(settings: Settings, question: dict[str, Any], *, wait_s: float) -> dict[str, Any] | None:
    """The running program's answer ({"error": why} where it refuses); None where none is running or it dies meanwhile."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line, _address(settings.home) as address:
        line.settimeout(wait_s)
        try:
            line.connect(address)
            line.sendall(json.dumps(question).encode() + b"\n")
            answer = line.makefile("rb").readline()
        except OSError:
            return None
    found: dict[str, Any] | None = json.loads(answer) if answer else None
    return found


class Control:
    """The listening side."""

    def __init__(self, settings: Settings, verbs: dict[str, Verb]) -> None:
        self._settings, self._verbs = settings, verbs
        self._stopping = False
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._thread = threading.Thread(target=self._serve, name="control", daemon=True)

    def start(self) -> None:
        """Listen; a socket left by a program that was killed is replaced."""
        self._settings.path(NAME).unlink(missing_ok=True)
        with _address(self._settings.home) as address:
            self._socket.bind(address)
        self._settings.path(NAME).chmod(0o600)
        self._socket.listen(4)
        self._thread.start()

    def stop(self) -> None:
        """Answer what was asked, then close."""
        self._stopping = True
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._settings.path(NAME).unlink(missing_ok=True)
        self._thread.join(timeout=10)

    def _serve(self) -> None:
        while not self._stopping:
            try:
                line, _from = self._socket.accept()
            except OSError:
                return
            with line, contextlib.suppress(OSError):
                line.settimeout(_LINE_S)
                line.sendall(json.dumps(self._answer(line.makefile("rb").readline(_LONGEST))).encode() + b"\n")

    def _answer(self, text: bytes) -> dict[str, Any]:
        try:
            question = json.loads(text)
            verb = self._verbs[question["do"]]
        except (ValueError, KeyError, TypeError):
            return {"error": "this is not a question the program knows: is it of another version?"}
        try:
            return verb(question)
        except Exception as error:
            log.exception("control.failed", do=question["do"])
            return {"error": f"{type(error).__name__}: {error}"}


def start(app: Flask, engine: sa.Engine, settings: Settings) -> Control:  # noqa: ARG001  the shape of a part
    """Listen in this process, with what only it can do."""

    def copy_samples(question: dict[str, Any]) -> dict[str, Any]:
        store = store_of(app)
        if store is None:
            return {"error": "this program keeps no samples"}
        try:
            store.copy_to(Path(question["to"]))
        except SampleStoreError as error:
            return {"error": str(error)}
        return {"copied": question["to"]}

    def alive(_question: dict[str, Any]) -> dict[str, Any]:
        return {"pid": os.getpid()}

    control = Control(settings, {"copy-samples": copy_samples, "alive": alive})
    control.start()
    return control
