"""Results that could not be delivered, waiting on disk in order (the base of M-15).

Segments of records, each with its length and checksum, flushed to the disk before append() returns. A record that a
crash cut short is left out; what was read but not confirmed is read again. Above its bound the oldest segment goes,
and is counted: the newest results matter most.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from collectors.report import Report

log = structlog.get_logger(__name__)

_HEAD = struct.Struct(">II")
SEGMENT_BYTES = 4 * 1024 * 1024
MAX_BYTES = 1024 * 1024 * 1024
"""Packed results of some hundred checks a minute for far more than a day."""


@dataclass(frozen=True)
class Waiting:
    """A batch from the spool, and where reading goes on once it is confirmed."""

    reports: list[Report]
    segment: Path
    next_offset: int


class Spool:
    """One directory, one process. Not thread-safe; the poller calls it from one task."""

    def __init__(self, directory: Path, *, max_bytes: int = MAX_BYTES, segment_bytes: int = SEGMENT_BYTES) -> None:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._directory, self._max_bytes, self._segment_bytes = directory, max_bytes, segment_bytes
        self._position = directory / "position"
        self._intact: Path | None = None  # the segment this process wrote last: known to end well
        self.dropped_segments = 0

    def append(self, reports: Sequence[Report]) -> None:
        """Keep a batch; it is on the disk when this returns. Raises OSError when the disk refuses."""
        if not reports:
            return
        words = json.dumps([report.as_data() for report in reports], ensure_ascii=False, separators=(",", ":"))
        body = zlib.compress(words.encode(), level=6)
        segment = self._writable()
        is_new = not segment.exists()
        with segment.open("ab") as file:
            file.write(_HEAD.pack(len(body), zlib.crc32(body)) + body)
            file.flush()
            os.fsync(file.fileno())
        self._intact = segment
        if is_new:
            self._sync_directory()
        self._keep_bound()

    def peek(self) -> Waiting | None:
        """The oldest batch, or None when nothing waits. Damaged records are skipped with a log line."""
        for segment in self._segments():
            start = self._offset(segment)
            for body, after in _records(segment, start):
                reports = _decode(body)
                if reports:
                    return Waiting(reports, segment, after)
            if segment != self._segments()[-1]:
                self._finish(segment)
        return None

    def confirm(self, waiting: Waiting) -> None:
        """Forget a batch that was delivered."""
        if not waiting.segment.exists():
            return
        temporary = self._position.with_suffix(".new")
        temporary.write_text(f"{waiting.segment.name} {waiting.next_offset}", "ascii")
        temporary.replace(self._position)
        if waiting.next_offset >= waiting.segment.stat().st_size:
            self._finish(waiting.segment)

    @property
    def is_empty(self) -> bool:
        """True when nothing waits."""
        return self.peek() is None

    @property
    def size_bytes(self) -> int:
        """What it takes on the disk."""
        return sum(segment.stat().st_size for segment in self._segments())

    def _segments(self) -> list[Path]:
        return sorted(self._directory.glob("*.spool"))

    def _writable(self) -> Path:
        """The newest segment while it has room and ends well, else a new one."""
        segments = self._segments()
        if segments:
            last = segments[-1]
            if last.stat().st_size < self._segment_bytes and (last == self._intact or _ends_well(last)):
                return last
            return self._directory / f"{int(last.stem) + 1:012d}.spool"
        return self._directory / f"{self._last_number() + 1:012d}.spool"

    def _last_number(self) -> int:
        name, _offset = self._read_position()
        return int(Path(name).stem) if name else 0

    def _offset(self, segment: Path) -> int:
        name, offset = self._read_position()
        return offset if name == segment.name else 0

    def _read_position(self) -> tuple[str, int]:
        try:
            name, offset = self._position.read_text("ascii").split()
            return name, int(offset)
        except (OSError, ValueError):
            return "", 0

    def _finish(self, segment: Path) -> None:
        segment.unlink(missing_ok=True)

    def _keep_bound(self) -> None:
        segments = self._segments()
        while len(segments) > 1 and self.size_bytes > self._max_bytes:
            oldest = segments.pop(0)
            self._finish(oldest)
            self.dropped_segments += 1
            log.warning("spool full, oldest results dropped", segment=oldest.name)

    def _sync_directory(self) -> None:
        handle = os.open(self._directory, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _records(segment: Path, start: int) -> Iterator[tuple[bytes, int]]:
    """Whole records from `start` on, each with the offset behind it; stops where the file does not make sense."""
    with segment.open("rb") as file:
        file.seek(start)
        while len(head := file.read(_HEAD.size)) == _HEAD.size:
            length, checksum = _HEAD.unpack(head)
            body = file.read(length)
            if len(body) != length or zlib.crc32(body) != checksum:
                return
            yield body, file.tell()


def _ends_well(segment: Path) -> bool:
    return max((after for _body, after in _records(segment, 0)), default=0) == segment.stat().st_size


def _decode(body: bytes) -> list[Report]:
    try:
        return [Report.from_data(data) for data in json.loads(zlib.decompress(body))]
    except (ValueError, KeyError, TypeError, zlib.error):
        log.warning("spool: a batch of another version was left out")
        return []
