"""What every test gets: real servers, this machine only, logs of the servers beside a failure."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import base, loopback

_FIXTURES = Path(__file__).with_name("fixtures")
pytest_plugins = [
    "tests.servers.fixtures",
    *(f"tests.fixtures.{file.stem}" for file in sorted(_FIXTURES.glob("*.py")) if not file.stem.startswith("_")),
]

loopback.forbid_other_machines()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest begin first (after the shuffling), so that no worker is left alone with one of them at the end."""
    items.sort(
        key=lambda item: ("chaos" not in item.keywords, "slow" not in item.keywords, "browser" not in item.keywords)
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Show the end of each running server's log with a failed test."""
    report = yield
    if report.failed:
        for server in base.RUNNING:
            report.sections.append((f"{server.name} on port {server.port} ({server.log_path})", server.log_tail(25)))
    return report
