"""Rosters and policies are changed and retired by heads, on pages and by the API; a leaver leaves a gap that is seen (E-08)."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
import sqlalchemy as sa

from accounts.models import Person
from core import clock
from escalation.oncall.models import Policy, Schedule
from tests.fixtures.world import ApiClient, World

NOW = dt.datetime(2026, 11, 23, 4, 0, tzinfo=dt.UTC)  # a Monday noon in Shanghai
ROSTER = {
    "code": "lt", "name": "蓝田值班", "unit": "610122", "team": "X-LT", "people": ["lt-engineer", "lt-head"],
    "starts_on": "2026-11-16",
}  # fmt: skip
POLICY = {
    "code": "lt-night", "name": "蓝田夜间", "unit": "610122", "team": "X-LT",
    "steps": [{"delay_minutes": 5, "targets": [{"kind": "schedule", "name": "lt"}]}],
}  # fmt: skip


@pytest.fixture
def head(world: World) -> ApiClient:
    """蓝田's head, with a roster and a policy."""
    api = world.api("lt-head")
    assert api.post("/schedules", ROSTER).status_code == 201
    assert api.post("/policies", POLICY).status_code == 201
    return api


def only(api: ApiClient, path: str) -> dict[str, Any]:
    (found,) = api.get(path).json["items"]
    return dict(found)


def named(world: World, model: type[Schedule] | type[Policy]) -> Any:
    with world.read() as session:
        return session.scalars(sa.select(model)).one()


# --- lists -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/schedules", "/policies"])
def test_lists_are_paged_by_key_and_searched(world: World, head: ApiClient, path: str) -> None:
    body = ROSTER if path == "/schedules" else POLICY
    for n in range(6):
        made = head.post(path, {**body, "code": f"more-{n}", "name": f"第{n % 3}班"})
        assert made.status_code == 201, made.get_data(as_text=True)
    seen, cursor = [], ""
    for _page in range(9):
        answer = head.get(f"{path}?limit=2{cursor}").json
        assert len(answer["items"]) <= 2
        seen += [row["code"] for row in answer["items"]]
        if answer["next"] is None:
            break
        cursor = f"&cursor={answer['next']}"
    assert len(seen) == len(set(seen)) == 7, "every one, once"
    assert len(head.get(f"{path}?q=第1班").json["items"]) == 2
    assert [row["code"] for row in head.get(f"{path}?q=MORE-4").json["items"]] == ["more-4"]
    assert head.get(f"{path}?team=X-ZZ").json["items"] == []
    assert len(head.get(f"{path}?unit=610122&team=X-LT").json["items"]) == 7
    assert head.get(f"{path}?cursor=rubbish").status_code == 422


# --- the API ---------------------------------------------------------------------------------------------------------


def test_E_06_a_roster_is_changed_with_if_match_and_retired(world: World, head: ApiClient) -> None:
    row = only(head, "/schedules")
    path = f"/schedules/{row['id']}"
    tag = head.get(path).headers["ETag"]
    changed = head.patch(path, {"people": ["lt-head"], "handover": "08:30"}, headers={"If-Match": tag})
    assert (changed.status_code, changed.json["people"], changed.json["handover"]) == (200, ["lt-head"], "08:30")
    assert changed.json["name"] == "蓝田值班"
    assert head.patch(path, {"name": "别人的"}, headers={"If-Match": tag}).status_code == 412
    assert head.patch(path, {"name": None}).status_code == 422
    wrong = head.patch(path, {"people": ["lt-head", "nobody"]})
    assert (wrong.status_code, wrong.json["errors"][0]["field"]) == (422, "people[1]")
    assert head.delete(path).status_code == 409, "a policy pages it"
    policy = f"/policies/{only(head, '/policies')['id']}"
    assert head.delete(policy).status_code == 204
    assert head.delete(path, headers={"If-Match": tag}).status_code == 412
    assert head.delete(path).status_code == 204
    assert head.get(path).status_code == 404
    assert head.get("/schedules").json["items"] == []
    assert only(head, "/schedules?retired=true")["active"] is False


def test_E_07_a_policy_is_changed_with_if_match(world: World, head: ApiClient) -> None:
    path = f"/policies/{only(head, '/policies')['id']}"
    tag = head.get(path).headers["ETag"]
    steps = [{"delay_minutes": 3, "targets": [{"kind": "head"}, {"kind": "person", "name": "lt-engineer"}]}]
    changed = head.patch(path, {"steps": steps, "loops": 0}, headers={"If-Match": tag})
    assert changed.status_code == 200
    assert [t["name"] for t in changed.json["steps"][0]["targets"]] == [None, "lt-engineer"]
    assert head.patch(path, {"loops": 1}, headers={"If-Match": tag}).status_code == 412
    assert head.patch(path, {"steps": []}).status_code == 422
    wrong = head.patch(path, {"steps": [{"delay_minutes": 1, "targets": [{"kind": "person", "name": "x"}]}]})
    assert wrong.json["errors"][0]["field"] == "steps[0].targets[0].name"


@pytest.mark.parametrize(
    ("who", "status"), [("lt-head", 200), ("xa-head", 200), ("lt-engineer", 404), ("zz-head", 404)]
)
def test_only_heads_of_the_unit_or_above_change_what_is_set_up(
    world: World, head: ApiClient, who: str, status: int
) -> None:
    api = world.api(who)
    for path in (f"/schedules/{only(head, '/schedules')['id']}", f"/policies/{only(head, '/policies')['id']}"):
        answer = api.patch(path, {"name": "新名"})
        assert answer.status_code == status, path


# --- pages -----------------------------------------------------------------------------------------------------------


def revision_in(page: str) -> str:
    return re.findall(r'name="revision" value="(\d+)"', page)[0]


def test_E_06_a_head_sets_up_changes_and_retires_a_roster_on_pages(world: World) -> None:
    client = world.client("xa-head")
    assert "X-ZZ" in client.get("/oncall/schedules/new").get_data(as_text=True), "asks for the team first"
    form = client.get("/oncall/schedules/new?place=team:X-LT").get_data(as_text=True)
    assert "蓝工" in form
    assert "周工" not in form, "of another team"
    data = {
        "place": "team:X-LT", "name": "蓝田值班", "code": "lt", "people": ["lt-engineer", "", "lt-head"],
        "more": "xa-engineer nobody", "starts_on": "2026-11-16", "shift_days": "7", "handover": "09:00",
    }  # fmt: skip
    refused = world.submit(client, "/oncall/schedules/new", data)
    text = refused.get_data(as_text=True)
    assert refused.status_code == 422
    assert "nobody" in text, "what was typed is still there"
    assert "没有登录名为" in text
    made = world.submit(client, "/oncall/schedules/new", {**data, "more": "xa-engineer"})
    assert made.status_code == 303, made.get_data(as_text=True)
    row = named(world, Schedule)
    order = [world.people[p] for p in ("lt-engineer", "lt-head", "xa-engineer")]
    assert (row.people, row.team_id, row.shift_days) == (order, world.teams["X-LT"], 7)
    edit = f"/oncall/schedules/{row.id}/edit"
    revision = revision_in(client.get(edit).get_data(as_text=True))
    data.pop("code")  # the page that changes one has no such field
    change = {**data, "more": "", "people": ["lt-head", "lt-engineer"], "handover": "08:00", "revision": revision}
    assert world.submit(client, edit, change).status_code == 303
    assert named(world, Schedule).people == [world.people["lt-head"], world.people["lt-engineer"]]
    stale = world.submit(client, edit, {**change, "name": "别人的"})
    assert stale.status_code == 422
    assert "已被他人修改" in stale.get_data(as_text=True)
    assert "蓝田值班" in client.get("/oncall").get_data(as_text=True)
    assert world.submit(client, f"/oncall/schedules/{row.id}/retire").status_code == 303
    assert not named(world, Schedule).active


def test_E_07_a_head_sets_up_changes_and_retires_a_policy_on_pages(world: World, head: ApiClient) -> None:
    assert head.delete(f"/policies/{only(head, '/policies')['id']}").status_code == 204
    client = world.client("lt-head")
    form = client.get("/oncall/policies/new?place=team:X-LT").get_data(as_text=True)
    assert "蓝田值班 的值班人" in form
    data = {
        "place": "team:X-LT", "name": "夜间呼叫", "code": "night", "loops": "1", "max_priority": "2",
        "delay-0": "5", "target-0": ["schedule:lt"], "delay-2": "10", "target-2": ["head", "person:lt-engineer"],
    }  # fmt: skip
    bad = world.submit(client, "/oncall/policies/new", {**data, "delay-2": "bald"})
    assert bad.status_code == 422
    assert "bald" in bad.get_data(as_text=True), "what was typed is still there"
    assert (
        world.submit(client, "/oncall/policies/new", {"place": "team:X-LT", "name": "x", "code": "x"}).status_code
        == 422
    )
    made = world.submit(client, "/oncall/policies/new", data)
    assert made.status_code == 303, made.get_data(as_text=True)
    row = only(head, "/policies")
    assert [(s["delay_minutes"], [t["kind"] for t in s["targets"]]) for s in row["steps"]] == [
        (5, ["schedule"]), (10, ["head", "person"]),
    ]  # fmt: skip
    edit = f"/oncall/policies/{row['id']}/edit"
    revision = revision_in(client.get(edit).get_data(as_text=True))
    data.pop("code")  # the page that changes one has no such field
    change = {**data, "target-2": [], "loops": "0", "revision": revision}
    assert world.submit(client, edit, change).status_code == 303
    assert (only(head, "/policies")["loops"], len(only(head, "/policies")["steps"])) == (0, 1)
    assert world.submit(client, edit, change).status_code == 422, "somebody changed it meanwhile"
    assert world.submit(client, f"/oncall/policies/{row['id']}/retire").status_code == 303
    assert head.get("/policies").json["items"] == []


def test_pages_of_setting_up_are_for_heads_of_the_place(world: World, head: ApiClient) -> None:
    roster, policy = only(head, "/schedules")["id"], only(head, "/policies")["id"]
    paths = [f"/oncall/schedules/{roster}/edit", f"/oncall/policies/{policy}/edit"]
    for who in ("lt-engineer", "lt-clerk", "zz-head", "v1-head"):
        client = world.client(who)
        for path in paths:
            assert client.get(path).status_code == 404, (who, path)
            assert world.submit(client, path.replace("edit", "retire")).status_code == 404, (who, path)
    stranger = world.client("zz-head")
    assert stranger.get("/oncall/schedules/new?place=team:X-LT").status_code == 404
    assert world.submit(stranger, "/oncall/schedules/new", {"place": "team:X-LT"}).status_code == 404


def test_E_08_a_disabled_person_in_the_rotation_is_a_gap_that_is_shown(world: World, head: ApiClient) -> None:
    with world.write() as session:
        session.get_one(Person, world.people["lt-head"]).active = False
    client = world.client("xa-head")
    with clock.frozen(NOW):  # the second week: lt-head's turn
        page = client.get("/oncall").get_data(as_text=True)
        calendar = world.api("xa-head").get(f"/schedules/{only(head_of(world), '/schedules')['id']}.ics")
        edit = client.get(f"/oncall/schedules/{named(world, Schedule).id}/edit").get_data(as_text=True)
    assert "现在无人值班" in page
    assert "轮值里有已停用的人员：蓝大为" in page
    assert "蓝大为（已停用）" in page
    assert "蓝大为" not in calendar.get_data(as_text=True)
    assert "已停用，从轮值中去掉：蓝大为" in edit
    data = {
        "name": "蓝田值班", "people": ["lt-engineer"], "starts_on": "2026-11-16", "shift_days": "7",
        "handover": "09:00", "revision": revision_in(edit),
    }  # fmt: skip
    assert world.submit(client, f"/oncall/schedules/{named(world, Schedule).id}/edit", data).status_code == 303
    with clock.frozen(NOW):
        assert "已停用" not in client.get("/oncall").get_data(as_text=True)


def head_of(world: World) -> ApiClient:
    return world.api("xa-head")
