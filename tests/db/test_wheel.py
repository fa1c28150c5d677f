"""The wheel runs outside the checkout, with everything a page needs inside it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from tests.guards import source
from tests.servers.base import SERVER_PATH

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of the project's files, so that nothing left over from another build gets in."""
    folder = tmp_path_factory.mktemp("wheel")
    for path in source.files():
        target = folder / "source" / path.relative_to(source.ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    done = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--wheel-dir", str(folder), str(folder / "source")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def program(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`taxops` from the wheel in an environment of its own, which sees this one's libraries but not the checkout."""
    folder = tmp_path_factory.mktemp("installed")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = folder / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", str(wheel)], check=True)
    (site,) = (folder / "lib").glob("python3.*/site-packages")
    (site / "libraries").mkdir()
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if "taxops" not in entry.name.lower() and entry.suffix != ".pth":
            (site / "libraries" / entry.name).symlink_to(entry)
    (site / "libraries.pth").write_text(f"{site / 'libraries'}\n")
    return folder / "bin" / "taxops"


def run(program: Path, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": SERVER_PATH, "LANG": "C.UTF-8", "HOME": str(home), "TAXOPS_HOME": str(home / "state")}
    return subprocess.run([str(program), *arguments], env=environment, cwd=home, capture_output=True, text=True,
                          timeout=120, check=False, stdin=subprocess.DEVNULL)  # fmt: skip


def test_the_wheel_holds_every_file_of_the_product(wheel: Path) -> None:
    inside = set(zipfile.ZipFile(wheel).namelist())
    product = [
        source.name(path)
        for path in source.files()
        if path.relative_to(source.ROOT).parts[0] in {*source.rooms(), "migrations"}
        and path.relative_to(source.ROOT).parts[:2] != ("web", "frontend")
        and path.suffix not in {".md", ".pot"}
        and not path.name.startswith(".")
    ]
    assert [name for name in product if name not in inside] == []


def test_the_wheel_holds_nothing_else(wheel: Path) -> None:
    inside = zipfile.ZipFile(wheel).namelist()
    foreign = [name for name in inside if name.split("/")[0] in {"tests", "bench", "lab", "docs", "deploy", "tools"}]
    assert foreign + [name for name in inside if "node_modules" in name or "frontend" in name] == []


def test_the_installed_program_runs_outside_the_checkout(program: Path, tmp_path: Path) -> None:
    where = subprocess.run([program.with_name("python"), "-c", "import app; print(app.__file__)"], cwd=tmp_path,
                           capture_output=True, text=True, check=True)  # fmt: skip
    assert str(source.ROOT) + os.sep not in where.stdout
    assert "run" in run(program, tmp_path, "--help").stdout
    assert run(program, tmp_path, "--version").stdout.strip().endswith(source.project()["project"]["version"])


def test_the_installed_program_makes_its_database(program: Path, tmp_path: Path) -> None:
    first = run(program, tmp_path, "init")
    assert first.returncode == 0, first.stderr
    assert (tmp_path / "state" / "taxops.db").exists()
    again = run(program, tmp_path, "init")
    assert again.returncode == 0, again.stderr
