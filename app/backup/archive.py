"""The file a backup is: a compressed tar whose first member says what follows, with size and SHA-256 of each.

manifest.json             see Manifest
database                  SQLite: the database file; PostgreSQL: an archive of pg_dump
samples.duckdb            where this installation keeps samples itself
audit-anchor.json         how far the audit chain was sealed before the database was copied
secret.key, taxops.toml   where they lie in TAXOPS_HOME
attachments/ab/abcd…      each attachment, named by its SHA-256
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, Self

from accounts.audit import anchor
from core.errors import TaxopsError

FORMAT = 1
MANIFEST = "manifest.json"
DATABASE = "database"
SAMPLES = "samples.duckdb"
KEY = "secret.key"
SETTINGS = "taxops.toml"
ANCHOR = anchor.NAME
ATTACHMENTS = "attachments"
_CHUNK = 1 << 20
_LEAST_COMPRESSION = 1  # three times as fast as the default, for a tenth more bytes


class BackupError(TaxopsError):
    """The copy can't be taken or can't be trusted; nothing was left behind."""


@dataclass(frozen=True)
class Member:
    """One file of the backup; `size` in bytes."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What a backup holds. `tables`: rows of each table at the instant of the copy; `key_hint` tells secret keys apart."""

    program: str
    revision: str
    database: str  # sqlite | postgresql
    made_at: str
    key_hint: str
    tables: dict[str, int]
    members: list[Member]
    missing_attachments: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    format: int = FORMAT

    @classmethod
    def read(cls, text: bytes) -> Self:
        """Raises BackupError for what is no manifest, or of a format this program does not know."""
        try:
            given: dict[str, Any] = json.loads(text)
            if given["format"] != FORMAT:
                raise BackupError(
                    f"the backup has format {given['format']}, this program reads {FORMAT}: use the newer program"
                )
            members = [Member(**each) for each in given.pop("members")]
            return cls(**given, members=members)
        except (ValueError, KeyError, TypeError) as error:
            raise BackupError(
                f"{MANIFEST} of the backup can't be read ({type(error).__name__}): it is no backup of taxops"
            ) from error

    def dump(self) -> bytes:
        """As the archive holds it."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1).encode()

    def member(self, name: str) -> Member | None:
        """The member of that name, if there is one."""
        return next((each for each in self.members if each.name == name), None)


def sha256_of(path: Path) -> str:
    """Of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def described(path: Path, name: str) -> Member:
    """A file as a member of the archive."""
    return Member(name, path.stat().st_size, sha256_of(path))


def write(target: Path, manifest: Manifest, where: Callable[[Member], Path], told: Callable[[int], None]) -> None:
    """Write the archive beside `target` and put it there when it is whole and on the disk.

    `where` names the file of a member, `told` hears the bytes done. Raises BackupError where a file changed meanwhile.
    """
    partial = target.with_name(f".{target.name}.partial")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            with tarfile.open(fileobj=file, mode="w:gz", compresslevel=_LEAST_COMPRESSION) as tar:
                _add(tar, MANIFEST, io.BytesIO(manifest.dump()), len(manifest.dump()))
                for member in manifest.members:
                    with where(member).open("rb") as content:
                        _add(tar, member.name, content, member.size)
                    told(member.size)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(target)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    sync_folder(target.parent)


def _add(tar: tarfile.TarFile, name: str, content: IO[bytes], size: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, 0o600
    tar.addfile(entry, content)


@contextlib.contextmanager
def opened(path: Path) -> Iterator[tuple[Manifest, tarfile.TarFile]]:
    """The manifest, and the archive standing behind it.

    Raises BackupError for what is no backup, or was cut off.
    """
    try:
        with tarfile.open(path, mode="r|gz") as tar:
            first = tar.next()
            content = tar.extractfile(first) if first is not None and first.name == MANIFEST else None
            if content is None:
                raise BackupError(f"{path} is no backup of taxops: it does not begin with {MANIFEST}")
            yield Manifest.read(content.read()), tar
    except (tarfile.TarError, EOFError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk's own words are better than ours
        raise BackupError(f"{path} is damaged or was cut off ({error}): use another copy") from error


def unpack(manifest: Manifest, tar: tarfile.TarFile, folder: Path, told: Callable[[int], None]) -> None:
    """Write every member below `folder`, each one held against the manifest. Raises BackupError at the first that differs."""
    waiting = {member.name: member for member in manifest.members}
    while (entry := tar.next()) is not None:  # iterating would begin with the manifest again
        member = waiting.pop(entry.name, None)
        content = tar.extractfile(entry) if entry.isfile() else None
        if member is None or content is None:
            raise BackupError(
                f"the backup holds {entry.name!r}, which its manifest does not name: it was tampered with"
            )
        _unpack_one(member, content, folder)
        told(member.size)
    if waiting:
        raise BackupError(
            f"the backup lacks {len(waiting)} of {len(manifest.members)} files, first {min(waiting)!r}: it was cut off"
        )


def _unpack_one(member: Member, content: IO[bytes], folder: Path) -> None:
    target = (folder / member.name).resolve()
    if not target.is_relative_to(folder.resolve()):
        raise BackupError(f"the backup holds {member.name!r}, a path outside of it: it was tampered with")
    target.parent.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with target.open("xb") as file:
        while chunk := content.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    if (size, digest.hexdigest()) != (member.size, member.sha256):
        raise BackupError(f"{member.name} in the backup is not what was put into it: use another copy")


def sync_folder(folder: Path) -> None:
    """Put a folder's names on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
