"""The committed bundle is what its source builds, byte for byte."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.guards import source
from tests.servers.base import require_program


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_the_bundle_is_built_from_its_source(tmp_path: Path) -> None:
    require_program("node")
    npm = require_program("npm")
    frontend = tmp_path / "web" / "frontend"
    shutil.copytree(source.ROOT / "web/frontend", frontend, ignore=shutil.ignore_patterns("node_modules"))
    _run([npm, "ci", "--no-audit", "--no-fund", "--loglevel=error"], frontend)
    _run([require_program("node"), "build.mjs", f"--out={tmp_path / 'built'}"], frontend)
    built = {path.name: path.read_bytes() for path in (tmp_path / "built").iterdir()}
    assert {"app.js", "icons.svg"} <= set(built)
    stale = [name for name, data in built.items() if _committed(name) != data]
    assert stale == [], "run `make bundle` and commit web/static"


def _committed(name: str) -> bytes | None:
    path = source.ROOT / "web/static" / name
    return path.read_bytes() if path.exists() else None


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
