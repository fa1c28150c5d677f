"""How many statements each page and list costs: never more than the checked-in baseline, never more for more rows.

To accept a change on purpose: `TAXOPS_SQL_COUNTS=write .venv/bin/pytest tests/guards/test_sql_counts.py`, and say why in
the commit that changes sql_counts.json.
"""

from __future__ import annotations

import datetime as dt
import json
import os
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

import config
from accounts.models import Person, Unit
from accounts.scope import forget_viewers
from app import rooms
from app.demo.cast import cast
from app.demo.load import load
from app.factory import create_app
from core import clock
from core.db import make_engine, reading
from tests.fixtures import database
from tests.fixtures.world import World
from tests.guards.test_endpoints import rules

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

BASELINE = Path(__file__).with_name("sql_counts.json")
ROLES = (
    "county-clerk", "county-engineer", "province-engineer", "leader", "vendor", "wall",
    "security-admin", "audit-admin", "system-admin",
)  # fmt: skip
FEW, MANY = 60, 600
#: The demo's matters are dated from now: at another hour another part of a page is empty and looks up no names.
AT = dt.datetime(2026, 11, 23, 7, 30, tzinfo=dt.UTC)
SECTIONS = 4  # a page's parts that are empty with few matters, each of which looks up names once when it is not
#: What streams, or reads the machine instead of the database.
NOT_COUNTED = {
    "/live",
    "/healthz",
    "/readyz",
    "/metrics",
    "/login",
    "/login/factor",
    "/login/enrol",
    "/login/password",
    "/vendor/login",
}


def province(folder: Path, tickets: int) -> World:
    """The small demo province with this many matters, and one session for each role."""
    rooms.subscribe()  # as the program does, whatever test ran before
    settings = config.load({"TAXOPS_HOME": str(folder)})
    database.prepare(settings.database_url)
    engine = make_engine(settings.database_url)
    load(engine, secret=settings.secret_key, now=clock.now(), scale="small", tickets=tickets)
    app = create_app(settings, engine=engine)
    app.config["TESTING"] = False
    with reading(engine) as session:
        people = {login: i for i, login in session.execute(sa.select(Person.id, Person.login))}
        units = {code: i for i, code in session.execute(sa.select(Unit.id, Unit.code))}
    return World(app, engine, units, {}, people)


def counts(world: World) -> dict[str, int]:
    """role + path → statements, of every page and list without an object in its address that the role may open."""
    seen: list[str] = []
    sa.event.listen(world.engine, "before_cursor_execute", lambda _c, _cur, statement, *_rest: seen.append(statement))
    found: dict[str, int] = {}
    paths = sorted(rule.rule for rule in rules(world.app, writing=False) if not rule.arguments)
    for role, login in ((each.part or "", each.login) for each in cast()):
        if role not in ROLES:
            continue
        forget_viewers()
        browser, api = world.client(login), world.api(login)
        for path in paths:
            if path in NOT_COUNTED:
                continue
            client = api if path.startswith("/api/") else browser
            client.get(path).close()  # what is kept between requests is kept now
            seen.clear()
            with closing(client.get(path)) as answer:
                if answer.status_code == 200:
                    found[f"{role} {path}"] = len(seen)
    return found


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, int], dict[str, int]]:
    made = []
    with clock.frozen(AT):
        for tickets in (FEW, MANY):
            world = province(tmp_path_factory.mktemp(f"province-{tickets}"), tickets)
            made.append(counts(world))
            world.engine.dispose()
            forget_viewers()
    return made[0], made[1]


def test_no_page_costs_more_statements_than_its_baseline(counted: tuple[dict[str, int], dict[str, int]]) -> None:
    _few, many = counted
    if os.environ.get("TAXOPS_SQL_COUNTS") == "write":
        BASELINE.write_text(json.dumps(many, indent=1, sort_keys=True) + "\n", "utf-8")
    baseline = json.loads(BASELINE.read_text("utf-8"))
    assert set(many) == set(baseline), "pages came or went: write the baseline anew"
    more = {page: f"{baseline[page]} → {count}" for page, count in many.items() if count > baseline[page]}
    assert not more


def test_no_page_costs_more_statements_for_more_rows(counted: tuple[dict[str, int], dict[str, int]]) -> None:
    few, many = counted
    growing = {page: f"{few[page]} → {many[page]}" for page in many if many[page] > few.get(page, 0) + SECTIONS}
    assert not growing
