"""Directories of the index: which one is in use, one being built beside it, and the changes made meanwhile."""

import contextlib
import fcntl
import os
import shutil
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from core.i18n import gettext as _
from kb.search.documents import Document
from kb.search.engine import SearchEngineError
from kb.search.forms import VERSION

POINTER = "current"
JOURNAL = ".changes.jsonl"
"""Ending of the journal beside the generation that is being built."""


class Generations:
    """Files under TAXOPS_HOME/search. Locks are the system's, so that commands and the running program see them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        self._depth = threading.local()
        self._serial = 0

    def path(self, name: str) -> Path:
        """Directory of a generation."""
        return self.root / name

    def current(self) -> str | None:
        """Name of the generation in use; None if there is none of this version."""
        try:
            name = (self.root / POINTER).read_text(encoding="ascii").strip()
        except FileNotFoundError:
            return None
        return name if name.startswith(f"v{VERSION}-") and self.path(name).is_dir() else None

    def state_of(self, name: str) -> tuple[int, int]:
        """Changes with every commit. Raises OSError if the generation is damaged."""
        stat = (self.path(name) / "meta.json").stat()
        return stat.st_mtime_ns, stat.st_ino

    def new(self, *, empty: bool = False) -> str:
        """A name not used yet; `empty` marks one that waits for a rebuild."""
        suffix = "-empty" if empty else ""
        while True:
            self._serial += 1
            name = f"v{VERSION}-{os.getpid()}-{self._serial}{suffix}"
            if not self.path(name).exists():
                return name

    def point_to(self, name: str) -> None:
        """Puts a generation into use, durably, and throws the others away."""
        aside = self.root / f"{POINTER}.new"
        with aside.open("w", encoding="ascii") as file:
            file.write(name)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(self.root / POINTER)
        building = self._journal()
        for other in self.root.glob("v*-*"):
            if other.is_dir() and other.name != name and (building is None or building.name != other.name + JOURNAL):
                shutil.rmtree(other, ignore_errors=True)

    # -- locks

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """One writer at a time, in this process and all others; may be nested."""
        depth = getattr(self._depth, "value", 0)
        if depth:
            yield
            return
        with (self.root / "write.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            self._depth.value = 1
            try:
                yield
            finally:
                self._depth.value = 0

    @contextlib.contextmanager
    def rebuilding(self) -> Iterator[str]:
        """Name for the generation to build; changes meanwhile are journalled. Raises SearchEngineError if one runs."""
        with (self.root / "rebuild.lock").open("w") as file:
            if not _try_lock(file.fileno()):
                raise SearchEngineError(_("索引正在重建，请等它完成。"))
            name = self.new()
            journal = self.root / (name + JOURNAL)
            with self.writing():
                for left in self.root.glob("*" + JOURNAL):  # by one who died
                    left.unlink()
                journal.write_bytes(b"")
            try:
                yield name
            finally:
                journal.unlink(missing_ok=True)
                if self.current() != name:
                    shutil.rmtree(self.path(name), ignore_errors=True)

    # -- what changed while a rebuild read the database

    def _journal(self) -> Path | None:
        return next(self.root.glob("*" + JOURNAL), None)

    def journal(self, docs: Sequence[Document], gone: Sequence[str]) -> None:
        """Notes a change for the generation being built, if there is one. Call while `writing`."""
        if (path := self._journal()) is None:
            return
        with (self.root / "rebuild.lock").open("a") as lock:
            if _try_lock(lock.fileno()):  # the one who was building died
                path.unlink(missing_ok=True)
                return
        with path.open("ab") as file:
            file.write(msgspec.json.encode({"docs": docs, "gone": list(gone)}) + b"\n")

    def journalled(self) -> Iterator[tuple[list[Document], list[str]]]:
        """The changes noted since the rebuild began. Call while `writing`."""
        path = self._journal()
        for line in path.read_bytes().splitlines() if path else ():
            entry = msgspec.json.decode(line, type=_Entry)
            yield entry.docs, entry.gone


class _Entry(msgspec.Struct):
    docs: list[Document]
    gone: list[str]


def _try_lock(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
