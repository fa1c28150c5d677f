"""T-05 for items: a subtree, or the team that runs the service; nobody else, in lists, pages, drawings and API alike."""

from __future__ import annotations

import pytest

from accounts import service as accounts
from accounts.models import Person, Team
from core import clock
from tests.cmdb.conftest import Estate


def names(estate: Estate, login: str) -> set[str]:
    return {item["name"] for item in estate.world.api(login).get("/items?limit=200").json["items"]}


def test_T_05_a_county_sees_its_own_items_a_city_those_of_its_counties(estate: Estate) -> None:
    assert names(estate, "lt-engineer") == {"主线", "备线", "路由器", "机关"}
    assert names(estate, "zz-engineer") == {"周至路由器"}
    assert names(estate, "xa-engineer") == {"主线", "备线", "路由器", "机关", "周至路由器"}
    assert names(estate, "bj-engineer") == set()
    assert names(estate, "leader") == set(estate.ids)


@pytest.mark.parametrize("path", ["/items/{id}", "/items/{id}/history", "/items/{id}/impact", "/items/{id}/events"])
def test_T_05_the_neighbour_county_gets_404_everywhere(estate: Estate, path: str) -> None:
    path = path.format(id=estate.ids["路由器"])
    assert estate.world.api("lt-engineer").get(path).status_code == 200
    for login in ("zz-engineer", "lt-clerk", "v1-engineer", "wall", "sec-admin"):
        assert estate.world.api(login).get(path).status_code == 404, login


@pytest.mark.parametrize("path", ["/items/{id}", "/items/{id}/history", "/items/{id}/graph.json", "/items/{id}/edit"])
def test_T_05_the_same_for_pages(estate: Estate, path: str) -> None:
    path = path.format(id=estate.ids["路由器"])
    assert estate.world.client("lt-engineer").get(path).status_code == 200
    for login in ("zz-engineer", "lt-clerk", "v1-engineer", "sec-admin"):
        assert estate.world.client(login).get(path).status_code == 404, login


def test_T_05_the_team_that_runs_a_service_sees_what_the_service_needs(estate: Estate) -> None:
    world = estate.world
    with world.write() as session:
        person = session.get_one(Person, world.people["mx-clerk"])
        accounts.grant(
            session,
            person=person,
            role_code="engineer",
            team=session.get_one(Team, world.teams["P-APP"]),
            now=clock.now(),
        )
    assert names(estate, "mx-clerk") == {"核心征管", "应用一", "应用二", "数据库", "主机"}
    host, router = estate.ids["主机"], estate.ids["路由器"]
    api = world.api("mx-clerk")
    assert api.patch(f"/items/{host}", {"address": "10.0.0.1"}).status_code == 200
    assert api.patch(f"/items/{router}", {"address": "10.0.0.1"}).status_code == 404


def test_seeing_is_not_changing_403_and_unseen_is_404(estate: Estate) -> None:
    router = estate.ids["路由器"]
    for method, path, body in (
        ("PATCH", f"/items/{router}", {"address": "x"}), ("DELETE", f"/items/{router}", None),
        ("POST", f"/items/{router}/restore", {"at": "2026-01-01T00:00:00Z"}),
    ):  # fmt: skip
        assert estate.world.api("leader").call(method, path, json=body).status_code == 404  # no item.write anywhere
        assert estate.world.api("zz-engineer").call(method, path, json=body).status_code == 404
    service = estate.ids["核心征管"]  # in the catalogue of everybody, but not theirs to change
    assert estate.world.api("lt-engineer").patch(f"/services/{service}", {"summary": "x"}).status_code == 403


def test_everybody_sees_the_catalogue_of_their_province_but_not_its_machines(estate: Estate) -> None:
    clerk = estate.world.client("lt-clerk")
    page = clerk.get("/services").get_data(as_text=True)
    assert "核心征管" in page
    one = clerk.get(f"/services/{estate.ids['核心征管']}").get_data(as_text=True)
    assert "核心征管" in one
    assert "数据库" not in one
    assert clerk.get("/items").status_code == 404
    assert estate.world.client("v1-engineer").get("/services").status_code == 404


def test_impact_names_only_what_the_asker_may_see(estate: Estate) -> None:
    seen = estate.world.api("p-head").get(f"/items/{estate.ids['路由器']}/impact").json
    assert [entry["name"] for entry in seen["items"]] == ["机关"]
    with estate.world.write() as session:
        from cmdb import service
        from cmdb.models import Item, RelationKind

        own, other = session.get_one(Item, estate.ids["周至路由器"]), session.get_one(Item, estate.ids["路由器"])
        service.relate(session, source=other, kind=RelationKind.CONNECTED_TO, target=own, now=clock.now())
    hidden = estate.world.api("zz-engineer").get(f"/items/{estate.ids['周至路由器']}/impact").json
    assert hidden["items"] == []
    assert hidden["hidden"] == 2
    assert hidden["units"] == []
    drawing = (
        estate.world.client("zz-engineer").get(f"/items/{estate.ids['周至路由器']}/graph.json").get_data(as_text=True)
    )
    assert "路由器（辖区外）" in drawing.encode().decode("unicode_escape", "ignore") or "辖区外" in drawing
    assert estate.world.client("zz-engineer").get(f"/items/{estate.ids['周至路由器']}").status_code == 200
