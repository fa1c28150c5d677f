"""The bytes of attachments, one file for each hash: the same file sent twice is kept once."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path


class FileStore:
    """Files below one folder, named by their SHA-256."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, content: bytes) -> str:
        """Keep `content`, on the disk before this returns; its SHA-256 in hex."""
        digest = hashlib.sha256(content).hexdigest()
        target = self.path(digest)
        if not target.exists():
            self._write(target, content)
        # Every name on the way, also of folders made just now or by somebody who died before flushing them.
        for folder in (target.parent, self._folder, self._folder.parent):
            _sync_folder(folder)
        return digest

    @staticmethod
    def _write(target: Path, content: bytes) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=target.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(target)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                Path(temporary).unlink()
            raise

    def path(self, digest: str) -> Path:
        """Where a file of this hash lies. Raises ValueError for what is no SHA-256."""
        if len(digest) != 64 or not set(digest) <= set("0123456789abcdef"):  # noqa: PLR2004  hex digits of SHA-256
            raise ValueError("not a SHA-256")
        return self._folder / digest[:2] / digest


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
