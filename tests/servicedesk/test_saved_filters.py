"""Filters kept under a name: whose they are, what is counted, and how a list opens."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest
import sqlalchemy as sa

from core import clock
from core.db.patience import within
from servicedesk.saved import queries
from servicedesk.saved.queries import Entry

LONG = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40000000) SELECT count(*) FROM n"


@pytest.fixture
def numbers(world):
    """Three matters of 蓝田; the first is its engineer's."""
    clerk, made = world.api("lt-clerk"), []
    for title in ("打印机脱机", "扫描仪不动", "开票报错"):
        body = {"kind": "incident", "title": title, "category": "desktop"}
        made.append(clerk.post("/tickets", body).json["number"])
    assert world.api("lt-engineer").post(f"/tickets/{made[0]}/actions/accept").status_code == 200
    return made


def kept(api, **body):
    return api.post("/ticket-filters", {"name": "桌面", "query": {"category": "desktop", "open": True}} | body)


def listed(api, *fields, **query):
    answer = api.get("/ticket-filters", query_string=query)
    assert answer.status_code == 200, answer.json
    return [tuple(row[f] for f in fields) if len(fields) > 1 else row[fields[0]] for row in answer.json["items"]]


def test_each_role_has_its_quick_ones_and_their_addresses_find_what_they_say(world, numbers):
    engineer = world.api("lt-engineer")
    counts = dict(listed(engineer, "key", "count", counts="true"))
    assert counts == {"mine": 1, "unassigned": 2, "soon": 0, "overdue": 0, "at-vendor": 0}
    found = {row["key"]: row["url"] for row in engineer.get("/ticket-filters").json["items"]}
    assert [t["number"] for t in engineer.get(found["mine"]).json["items"]] == [numbers[0]]
    assert [t["number"] for t in engineer.get(found["unassigned"]).json["items"]] == numbers[:0:-1]
    assert {"returned", "to-close"} <= set(listed(world.api("lt-head"), "key"))
    assert set(listed(world.api("leader"), "key")) == {"soon", "overdue", "at-vendor", "major"}
    assert world.api("lt-clerk").get("/ticket-filters").status_code == 404


def test_soon_is_what_ends_within_the_hours_and_not_what_is_late(world, numbers):
    engineer = world.api("lt-engineer")
    due = engineer.get(f"/tickets/{numbers[1]}").json["clocks"][0]["due_at"]
    at = clock.dt.datetime.fromisoformat(due)
    for hours, expected in ((1, True), (5, False), (-1, False)):
        with clock.frozen(at - clock.dt.timedelta(hours=hours)):
            soon = engineer.get("/tickets", query_string={"due_within": 4}).json
            assert (numbers[1] in [t["number"] for t in soon["items"]]) is expected, hours


def test_ones_own_is_nobody_elses_and_a_team_s_is_its_heads_to_change(world):
    engineer, head, stranger = world.api("lt-engineer"), world.api("lt-head"), world.api("zz-engineer")
    own = kept(engineer).json
    assert (own["key"], own["team"], own["may_change"]) == (f"f{own['id']}", None, True)
    refused = kept(engineer, name="共享", team="X-LT")
    assert (refused.status_code, refused.json["errors"][0]["field"]) == (422, "team"), "they do not lead it"
    shared = kept(head, name="共享", team="X-LT").json
    assert own["key"] not in listed(head, "key")
    assert (shared["key"], "X-LT", False) in listed(engineer, "key", "team", "may_change")
    path = f"/ticket-filters/{shared['id']}"
    assert engineer.patch(path, {"name": "我的"}).status_code == 403
    assert engineer.delete(path).status_code == 403
    assert [stranger.get(path).status_code, stranger.patch(path, {"name": "x"}).status_code] == [404, 404]
    assert head.patch(path, {"name": "班组桌面"}).json["name"] == "班组桌面"
    assert kept(engineer, name="桌面").status_code == 422, "the name is taken"
    empty = kept(engineer, name="空", query={"limit": 5})
    assert (empty.status_code, empty.json["errors"][0]["field"]) == (422, "query")
    wrong = kept(engineer, name="错", query={"colour": "red"})
    assert (wrong.status_code, wrong.json["errors"][0]["field"]) == (422, "query.colour")


def test_deleting_is_undone_and_the_order_and_default_are_ones_own(world):
    engineer = world.api("lt-engineer")
    one, two = kept(engineer, name="一").json, kept(engineer, name="二", default=True).json
    assert listed(engineer, "key")[-2:] == [one["key"], two["key"]]
    assert engineer.post("/ticket-filters/choice", {"order": [two["key"], "overdue"]}).status_code in {200, 204}
    assert listed(engineer, "key")[:2] == [two["key"], "overdue"]
    assert engineer.post("/ticket-filters/choice", {"order": ["f999"]}).status_code == 422
    assert engineer.delete(f"/ticket-filters/{two['id']}").status_code == 204
    assert two["key"] not in listed(engineer, "key")
    assert engineer.get(f"/ticket-filters/{two['id']}").status_code == 404
    assert engineer.post(f"/ticket-filters/{two['id']}/restore").json["default"] is True
    assert engineer.post(f"/ticket-filters/{two['id']}/restore").status_code == 404, "it lives"


def test_on_the_page_it_is_saved_opened_by_itself_and_managed(world, numbers):
    engineer = world.client("lt-engineer")
    page = engineer.get("/desk/tickets?category=desktop&open=true").get_data(as_text=True)
    query = re.search(r'name="query" value="([^"]+)"', page)[1].replace("&amp;", "&")
    assert "共享给" not in page, "an engineer leads no team"
    saved = world.submit(engineer, "/desk/filters", {"name": "桌面未办结", "query": query, "default": "true"})
    address = saved.headers["Location"]
    assert parse_qs(urlsplit(address).query)["category"] == ["desktop"]
    bare = engineer.get("/desk/tickets")
    assert (bare.status_code, bare.headers["Location"]) == (303, address)
    assert engineer.get("/desk/tickets?view=all").status_code == 200, "everything is still one click away"
    shown = engineer.get(address).get_data(as_text=True)
    assert re.search(r'aria-current="page">桌面未办结', shown)
    assert "保存为常用筛选" not in shown, "nothing differs from what is kept"
    assert "更新“桌面未办结”" in engineer.get(f"{address}&priority=1").get_data(as_text=True)
    tabs = engineer.get("/desk/filters/tabs").get_data(as_text=True)
    assert re.search(r'桌面未办结<span class="tx-count">3</span>', tabs)
    number = re.search(r"view=f(\d+)", address)[1]
    world.submit(engineer, "/desk/filters/choice", {"key": f"f{number}", "move": "up"})
    world.submit(engineer, f"/desk/filters/{number}/edit", {"name": "桌面"})
    gone = world.submit(engineer, f"/desk/filters/{number}/delete").headers["Location"]
    managed = engineer.get(gone).get_data(as_text=True)
    assert f'action="/desk/filters/{number}/restore"' in managed
    assert engineer.get("/desk/tickets").status_code == 200, "a default that is gone opens everything"
    world.submit(engineer, f"/desk/filters/{number}/restore")
    keys = [row["name"] for row in world.api("lt-engineer").get("/ticket-filters").json["items"]]
    assert keys.index("桌面") == 4, "moved before the last one"


def test_counts_stop_at_a_thousand_and_what_takes_long_is_left_uncounted(world, numbers, monkeypatch):
    monkeypatch.setattr(queries, "COUNTED", 2)
    with world.read() as session:
        viewer, entry = world.viewer("lt-engineer"), Entry("x", "x", {"category": "desktop"})
        found = queries.counts(session, viewer, [entry], now=clock.now())
        assert found == {"x": 3}, "one more than is counted, and no further"
        assert (queries.count_words(3), queries.count_words(2), queries.count_words(None)) == ("2+", "2", "")
        assert within(session, 0.05, lambda: session.scalar(sa.text(LONG))) is None
        assert within(session, 5, lambda: session.scalar(sa.text("SELECT 7"))) == 7, "the session goes on"
