"""taxops backup and taxops restore."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

import config
from app import rooms
from app.backup import restore as way_back
from app.backup import take as copying
from app.backup.archive import BackupError
from app.backup.progress import Progress
from core import clock
from core.db import make_engine

_MIB = 1 << 20


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--without-key", is_flag=True, help="leave secret.key out; keep it somewhere else")
@click.option("--force", is_flag=True, help="replace FILE if it is there")
@click.option("--json", "as_json", is_flag=True)
def backup(file: Path, without_key: bool, force: bool, as_json: bool) -> None:
    """Copy database, samples, attachments, key and settings of one instant into FILE, while the program runs.

    FILE is readable by you alone, and holds everything: keep it as safe as the system itself.
    """
    settings, target = config.load(), file.expanduser().resolve()
    if target.exists() and not force:
        raise BackupError(f"{target} is there already: choose another name, or --force to replace it")
    rooms.import_models()
    engine = make_engine(settings.database_url)
    try:
        made = copying.take(
            settings, engine, target, with_key=not without_key, progress=Progress(quiet=as_json), now=clock.now()
        )
    finally:
        engine.dispose()
    size, rows = target.stat().st_size, sum(made.tables.values())
    if as_json:
        found = {"file": str(target), "bytes": size, "rows": rows, "files": len(made.members), "revision": made.revision,
                 "database": made.database, "made_at": made.made_at, "missing_attachments": made.missing_attachments,
                 "notes": made.notes}  # fmt: skip
        click.echo(json.dumps(found))
        return
    click.echo(f"{target}: {size / _MIB:.1f} MiB, {rows} rows and {len(made.members)} files of {made.made_at}")
    for note in made.notes:
        click.echo(f"taxops: {note}", err=True)
    if made.missing_attachments:
        click.echo(
            f"taxops: {len(made.missing_attachments)} attachments are missing or damaged on the disk and are not in it",
            err=True,
        )


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--json", "as_json", is_flag=True)
def restore(file: Path, as_json: bool) -> None:
    """Put a backup into an empty TAXOPS_HOME (on PostgreSQL also an empty database), check it, and index it.

    A backup of an older release is upgraded on the way. Nothing that is there is overwritten.
    """
    found = way_back.restore(config.load(), file.expanduser().resolve(), progress=Progress(quiet=as_json))
    if as_json:
        click.echo(json.dumps(asdict(found)))
        return
    click.echo(
        f"restored the state of {found.made_at}: {found.rows} rows, {found.attachments} attachments, {found.documents} documents indexed"
    )
    for remark in found.remarks:
        click.echo(f"taxops: {remark}", err=True)
