"""The journeys' provinces: loaded once for each database, copied for each module."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.journey.province import Province, Template, make_template, running
from tests.journey.restored import restored
from tests.servers.postgresql import PostgreSQL

DATABASES = ("sqlite", "postgresql")


@pytest.fixture(scope="session")
def templates(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], tuple[Template, PostgreSQL | None]]:
    """The loaded demo of a database, made when first asked for."""
    made: dict[str, tuple[Template, PostgreSQL | None]] = {}

    def template(database: str) -> tuple[Template, PostgreSQL | None]:
        if database not in made:
            cluster = request.getfixturevalue("postgresql") if database == "postgresql" else None
            made[database] = make_template(tmp_path_factory.mktemp(f"journey-{database}"), cluster), cluster
        return made[database]

    return template


@pytest.fixture(scope="module", params=DATABASES)
def province(
    request: pytest.FixtureRequest, templates: Callable[[str], tuple[Template, PostgreSQL | None]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Province]:  # fmt: skip
    """The program with the demo province, on each database; shared by the tests of a module."""
    template, cluster = templates(request.param)
    with running(template, tmp_path_factory.mktemp(f"province-{request.param}"), cluster) as started:
        yield started


@pytest.fixture(scope="module", params=DATABASES)
def restored_province(
    request: pytest.FixtureRequest, templates: Callable[[str], tuple[Template, PostgreSQL | None]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Province]:  # fmt: skip
    """The same, come back from a backup that was taken while people worked in it."""
    template, cluster = templates(request.param)
    copy = restored(template, tmp_path_factory.mktemp(f"backup-{request.param}"), cluster)
    with running(copy, tmp_path_factory.mktemp(f"restored-{request.param}"), cluster) as started:
        yield started
