"""Results through the native door: the same answers, rights and rules as through Flask."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from app.asgi import Gateway
from core import clock
from core.events.monitor import AlertRaised
from core.outbox import OutboxRow
from monitor.results import wire
from monitor.samples.access import close
from tests.app.test_door import Front
from tests.monitor.conftest import T0, Watch

PATH = "/api/v1/results"


@pytest.fixture
def front(watch: Watch) -> Iterator[Front]:
    gateway = Gateway(watch.world.app, threads=2)
    with clock.frozen(T0 + dt.timedelta(hours=1)):
        yield Front(watch.world, gateway, watch.world.api("integration"))
    gateway.end()
    close(watch.world.app)


def result(check_id: int, second: float, state: str = "ok", **more: Any) -> dict[str, Any]:
    at = (T0 + dt.timedelta(seconds=second)).isoformat().replace("+00:00", "Z")
    return {"check": check_id, "at": at, "state": state, **more}


def by_flask(front: Front, body: bytes, token: str) -> tuple[int, bytes]:
    headers = {"Authorization": f"Bearer {token}"}
    answer = front.api.client.post(PATH, data=body, content_type="application/json", headers=headers)
    return answer.status_code, answer.data


def test_what_was_taken_is_answered_in_the_same_words(
    front: Front, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    twin = watch.add_check(watch.item_id, name="双")
    answers = []
    for check_id, ask in ((watch.check_id, "door"), (twin, "flask")):
        numbers = [{"metric": "rtt_ms", "value": 1, "unit": "ms", "labels": {"if": "eth0"}}]
        batches = [
            [result(check_id, 60, "critical", samples=numbers, output=" 坏 "), result(check_id, 0)],
            [
                result(check_id, 60, "critical", samples=numbers, output="坏"),
                result(check_id, 30),
                result(check_id, 120),
            ],
            [result(check_id, 180), result(check_id, 3600 + 301), result(check_id, -700_000)],
        ]
        bodies = [json.dumps({"results": b}).encode() for b in batches]
        if ask == "door":
            with monkeypatch.context() as patch:
                patch.setattr(wire, "read", told := Counted(wire.read))
                answers.append([front.post(body, path=PATH) for body in bodies])
            assert told.taken == 3
        else:
            answers.append([by_flask(front, body, front.api.token) for body in bodies])
    assert [(s, json.loads(b)) for s, b in answers[0]] == [(s, json.loads(b)) for s, b in answers[1]]
    states = [front.api.get(f"/checks/{check_id}").json for check_id in (watch.check_id, twin)]
    for name in ("state", "kind", "attempt", "output", "checked_at"):
        assert states[0][name] == states[1][name]


class Counted:
    """How many bodies the decoder took for itself."""

    def __init__(self, read: Any) -> None:
        self.read, self.taken = read, 0

    def __call__(self, body: bytes) -> Any:
        batch = self.read(body)
        self.taken += batch is not None
        return batch


def test_R_04_what_is_wrong_is_refused_whole_in_the_same_words(front: Front, watch: Watch) -> None:
    fine = result(watch.check_id, 60)
    wrong: list[Any] = [
        {"results": [fine, result(watch.check_id + 999, 60)]},
        {"results": [fine, {**fine, "state": "nodata"}]},
        {"results": [fine, {**fine, "at": "2026-11-28T00:00:00"}]},
        {"results": [fine, {**fine, "evidence": {}}]},
        {"results": [fine, {**fine, "output": "a\u0000b"}]},
        {"results": [fine], "poller": "nobody"},
    ]
    for body in (*(json.dumps(w).encode() for w in wrong), b"{"):
        status, text = front.post(body, path=PATH)
        assert (status, text) == by_flask(front, body, front.api.token)
        assert status in {400, 422}
    assert front.api.get(f"/checks/{watch.check_id}").json["state"] == "nodata"


def test_T_05_whoever_may_not_give_results_is_answered_by_flask(front: Front, watch: Watch) -> None:
    body = json.dumps({"results": [result(watch.check_id, 60)]}).encode()
    assert front.post(body, path=PATH)[0] == 200
    stranger = watch.world.api("zz-clerk").token
    assert front.post(body, path=PATH, token=stranger) == by_flask(front, body, stranger)
    assert front.post(body, path=PATH, token=stranger)[0] == 404
    assert front.post(body, path=PATH, token="no-token")[0] == 401


def test_alerts_of_a_batch_are_one_row_of_the_outbox_a_listener(front: Front, watch: Watch, hear: Any) -> None:
    raised = hear(AlertRaised)
    ids = [watch.add_check(watch.item_id, name=f"项{n}", max_attempts=1) for n in range(30)]
    body = {"results": [result(i, 60, "critical") for i in ids]}
    assert front.post(body, path=PATH)[0] == 200
    with front.world.read() as session:
        mine = OutboxRow.listener == "test.heard:monitor.AlertRaised"
        assert len(session.scalars(sa.select(OutboxRow).where(mine)).all()) == 1
    front.world.relay()
    assert len(raised) == 30
