"""Checks shared out between two pollers: each is run by one of them at a time, and a killed one's are taken over (M-11)."""

from __future__ import annotations

import http.server
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator

import pytest

from accounts.models import Unit
from cmdb import service as cmdb
from core import clock
from core.db import make_engine, transaction
from core.schedule.shares import share_of
from monitor.checks import service as checks
from tests.fixtures.world import as_world
from tests.servers.base import HOST, wait_until
from tests.servers.installation import Installation
from tests.servers.taxops import TaxopsServer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
CHECKS = 12
TAKEN_OVER_WITHIN_S = 60
SLOW_S = 0.2


class Target:
    """An HTTP server that remembers who was asked when, and whether two asked the same at once."""

    def __init__(self) -> None:
        self.asked: dict[str, list[float]] = defaultdict(list)
        self.twice: list[str] = []
        self._inside: set[str] = set()
        self._lock = threading.Lock()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                with outer._lock:
                    if self.path in outer._inside:
                        outer.twice.append(self.path)
                    outer._inside.add(self.path)
                    outer.asked[self.path].append(time.monotonic())
                time.sleep(SLOW_S)
                with outer._lock:
                    outer._inside.discard(self.path)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer((HOST, 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.server.server_port}"

    def since(self, moment: float) -> set[str]:
        with self._lock:
            return {path for path, times in self.asked.items() if any(at > moment for at in times)}


@pytest.fixture
def target() -> Iterator[Target]:
    """A target that is closed again."""
    made = Target()
    yield made
    made.server.shutdown()
    made.server.server_close()


def watched(installation: Installation, target: Target) -> set[str]:
    """Some checks of the target, of all shares; returns the paths they ask for."""
    engine = make_engine(installation.database_url)
    world = as_world(engine)
    with transaction(engine) as session:
        place = session.get_one(Unit, world.units["610122"])
        item = cmdb.create_item(session, name="办税网站", type_code="server", unit=place, now=clock.now())
        for n in range(CHECKS):
            wanted = checks.Definition(
                type="http", target=f"{target.url}/{n}", params={}, interval_s=5, name=f"页面 {n}"
            )
            checks.create(session, item, wanted, now=clock.now())
    engine.dispose()
    return {f"/{n}" for n in range(CHECKS)}


def run_by(installation: Installation, poller: TaxopsServer) -> set[str]:
    """The paths of the checks that a poller runs now."""
    leases = installation.ask(
        "SELECT name FROM lease WHERE name LIKE 'poll:%%' AND holder = %s", installation.name_of(poller)
    )
    held = {int(str(name).partition(":")[2]) for (name,) in leases}
    rows = installation.ask("SELECT id, target FROM check_ WHERE name LIKE '页面%%'")
    return {"/" + str(url).rpartition("/")[2] for number, url in rows if share_of(int(str(number))) in held}


def test_M_11_two_pollers_share_the_checks_and_a_killed_one_is_replaced(
    make_installation: Callable[..., Installation], target: Target
) -> None:
    installation = make_installation()
    paths = watched(installation, target)
    first, second = installation.add("poller"), installation.add("poller")
    installation.start()
    shares = "SELECT count(*) FROM lease WHERE name LIKE 'poll:%%' AND holder = %s AND until > clock_timestamp()"

    def parts() -> list[int]:
        return [int(str(installation.ask(shares, installation.name_of(p))[0][0])) for p in (first, second)]

    wait_until(lambda: parts() == [32, 32], "the pollers to share", seconds=60, every=0.5)
    shared = time.monotonic()
    wait_until(lambda: target.since(shared) == paths, "every check to be run", seconds=60, every=0.2)
    lost = run_by(installation, first)
    assert 0 < len(lost) < CHECKS, "both have some"
    first.kill9()
    killed = time.monotonic()
    time.sleep(1)  # what it had begun is over
    taken_over = lambda: target.since(killed + 1) >= lost  # noqa: E731
    wait_until(taken_over, "all to be taken over", seconds=TAKEN_OVER_WITHIN_S, every=0.2)
    assert target.twice == []
    assert second.stop(40) == 0
    assert parts()[1] == 0, "given back"
    kept = "SELECT count(*) FROM check_state JOIN check_ ON check_.id = check_state.check_id WHERE check_.name LIKE '页面%%'"
    assert int(str(installation.ask(kept)[0][0])) == CHECKS
