"""A command that fails says why in one line on stderr, and nothing on stdout."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.servers.taxops import PROGRAM


def run(home: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {"TAXOPS_HOME": str(home), "PATH": "/usr/bin:/bin", **settings}
    return subprocess.run([PROGRAM, *arguments], env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("token create --person x --name y", "run `taxops init`"),
        ("admin create x --kind system --password Abc-12345678", "run `taxops init`"),
        ("demo people", "taxops demo load"),
        ("init --nope", "No such option"),
        ("frob", "No such command"),
        ("token create", "Missing option"),
        ("demo load --scale huge", "not one of"),
    ],
)
def test_one_clear_line(tmp_path: Path, command: str, says: str) -> None:
    done = run(tmp_path / "home", *command.split())
    assert done.returncode != 0
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert done.stderr.startswith("taxops: ")
    assert says in done.stderr


@pytest.mark.parametrize(
    "settings",
    [
        {"TAXOPS_DATABASE_URL": "postgresql://x:geheim@127.0.0.1:1/x"},
        {"TAXOPS_HOME": "/proc/nowhere"},
        {"TAXOPS_BIND": "nonsense"},
    ],
)
def test_a_world_that_refuses_is_named_in_one_line(tmp_path: Path, settings: dict[str, str]) -> None:
    done = run(tmp_path / "home", "init", **settings)
    assert done.returncode != 0
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert "geheim" not in done.stderr + done.stdout


def test_init_is_repeatable_and_answers_in_json(tmp_path: Path) -> None:
    first, second = (json.loads(run(tmp_path / "home", "init", "--json").stdout) for _ in range(2))
    assert first["before"] is None
    assert second["before"] == second["after"] == first["after"]
