"""Asking the child process for the text of a file. Returns, whatever the file is."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from servicedesk.attachments.reading import limits
from servicedesk.attachments.reading.limits import Exit

CHILD = "servicedesk.attachments.reading.child"
BARE = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1", "MALLOC_ARENA_MAX": "1"}
"""The child's environment: nothing of our own, so that who takes it over finds no secret there."""
ROOT = Path(__file__).resolve().parents[3]
READABLE = frozenset({
    "application/pdf", "text/plain",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
})  # fmt: skip
"""Media types that are tried; `formats` is not imported here, so that its libraries stay in the child."""
_NO_TEXT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


class TextState(StrEnum):
    """What became of the text of a file."""

    WAITING = "waiting"
    INDEXED = "indexed"
    PARTLY = "partly"
    """The beginning is indexed; the rest is more than is kept, or took too long."""
    EMPTY = "empty"
    """Read, and no text in it: a scan, or blank."""
    NONE = "none"
    """A picture, an archive or another kind that is not read."""
    UNREADABLE = "unreadable"
    """Broken, or not what it says it is."""
    LOCKED = "locked"
    """Behind a password."""
    TOO_LARGE = "too_large"
    """Took more memory or time than it may."""


@dataclass(frozen=True)
class Reading:
    """What a file says."""

    state: TextState
    text: str = ""


class ReaderFault(RuntimeError):
    """The child could not even begin: a library is missing or the program is damaged. Says nothing of the file."""


def read(path: Path, media_type: str) -> Reading:
    """The text of a file of this type. Raises OSError where the file itself is away, ReaderFault where we are at fault."""
    if media_type not in READABLE:
        return Reading(TextState.NONE)
    with path.open("rb") as file:
        child = subprocess.Popen(  # noqa: S603  our own interpreter and module; the type is one of ours
            [sys.executable, "-m", CHILD, media_type], stdin=file, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            cwd=ROOT, env=BARE, start_new_session=True,
        )  # fmt: skip
    late = threading.Timer(limits.CLOCK_S, _kill, [child])
    late.start()
    try:
        assert child.stdout is not None  # noqa: S101  a pipe was asked for
        said = child.stdout.read(len(limits.BEGUN) + limits.BYTES + 1)
    finally:
        late.cancel()
        _kill(child)
        child.communicate()
    begun, said = said.startswith(limits.BEGUN), said.removeprefix(limits.BEGUN)
    if child.returncode == Exit.FAULT or (not begun and child.returncode != -signal.SIGKILL):
        raise ReaderFault(
            f"the child that reads {media_type} ended with status {child.returncode} before it opened the file"
        )
    return _judged(child.returncode, said.decode("utf-8", "ignore"), full=len(said) > limits.BYTES)


def _kill(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGKILL)


def _judged(status: int, said: str, *, full: bool) -> Reading:
    text = "\n".join(line.strip() for line in _NO_TEXT.sub(" ", said).splitlines() if line.strip())
    text = text[: limits.LONGEST]
    if status == Exit.DONE and not full:
        return Reading(TextState.INDEXED if text else TextState.EMPTY, text)
    if text:
        return Reading(TextState.PARTLY, text)
    refused = {Exit.LOCKED: TextState.LOCKED, Exit.UNREADABLE: TextState.UNREADABLE}
    by_status = {int(exit_status): state for exit_status, state in refused.items()}
    return Reading(by_status.get(status, TextState.TOO_LARGE))
