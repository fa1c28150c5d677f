"""Receivers outside: grouping and its waits as in Alertmanager (A-02), what nobody saw (A-03), the stored log (A-05)."""

import datetime as dt
import json
from typing import Any

import pytest
import sqlalchemy as sa

from core import clock
from escalation.notify.models import Channel, Delivery, DeliveryState
from escalation.outside import flush, rules
from escalation.outside.models import AlertGroup, GroupNotice
from escalation.outside.rules import Last, Why
from monitor.alerts import jobs
from tests.fixtures.world import World

T0 = clock.now().replace(microsecond=0) + dt.timedelta(days=1)
END = (T0 + dt.timedelta(days=2)).isoformat()
HOOK = {
    "name": "集约化平台", "url": "http://hook:secret-word@127.0.0.1:9/alerts", "group_by": ["alertname"],
    "group_wait_s": 30, "group_interval_s": 300, "repeat_interval_s": 3600,
}  # fmt: skip


def at(seconds: float) -> Any:
    return clock.frozen(T0 + dt.timedelta(seconds=seconds))


class Outside:
    """One receiver and what it was told; `at(seconds)` runs the job then."""

    def __init__(self, world: World, **more: Any) -> None:
        self.world, self.api = world, world.api("integration")
        with at(0):
            answer = world.api("sys-admin").post("/receivers", {**HOOK, **more})
        assert answer.status_code == 201, answer.text
        assert "secret-word" not in answer.text
        self.id = answer.json["id"]

    def fire(self, seconds: float, instance: str, **more: Any) -> None:
        labels = {"alertname": "DiskFull", "instance": instance, "severity": "warning", **more.pop("labels", {})}
        with at(seconds):
            answer = self.api.post("/api/v2/alerts", [{"labels": labels, "endsAt": END, **more}])
        assert answer.status_code == 200, answer.text

    def end(self, seconds: float, instance: str) -> None:
        start, stop = (T0 - dt.timedelta(days=1)).isoformat(), (T0 + dt.timedelta(seconds=seconds)).isoformat()
        self.fire(seconds, instance, startsAt=start, endsAt=stop)

    def told(self, seconds: float) -> list[tuple[str, list[str]]]:
        """Run the job at that moment; what was written: (status, instances, those that ended with a minus)."""
        with at(seconds), self.world.write() as session:
            jobs.expire(session, clock.now())
            before = session.scalar(sa.select(sa.func.max(Delivery.id))) or 0
            flush.tick(session, clock.now())
            session.flush()
            rows = session.scalars(
                sa.select(Delivery).where(Delivery.id > before, Delivery.topic == "receiver").order_by(Delivery.id)
            ).all()
            for row in rows:
                row.state = DeliveryState.SENT
            return [self._read(row.body) for row in rows]

    def _read(self, text: str) -> tuple[str, list[str]]:
        self.body = json.loads(text)
        marks = {"firing": "", "resolved": "-"}
        return self.body["status"], [marks[a["status"]] + a["labels"]["instance"] for a in self.body["alerts"]]


@pytest.fixture
def outside(world: World) -> Outside:
    return Outside(world)


def test_A_02_first_after_the_wait_then_only_what_is_new_then_again(outside: Outside) -> None:
    outside.fire(0, "db1")
    assert outside.told(1) == []
    outside.fire(10, "db2")
    assert outside.told(29) == []
    assert outside.told(31) == [("firing", ["db1", "db2"])]
    assert outside.told(332) == [], "nothing new in the interval"
    outside.fire(340, "db3")
    assert outside.told(350) == [], "the interval is not over"
    assert outside.told(633) == [("firing", ["db1", "db2", "db3"])]
    outside.end(640, "db1")
    assert outside.told(935) == [("firing", ["db2", "db3", "-db1"])]
    assert outside.told(1240) == [], "that db1 ended is told once"
    assert outside.told(4300) == [], "the repeat is counted from the last message"
    assert outside.told(4900) == [("firing", ["db2", "db3"])]
    outside.end(4910, "db2")
    outside.end(4911, "db3")
    [(status, instances)] = outside.told(5300)
    assert (status, sorted(instances)) == ("resolved", ["-db2", "-db3"])
    assert outside.told(9999) == []


def test_A_02_an_alert_that_is_older_than_the_wait_is_told_at_once(outside: Outside) -> None:
    outside.fire(0, "db1", startsAt=(T0 - dt.timedelta(seconds=60)).isoformat())
    assert outside.told(1) == [("firing", ["db1"])]


def test_A_03_what_begins_and_ends_unseen_is_told_to_nobody(outside: Outside) -> None:
    outside.fire(0, "db1")
    assert outside.told(1) == []
    outside.end(20, "db1")
    assert outside.told(31) == [], "it ended inside the wait"
    outside.fire(100, "db1")
    assert outside.told(131) == [("firing", ["db1"])]
    outside.fire(200, "db2")
    assert outside.told(205) == []
    outside.end(210, "db2")
    assert outside.told(440) == [], "nobody was told of db2"


def test_A_05_a_restart_neither_tells_again_nor_forgets(outside: Outside) -> None:
    outside.fire(0, "db1")
    outside.told(1)
    assert outside.told(31) == [("firing", ["db1"])]
    with outside.world.read() as session:
        [group] = session.scalars(sa.select(AlertGroup)).all()
        [notice] = session.scalars(sa.select(GroupNotice)).all()
    assert (group.firing, notice.firing, notice.resolved, notice.why) == (notice.firing, group.firing, [], "first")
    assert notice.at == T0 + dt.timedelta(seconds=31)
    outside.world.engine.dispose()  # nothing but the database is left
    assert outside.told(340) == []
    outside.end(350, "db1")
    assert outside.told(700) == [("resolved", ["-db1"])]


def test_a_message_on_its_way_is_not_overtaken_and_one_that_failed_was_not_told(outside: Outside) -> None:
    outside.fire(0, "db1")
    outside.told(1)
    assert outside.told(31) == [("firing", ["db1"])]

    def set_state(state: DeliveryState) -> None:
        with outside.world.write() as session:
            session.execute(sa.update(Delivery).where(Delivery.topic == "receiver").values(state=state))

    set_state(DeliveryState.WAITING)
    outside.end(40, "db1")
    outside.fire(41, "db2")
    assert outside.told(332) == [], "db1's beginning is still being sent"
    set_state(DeliveryState.SENT)
    assert outside.told(338) == [("firing", ["db2", "-db1"])]
    set_state(DeliveryState.DEAD)
    assert outside.told(640) == [("firing", ["db2"])], "nothing is new, but it never arrived"


def test_A_02_what_is_quiet_is_not_told_and_consumes_nothing(outside: Outside) -> None:
    with at(0):
        made = outside.api.post("/silences", {
            "matchers": [{"name": "instance", "op": "=", "value": "db1"}], "ends_at": END, "comment": "x",
        }).json  # fmt: skip
    outside.fire(0, "db1")
    assert outside.told(1) == []
    assert outside.told(31) == []
    with at(40):
        assert outside.api.delete(f"/silences/{made['id']}").status_code == 204
    assert outside.told(332) == [("firing", ["db1"])]


def test_matchers_units_and_groups_choose(world: World) -> None:
    outside = Outside(
        world, unit="6101", group_by=["alertname", "team"], group_wait_s=0,
        matchers=[{"name": "severity", "op": "=~", "value": "critical|warning"}],
    )  # fmt: skip
    outside.fire(0, "db1", labels={"unit": "610122", "team": "net"})
    outside.fire(0, "db2", labels={"unit": "610326"})
    outside.fire(0, "db3", labels={"unit": "610122", "severity": "info"})
    outside.fire(0, "db4", labels={"unit": "6101"})
    assert sorted(outside.told(1)) == [("firing", ["db1"]), ("firing", ["db4"])]
    api = outside.api
    with at(2):
        groups = api.get("/api/v2/alerts/groups?receiver=集约化平台").json
        assert [(g["labels"], len(g["alerts"])) for g in groups] == [
            ({"alertname": "DiskFull"}, 1), ({"alertname": "DiskFull", "team": "net"}, 1),
        ]  # fmt: skip
        assert [r["name"] for r in api.get("/api/v2/receivers").json] == ["taxops", "集约化平台"]
        [shown] = api.get("/api/v2/alerts", query_string={"filter": 'instance="db1"'}).json
        assert [r["name"] for r in shown["receivers"]] == ["taxops", "集约化平台"]


def test_the_body_is_alertmanagers_version_4(outside: Outside) -> None:
    outside.fire(0, "db1", annotations={"summary": "满了"})
    outside.fire(0, "db2", annotations={"summary": "满了"})
    outside.told(1)
    outside.told(31)
    body = outside.body
    assert {k: body[k] for k in ("receiver", "status", "version", "truncatedAlerts", "groupKey")} == {
        "receiver": "集约化平台", "status": "firing", "version": "4", "truncatedAlerts": 0,
        "groupKey": '{}:{alertname="DiskFull"}',
    }  # fmt: skip
    assert body["groupLabels"] == {"alertname": "DiskFull"}
    assert body["commonLabels"] == {"alertname": "DiskFull", "severity": "warning"}
    assert body["commonAnnotations"] == {"summary": "满了"}
    assert set(body["alerts"][0]) == {
        "status", "labels", "annotations", "startsAt", "endsAt", "generatorURL", "fingerprint",
    }  # fmt: skip
    assert body["alerts"][0]["endsAt"] == "0001-01-01T00:00:00Z"


def test_receivers_are_the_system_administrators(world: World) -> None:
    made = Outside(world)
    one = f"/receivers/{made.id}"
    admin = world.api("sys-admin")
    assert "url" not in admin.get(one).json
    for login in ("p-head", "lt-engineer", "sec-admin", "integration"):
        other = world.api(login)
        assert other.get(one).status_code == 404
        assert other.patch(one, {"name": "x"}).status_code == 404
        assert other.post("/receivers", HOOK).status_code == 404
    assert admin.patch(one, {"group_wait_s": 5}).json["group_wait_s"] == 5
    with world.read() as session:
        [channel] = session.scalars(sa.select(Channel).where(Channel.kind == "webhook")).all()
        assert channel.url == HOOK["url"], "a change of something else keeps the address"
    for wrong in ({"url": "ftp://x/"}, {"url": "http://169.254.169.254/"}, {"url": "http://10.1.2.3/"}, {"url": "x"}):
        answer = admin.post("/receivers", {**HOOK, "name": "y", **wrong})
        assert answer.status_code == 422
        assert answer.json["errors"][0]["field"] == "url"
    assert admin.post("/receivers", HOOK).status_code == 409
    assert admin.delete(one).status_code == 204
    assert admin.get("/receivers").json["items"] == []


NOW = T0
HOUR = dt.timedelta(hours=1)


@pytest.mark.parametrize(
    ("last", "firing", "over", "why"),
    [
        (None, {"a"}, set(), Why.FIRST),
        (None, set(), {"a"}, None),
        ((["a"], [], 1), {"a"}, set(), None),
        ((["a"], [], 1), {"a", "b"}, set(), Why.NEW),
        ((["a", "b"], [], 1), {"a"}, {"b"}, Why.SOME_OVER),
        ((["a"], ["b"], 1), {"a"}, {"b"}, None),
        ((["a"], [], 1), set(), {"a"}, Why.ALL_OVER),
        (([], ["a"], 1), set(), {"b"}, None),
        ((["a"], [], 61), {"a"}, set(), Why.AGAIN),
        ((["a"], [], 60), {"a"}, set(), None),
    ],
)
def test_A_02_when_a_receiver_is_told(last: Any, firing: set[str], over: set[str], why: Why | None) -> None:
    known = None
    if last is not None:
        known = Last(frozenset(last[0]), frozenset(last[1]), NOW - dt.timedelta(minutes=last[2]))
    assert rules.needs_update(known, firing, over, send_resolved=True, repeat=HOUR, now=NOW) is why


def test_ends_are_news_only_where_they_are_wanted() -> None:
    known = Last(frozenset({"a", "b"}), frozenset(), NOW)
    assert rules.needs_update(known, {"a"}, {"b"}, send_resolved=False, repeat=HOUR, now=NOW) is None
    assert rules.needs_update(known, set(), {"a", "b"}, send_resolved=False, repeat=HOUR, now=NOW) is Why.ALL_OVER
