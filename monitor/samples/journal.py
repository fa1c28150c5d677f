"""A journal of batches: written and synced before an answer, read again only after a crash.

Segments `000001.log`, `000002.log` … in a folder. A record is a head (kind, length, CRC-32) and a body. What a crash left
half written at the end fails its sum and was never answered; so do the zeros that are written ahead. Threads that wait
for the disk at the same time share one sync.
"""

from __future__ import annotations

import os
import struct
import threading
import zlib
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path

_HEAD = struct.Struct("<cII")
SERIES, NUMBERS = b"S", b"N"
_BEFORE_SUM = 5  # kind and length; the sum covers them and the body
_STEP = 1 << 20


def record(kind: bytes, body: bytes) -> bytes:
    """A record as it stands in the file."""
    crc = zlib.crc32(body, zlib.crc32(_HEAD.pack(kind, len(body), 0)[:_BEFORE_SUM]))
    return _HEAD.pack(kind, len(body), crc) + body


def packed(numbers: Sequence[int], at: Sequence[int], values: Sequence[float]) -> bytes:
    """Columns as the body of a record: all series, all times, all values, eight bytes each."""
    return array("q", numbers).tobytes() + array("q", at).tobytes() + array("d", values).tobytes()


def unpacked(body: bytes) -> tuple[array[int], array[int], array[float]]:
    """The columns of a body."""
    numbers, at, values = array("q"), array("q"), array("d")
    third = len(body) // 3
    for column, start in ((numbers, 0), (at, third), (values, 2 * third)):
        column.frombytes(body[start : start + third])
    return numbers, at, values


class Journal:
    """Append-only segments in `folder`. Writing is serialised by its caller; syncing is for any thread.

    `after`: the last segment that is kept elsewhere. It goes, and its number is never used again.
    """

    def __init__(self, folder: Path, *, after: int) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._sync_lock = threading.Lock()
        self._written = self._synced = 0  # bytes since the start, over all segments
        self.drop(after)
        self.segment = max((after, *(int(path.stem) for path in folder.glob("*.log")))) + 1
        self._open()

    def _open(self) -> None:
        path = self._path(self.segment)
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._length = self._allocated = 0
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)  # so that the segment's name survives as well
        finally:
            os.close(folder)

    def _path(self, segment: int) -> Path:
        return self._folder / f"{segment:06d}.log"

    def write(self, records: bytes) -> int:
        """Add records; returns the position to `sync`. OSError leaves the segment as it was."""
        try:
            if self._length + len(records) > self._allocated:
                self._allocate(len(records))
            _write_at(self._file, records, self._length)
        except OSError:
            os.ftruncate(self._file, self._length)
            self._allocated = self._length
            raise
        self._length += len(records)
        self._written += len(records)
        return self._written

    def _allocate(self, needed: int) -> None:
        """Zeros ahead: syncing what overwrites them is several times as fast as syncing a file that grows."""
        room = -(-needed // _STEP) * _STEP
        _write_at(self._file, bytes(room), self._length)
        self._allocated = self._length + room

    def sync(self, position: int | None = None) -> None:
        """Return when everything up to `position` (or all) is on the disk; one sync serves all who wait."""
        with self._sync_lock:
            if position is None or self._synced < position:
                upto = self._written
                os.fdatasync(self._file)
                self._synced = upto

    def rotate(self) -> int:
        """Begin a new segment; returns the number of the one that is complete, on the disk. Not during `write`."""
        with self._sync_lock:
            os.fdatasync(self._file)
            self._synced = self._written
            old, complete = self._file, self.segment
            self.segment += 1
            try:
                self._open()
            except OSError:
                self.segment -= 1
                self._file = old
                raise
            os.close(old)
        return complete

    def drop(self, upto: int) -> None:
        """Forget the segments up to this one: what they held is kept elsewhere now."""
        for path in sorted(self._folder.glob("*.log")):
            if int(path.stem) <= upto:
                path.unlink(missing_ok=True)

    def replay(self) -> Iterator[tuple[bytes, bytes]]:
        """Kind and body of each whole record that was there when this was opened, oldest first."""
        for path in sorted(self._folder.glob("*.log")):
            yield from _records(path.read_bytes())

    def size(self) -> int:
        """Bytes of all segments."""
        return sum(path.stat().st_size for path in self._folder.glob("*.log"))

    def close(self) -> None:
        """Let go of the file; an empty one goes."""
        os.close(self._file)
        if not self._length:
            self._path(self.segment).unlink(missing_ok=True)


def _write_at(file: int, data: bytes, place: int) -> None:
    done = 0
    while done < len(data):
        done += os.pwrite(file, memoryview(data)[done:], place + done)


def _records(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = 0
    while place + _HEAD.size <= len(data):
        kind, length, crc = _HEAD.unpack_from(data, place)
        body = data[place + _HEAD.size : place + _HEAD.size + length]
        if len(body) < length or zlib.crc32(body, zlib.crc32(data[place : place + _BEFORE_SUM])) != crc:
            return
        yield kind, body
        place += _HEAD.size + length
