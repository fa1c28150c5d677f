"""Every operation as every role, with what schemathesis makes up and with the county's real numbers in the addresses.

Nobody gets an accident of the program, every answer is as described, and to strangers nothing shows what is the county's.
`make fuzz` tries many more of each.
"""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

import config
from app import rooms
from app.factory import create_app
from core.db import make_engine
from tests.fixtures.profile import TRIES
from tests.fixtures.world import COMPILED, as_world
from tests.guards.estate import MARK, NOBODYS, Estate, key_of
from web import ratelimit

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900 if not TRIES else 0),
    # schemathesis calls the application in this process and leaves the file of a downloaded attachment to the collector
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

EXAMPLES = max(1, TRIES // 100)
CHECKS = (not_a_server_error, status_code_conformance, response_schema_conformance)
#: Strangers to the county first: those who may change things come after them.
STRANGERS = ("zz-clerk", "zz-engineer", "v1-engineer", "sec-admin")
OTHERS = ("aud-admin", "sys-admin", "reviewer", "leader", "lt-clerk", "p-head")
PARAMETER = re.compile(r"\{(\w+)\}")


@pytest.fixture(scope="module")
def estate(_sqlite_templates: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    """The small province with everything the county has."""
    rooms.subscribe()
    home = tmp_path_factory.mktemp("roles")
    shutil.copy(_sqlite_templates("world"), home / "taxops.db")
    url = f"sqlite:///{home / 'taxops.db'}"
    engine = make_engine(url)
    app = create_app(config.load({"TAXOPS_HOME": str(home), "TAXOPS_DATABASE_URL": url}), engine=engine)
    app.jinja_env.bytecode_cache = COMPILED
    yield Estate(as_world(engine, app))
    engine.dispose()


def real_numbers(estate: Estate, path: str) -> dict[str, Any]:
    """The county's own objects, for the parameters of a path that name any."""
    found: dict[str, Any] = {}
    for name in PARAMETER.findall(path):
        if name == "action" or NOBODYS.search(path.replace("{", "<").replace("}", ">")):
            continue
        try:
            found[name] = estate.owned[key_of(path, name)].real
        except KeyError:
            continue
    return found


def tried(operation: Any, token: str, real: dict[str, Any], seen: Counter[int], *, stranger: bool) -> list[str]:
    """What went wrong with one operation, in words; each kind of complaint once."""
    complaints: dict[str, str] = {}

    @seed(20261127)
    @settings(max_examples=EXAMPLES, deadline=None, database=None, phases=(Phase.generate,),
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(case=operation.as_strategy())
    def run(case: schemathesis.Case) -> None:
        case.path_parameters = {**(case.path_parameters or {}), **real}
        response = case.call(headers={"Authorization": f"Bearer {token}"})
        seen[response.status_code] += 1
        if stranger and MARK in response.text:
            complaints["leak"] = f"{operation.label}: {response.status_code} shows what is the county's"
        try:
            case.validate_response(response, checks=list(CHECKS))
        except (FailureGroup, Failure) as failed:
            for found in getattr(failed, "exceptions", [failed]):
                complaints.setdefault(
                    type(found).__name__, f"{operation.label}: {response.status_code}: {str(found)[:400]}"
                )

    run()
    return list(complaints.values())


def test_no_role_meets_an_accident_and_no_stranger_learns_of_the_county(estate: Estate) -> None:
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", estate.world.app)
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) > 100
    complaints: list[str] = []
    for login in (*STRANGERS, *OTHERS):
        token, seen = estate.world.api(login).token, Counter[int]()
        for operation in operations:
            ratelimit.reset()
            real = real_numbers(estate, operation.path)
            found = tried(operation, token, real, seen, stranger=login in STRANGERS)
            complaints += [f"as {login}: {each}" for each in found]
        assert seen[404] + seen[200] + seen[422] > len(operations) // 3, (login, seen)
        assert 401 not in seen, login
    assert not complaints, "\n\n".join(complaints)
