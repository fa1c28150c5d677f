"""Silences over API v1 and v2: what they keep quiet, for whom, how they end, and what is told then (M-06, T-05)."""

import datetime as dt
from typing import Any

import pytest

from core import clock
from core.events.monitor import AlertRaised, AlertResolved, AlertSeverityChanged
from monitor.quiet import turning
from tests.monitor.conftest import T0, Watch

V2 = "/api/v2/alerts"
DISK = {"alertname": "DiskFull", "severity": "warning", "instance": "db1"}
OWNER, COLLEAGUE, STRANGER = "lt-engineer", "lt-clerk", "zz-engineer"


def stamp(seconds: float) -> str:
    return (T0 + dt.timedelta(seconds=seconds)).isoformat()


def at(seconds: float) -> Any:
    return clock.frozen(T0 + dt.timedelta(seconds=seconds))


def matcher(name: str, value: str, op: str = "=") -> dict[str, str]:
    return {"name": name, "op": op, "value": value}


def silence(api: Any, *matchers: dict[str, str], until: float = 3600, **more: Any) -> dict[str, Any]:
    body = {
        "matchers": list(matchers) or [matcher("alertname", "DiskFull")],
        "ends_at": stamp(until),
        "comment": "扩容",
    }
    answer = api.post("/silences", {**body, **more})
    assert answer.status_code == 201, answer.text
    return dict(answer.json)


def turn(watch: Watch) -> None:
    with watch.world.write() as session:
        turning.turn(session, clock.now())


@pytest.fixture
def api(watch: Watch) -> Any:
    return watch.world.api("integration")


def test_a_silenced_alert_is_suppressed_and_nobody_is_told_until_it_ends(watch: Watch, api: Any, hear: Any) -> None:
    raised = hear(AlertRaised)
    with at(0):
        made = silence(api, until=600)
        assert (made["state"], made["by"], made["alerts"]) == ("active", "integration", 0)
        api.post(V2, [{"labels": DISK, "endsAt": stamp(9000)}])
        watch.world.relay()
        [alert] = api.get("/alerts?state=suppressed").json["items"]
        assert (alert["suppressed_by"], raised) == (["silence"], [])
        [shown] = api.get(V2).json
        assert shown["status"] == {
            "state": "suppressed", "silencedBy": [made["id"]], "inhibitedBy": [], "mutedBy": [],
        }  # fmt: skip
        assert api.get(f"{V2}?silenced=false").json == []
        assert api.get(f"{V2}?active=false").json != []
        assert api.get(f"/silences/{made['id']}").json["alerts"] == 1
        assert api.get("/tickets?source=alert").json["items"] == []
    with at(601):
        turn(watch)
        watch.world.relay()
        [alert] = api.get("/alerts?state=firing").json["items"]
        assert [e.fingerprint for e in raised] == [alert["fingerprint"]]
        [ticket] = api.get("/tickets?source=alert").json["items"]
        assert ticket["kind"] == "incident"
        assert api.get(f"/silences/{made['id']}").json["state"] == "expired"
        assert api.get("/silences").json["items"] == []
        assert len(api.get("/silences?state=expired").json["items"]) == 1


def test_M_06_what_is_the_same_after_the_silence_is_not_told_again(watch: Watch, api: Any, hear: Any) -> None:
    raised, changed = hear(AlertRaised), hear(AlertSeverityChanged)
    with at(0):
        api.post(V2, [{"labels": DISK, "endsAt": stamp(9000)}])
        made = silence(api, until=600)
        watch.world.relay()
        assert api.get("/alerts?state=suppressed").json["items"] != []
    with at(10):
        api.delete(f"/silences/{made['id']}")
        watch.world.relay()
        assert len(api.get("/alerts?state=firing").json["items"]) == 1
    assert (len(raised), changed) == (1, [])


def test_M_06_a_severity_that_rose_in_the_silence_is_told_after_it(watch: Watch, api: Any, hear: Any) -> None:
    changed = hear(AlertSeverityChanged)
    worse = {**DISK, "severity": "critical"}
    with at(0):
        api.post(V2, [{"labels": DISK, "endsAt": stamp(9000)}])
        made = silence(api, until=600)
        api.post(V2, [{"labels": worse, "endsAt": stamp(9000)}])
        watch.world.relay()
        assert changed == []
        api.delete(f"/silences/{made['id']}")
        watch.world.relay()
    assert [(e.before, e.after, e.rose) for e in changed] == [("warning", "critical", True)]


def test_M_06_what_was_over_within_the_silence_opens_nothing(watch: Watch, api: Any, hear: Any) -> None:
    raised, resolved = hear(AlertRaised), hear(AlertResolved)
    with at(0):
        made = silence(api)
        api.post(V2, [{"labels": DISK, "endsAt": stamp(9000)}])
        api.post(V2, [{"labels": DISK, "startsAt": stamp(-5), "endsAt": stamp(0)}])
        api.delete(f"/silences/{made['id']}")
        watch.world.relay()
        assert api.get("/tickets?source=alert").json["items"] == []
    assert (raised, len(resolved)) == ([], 1)


def test_M_06_a_check_is_told_of_once_it_was_looked_at_again(watch: Watch, api: Any, hear: Any) -> None:
    raised = hear(AlertRaised)
    with at(0):
        made = silence(api, matcher("item", "蓝田.*", "=~"))
    watch.follow((0, "critical"), (15, "critical"), (30, "critical"))
    with at(31):
        api.delete(f"/silences/{made['id']}")
        watch.world.relay()
        assert raised == [], "its next look may say that it is well"
    watch.at(45).take((45, "critical"))
    with at(46):
        turn(watch)
        watch.world.relay()
    assert len(raised) == 1


def test_silencing_an_open_incident_stops_its_paging(watch: Watch, api: Any) -> None:
    with at(0):
        api.post(V2, [{"labels": DISK, "endsAt": stamp(9000)}])
        watch.world.relay()
        [ticket] = api.get("/tickets?source=alert").json["items"]
        silence(api)
        watch.world.relay()
        timeline = api.get(f"/tickets/{ticket['number']}/timeline").json["items"]
    assert "acknowledged" in {entry["what"] for entry in timeline}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("matchers", "quiet"),
    [
        ([matcher("instance", "db.", "=~")], True),
        ([matcher("instance", "b1", "=~")], False),
        ([matcher("instance", "db.|web.", "=~"), matcher("severity", "critical", "!=")], True),
        ([matcher("instance", "db.*", "!~"), matcher("alertname", "DiskFull")], False),
        ([matcher("alertname", "DiskFull"), matcher("nowhere", "")], True),
        ([matcher("alertname", "DiskFull"), matcher("nowhere", ".+", "!~")], True),
        ([matcher("alertname", "DiskFull"), matcher("nowhere", "x")], False),
    ],
)
def test_matchers_are_alertmanagers(watch: Watch, api: Any, matchers: list[dict[str, str]], quiet: bool) -> None:
    with at(0):
        silence(api, *matchers)
        api.post(V2, [{"labels": DISK}])
        assert bool(api.get("/alerts?state=suppressed").json["items"]) is quiet


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"matchers": []}, "matchers"),
        ({"matchers": [matcher("alertname", "", "=")]}, "matchers"),
        ({"matchers": [matcher("alertname", ".*", "=~")]}, "matchers"),
        ({"matchers": [matcher("alertname", "(", "=~")]}, "matchers[0].value"),
        ({"matchers": [matcher("alertname", "a", "~")]}, "matchers[0].op"),
        ({"ends_at": stamp(-1)}, "ends_at"),
        ({"starts_at": stamp(90), "ends_at": stamp(60)}, "ends_at"),
        ({"comment": ""}, "comment"),
        ({"unit": "999"}, "unit"),
        ({"extra": 1}, "extra"),
    ],
)
def test_what_is_wrong_is_refused_with_its_place(watch: Watch, api: Any, change: dict[str, Any], field: str) -> None:
    with at(0):
        body = {"matchers": [matcher("a", "b")], "ends_at": stamp(60), "comment": "x", **change}
        answer = api.post("/silences", body)
        assert answer.status_code == 422
        assert field in [e["field"] for e in answer.json["errors"]]
        assert api.get("/silences").json["items"] == []


def test_T_05_a_silence_reaches_no_further_than_its_makers_right(watch: Watch, api: Any) -> None:
    world = watch.world
    with at(0):
        made = silence(world.api(OWNER))
        assert made["units"] == ["610122"]
        for unit in ("610122", "610122-01", "610124", "6101"):
            api.post(V2, [{"labels": {**DISK, "unit": unit}}])
        quiet = {a["unit"] for a in api.get("/alerts?state=suppressed").json["items"]}
        assert quiet == {"610122", "610122-01"}
        assert world.api(OWNER).post("/silences", {
            "matchers": [matcher("a", "b")], "ends_at": stamp(60), "comment": "x", "unit": "610124",
        }).status_code == 403  # fmt: skip


def test_T_05_owner_colleague_stranger(watch: Watch) -> None:
    world = watch.world
    with at(0):
        made = silence(world.api(OWNER))
        one = f"/silences/{made['id']}"
        assert world.api("lt-head").patch(one, {"comment": "改"}).status_code == 200
        above = world.api("xa-engineer")
        assert above.get(one).json["comment"] == "改"
        for login in (COLLEAGUE, STRANGER, "mx-engineer", "sec-admin"):
            other = world.api(login)
            for path in (one, f"/api/v2/silence/{made['id']}"):
                assert other.get(path).status_code == 404
                assert other.delete(path).status_code == 404
            assert other.patch(one, {"comment": "x"}).status_code == 404
        assert world.api(STRANGER).get("/silences").json["items"] == []
        assert world.api(STRANGER).get("/api/v2/silences").json == []
        province = silence(world.api("p-engineer"))
        below = world.api(OWNER)
        assert below.get(f"/silences/{province['id']}").status_code == 200, "it touches what is theirs"
        assert below.delete(f"/silences/{province['id']}").status_code == 403
        assert below.delete(f"/api/v2/silence/{province['id']}").status_code == 403
        assert world.api("leader").post("/silences", {}).status_code == 404, "may read, has nothing to write there"


def test_changing_and_ending(watch: Watch, api: Any) -> None:
    with at(0):
        made = silence(api, starts_at=stamp(100), until=200)
        assert made["state"] == "pending"
        api.post(V2, [{"labels": DISK, "endsAt": stamp(9000)}])
        one = f"/silences/{made['id']}"
        tag = api.get(one).headers["ETag"]
        assert api.patch(one, {"ends_at": stamp(300)}, headers={"If-Match": tag}).status_code == 200
        assert api.patch(one, {"ends_at": stamp(400)}, headers={"If-Match": tag}).status_code == 412
    with at(101):
        turn(watch)
        assert len(api.get("/alerts?state=suppressed").json["items"]) == 1
        assert api.patch(one, {"starts_at": stamp(150)}).status_code == 409
        other = api.patch(one, {"matchers": [matcher("alertname", "Else")]}).json
        assert (other["id"], other["alerts"]) == (made["id"], 0)
        assert api.get("/alerts?state=suppressed").json["items"] == []
        assert api.delete(one).status_code == 204
        assert api.delete(one).status_code == 204
        assert api.get(one).json["state"] == "expired"
        assert api.patch(one, {"comment": "x"}).status_code == 409


def test_lists_page_by_key_and_filter(watch: Watch, api: Any) -> None:
    with at(0):
        ids = [silence(api, matcher("alertname", f"A{n}"), comment=f"第{n}次")["id"] for n in range(5)]
        silence(watch.world.api(OWNER))
        seen: list[str] = []
        cursor = ""
        while True:
            page = api.get(f"/silences?by=integration&limit=2{cursor}").json
            seen += [s["id"] for s in page["items"]]
            if page["next"] is None:
                break
            cursor = f"&cursor={page['next']}"
        assert seen == ids[::-1]
        assert [s["id"] for s in api.get("/silences?q=第3次").json["items"]] == [ids[3]]
        assert [s["id"] for s in api.get(f"/silences?id={ids[1]}").json["items"]] == [ids[1]]
        assert [s["by"] for s in api.get("/silences?unit=610122").json["items"]] == [OWNER]
        assert api.get("/silences?state=pending").json["items"] == []


def v2(matchers: list[tuple[str, str, bool, bool]], **more: Any) -> dict[str, Any]:
    found = [{"name": n, "value": v, "isRegex": r, "isEqual": e} for n, v, r, e in matchers]
    return {
        "matchers": found, "startsAt": stamp(0), "endsAt": stamp(3600), "createdBy": "王工", "comment": "c", **more,
    }  # fmt: skip


def test_v2_an_edit_keeps_its_id_unless_it_silences_something_else(watch: Watch, api: Any) -> None:
    with at(0):
        body = v2([("alertname", "DiskFull", False, True)])
        uid = api.post("/api/v2/silences", body).json["silenceID"]
        same = api.post("/api/v2/silences", {**body, "id": uid, "endsAt": stamp(7200), "comment": "d"})
        assert same.json["silenceID"] == uid
        other = api.post("/api/v2/silences", {**v2([("alertname", "Disk.*", True, True)]), "id": uid}).json["silenceID"]
        assert other != uid
        states = {s["id"]: s["status"]["state"] for s in api.get("/api/v2/silences").json}
        assert states == {other: "active", uid: "expired"}
        [one] = api.get("/api/v2/silences", query_string={"filter": 'alertname=~"Disk\\\\..*"'}).json
        assert one["id"] == other
        assert (one["createdBy"], one["matchers"][0]["isRegex"]) == ("王工", True)
        assert api.post("/api/v2/silences", {**body, "id": "00000000-0000-0000-0000-000000000000"}).status_code == 404
        assert api.post("/api/v2/silences", v2([("a", "", False, True)])).status_code == 400
        assert api.post("/api/v2/silences", v2([("a", "b", False, True)], endsAt=stamp(-9))).status_code == 400
        assert api.post("/api/v2/silences", {"matchers": []}).status_code == 400
        assert api.delete(f"/api/v2/silence/{other}").status_code == 200
        assert api.get(f"/api/v2/silence/{other}").json["status"] == {"state": "expired"}
