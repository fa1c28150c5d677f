"""An installation of several processes for the tests of a module: started once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fixtures.database import prepare_world
from tests.servers.installation import Installation
from tests.servers.postgresql import PostgreSQL

Make = Callable[..., Installation]


@pytest.fixture(scope="module")
def make_installation(postgresql: PostgreSQL, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Make]:
    """Makes installations on a database of their own with the small province in it; ends them after the module."""
    made: list[Installation] = []

    def make(**settings: str) -> Installation:
        url = postgresql.create_database(postgresql.ensure_template("taxops_world", prepare_world))
        home: Path = tmp_path_factory.mktemp("installation")
        made.append(Installation(home, url, settings))
        return made[-1]

    yield make
    for installation in made:
        installation.stop()
        postgresql.drop_database(installation.database_url)
