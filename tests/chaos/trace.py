"""What a program asked of the kernel, in order: strace's record of its file writes, flushes and answers."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.servers.base import require_program

_CALLS = (
    "pwrite64,pwritev,pwritev2,write,writev,sendto,sendmsg,ftruncate,fallocate,fsync,fdatasync,"
    "rename,renameat,renameat2,unlink,unlinkat,openat,creat,lseek,mkdir,mkdirat"
)


def strace(output: Path) -> list[str]:
    """The command prefix that records a program and its threads with all their data.

    --seccomp-bpf lets every other system call pass at full speed.
    """
    return [require_program("strace"), "-f", "-y", "-xx", "-s", "8388608", "--seccomp-bpf", "-e", f"trace={_CALLS}",
            "-e", "signal=none", "-o", str(output)]  # fmt: skip


@dataclass(frozen=True)
class Write:
    """Bytes put into a file; offset None appends."""

    path: str
    offset: int | None
    data: bytes


@dataclass(frozen=True)
class Truncate:
    path: str
    size: int


@dataclass(frozen=True)
class Create:
    """Opened with O_CREAT; `empty` when also with O_TRUNC."""

    path: str
    empty: bool


@dataclass(frozen=True)
class MakeFolder:
    path: str


@dataclass(frozen=True)
class Rename:
    old: str
    new: str


@dataclass(frozen=True)
class Unlink:
    path: str


@dataclass(frozen=True)
class SyncBegins:
    """fsync or fdatasync was called: what was written so far will be safe when SyncEnds with the same ticket comes."""

    path: str
    ticket: int


@dataclass(frozen=True)
class SyncEnds:
    path: str
    ticket: int


@dataclass(frozen=True)
class Sent:
    """Bytes began to leave through a socket."""

    data: bytes


Event = Write | Truncate | Create | MakeFolder | Rename | Unlink | SyncBegins | SyncEnds | Sent

_HEX = r"(?:\\x[0-9a-f]{2})*"
_LINE = re.compile(r"^(\d+)\s+(.*)$", re.DOTALL)
_RESUMED = re.compile(r"^<\.\.\. (\w+) resumed>(.*)$", re.DOTALL)
_CALL = re.compile(r"^(\w+)\((.*)$", re.DOTALL)
_STRING = re.compile(rf'"({_HEX})"(\.\.\.)?')
_FD = re.compile(rf"^(\d+|AT_FDCWD)<({_HEX})>(\(deleted\))?")
_RESULT = re.compile(r"\)\s+= (-?\d+)(.*)$", re.DOTALL)


@dataclass
class _Call:
    name: str
    arguments: str
    began: int
    ended: int
    result: int


def _text(hexadecimal: str) -> str:
    return os.fsdecode(_bytes(hexadecimal))


def _bytes(hexadecimal: str) -> bytes:
    return bytes.fromhex(hexadecimal.replace("\\x", ""))


def _calls(lines: Iterator[str]) -> Iterator[_Call]:
    """Whole calls, in the order they ended; those never finished (the program was killed in them) come last."""
    unfinished: dict[str, _Call] = {}
    number = 0
    for number, line in enumerate(lines):
        match = _LINE.match(line.rstrip("\n"))
        if match is None:
            continue
        thread, rest = match.groups()
        if resumed := _RESUMED.match(rest):
            call = unfinished.pop(thread, None)
            if call is None:
                continue
            call.arguments += resumed.group(2)
            call.ended = number
        elif started := _CALL.match(rest):
            call = _Call(started.group(1), started.group(2), number, number, -1)
            if rest.endswith("<unfinished ...>"):
                call.arguments = call.arguments.removesuffix("<unfinished ...>").rstrip()
                unfinished[thread] = call
                continue
        else:
            continue
        if result := _RESULT.search(call.arguments[-400:]):
            call.result = int(result.group(1))
            yield call
    for call in unfinished.values():
        call.ended = number + 1
        if call.name.startswith(("pwrite", "write", "send")):
            yield call  # it may have reached the disk, or the wire


class _Reader:
    """Turns calls into events, following each descriptor's position."""

    def __init__(self, root: Path) -> None:
        self._root = f"{root}/"
        self._positions: dict[tuple[str, str], int | None] = {}
        self.events: list[tuple[int, Event]] = []

    def read(self, call: _Call) -> None:
        handler = getattr(self, f"_{call.name}", None)
        if handler is not None and (call.result >= 0 or call.name.startswith(("pwrite", "write", "send"))):
            handler(call)

    def _say(self, at: int, event: Event) -> None:
        self.events.append((at, event))

    def _inside(self, path: str) -> bool:
        return path.startswith(self._root) and not path.endswith("-shm")

    def _fd(self, call: _Call) -> tuple[str, str]:
        match = _FD.match(call.arguments)
        if match is None or match.group(3):
            return "", ""
        return match.group(1), _text(match.group(2))

    def _data(self, call: _Call) -> bytes:
        found = _STRING.findall(call.arguments)
        assert not any(cut for _, cut in found), "strace cut the data short: raise -s"
        data = b"".join(_bytes(each) for each, _ in found)
        return data[: call.result] if call.result >= 0 else data

    def _pwrite64(self, call: _Call) -> None:
        _, path = self._fd(call)
        if self._inside(path):
            offset = re.search(r", (\d+)\)\s+=|, (\d+)\s*$", call.arguments)
            assert offset is not None, call.arguments[-80:]
            self._say(call.began, Write(path, int(offset.group(1) or offset.group(2)), self._data(call)))

    def _pwritev(self, call: _Call) -> None:
        _, path = self._fd(call)
        if self._inside(path):
            raise AssertionError("pwritev on a file of the program: teach the reader its offset")

    _pwritev2 = _pwritev

    def _write(self, call: _Call) -> None:
        fd, path = self._fd(call)
        if path.startswith(("socket:", "TCP")):
            self._say(call.began, Sent(self._data(call)))
        elif self._inside(path):
            data = self._data(call)
            position = self._positions.get((fd, path), 0)
            self._say(call.began, Write(path, position, data))
            if position is not None:
                self._positions[fd, path] = position + len(data)

    _writev = _sendto = _sendmsg = _write

    def _lseek(self, call: _Call) -> None:
        fd, path = self._fd(call)
        if self._inside(path) and self._positions.get((fd, path), 0) is not None:
            self._positions[fd, path] = call.result

    def _openat(self, call: _Call) -> None:
        opened = re.search(rf"=\s(\d+)<({_HEX})>", call.arguments)
        if opened is None:
            return
        fd, path = opened.group(1), _text(opened.group(2))
        if not self._inside(path):
            return
        flags = _STRING.sub("", call.arguments)
        self._positions[fd, path] = None if "O_APPEND" in flags else 0
        if "O_CREAT" in flags:
            self._say(call.began, Create(path, "O_TRUNC" in flags))
        elif "O_TRUNC" in flags:
            self._say(call.began, Truncate(path, 0))

    _creat = _openat

    def _ftruncate(self, call: _Call) -> None:
        _, path = self._fd(call)
        if self._inside(path):
            size = re.search(r", (\d+)\)\s+=", call.arguments)
            assert size is not None
            self._say(call.began, Truncate(path, int(size.group(1))))

    def _fallocate(self, call: _Call) -> None:
        """Only reserves room; what is written into it comes as writes."""

    def _fsync(self, call: _Call) -> None:
        _, path = self._fd(call)
        if self._inside(f"{path}/") or self._inside(path):
            self._say(call.began, SyncBegins(path, call.began))
            self._say(call.ended, SyncEnds(path, call.began))

    _fdatasync = _fsync

    def _paths(self, call: _Call) -> list[str]:
        """Absolute paths among the arguments, those given beside a directory descriptor joined to it."""
        paths, base = [], ""
        for fd_path, text in re.findall(rf"(?:\d+|AT_FDCWD)<({_HEX})>|\"({_HEX})\"", call.arguments):
            if fd_path:
                base = _text(fd_path)
            else:
                paths.append(os.path.normpath(Path(base) / _text(text)))
        return paths

    def _rename(self, call: _Call) -> None:
        old, new = self._paths(call)[:2]
        if self._inside(old) or self._inside(new):
            self._say(call.began, Rename(old, new))

    _renameat = _renameat2 = _rename

    def _mkdir(self, call: _Call) -> None:
        path = self._paths(call)[0]
        if self._inside(path):
            self._say(call.began, MakeFolder(path))

    _mkdirat = _mkdir

    def _unlink(self, call: _Call) -> None:
        path = self._paths(call)[0]
        if self._inside(path) and "AT_REMOVEDIR" not in call.arguments:
            self._say(call.began, Unlink(path))

    _unlinkat = _unlink


def read(output: Path, root: Path) -> list[Event]:
    """The events of a record that concern files below `root` (shared-memory files left out) and sockets, in order.

    A write or an answer stands where the call began, the end of a flush where the call returned.
    """
    reader = _Reader(root)
    with output.open(encoding="ascii", errors="replace") as lines:
        for call in _calls(lines):
            reader.read(call)
    return [event for _, event in sorted(reader.events, key=lambda pair: pair[0])]
