"""Alerts through the native door: the same answers, rights and rules as through Flask, whichever way they come."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa

from accounts.models import ApiToken, Grant
from accounts.signin import known
from accounts.signin import service as signin
from app.asgi import Gateway
from core import clock
from core.events.monitor import AlertRaised
from core.outbox import OutboxRow
from monitor.alerts import jobs
from monitor.alerts.book import book_of
from monitor.alerts.models import Member
from monitor.am.again import MEMORY
from tests.fixtures.world import ApiClient, World

V2 = "/api/v2/alerts"
DISK = {"alertname": "DiskFull", "severity": "warning", "instance": "db1"}


@dataclass
class Front:
    """The ASGI application of the small province, asked as a server asks it; `api` reads through Flask."""

    world: World
    gateway: Gateway
    api: ApiClient

    def post(self, body: Any, *, token: str | None = None, path: str = V2) -> tuple[int, bytes]:
        return self.all([body], token=token, path=path)[0]

    def all(self, bodies: list[Any], *, token: str | None = None, path: str = V2) -> list[tuple[int, bytes]]:
        """All at the same time, so that they share transactions."""

        async def ask() -> list[tuple[int, bytes]]:
            return await asyncio.gather(*(self._ask(body, token or self.api.token, path) for body in bodies))

        return asyncio.run(ask())

    async def _ask(self, body: Any, token: str, path: str) -> tuple[int, bytes]:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        scope = {
            "type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b"", "scheme": "http",
            "root_path": "", "http_version": "1.1", "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
            "headers": [
                (b"host", b"localhost"), (b"content-type", b"application/json"),
                (b"content-length", str(len(data)).encode()), (b"authorization", f"Bearer {token}".encode()),
            ],
        }  # fmt: skip
        waiting, sent = [{"type": "http.request", "body": data, "more_body": False}], []

        async def receive() -> Any:
            return waiting.pop() if waiting else {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        await self.gateway(scope, receive, send)
        return sent[0]["status"], b"".join(m.get("body", b"") for m in sent[1:])

    def firing(self) -> list[dict[str, Any]]:
        return list(self.api.get("/alerts?state=firing&limit=200").json["items"])


@pytest.fixture
def front(world: World) -> Iterator[Front]:
    gateway = Gateway(world.app, threads=2)
    yield Front(world, gateway, world.api("integration"))
    gateway.end()


def test_A_01_new_and_again_are_seen_at_once_and_counted(front: Front) -> None:
    for _again in range(4):
        assert front.post([{"labels": DISK, "annotations": {"summary": "磁盘将满"}}]) == (200, b"")
    [alert] = front.firing()
    assert (alert["count"], alert["annotations"]) == (4, {"summary": "磁盘将满"})


def test_repeats_reach_the_disk_within_the_job_and_at_the_end(front: Front) -> None:
    for _again in range(3):
        front.post([{"labels": DISK}])
    front.gateway.end()
    with front.world.engine.connect() as connection:  # the row itself, past the memory
        assert connection.execute(sa.select(Member.count)).scalar_one() == 3


def test_after_a_restart_what_fires_is_found_on_the_disk(front: Front) -> None:
    for _again in range(2):
        front.post([{"labels": DISK}])
    front.gateway.end()
    book = book_of(front.world.engine)
    if book is not None:
        for fingerprint in list(book.entries):
            book.forget(fingerprint)
    front.gateway = Gateway(front.world.app, threads=2)
    for _again in range(3):
        assert front.post([{"labels": DISK}])[0] == 200
    [alert] = front.firing()
    assert (alert["count"], alert["episode"]) == (5, 1)


def test_requests_at_the_same_time_share_transactions_and_lose_nothing(front: Front, hear: Any) -> None:
    raised = hear(AlertRaised)
    bodies = [[{"labels": {**DISK, "instance": f"db{n % 20}"}}] for n in range(60)]
    assert {status for status, _text in front.all(bodies)} == {200}
    found = front.firing()
    assert (len(found), sum(alert["count"] for alert in found)) == (20, 60)
    front.world.relay()
    assert len({event.alert_id for event in raised}) == len(raised) == 20


def test_a_batch_is_one_row_of_the_outbox_a_listener(front: Front, hear: Any) -> None:
    raised = hear(AlertRaised)
    front.post([{"labels": {**DISK, "instance": f"db{n}"}} for n in range(150)])
    with front.world.read() as session:
        rows = session.scalars(sa.select(OutboxRow).where(OutboxRow.listener == "test.heard:monitor.AlertRaised")).all()
    assert len(rows) == 1
    front.world.relay()
    assert len(raised) == 150


def test_R_04_what_is_wrong_is_refused_whole_in_the_same_words(front: Front) -> None:
    for body in ([{"labels": DISK}, {"labels": {}}], b"{", [{"labels": DISK, "endsAt": "2026-01-01T00:00:00"}]):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        flask = front.api.client.post(
            V2, data=data, content_type="application/json", headers={"Authorization": f"Bearer {front.api.token}"}
        )
        assert front.post(body) == (400, flask.data)
    assert front.firing() == []


def test_what_comes_again_with_new_words_or_an_end_is_not_taken_for_the_same(front: Front) -> None:
    first = {"labels": DISK, "annotations": {"summary": "80%"}}
    for alert in (first, first, {**first, "annotations": {"summary": "95%"}}):
        assert front.post([alert])[0] == 200
    [alert] = front.firing()
    assert (alert["annotations"], alert["count"]) == ({"summary": "95%"}, 3)
    assert front.api.get("/alerts?q=95%25").json["items"], "the line a person reads first follows"
    over = {**first, "startsAt": "2026-01-01T00:00:00Z", "endsAt": clock.now().isoformat()}
    assert front.post([over])[0] == 200
    assert front.firing() == []
    assert front.post([first])[0] == 200
    [alert] = front.firing()
    assert (alert["episode"], alert["count"]) == (2, 1)


def test_A_06_a_repeat_in_memory_keeps_an_alert_alive(front: Front) -> None:
    start = clock.now()
    for seconds in (0, 200, 400):
        with clock.frozen(start + dt.timedelta(seconds=seconds)):
            front.post([{"labels": DISK}])
    with clock.frozen(start + dt.timedelta(seconds=500)), front.world.write() as session:
        assert jobs.expire(session, clock.now()) == 0
    with clock.frozen(start + dt.timedelta(seconds=500)):
        assert len(front.firing()) == 1
        assert len(front.api.get(V2).json) == 1
    later = start + dt.timedelta(seconds=400 + 4 * 200 + 1)
    with clock.frozen(later), front.world.write() as session:
        assert jobs.expire(session, clock.now()) == 1
    with clock.frozen(later):
        front.post([{"labels": DISK}])
        assert [alert["episode"] for alert in front.firing()] == [2], "what has ended is not moved from memory"


def test_a_revoked_token_is_refused_at_once(front: Front) -> None:
    assert front.post([{"labels": DISK}])[0] == 200
    with front.world.write() as session:
        row = session.scalars(sa.select(ApiToken).order_by(ApiToken.id.desc())).first()
        signin.revoke_token(session, row.id, person_id=None, now=clock.now())
    assert front.post([{"labels": DISK}])[0] == 401


def test_an_expired_token_is_refused_to_the_moment(front: Front) -> None:
    with front.world.write() as session:
        session.execute(sa.update(ApiToken).values(expires_at=clock.now() + dt.timedelta(seconds=30)))
    assert front.post([{"labels": DISK}])[0] == 200
    with clock.frozen(clock.now() + dt.timedelta(seconds=31)):
        assert front.post([{"labels": DISK}])[0] == 401


def test_T_05_who_may_not_send_gets_the_same_404_and_rights_end_at_once(front: Front) -> None:
    clerk = front.world.api("lt-clerk")
    assert front.post([{"labels": DISK}], token=clerk.token)[0] == 404
    assert front.post([{"labels": DISK}], token="txo_nobody")[0] == 401
    assert front.post([{"labels": DISK}])[0] == 200
    with front.world.write() as session:
        person_id = front.world.people["integration"]
        session.execute(sa.delete(Grant).where(Grant.person_id == person_id))
        person = session.get_one(known.queries.Person, person_id)
        person.access_version += 1
    assert front.post([{"labels": DISK}])[0] == 404


def test_a_change_made_elsewhere_is_seen_within_moments(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known, "RECHECK_S", 0.0)
    assert front.post([{"labels": DISK}])[0] == 200
    with front.world.engine.begin() as connection:  # as another process would: no session of ours is involved
        connection.execute(sa.update(ApiToken).values(revoked_at=clock.now()))
    assert front.post([{"labels": DISK}])[0] == 401


def test_the_memory_forgets_what_the_ordinary_way_changes(front: Front) -> None:
    front.post([{"labels": DISK}])
    front.post([{"labels": DISK}])
    book = book_of(front.world.engine)
    if book is None:  # other databases are shared, so there is no memory to be wrong
        assert front.world.engine.dialect.name == "postgresql"
        return
    [entry] = book.entries.values()
    assert (entry.ready, entry.count, MEMORY) == (True, 2, "alerts.seen")
    over = {"labels": DISK, "startsAt": "2026-01-01T00:00:00Z", "endsAt": clock.now().isoformat()}
    assert front.api.post(V2, [over]).status_code == 200
    assert (book.entries, entry.open) == ({}, False)
    with front.world.engine.connect() as connection:
        assert connection.execute(sa.select(Member.count)).scalar_one() == 3, "with what only the memory knew"


def test_a_county_s_labels_carry_its_unit_also_through_the_door(front: Front) -> None:
    from accounts import service
    from accounts.models import Person, Unit

    with front.world.write() as session:
        home = session.get_one(Unit, front.world.units["610122"])
        person: Person = service.create_person(
            session, login="lt-machine", name="x", unit=home, now=clock.now(), is_service=True
        )
        service.grant(session, person=person, role_code="integration", unit=home, now=clock.now())
        session.flush()
        front.world.people["lt-machine"] = person.id
    county = front.world.api("lt-machine")
    for token in (county.token, front.api.token, county.token):
        assert front.post([{"labels": DISK}], token=token)[0] == 200
    counts = {alert["unit"]: (alert["count"], alert["labels"].get("unit")) for alert in front.firing()}
    assert counts == {"610122": (2, "610122"), "61": (1, None)}
