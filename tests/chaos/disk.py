"""A disk that forgets what was not flushed: replays a program's writes and shows what a power cut would leave.

What fsync has returned for is safe. Of what was written since, each sector of 512 bytes reached the plate or not, at
random. Names (created, renamed, removed) are kept in order, as journalling file systems do, up to a random point; they
are safe once their directory was flushed. This is stricter than ext4, where flushing a new file also keeps its name.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from tests.chaos.trace import Create, Event, MakeFolder, Rename, Sent, SyncBegins, SyncEnds, Truncate, Unlink, Write

SECTOR = 512


@dataclass
class Contents:
    """One file: what programs read, what is safe, and what lies between. A folder has no bytes, only a name."""

    seen: bytearray = field(default_factory=bytearray)
    safe: bytearray = field(default_factory=bytearray)
    pending: list[Write | Truncate] = field(default_factory=list)
    folder: bool = False

    def do(self, change: Write | Truncate) -> None:
        if isinstance(change, Write) and change.offset is None:
            change = Write(change.path, len(self.seen), change.data)
        self.pending.append(change)
        _put(self.seen, change)

    def flush(self, changes: list[Write | Truncate]) -> None:
        """Make these safe; those another flush already made safe are no longer pending."""
        wanted = {id(change) for change in changes}
        for change in self.pending:
            if id(change) in wanted:
                _put(self.safe, change)
        self.pending = [change for change in self.pending if id(change) not in wanted]

    def after_cut(self, chance: random.Random) -> bytes:
        left = bytearray(self.safe)
        likelihood = chance.choice((0.0, 0.5, 0.9, 1.0))
        for change in self.pending:
            if isinstance(change, Truncate):
                if chance.random() < likelihood:
                    _put(left, change)
                continue
            for start in range(0, len(change.data), SECTOR):
                if chance.random() < likelihood:
                    assert change.offset is not None
                    part = change.data[start : start + SECTOR]
                    _put(left, Write(change.path, change.offset + start, part))
        return bytes(left)


def _put(data: bytearray, change: Write | Truncate) -> None:
    if isinstance(change, Truncate):
        if len(data) > change.size:
            del data[change.size :]
        else:
            data.extend(bytes(change.size - len(data)))
        return
    assert change.offset is not None
    if len(data) < change.offset:
        data.extend(bytes(change.offset - len(data)))
    data[change.offset : change.offset + len(change.data)] = change.data


@dataclass(frozen=True)
class _Naming:
    """A change of names in one directory: what goes, what comes."""

    gone: str | None
    come: str | None
    contents: Contents | None


@dataclass
class Disk:
    """All files below one folder."""

    names: dict[str, Contents] = field(default_factory=dict)
    safe_names: dict[str, Contents] = field(default_factory=dict)
    namings: dict[str, list[_Naming]] = field(default_factory=dict)
    _flushing: dict[int, tuple[Contents, list[Write | Truncate]] | tuple[str, list[_Naming]]] = field(
        default_factory=dict
    )

    @classmethod
    def of(cls, folder: Path) -> Self:
        """A disk on which everything in the folder is safe (shared-memory files are left out: they live in memory)."""
        disk = cls()
        for path in folder.rglob("*"):
            if path.is_file() and not path.name.endswith("-shm"):
                data = path.read_bytes()
                disk.names[str(path)] = disk.safe_names[str(path)] = Contents(bytearray(data), bytearray(data))
            elif path.is_dir():
                disk.names[str(path)] = disk.safe_names[str(path)] = Contents(folder=True)
        return disk

    def replay(self, events: Iterable[Event]) -> None:
        for event in events:
            self.apply(event)

    def apply(self, event: Event) -> None:
        match event:
            case Write(path) | Truncate(path):
                self.names.setdefault(path, Contents()).do(event)
            case Create(path, empty):
                self._create(path, empty)
            case MakeFolder(path):
                if path not in self.names:
                    self.names[path] = Contents(folder=True)
                    self._name(path, _Naming(None, path, self.names[path]))
            case Unlink(path):
                if self.names.pop(path, None) is not None:
                    self._name(path, _Naming(path, None, None))
            case Rename(old, new):
                if (contents := self.names.pop(old, None)) is not None:
                    self.names[new] = contents
                    self._name(new, _Naming(old, new, contents))
            case SyncBegins(path, ticket):
                self._begin_flush(path, ticket)
            case SyncEnds(_, ticket):
                self._end_flush(ticket)
            case Sent():
                pass

    def _create(self, path: str, empty: bool) -> None:
        if path not in self.names:
            self.names[path] = Contents()
            self._name(path, _Naming(None, path, self.names[path]))
        elif empty:
            self.names[path].do(Truncate(path, 0))

    def _name(self, path: str, naming: _Naming) -> None:
        self.namings.setdefault(str(Path(path).parent), []).append(naming)

    def _begin_flush(self, path: str, ticket: int) -> None:
        contents = self.names.get(path)
        if contents is not None and not contents.folder:
            self._flushing[ticket] = (contents, list(contents.pending))
        else:
            self._flushing[ticket] = (path, list(self.namings.get(path, ())))

    def _end_flush(self, ticket: int) -> None:
        what, changes = self._flushing.pop(ticket)
        if isinstance(what, Contents):
            what.flush(changes)  # type: ignore[arg-type]
            return
        waiting = self.namings.get(what, [])
        done = {id(change) for change in changes}
        for naming in waiting:
            if id(naming) in done:
                _rename(self.safe_names, naming)
        self.namings[what] = [naming for naming in waiting if id(naming) not in done]

    def safe_bytes(self, path: str) -> bytes:
        """What is certain to be there after a cut right now, under the name the file is known by."""
        contents = self.names.get(path)
        return bytes(contents.safe) if contents else b""

    def after_cut(self, chance: random.Random) -> dict[str, bytes]:
        """The files a power cut right now would leave, by path."""
        names = dict(self.safe_names)
        for namings in self.namings.values():
            for naming in namings[: chance.randint(0, len(namings))]:
                _rename(names, naming)
        folders = {path for path, contents in (self.names | names).items() if contents.folder}
        lost = folders - set(names)
        return {
            path: contents.after_cut(chance)
            for path, contents in sorted(names.items())
            if not contents.folder and not any(str(parent) in lost for parent in Path(path).parents)
        }


def _rename(names: dict[str, Contents], naming: _Naming) -> None:
    if naming.gone is not None:
        names.pop(naming.gone, None)
    if naming.come is not None and naming.contents is not None:
        names[naming.come] = naming.contents


def lay_out(files: dict[str, bytes], was: Path, folder: Path) -> None:
    """Write the files below `folder`, as they lay below `was`."""
    for path, data in files.items():
        target = folder / Path(path).relative_to(was)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
