"""What a backup or a restore refuses, in words, leaving nothing half done."""

from __future__ import annotations

import gzip
import io
import json
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

import config
from app.backup import restore as way_back
from app.backup import take as copying
from app.backup.archive import BackupError, Manifest
from app.backup.progress import Progress
from config import Settings
from core import clock
from core.db import make_engine
from tests.fixtures import database
from tests.servers.taxops import TaxopsServer

pytestmark = [pytest.mark.timeout(240)]
QUIET = Progress(quiet=True)


def home(folder: Path, url: str = "") -> Settings:
    """The settings of a home of one's own."""
    return config.load({"TAXOPS_HOME": str(folder)} | ({"TAXOPS_DATABASE_URL": url} if url else {}))


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home with a database in it; nothing runs."""
    settings = home(tmp_path_factory.mktemp("source") / "state")
    database.prepare(settings.database_url)
    return settings


def take(settings: Settings, file: Path, *, with_key: bool = True) -> Manifest:
    engine = make_engine(settings.database_url)
    try:
        return copying.take(settings, engine, file, with_key=with_key, progress=QUIET, now=clock.now())
    finally:
        engine.dispose()


def restore(settings: Settings, file: Path) -> way_back.Restored:
    return way_back.restore(settings, file, progress=QUIET)


@pytest.fixture(scope="module")
def whole(source: Settings) -> Path:
    """A backup of it."""
    file = source.home.parent / "whole.tar.gz"
    take(source, file)
    return file


@pytest.fixture
def other(tmp_path: Path) -> Settings:
    """An empty home."""
    return home(tmp_path / "other")


def left(settings: Settings) -> set[str]:
    """What a refused restore left in the home."""
    return {path.name for path in settings.home.iterdir()}


def test_the_commands_say_it_in_one_line_and_replace_nothing(tmp_path: Path) -> None:
    server, file = TaxopsServer(tmp_path), tmp_path / "whole.tar.gz"
    refused = server.run("backup", str(file), check=False)
    assert (refused.returncode, refused.stderr.count("taxops: ")) == (2, 1)
    assert "does not exist" in refused.stderr
    assert not file.exists()
    server.run("init")
    assert server.run_json("backup", str(file))["rows"] > 50
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "--force" in server.run("backup", str(file), check=False).stderr
    server.run("backup", str(file), "--force")
    assert [path.name for path in tmp_path.iterdir() if "whole" in path.name] == [file.name], (
        "nothing is left beside it"
    )
    refused = server.run("restore", str(file), check=False)
    assert (refused.returncode, "not empty" in refused.stderr) == (2, True)


def test_the_key_can_be_left_out_and_the_restore_says_what_that_means(
    source: Settings, other: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "keyless.tar.gz"
    take(source, file, with_key=False)
    with tarfile.open(file) as tar:
        assert "secret.key" not in tar.getnames()
    assert "secret key is another one" in " ".join(restore(other, file).remarks)


def test_a_folder_that_is_not_there_is_named(source: Settings) -> None:
    with pytest.raises(BackupError, match="no folder"):
        take(source, source.home / "nowhere" / "b.tar.gz")


def test_a_home_with_something_in_it_is_never_overwritten(source: Settings, whole: Path) -> None:
    before = source.path("taxops.db").read_bytes()
    with pytest.raises(BackupError, match="not empty"):
        restore(source, whole)
    assert source.path("taxops.db").read_bytes() == before


def test_another_kind_of_database_is_refused(whole: Path, tmp_path: Path, postgresql_url: str) -> None:
    with pytest.raises(BackupError, match="the backup is of sqlite"):
        restore(home(tmp_path / "pg", postgresql_url), whole)


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def flipped(data: bytes) -> bytes:
    """One byte of the database's first page is another one; the archive itself stays readable."""
    return rebuilt(
        data,
        lambda name, content: (
            content[:200] + bytes([content[200] ^ 1]) + content[201:] if name == "database" else content
        ),
    )


def with_a_stranger(data: bytes) -> bytes:
    return rebuilt(data, lambda _name, content: content, extra=("../../outside", b"x"))


def of_tomorrow(data: bytes) -> bytes:
    def newer(name: str, content: bytes) -> bytes:
        return json.dumps(json.loads(content) | {"revision": "9999"}).encode() if name == "manifest.json" else content

    return rebuilt(data, newer)


def rebuilt(data: bytes, change: Callable[[str, bytes], bytes], extra: tuple[str, bytes] | None = None) -> bytes:
    """The archive again, with its members changed."""
    out = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(data))) as tar, tarfile.open(fileobj=out, mode="w:gz") as new:
        members = [(entry.name, change(entry.name, tar.extractfile(entry).read())) for entry in tar]
        for name, content in [*members, *([extra] if extra else [])]:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            new.addfile(entry, io.BytesIO(content))
    return out.getvalue()


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (cut, "cut off"),
        (flipped, "is not what was put into it"),
        (with_a_stranger, "tampered with"),
        (of_tomorrow, "is older"),
        (lambda _data: b"no archive at all", "use another copy"),
    ],
)
def test_a_damaged_backup_is_refused_whole(
    damage: Callable[[bytes], bytes], words: str, whole: Path, other: Settings, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.tar.gz"
    bad.write_bytes(damage(whole.read_bytes()))
    with pytest.raises(BackupError, match=words):
        restore(other, bad)
    assert left(other) <= {"secret.key"}
    assert not (tmp_path.parent / "outside").exists()
    restore(other, whole)  # the home is as empty as it was


def test_an_interrupted_restore_starts_nothing_and_is_finished_by_another(whole: Path, tmp_path: Path) -> None:
    server = TaxopsServer(tmp_path)
    settings = home(server.state)
    restore(settings, whole)
    settings.path("taxops.db").unlink()
    settings.path(way_back.MARKER).touch()
    done = server.run("run", check=False)
    assert (done.returncode, "interrupted" in done.stderr) == (2, True)
    restore(settings, whole)
    assert not settings.path(way_back.MARKER).exists()
    assert settings.path("taxops.db").exists()
