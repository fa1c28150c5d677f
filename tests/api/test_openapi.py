"""The API is what its description says: schemathesis calls every operation with what it makes up from the schemas."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

import config
from accounts.models import Person
from accounts.signin import service as signin
from app import rooms
from app.factory import create_app
from core import clock
from core.db import make_engine, transaction
from web import ratelimit

EXAMPLES = 5
CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)


@pytest.fixture(scope="module")
def api(
    _sqlite_templates: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Flask, str]]:
    """The application on the small province, and a token of the integration account."""
    rooms.subscribe()
    home = tmp_path_factory.mktemp("api")
    shutil.copy(_sqlite_templates("world"), home / "taxops.db")
    url = f"sqlite:///{home / 'taxops.db'}"
    engine = make_engine(url)
    app = create_app(config.load({"TAXOPS_HOME": str(home), "TAXOPS_DATABASE_URL": url}), engine=engine)
    with transaction(engine) as session:
        person = session.query(Person).filter_by(login="integration").one()
        _row, token = signin.create_token(
            session, person=person, name="schemathesis", scopes=[], expires_at=None, now=clock.now()
        )
    ratelimit.reset()
    yield app, token
    engine.dispose()


def _tried(operation: Any, token: str, seen: Counter[int]) -> list[str]:
    """What went wrong with one operation, in words; each kind of complaint once."""
    complaints: dict[str, str] = {}

    @seed(20261123)
    @settings(max_examples=EXAMPLES, deadline=None, database=None, phases=(Phase.explicit, Phase.generate),
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(case=operation.as_strategy())
    def run(case: schemathesis.Case) -> None:
        response = case.call(headers={"Authorization": f"Bearer {token}"})
        seen[response.status_code] += 1
        try:
            case.validate_response(response, checks=list(CHECKS))
        except (FailureGroup, Failure) as failed:
            for found in getattr(failed, "exceptions", [failed]):
                complaints.setdefault(
                    type(found).__name__, f"{operation.label}: {response.status_code}: {str(found)[:400]}"
                )

    run()
    return list(complaints.values())


def test_every_operation_keeps_its_word(api: tuple[Flask, str]) -> None:
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", api[0])
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) > 60
    seen: Counter[int] = Counter()
    complaints = [c for operation in operations for c in _tried(operation, api[1], seen)]
    assert not complaints, "\n\n".join(complaints)
    assert seen[200] > len(operations) // 4, f"most calls should get somewhere: {seen}"
    assert 401 not in seen


def test_description_is_openapi_31(api: tuple[Flask, str]) -> None:
    document = api[0].test_client().get("/api/v1/openapi.json").get_json()
    assert document["openapi"].startswith("3.1")
    assert "/api/v1/tickets" in document["paths"]
    assert "/api/v1/results" in document["paths"]
    page = api[0].test_client().get("/api/docs").get_data(as_text=True)
    for path in document["paths"]:
        assert path.replace("<", "&lt;") in page
