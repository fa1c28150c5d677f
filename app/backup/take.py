"""Taking a backup while the program runs."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from pathlib import Path

import sqlalchemy as sa

from app.backup import archive, databases, samples
from app.backup.archive import BackupError, Manifest, Member
from app.backup.progress import Progress
from config import Settings
from servicedesk.attachments.store import FileStore


def take(
    settings: Settings, engine: sa.Engine, target: Path, *, with_key: bool, progress: Progress, now: dt.datetime
) -> Manifest:
    """Write a backup to `target` and return what it holds.

    The database is copied first: a file that it names was on the disk before, so each one is there to be copied.
    Raises BackupError (no room, no database, a client program missing), OSError for the disk's own refusals.
    """
    copy = databases.of(engine)
    _room_for(copy, settings, target.parent)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as made:
        folder = Path(made)
        staged = list(_kept(settings, folder, (archive.ANCHOR,)))  # before the database, which then is as far at least
        with progress.stage("database") as told:
            found = copy.save(folder / archive.DATABASE, told.of)
        staged.append(archive.described(folder / archive.DATABASE, archive.DATABASE))
        notes = []
        with progress.stage("samples") as told:
            if (why := samples.save(settings, folder / archive.SAMPLES)) is None:
                staged.append(archive.described(folder / archive.SAMPLES, archive.SAMPLES))
            else:
                notes.append(why)
            told.of(1, 1)
        staged += _kept(settings, folder, (archive.KEY, archive.SETTINGS) if with_key else (archive.SETTINGS,))
        store = FileStore(settings.path(archive.ATTACHMENTS))
        files, missing = _attachments(store, found.attachments)
        manifest = Manifest(
            program=version("taxops"), revision=found.revision, database=copy.kind, made_at=now.isoformat(),
            key_hint=key_hint(settings.secret_key), tables=found.tables, members=[*staged, *files],
            missing_attachments=missing, notes=notes,
        )  # fmt: skip

        def where(member: Member) -> Path:
            return folder / member.name if member in staged else store.path(member.sha256)

        with progress.stage("archive", total=sum(each.size for each in manifest.members)) as told:
            archive.write(target, manifest, where, told.more)
    return manifest


def _kept(settings: Settings, folder: Path, names: Iterable[str]) -> Iterator[Member]:
    """Small files of the home, as they are now."""
    for name in names:
        if (source := settings.path(name)).exists():
            shutil.copyfile(source, folder / name)
            yield archive.described(folder / name, name)


def _room_for(copy: databases.DatabaseCopy, settings: Settings, folder: Path) -> None:
    """Better now than after ten minutes: the copy and its archive lie beside each other for a while."""
    if not folder.is_dir():
        raise BackupError(f"{folder} is no folder: make it first")
    files = settings.path(archive.ATTACHMENTS)
    needed = 2 * copy.size() + sum(file.stat().st_size for file in files.rglob("*") if file.is_file())
    if (free := shutil.disk_usage(folder).free) < needed:
        raise BackupError(
            f"{folder} has {free >> 20} MiB free, up to {needed >> 20} MiB are needed: choose another place"
        )


def _attachments(store: FileStore, hashes: list[str]) -> tuple[list[Member], list[str]]:
    """Members of what is there and whole; what is not is named, and the rest is still worth keeping."""
    members, missing = [], []
    for digest in hashes:
        path = store.path(digest)
        if path.exists() and archive.sha256_of(path) == digest:
            members.append(Member(f"{archive.ATTACHMENTS}/{digest[:2]}/{digest}", path.stat().st_size, digest))
        else:
            missing.append(digest)
    return members, missing


def key_hint(secret: str) -> str:
    """Tells two secret keys apart without telling either."""
    return hmac.new(secret.encode(), b"taxops backup", hashlib.sha256).hexdigest()[:16]
