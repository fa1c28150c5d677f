"""taxops demo load and people, as somebody types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from accounts import service as accounts
from accounts.models import UnitLevel
from app import migrate
from app.demo.cli import demo
from core.db import make_engine, transaction


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TAXOPS_HOME", str(tmp_path))
    return tmp_path


def test_loading_prints_what_was_added_and_people_prints_who_can_sign_in(home: Path) -> None:
    run = CliRunner().invoke
    empty = run(demo, ["people"])
    assert empty.exit_code == 1
    assert "taxops demo load" in empty.stderr
    loaded = run(demo, ["load", "--scale", "small", "--tickets", "60", "--json"])
    assert loaded.exit_code == 0, loaded.output
    added = json.loads(loaded.stdout)["added"]
    assert added["tickets"] == 60
    assert added["articles"] >= 40
    again = run(demo, ["load", "--scale", "small", "--tickets", "60"])
    assert "nothing was missing" in again.stdout
    shown = json.loads(run(demo, ["people", "--json"]).stdout)
    assert {"role", "login", "password", "unit"} <= set(shown[0])
    assert len({row["password"] for row in shown}) == len(shown)
    assert json.loads(run(demo, ["people", "--json"]).stdout) == shown


def test_somebodys_data_is_refused_unless_forced(home: Path) -> None:
    run = CliRunner().invoke
    engine = make_engine(f"sqlite:///{home / 'taxops.db'}")
    migrate.upgrade(engine)
    with transaction(engine) as session:
        accounts.create_unit(session, code="44", name="别的省局", level=UnitLevel.PROVINCE)
    refused = run(demo, ["load", "--scale", "small"])
    assert refused.exit_code != 0
    assert "44" in str(refused.exception)
    assert run(demo, ["load", "--scale", "small", "--force"]).exit_code == 0
