"""/alerts of API v1 and API v2 in-process: identity, ends, acknowledgement, scope (A-01, A-06, M-08, T-05)."""

import base64
import datetime as dt
from typing import Any

import pytest
import sqlalchemy as sa

from cmdb.models import Item
from core import clock
from core.events.monitor import AlertAcknowledged, AlertAcknowledgementEnded, AlertRaised, AlertResolved
from monitor.alerts import jobs
from tests.monitor.conftest import T0, Watch

V2 = "/api/v2/alerts"
DISK = {"alertname": "DiskFull", "severity": "warning", "instance": "db1"}


@pytest.fixture
def api(watch: Watch) -> Any:
    return watch.world.api("integration")


def stamp(seconds: float) -> str:
    return (T0 + dt.timedelta(seconds=seconds)).isoformat()


def at(seconds: float) -> Any:
    return clock.frozen(T0 + dt.timedelta(seconds=seconds))


def expire(watch: Watch, seconds: float) -> None:
    with at(seconds), watch.world.write() as session:
        jobs.expire(session, clock.now())


def firing(api: Any) -> list[dict[str, Any]]:
    return api.get("/alerts?state=firing").json["items"]


def post(api: Any, *alerts: dict[str, Any]) -> Any:
    answer = api.post(V2, list(alerts))
    assert answer.status_code == 200, answer.text
    return answer


def test_A_01_the_same_alert_again_only_moves_last_seen_and_count(watch: Watch, api: Any, hear: Any) -> None:
    raised = hear(AlertRaised)
    for seconds in (0, 30, 60):
        with at(seconds):
            post(api, {"labels": DISK, "startsAt": stamp(-10), "annotations": {"summary": "磁盘将满"}})
    with at(61):
        [alert] = firing(api)
        watch.world.relay()
    assert (alert["count"], alert["episode"], alert["annotations"]) == (3, 1, {"summary": "磁盘将满"})
    assert dt.datetime.fromisoformat(alert["last_seen_at"]) == T0 + dt.timedelta(seconds=60)
    assert dt.datetime.fromisoformat(alert["starts_at"]) == T0 - dt.timedelta(seconds=10)
    assert [(e.summary, e.source) for e in raised] == [("磁盘将满", "api")]


def test_A_06_it_ends_five_minutes_after_it_was_last_seen(watch: Watch, api: Any, hear: Any) -> None:
    resolved = hear(AlertResolved)
    with at(0):
        post(api, {"labels": DISK})
    expire(watch, 299)
    with at(299):
        assert len(firing(api)) == 1
    with at(300):
        assert api.get(V2).json == [], "also before the job looked"
    expire(watch, 301)
    with at(301):
        assert firing(api) == []
        watch.world.relay()
    assert [(e.why, e.at) for e in resolved] == [("timed-out", T0 + dt.timedelta(seconds=300))]


def test_A_06_it_ends_at_its_end(watch: Watch, api: Any) -> None:
    with at(0):
        post(api, {"labels": DISK, "endsAt": stamp(900)})
    expire(watch, 600)
    with at(600):
        assert len(firing(api)) == 1
        post(api, {"labels": DISK, "endsAt": stamp(599), "startsAt": stamp(0)})
        assert firing(api) == []
        [alert] = api.get("/alerts?state=resolved").json["items"]
        assert dt.datetime.fromisoformat(alert["ends_at"]) == T0 + dt.timedelta(seconds=599)


def test_A_06_a_source_that_resends_slowly_is_given_four_of_its_intervals(watch: Watch, api: Any) -> None:
    with at(0):
        post(api, {"labels": DISK})
    expire(watch, 301)
    with at(600):
        post(api, {"labels": DISK})
    expire(watch, 600 + 2399)
    with at(600 + 2399):
        assert [a["episode"] for a in firing(api)] == [2], "it comes every ten minutes, so forty are granted"


def test_what_is_over_before_it_came_is_told_to_nobody(watch: Watch, api: Any, hear: Any) -> None:
    raised = hear(AlertRaised)
    with at(0):
        post(api, {"labels": DISK, "startsAt": stamp(-100), "endsAt": stamp(-50)})
        watch.world.relay()
        assert api.get("/alerts").json["items"] == []
    assert raised == []


def test_two_severities_of_one_problem_are_one_episode(watch: Watch, api: Any) -> None:
    worse = {**DISK, "severity": "critical"}
    with at(0):
        post(api, {"labels": DISK}, {"labels": worse})
        [alert] = firing(api)
        assert (alert["severity"], len(api.get(V2).json)) == ("critical", 2)
        post(api, {"labels": worse, "startsAt": stamp(-1), "endsAt": stamp(0)})
        [alert] = firing(api)
        assert (alert["severity"], alert["labels"], len(api.get(V2).json)) == ("warning", DISK, 1)
        post(api, {"labels": DISK, "startsAt": stamp(-1), "endsAt": stamp(0)})
        assert firing(api) == []


def test_an_alert_finds_its_item_and_speaks_for_its_health(watch: Watch, api: Any) -> None:
    labels = {"alertname": "Down", "severity": "critical", "item": "蓝田办税厅网站", "unit": "610122"}
    with at(0):
        post(api, {"labels": labels})
        [alert] = firing(api)
        assert (alert["item"], alert["unit"]) == (watch.item_id, "610122")
        assert watch.item().health == "critical"
        post(api, {"labels": labels, "startsAt": stamp(-1), "endsAt": stamp(0)})
        assert watch.item().health == "nodata"


def test_labels_give_no_rights_a_sender_lacks(watch: Watch) -> None:
    with watch.world.write() as session:
        from accounts import service
        from accounts.models import Person, Unit

        person = session.get_one(Person, watch.world.people["zz-engineer"])
        place = session.get_one(Unit, watch.world.units["610124"])
        service.grant(session, person=person, role_code="integration", unit=place, now=clock.now())
    with at(0):
        neighbour = watch.world.api("zz-engineer")
        post(neighbour, {"labels": {"alertname": "x", "item_id": str(watch.item_id), "unit": "610122"}})
        [alert] = firing(neighbour)
        assert (alert["item"], alert["unit"]) == (None, "610124")


def test_nobody_ends_a_check_s_alert_from_outside(watch: Watch, api: Any) -> None:
    watch.follow((0, "critical"), (15, "critical"), (30, "critical"))
    with at(31):
        [shown] = api.get(V2).json
        post(api, {"labels": shown["labels"], "startsAt": shown["startsAt"], "endsAt": stamp(31)})
        assert len(firing(api)) == 1


def test_R_04_a_wrong_alert_refuses_the_batch(watch: Watch, api: Any) -> None:
    with at(0):
        refused = api.post(V2, [{"labels": DISK}, {"labels": {}}])
        assert refused.status_code == 400
        assert "alerts[1].labels" in refused.json
        assert api.get(V2).json == []


def test_api_v2_chooses_by_matchers_and_flags(watch: Watch, api: Any) -> None:
    with at(0):
        post(api, {"labels": DISK}, {"labels": {**DISK, "instance": "db2"}}, {"labels": {"alertname": "Other"}})
        for query, instances in (
            ({"filter": 'instance="db1"'}, ["db1"]),
            ({"filter": ['alertname="DiskFull"', 'instance!~"db1"']}, ["db2"]),
            ({"filter": '{alertname="DiskFull",instance=~"db[12]"}'}, ["db1", "db2"]),
            ({"active": "false"}, []),
            ({"receiver": "tax.*"}, ["", "db1", "db2"]),
            ({"receiver": "nobody"}, []),
        ):
            found = api.get(V2, query_string=query).json
            assert sorted(a["labels"].get("instance", "") for a in found) == instances, query
        assert api.get(V2, query_string={"filter": "instance"}).status_code == 400
        assert api.get("/api/v2/status").json["versionInfo"]["version"]
        assert api.get("/api/v2/receivers").json == [{"name": "taxops"}]
        assert api.get("/api/v2/silences").json == []
        assert len(api.get("/api/v2/alerts/groups").json) == 3


def test_api_v2_takes_a_token_as_basic_password(watch: Watch, api: Any) -> None:
    stranger = watch.world.app.test_client()
    basic = base64.b64encode(f"anything:{api.token}".encode()).decode()
    assert stranger.get(V2).status_code == 401
    assert stranger.get(V2, headers={"Authorization": f"Basic {basic}"}).status_code == 200


def test_M_08_acknowledging_by_api(watch: Watch, hear: Any) -> None:
    acked, ended = hear(AlertAcknowledged), hear(AlertAcknowledgementEnded)
    watch.follow((0, "warning"), (15, "warning"), (30, "warning"))
    with at(40):
        engineer = watch.world.api("lt-engineer")
        [alert] = firing(engineer)
        path = f"/alerts/{alert['fingerprint']}"
        done = engineer.post(f"{path}/ack", {"text": "在看", "until": stamp(600)})
        assert done.status_code == 200, done.text
        assert done.json["acknowledged_by"] == "lt-engineer"
        assert engineer.get("/alerts?acknowledged=false").json["items"] == []
        assert engineer.post(f"{path}/ack", {"text": "x", "until": stamp(1)}).status_code == 422
        assert engineer.post(f"{path}/unack").json["acknowledged_by"] is None
        engineer.post(f"{path}/ack", {"text": "在看", "sticky": True})
    watch.follow((90, "critical"))
    with at(91):
        [alert] = firing(engineer)
        assert (alert["severity"], alert["acknowledged_by"]) == ("critical", None), "a rise opens it again"
        assert engineer.get(path).json["fingerprint"] == alert["fingerprint"], "its older fingerprint still finds it"
        watch.world.relay()
    assert [e.text for e in acked] == ["在看", "在看"]
    assert [e.why for e in ended] == ["by-hand", "changed"]


def test_M_08_a_forgotten_acknowledgement_expires_by_itself(watch: Watch) -> None:
    watch.follow((0, "critical"), (15, "critical"), (30, "critical"))
    with at(40):
        engineer = watch.world.api("lt-engineer")
        [alert] = firing(engineer)
        engineer.post(f"/alerts/{alert['fingerprint']}/ack", {"text": "在看"})
    for seconds, by in ((40 + 86_399, "lt-engineer"), (40 + 86_400, None)):
        with at(seconds), watch.world.write() as session:
            jobs.forget_acknowledgements(session, clock.now())
        with at(seconds):
            assert firing(engineer)[0]["acknowledged_by"] == by


def test_T_05_alerts_are_seen_in_the_subtree_only(watch: Watch) -> None:
    watch.follow((0, "critical"), (15, "critical"), (30, "critical"))
    with at(40):
        for login in ("lt-engineer", "xa-engineer", "p-engineer", "leader"):
            assert len(firing(watch.world.api(login))) == 1, login
        fingerprint = firing(watch.world.api("leader"))[0]["fingerprint"]
        for login in ("zz-engineer", "bj-engineer"):
            stranger = watch.world.api(login)
            assert firing(stranger) == []
            assert stranger.get(V2).json == []
            assert stranger.get(f"/alerts/{fingerprint}").status_code == 404
            assert stranger.post(f"/alerts/{fingerprint}/ack", {"text": "x"}).status_code == 404
        for login in ("lt-clerk", "v1-engineer", "sys-admin", "aud-admin"):
            assert watch.world.api(login).get("/alerts").status_code == 404
        assert watch.world.api("leader").post(f"/alerts/{fingerprint}/ack", {"text": "x"}).status_code == 404


def test_lists_page_by_key_and_filter_by_field(watch: Watch, api: Any) -> None:
    with at(0):
        post(api, *({"labels": {**DISK, "instance": f"db{n}"}} for n in range(7)))
        seen: list[str] = []
        cursor = ""
        for _ in range(4):
            page = api.get(f"/alerts?limit=2{cursor}").json
            seen += [a["fingerprint"] for a in page["items"]]
            cursor = f"&cursor={page['next']}"
        assert len(set(seen)) == len(seen) == 7
        assert page["next"] is None
        one = seen[0]
        assert [a["fingerprint"] for a in api.get(f"/alerts?fingerprint={one}").json["items"]] == [one]
        for query in (
            "alertname=Other",
            "severity=critical",
            "unit=610122",
            f"item={watch.item_id}",
            "q=zzz",
            "source=check",
        ):
            assert api.get(f"/alerts?{query}").json["items"] == [], query
        assert len(api.get("/alerts?q=db3&severity=warning&unit=61&source=api").json["items"]) == 1


def test_the_item_s_log_names_beginning_and_end(watch: Watch) -> None:
    watch.follow((0, "critical"), (15, "critical"), (30, "critical"), (90, "ok"))
    with watch.world.read() as session:
        session.get_one(Item, watch.item_id)
        rows = session.execute(sa.text("SELECT kind, text FROM item_event WHERE kind = 'alert' ORDER BY id")).all()
    assert len(rows) == 2
    assert "已恢复" in rows[1].text
