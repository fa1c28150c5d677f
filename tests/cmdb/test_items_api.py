"""Items, relations and services through the API, as outside clients use it."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from core import clock
from tests.fixtures.world import World

# after the fixtures, whose grants begin now
T0 = dt.datetime(2027, 6, 1, 1, 0, tzinfo=dt.UTC)


@pytest.fixture
def api(world: World) -> Any:
    return world.api("integration")


def make(api: Any, name: str, kind: str = "server", unit: str = "610122", **more: Any) -> int:
    answer = api.post("/items", {"name": name, "type": kind, "unit": unit, **more})
    assert answer.status_code == 201, answer.text
    return int(answer.json["id"])


def relate(api: Any, source: int, target: int, kind: str = "depends-on", group: str | None = None) -> int:
    answer = api.post("/relations", {"source": source, "kind": kind, "target": target, "redundancy_group": group})
    assert answer.status_code == 201, answer.text
    return int(answer.json["id"])


def test_an_item_is_answered_whole_and_found_where_it_says(api: Any) -> None:
    answer = api.post(
        "/items", {"name": "蓝田核心交换机", "type": "switch", "unit": "610122", "attributes": {"ports": 48}}
    )
    assert answer.status_code == 201
    item = answer.json
    assert item["health"] == "nodata"
    assert item["lifecycle"] == "live"
    assert item["services"] == []
    assert api.get(answer.headers["Location"]).json == item


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"type": "spaceship"}, "type"),
        ({"type": "service"}, "type"),
        ({"unit": "999999"}, "unit"),
        ({"attributes": {"ports": "many"}}, "attributes.ports"),
        ({"attributes": {"ports": 0}}, "attributes.ports"),
        ({"name": ""}, "name"),
        ({"colour": "red"}, "colour"),
        ({"health": "ok"}, "health"),
    ],
)
def test_bad_items_are_refused_with_the_field(api: Any, change: dict[str, Any], field: str) -> None:
    answer = api.post("/items", {"name": "新交换机", "type": "switch", "unit": "610122", **change})
    assert answer.status_code == 422
    assert field in [error["field"] for error in answer.json["errors"]]
    assert api.get("/items").json["items"] == []


def test_a_name_is_unique_within_its_unit_until_it_is_retired(api: Any) -> None:
    first = make(api, "主路由器", "router")
    make(api, "主路由器", "router", unit="610124")
    again = api.post("/items", {"name": "主路由器", "type": "router", "unit": "610122"})
    assert again.status_code == 422
    assert again.json["errors"][0]["field"] == "name"
    assert api.delete(f"/items/{first}").status_code == 204
    second = make(api, "主路由器", "router")
    assert [i["id"] for i in api.get("/items?unit=610122").json["items"]] == [second]
    assert [i["id"] for i in api.get("/items?unit=610122&lifecycle=retired").json["items"]] == [first]


def test_a_bulk_is_all_or_nothing(api: Any) -> None:
    rows = [{"name": f"终端 {n:03d}", "type": "terminal", "unit": "610122"} for n in range(60)]
    answer = api.post("/items", {"items": rows})
    assert answer.status_code == 201
    assert [item["name"] for item in answer.json["items"]] == [row["name"] for row in rows]
    bad = api.post("/items", {"items": [{"name": "新终端", "type": "terminal", "unit": "610122"}, rows[0]]})
    assert bad.status_code == 422
    assert bad.json["errors"][0]["field"] == "items[1].name"
    assert len(api.get("/items?limit=200").json["items"]) == 60


def test_lists_page_by_key_and_filter(api: Any) -> None:
    api.post("/items", {"items": [{"name": f"终端 {n:03d}", "type": "terminal", "unit": "610122"} for n in range(7)]})
    make(api, "周至打印机", "printer", unit="610124")
    seen: list[str] = []
    cursor = ""
    while True:
        page = api.get(f"/items?limit=3{cursor}").json
        seen += [item["name"] for item in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert seen == sorted(seen)
    assert len(seen) == 8
    assert [i["name"] for i in api.get("/items?under=610124").json["items"]] == ["周至打印机"]
    assert len(api.get("/items?type=terminal&q=终端%20003").json["items"]) == 1
    assert api.get("/items?q=%25").json["items"] == []
    assert api.get("/items?cursor=x").status_code == 422


def test_a_stale_change_erases_nothing(api: Any) -> None:
    item = make(api, "应用服务器")
    tag = api.get(f"/items/{item}").headers["ETag"]
    assert api.patch(f"/items/{item}", {"address": "10.61.1.1"}, headers={"If-Match": tag}).status_code == 200
    stale = api.patch(f"/items/{item}", {"address": "10.61.1.2"}, headers={"If-Match": tag})
    assert stale.status_code == 412
    fresh = api.get(f"/items/{item}")
    assert fresh.json["address"] == "10.61.1.1"
    assert (
        api.patch(f"/items/{item}", {"address": None}, headers={"If-Match": fresh.headers["ETag"]}).json["address"]
        is None
    )


def test_attributes_are_merged_by_name(api: Any) -> None:
    item = make(api, "应用服务器", attributes={"os": "openEuler", "rack": "A01"})
    changed = api.patch(f"/items/{item}", {"attributes": {"rack": None, "cpu_cores": 8}}).json
    assert changed["attributes"] == {"os": "openEuler", "cpu_cores": 8}


def test_C_01_any_date_can_be_shown_and_restored_with_an_audit_entry(world: World) -> None:
    with clock.frozen(T0):
        api = world.api("integration")
        database = make(api, "库", "database")
        item = make(api, "应用", "application", attributes={"version": "1.0"})
        relate(api, item, database)
    with clock.frozen(T0 + dt.timedelta(hours=1)):
        api.patch(f"/items/{item}", {"name": "应用二", "attributes": {"version": "2.0"}})
        api.delete(f"/relations/{api.get(f'/relations?source={item}').json['items'][0]['id']}")
    with clock.frozen(T0 + dt.timedelta(hours=2)):
        api.patch(f"/items/{item}", {"address": "10.0.0.9"})
    then = api.get(f"/items/{item}/history", query_string={"at": "2027-06-01T01:30:00Z"}).json
    assert then["item"]["name"] == "应用"
    assert then["item"]["attributes"] == {"version": "1.0"}
    assert [r["target"] for r in then["relations"]] == [database]
    later = api.get(f"/items/{item}/history", query_string={"at": "2027-06-01T10:30:00+08:00"}).json
    assert later["item"]["name"] == "应用二"
    assert later["relations"] == []
    assert [v["changed"] for v in later["items"]] == [["address"], ["attributes.version", "name"], []]
    assert api.get(f"/items/{item}/history", query_string={"at": "2027-05-01T00:00:00Z"}).status_code == 404

    with clock.frozen(T0 + dt.timedelta(hours=3)):
        restored = api.post(f"/items/{item}/restore", {"at": "2027-06-01T01:30:00Z"})
    assert restored.status_code == 200
    assert restored.json["name"] == "应用"
    assert restored.json["attributes"] == {"version": "1.0"}
    assert restored.json["address"] is None
    assert [r["target"] for r in api.get(f"/relations?source={item}").json["items"]] == [database]
    now = api.get(f"/items/{item}/history?at=2027-06-02T00:00:00Z").json
    assert now["items"][0]["verb"] == "restore"
    assert len(now["items"]) == 4
    with world.read() as session:
        from accounts.models import AuditRow

        rows = session.query(AuditRow).filter(AuditRow.object == f"item:{item}").order_by(AuditRow.id).all()
    assert rows[-1].actor == "integration"
    assert rows[-1].after["name"] == "应用"


def test_C_01_a_retired_item_keeps_its_history_and_can_come_back(api: Any) -> None:
    with clock.frozen(T0):
        database, item = make(api, "库", "database"), make(api, "应用", "application")
        relate(api, item, database)
    with clock.frozen(T0 + dt.timedelta(days=1)):
        assert api.delete(f"/items/{item}").status_code == 204
        assert api.delete(f"/items/{item}").status_code == 204
    assert api.get(f"/items/{item}").json["lifecycle"] == "retired"
    assert api.get("/relations").json["items"] == []
    assert len(api.get("/relations?ended=true").json["items"]) == 1
    assert api.post("/relations", {"source": database, "kind": "depends-on", "target": item}).status_code == 422
    back = api.post(f"/items/{item}/restore", {"at": "2027-06-01T02:00:00Z"})
    assert back.json["lifecycle"] == "live"
    assert len(api.get("/relations").json["items"]) == 1


def test_relations_are_refused_with_the_field(api: Any) -> None:
    one, other = make(api, "一"), make(api, "二")
    relate(api, one, other)
    assert api.post("/relations", {"source": one, "kind": "depends-on", "target": other}).status_code == 409
    for body, field in (
        ({"source": one, "kind": "depends-on", "target": one}, "target"),
        ({"source": one, "kind": "depends-on", "target": 99999}, "target"),
        ({"source": 99999, "kind": "depends-on", "target": one}, "source"),
        ({"source": one, "kind": "likes", "target": other}, "kind"),
    ):
        answer = api.post("/relations", body)
        assert answer.status_code == 422, answer.text
        assert answer.json["errors"][0]["field"] == field


def test_C_02_impact_over_http_respects_stand_ins_depth_and_marks(api: Any) -> None:
    main, spare = make(api, "主线路", "line"), make(api, "备线路", "line")
    router = make(api, "县局路由器", "router")
    site = make(api, "蓝田县局", "site")
    service = api.post("/services", {"name": "核心征管", "unit": "61", "team": "P-APP"}).json["id"]
    server = make(api, "应用服务器", unit="61")
    relate(api, router, main, "connected-to", "lines")
    relate(api, router, spare, "connected-to", "lines")
    relate(api, site, router)
    relate(api, service, server)

    alone = api.get(f"/items/{main}/impact").json
    assert alone["items"] == []
    assert alone["people"] == 0

    cut = api.get(f"/items/{router}/impact").json
    assert [entry["id"] for entry in cut["items"]] == [site]
    assert cut["units"] == [{"code": "610122", "name": "蓝田县局"}]
    assert cut["people"] == 5  # of the county bureau and its tax office
    assert cut["unreachable_services"] == [service]
    assert cut["summary"] == "影响 1 个系统、5 人"
    assert api.get(f"/items/{router}/impact?depth=0").json["items"] == []

    failed = api.get(f"/items/{server}/impact").json
    assert [entry["id"] for entry in failed["services"]] == [service]
    assert failed["people"] > 20  # everybody the service serves

    assert (
        api.post(
            f"/items/{server}/impact/marks", {"affected": site, "mark": "declared", "reason": "本地缓存"}
        ).status_code
        == 204
    )
    assert (
        api.post(
            f"/items/{server}/impact/marks", {"affected": service, "mark": "excluded", "reason": "热备"}
        ).status_code
        == 204
    )
    marked = {entry["id"]: entry["mark"] for entry in api.get(f"/items/{server}/impact").json["items"]}
    assert marked == {service: "excluded", site: "declared"}
    assert api.get(f"/items/{server}/impact").json["services"] == []


def test_a_service_is_an_item_made_of_items(api: Any) -> None:
    database, server = make(api, "库", "database"), make(api, "机")
    relate(api, database, server, "runs-on")
    made = api.post(
        "/services",
        {
            "name": "个人所得税",
            "unit": "61",
            "team": "P-APP",
            "vendor": "V1",
            "items": [database],
            "targets": {"availability": 99.9},
        },
    )
    assert made.status_code == 201, made.text
    service = made.json
    assert (service["team"], service["vendor"], service["items"], service["health"]) == (
        "P-APP",
        "V1",
        [database],
        "nodata",
    )
    assert api.get(f"/items/{service['id']}").json["type"] == "service"
    assert api.get(f"/items/{server}").json["services"] == [service["id"]]
    assert [s["id"] for s in api.get("/services").json["items"]] == [service["id"]]
    changed = api.patch(f"/services/{service['id']}", {"items": [server], "team": None}).json
    assert (changed["items"], changed["team"]) == ([server], None)
    assert api.get(f"/items/{database}").json["services"] == []
    bulk = api.post(
        "/services", {"items": [{"name": "发票", "unit": "61"}, {"name": "稽查", "unit": "61", "items": [server]}]}
    )
    assert bulk.status_code == 201, bulk.text
    assert bulk.json["items"][1]["items"] == [server]
    wrong = api.post("/services", {"name": "退税", "unit": "61", "vendor": "6101"})
    assert wrong.json["errors"][0]["field"] == "vendor"


def test_repeating_a_creation_with_its_key_makes_one_item(api: Any) -> None:
    body = {"name": "一次", "type": "server", "unit": "610122"}
    first = api.post("/items", body, headers={"Idempotency-Key": "k-1"})
    again = api.post("/items", body, headers={"Idempotency-Key": "k-1"})
    assert first.json == again.json
    assert len(api.get("/items").json["items"]) == 1


def test_types_are_data(world: World) -> None:
    admin = world.api("sys-admin")
    schema = {
        "properties": {"lumen": {"type": "integer", "minimum": 1}},
        "required": ["lumen"],
        "additionalProperties": False,
    }
    made = admin.post(
        "/item-types", {"name": "projector", "label": "投影仪", "parent": "terminal", "attributes": schema}
    )
    assert made.status_code == 201, made.text
    assert "user" in made.json["schema_merged"]["properties"]
    api = world.api("integration")
    assert api.post("/items", {"name": "投影", "type": "projector", "unit": "61"}).status_code == 422
    assert (
        api.post(
            "/items", {"name": "投影", "type": "projector", "unit": "61", "attributes": {"lumen": 3000}}
        ).status_code
        == 201
    )
    assert api.post("/item-types", {"name": "x1", "attributes": {}}).status_code == 404
    assert admin.post("/item-types", {"name": "bad", "attributes": {"oneOf": []}}).status_code == 422
    assert admin.patch("/item-types/terminal", {"parent": "projector"}).status_code == 422
    assert len(api.get("/item-types?limit=200").json["items"]) >= 26
