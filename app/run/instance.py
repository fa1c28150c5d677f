"""Which process of an installation this is: a number that only one living process of a home has.

The name made of it stays the same when the process is started again after a crash, so that it takes up at once what
it held: its leases, and the results that wait on its disk.
"""

from __future__ import annotations

import fcntl
import os
import socket
import zlib
from dataclasses import dataclass
from pathlib import Path

from config import Settings

MOST = 256


@dataclass(frozen=True)
class Instance:
    """`name` is unique in the installation; `directory` belongs to this process alone while it lives."""

    name: str
    directory: Path
    descriptor: int

    def release(self) -> None:
        """Let the next process have the number."""
        os.close(self.descriptor)


def alone(settings: Settings) -> int | None:
    """Take the embedded default's home for this process, until it ends however it ends; None where another has it.

    Two programs on one SQLite home would both run every duty: two schedules, each page twice.
    """
    descriptor = os.open(settings.path("running.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def claim(settings: Settings, role: str) -> Instance:
    """Take the lowest number free on this machine; it is free again when the process ends, however it ends."""
    parent = settings.path("processes")
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    for number in range(1, MOST):
        path = parent / f"{role}-{number}.lock"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            continue
        home = zlib.crc32(str(settings.home).encode()) & 0xFFFF
        return Instance(f"{socket.gethostname()[:60]}:{home:04x}:{role}-{number}", path.with_suffix(""), descriptor)
    raise RuntimeError(f"{MOST} processes of role {role} run on this machine already")
