"""The way back: a backup into an empty home, whole or not at all."""

from __future__ import annotations

import shutil
import stat
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa

from app import migrate, rooms, shipped
from app.backup import archive, databases
from app.backup.archive import BackupError, Manifest
from app.backup.progress import Progress
from app.backup.take import key_hint
from config import Settings
from core import clock
from core.db import make_engine, reading, transaction
from core.db.base import Base
from core.schedule.models import Lease
from kb.search import index
from kb.search.current import open_engine
from kb.search.registry import sources

MARKER = ".restoring"
_STATE = (archive.SAMPLES, archive.ATTACHMENTS, archive.ANCHOR, "search")


@dataclass(frozen=True)
class Restored:
    """What came back. `attachments` were each held against their hash; `remarks` is what a person must know."""

    made_at: str
    revision: str
    rows: int
    attachments: int
    documents: int
    remarks: list[str] = field(default_factory=list)


def restore(settings: Settings, source: Path, *, progress: Progress) -> Restored:
    """Put the backup `source` into the empty home and database of `settings`, and index it.

    Everything is unpacked and checked before anything is put in place. Raises BackupError: the home or the database is
    not empty, another kind of database, a newer revision, a damaged file; OSError for the disk's own refusals.
    """
    rooms.subscribe()
    engine = make_engine(settings.database_url)
    try:
        _tidy(settings, engine)
        with (
            tempfile.TemporaryDirectory(prefix=".restore.", dir=settings.home) as made,
            archive.opened(source) as (manifest, tar),
        ):
            _fits(manifest, databases.of(engine))
            with progress.stage("unpack", total=sum(member.size for member in manifest.members)) as told:
                archive.unpack(manifest, tar, Path(made), told.more)
            with progress.stage("database") as told:
                _put_in_place(settings, engine, Path(made), manifest)
                told.of(1, 1)
        with progress.stage("upgrade"):
            _counted(engine, manifest)
            migrate.upgrade(engine)
            with transaction(engine) as session:
                session.execute(sa.delete(Lease))  # held by processes of the place it was copied from
                shipped.install(session, now=clock.now())
        with progress.stage("index"):
            documents = _indexed(settings, engine)
    finally:
        engine.dispose()
    return Restored(
        manifest.made_at, manifest.revision, sum(manifest.tables.values()),
        sum(member.name.startswith(f"{archive.ATTACHMENTS}/") for member in manifest.members), documents,
        list(_remarks(settings, manifest)),
    )  # fmt: skip


def _tidy(settings: Settings, engine: sa.Engine) -> None:
    """Nothing is overwritten, but what an interrupted restore left half done goes."""
    if settings.path(MARKER).exists() and databases.of(engine).is_empty():
        for name in _STATE:
            path = settings.path(name)
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    for leftover in settings.home.glob(".restore.*"):
        shutil.rmtree(leftover)
    there = [name for name in _STATE if settings.path(name).exists()]
    if not databases.of(engine).is_empty():
        there.insert(0, "a database")
    if there:
        raise BackupError(
            f"{settings.home} is not empty, it holds {', '.join(there)}: set TAXOPS_HOME (and TAXOPS_DATABASE_URL) to an empty place"
        )


def _fits(manifest: Manifest, copy: databases.DatabaseCopy) -> None:
    if manifest.database != copy.kind:
        raise BackupError(
            f"the backup is of {manifest.database}, TAXOPS_DATABASE_URL is of {copy.kind}: set it to an empty {manifest.database} database"
        )
    if manifest.revision > migrate.head():
        raise BackupError(
            f"the backup is of revision {manifest.revision}, this program (…{migrate.head()}) is older: use release {manifest.program} or newer"
        )


def _put_in_place(settings: Settings, engine: sa.Engine, folder: Path, manifest: Manifest) -> None:
    """Files first, the database last: a home with a database is a whole one."""
    settings.path(MARKER).touch()
    for name in (archive.SAMPLES, archive.ATTACHMENTS, archive.ANCHOR):
        if (folder / name).exists():
            (folder / name).rename(settings.path(name))
    if manifest.member(archive.KEY) is not None and settings.path(archive.KEY).exists():
        (folder / archive.KEY).chmod(stat.S_IRUSR | stat.S_IWUSR)
        (folder / archive.KEY).replace(settings.path(archive.KEY))
    if manifest.member(archive.SETTINGS) is not None:
        (folder / archive.SETTINGS).chmod(stat.S_IRUSR | stat.S_IWUSR)
        (folder / archive.SETTINGS).replace(settings.path(f"{archive.SETTINGS}.from-backup"))
    archive.sync_folder(settings.home)
    databases.of(engine).load(folder / archive.DATABASE)
    archive.sync_folder(settings.home)
    settings.path(MARKER).unlink()


def _counted(engine: sa.Engine, manifest: Manifest) -> None:
    """As many rows as were copied. Raises BackupError, which would be a fault of the copying itself."""
    with engine.connect() as connection:
        for name, rows in manifest.tables.items():
            if name in Base.metadata.tables:
                found = connection.scalar(sa.select(sa.func.count()).select_from(Base.metadata.tables[name]))
                if found != rows:
                    raise BackupError(
                        f"table {name} has {found} rows, the backup was made with {rows}: use another copy"
                    )


def _indexed(settings: Settings, engine: sa.Engine) -> int:
    search = open_engine(settings)
    try:
        with reading(engine):
            return index.rebuild(engine, search, sources)
    finally:
        search.close()


def _remarks(settings: Settings, manifest: Manifest) -> list[str]:
    found = [*manifest.notes]
    if manifest.missing_attachments:
        found.append(
            f"{len(manifest.missing_attachments)} attachments were already missing or damaged when the backup was made"
        )
    key = settings.path(archive.KEY)
    now_in_use = key.read_text("ascii").strip() if key.exists() else settings.secret_key
    if key_hint(now_in_use) != manifest.key_hint:
        found.append(
            "the secret key is another one than the backup's: people sign in anew, and what is encrypted with it must be "
            "entered again"
        )
    if manifest.member(archive.SETTINGS) is not None:
        found.append(f"the settings file is kept as {archive.SETTINGS}.from-backup: look through it before you use it")
    return found
