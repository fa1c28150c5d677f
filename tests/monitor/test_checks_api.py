"""/checks, /results, /pollers, /heartbeat through HTTP, with scope."""

import datetime as dt
import json
from typing import Any

import pytest

from core import clock
from monitor import intake
from monitor.checks import pollers
from monitor.heartbeats import service as heartbeats
from tests.monitor.conftest import T0, Watch


@pytest.fixture
def api(watch: Watch) -> Any:
    return watch.world.api("integration")


def stamp(seconds: float) -> str:
    return (T0 + dt.timedelta(seconds=seconds)).isoformat()


def at(seconds: float) -> Any:
    return clock.frozen(T0 + dt.timedelta(seconds=seconds))


def test_a_check_is_made_read_changed_and_retired(watch: Watch, api: Any) -> None:
    with at(1):
        body = {
            "item": watch.item_id,
            "type": "tcp",
            "target": "127.0.0.1:22",
            "interval_s": 30,
            "parents": [watch.check_id],
        }
        made = api.post("/checks", body)
        assert made.status_code == 201, made.text
        check = made.json
        assert made.headers["Location"] == f"/api/v1/checks/{check['id']}"
        assert (check["state"], check["kind"], check["freshness_s"], check["retry_s"]) == ("nodata", None, 90, 15)
        assert check["parents"] == [{"check": watch.check_id, "group": None}]
        changed = api.patch(f"/checks/{check['id']}", {"interval_s": 60, "max_attempts": 5})
        assert changed.status_code == 200, changed.text
        assert (changed.json["freshness_s"], changed.json["max_attempts"]) == (180, 5)
        assert {c["id"] for c in api.get("/checks").json["items"]} == {watch.check_id, check["id"]}
        assert [c["id"] for c in api.get("/checks?type=tcp").json["items"]] == [check["id"]]
        assert api.delete(f"/checks/{check['id']}").status_code == 204
        assert [c["id"] for c in api.get("/checks").json["items"]] == [watch.check_id]
        assert len(api.get("/checks?retired=true").json["items"]) == 2
        assert api.patch(f"/checks/{check['id']}", {"name": "x"}).status_code == 409


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"type": "tcp"}, "item"),
        ({"item": 10**9, "type": "tcp"}, "item"),
        ({"type": "nonsense"}, "type"),
        ({"type": "http", "params": {"colour": 1}}, "params.colour"),
        ({"type": "http", "interval_s": 0}, "interval_s"),
        ({"type": "http", "unknown": 1}, "unknown"),
        ({"type": "http", "parents": [10**9]}, "parents"),
        ({"type": "http", "poller": "nobody"}, "poller"),
    ],
)
def test_R_04_a_wrong_check_is_refused_with_where(watch: Watch, api: Any, body: dict[str, Any], field: str) -> None:
    if field != "item":
        body = {"item": watch.item_id, **body}
    refused = api.post("/checks", body)
    assert refused.status_code == 422, refused.text
    assert [e["field"] for e in refused.json["errors"]] == [field]


def test_a_check_may_not_depend_on_itself(watch: Watch, api: Any) -> None:
    child = api.post(
        "/checks", {"item": watch.item_id, "type": "icmp", "target": "127.0.0.1", "parents": [watch.check_id]}
    ).json
    refused = api.patch(f"/checks/{watch.check_id}", {"parents": [child["id"]]})
    assert refused.status_code == 422


def test_secrets_are_never_shown_and_survive_a_change(watch: Watch, api: Any) -> None:
    params = {"user": "monitor", "password": "s3cret-word"}
    check = api.post(
        "/checks", {"item": watch.item_id, "type": "http", "target": "http://127.0.0.1/", "params": params}
    ).json
    assert check["params"] == {"user": "monitor", "password": "●●●"}
    api.patch(f"/checks/{check['id']}", {"params": {"user": "other", "password": "●●●"}})
    with watch.world.read() as session:
        from monitor.checks import definition
        from monitor.models import Check

        assert definition.whole(session.get_one(Check, check["id"])) == {"user": "other", "password": "s3cret-word"}
        audit = session.connection().exec_driver_sql("SELECT * FROM audit").all()
    assert "s3cret-word" not in str(audit)


def test_results_are_taken_and_answered_as_promised(watch: Watch, api: Any) -> None:
    with at(120):
        results = [
            {"check": watch.check_id, "at": stamp(0), "state": "ok", "output": "fine"},
            {
                "check": watch.check_id,
                "at": stamp(60),
                "state": "critical",
                "samples": [{"metric": "t", "value": 1.5, "unit": "s"}],
            },
            {"check": watch.check_id, "at": stamp(60), "state": "ok"},
        ]
        answer = api.post("/results", {"results": results})
        assert answer.status_code == 200, answer.text
        assert answer.json == {"accepted": 2, "discarded": [{"index": 2, "reason": "stale"}], "refused_samples": 0}
        again = api.post("/results", {"results": results[1:2]}).json
        assert again["discarded"] == [{"index": 0, "reason": "repeat"}]
        shown = api.get(f"/checks/{watch.check_id}").json
        assert (shown["state"], shown["kind"], shown["attempt"]) == ("critical", "soft", 1)
        assert dt.datetime.fromisoformat(shown["checked_at"]) == T0 + dt.timedelta(seconds=60)
    with at(60 + 181):
        assert api.get(f"/checks/{watch.check_id}").json["state"] == "nodata", "derived, before any job ran"
        assert [c["id"] for c in api.get("/checks?state=nodata").json["items"]] == [watch.check_id]
        assert api.get("/checks?state=critical").json["items"] == []


def test_M_09_a_number_that_is_none_is_refused_at_the_door(watch: Watch, api: Any) -> None:
    numbers = [{"metric": "a", "value": float("nan")}, {"metric": "b", "value": 1}]
    body = json.dumps({"results": [{"check": watch.check_id, "at": stamp(0), "state": "ok", "samples": numbers}]})
    with at(0):
        answer = api.call("POST", "/results", data=body, content_type="application/json")
    assert (answer.status_code, answer.json["accepted"], answer.json["refused_samples"]) == (200, 1, 1)


def test_R_04_one_unknown_check_refuses_the_whole_batch(watch: Watch, api: Any) -> None:
    fine = {"check": watch.check_id, "at": stamp(0), "state": "ok"}
    for wrong in ({**fine, "check": 10**9}, {**fine, "state": "nodata"}, {**fine, "at": "2026-03-02T01:00:00"}):
        refused = api.post("/results", {"results": [fine, wrong]})
        assert refused.status_code == 422
        assert refused.json["errors"][0]["field"].startswith("results[1].")
    assert api.get(f"/checks/{watch.check_id}").json["checked_at"] is None
    assert api.post("/results", {"poller": "nobody", "results": [fine]}).json["errors"][0]["field"] == "poller"


def test_a_poller_is_enrolled_and_seen(watch: Watch, api: Any) -> None:
    with at(0):
        made = api.post("/pollers", {"name": "蓝田", "unit": "610122"})
        assert (made.status_code, made.json["state"]) == (201, "never-seen")
        assert api.post("/pollers", {"name": "蓝田"}).status_code == 409
        sent = api.post("/results", {"poller": "蓝田", "results": []})
        assert sent.status_code == 200
        assert api.get("/pollers/蓝田").json["state"] == "online"
    with at(301):
        assert [p["state"] for p in api.get("/pollers").json["items"]] == ["offline"]


def test_T_05_strangers_see_no_check_and_the_neighbour_can_do_nothing(watch: Watch) -> None:
    path = f"/checks/{watch.check_id}"
    owner, city, neighbour = (watch.world.api(login) for login in ("lt-engineer", "xa-engineer", "zz-engineer"))
    assert owner.get(path).status_code == city.get(path).status_code == 200
    for stranger in (
        neighbour,
        watch.world.api("bj-engineer"),
        watch.world.api("v1-engineer"),
        watch.world.api("lt-clerk"),
    ):
        assert stranger.get(path).status_code == 404
        assert stranger.patch(path, {"name": "x"}).status_code == 404
        assert stranger.delete(path).status_code == 404
        assert stranger.post(f"{path}/run").status_code == 404
    assert neighbour.get("/checks").json["items"] == []
    assert neighbour.post("/checks", {"item": watch.item_id, "type": "icmp", "target": "127.0.0.1"}).status_code == 422
    leader = watch.world.api("leader")
    assert leader.get(path).status_code == 200
    assert leader.patch(path, {"name": "x"}).status_code == 404, "without check.write there is no such door"


def test_running_a_check_now_takes_its_result(watch: Watch, api: Any, nginx: Any) -> None:
    made = api.post("/checks", {"item": watch.item_id, "type": "http", "target": f"{nginx.url}/"}).json
    answer = api.post(f"/checks/{made['id']}/run")
    assert answer.status_code == 200, answer.text
    assert (answer.json["state"], answer.json["kind"]) == ("ok", "hard")
    passive = api.post("/checks", {"item": watch.item_id, "type": "backup-job", "active": False}).json
    assert api.post(f"/checks/{passive['id']}/run").status_code == 409


def test_M_16_a_missed_heartbeat_opens_one_alert_and_the_next_beat_closes_it(watch: Watch, api: Any) -> None:
    with at(0):
        made = api.post(
            "/api/v1/heartbeats", {"item": watch.item_id, "name": "夜间备份", "period_s": 60, "grace_s": 10}
        )
        assert made.status_code == 201, made.text
        path = "/heartbeat/" + made.json["token"]
        stranger = watch.world.app.test_client()
        assert stranger.post(path).status_code == 200
        assert "token" not in str(api.get("/api/v1/heartbeats").json["items"][0].get("token") or "")
    for seconds, missed in ((70, 0), (71, 1), (80, 0), (500, 0)):
        with at(seconds), watch.world.write() as session:
            assert heartbeats.miss(session, now=clock.now()) == missed
    with at(501):
        [alert] = api.get("/alerts?state=firing").json["items"]
        assert (alert["severity"], alert["labels"]["alertname"], alert["count"]) == ("critical", "夜间备份", 1)
        assert stranger.post(path).status_code == 200
        assert api.get("/alerts?state=firing").json["items"] == []
        [alert] = api.get("/alerts?state=resolved").json["items"]
        assert dt.datetime.fromisoformat(alert["ends_at"]) == T0 + dt.timedelta(seconds=501)
        assert stranger.post("/heartbeat/" + "x" * 32).status_code == 404


def test_M_16_while_the_program_was_off_nobody_missed_a_beat(watch: Watch, api: Any) -> None:
    """After a start each heartbeat, and each check fed from outside, gets its whole time once more."""
    with at(0):
        given = {"item": watch.item_id, "name": "夜间备份", "period_s": 60, "grace_s": 10}
        assert api.post("/api/v1/heartbeats", given).status_code == 201
        fed = {"item": watch.item_id, "type": "backup-job", "active": False, "interval_s": 60, "freshness_s": 70}
        check = api.post("/checks", fed).json["id"]
        done = {"check": check, "at": clock.now().isoformat(), "state": "ok"}
        assert api.post("/results", {"results": [done]}).json["accepted"] == 1
    with watch.world.write() as session:  # off from second 1 to second 1000
        here = pollers.here(session, unit_id=watch.world.units["61"], now=T0)
        here.running_since = T0 + dt.timedelta(seconds=1000)
    for seconds, alerts in ((1002, 0), (1069, 0), (1072, 2)):
        with at(seconds), watch.world.write() as session:
            heartbeats.miss(session, now=clock.now())
            intake.silence(session, now=clock.now())
        with at(seconds):
            firing = api.get("/alerts?state=firing").json["items"]
            assert len([a for a in firing if a["labels"]["alertname"] in {"夜间备份", "backup-job"}]) == alerts


def test_M_16_a_check_of_type_heartbeat_tells_its_address_once(watch: Watch, api: Any) -> None:
    with at(0):
        body = {"item": watch.item_id, "type": "heartbeat", "name": "同步", "interval_s": 60, "params": {"grace_s": 5}}
        made = api.post("/checks", body)
        assert made.status_code == 201, made.text
        path = "/heartbeat/" + made.json["heartbeat_url"].rpartition("/")[2]
        assert watch.world.app.test_client().post(path).status_code == 200
        shown = api.get(f"/checks/{made.json['id']}").json
        assert (shown["state"], shown["heartbeat_url"], shown["active"]) == ("ok", None, False)
        assert api.post("/checks", {**body, "params": {"grace_s": "x"}}).json["errors"][0]["field"] == "params.grace_s"


def test_a_stale_change_of_a_check_is_refused_and_a_fresh_one_taken(watch: Watch, api: Any) -> None:
    path = f"/checks/{watch.check_id}"
    tag = api.get(path).headers["ETag"]
    assert api.patch(path, {"interval_s": 90}, headers={"If-Match": tag}).status_code == 200
    stale = api.patch(path, {"interval_s": 30}, headers={"If-Match": tag})
    assert (stale.status_code, api.get(path).json["interval_s"]) == (412, 90)
    for either in (api.get(path).headers["ETag"], "*", None):
        headers = {"If-Match": either} if either else {}
        assert api.patch(path, {"interval_s": 60}, headers=headers).status_code == 200
    assert api.patch(path, {"interval_s": 30}, headers={"If-Match": '"nonsense"'}).status_code == 412
