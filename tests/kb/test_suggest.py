"""What is offered while somebody reports, with the real service desk behind it (T-08), on both databases."""

from __future__ import annotations

import datetime as dt
import re
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from accounts import service as accounts
from accounts.models import UnitLevel
from core import clock
from servicedesk.tickets.models import Ticket
from servicedesk.tickets.opening import Report, open_ticket

CARD = {"kind", "service", "error_code", "area", "since", "state"}
SECRETS = ("王小兰", "开票时", "138", "李兰", "蓝田", "INC-2026-000001 ", "lt-clerk")
FAULT = {
    "kind": "incident", "category": "application", "urgency": 2,
    "title": "开票时报 ORA-12541，王小兰 13812345678", "description": "王小兰开票时报错",
}  # fmt: skip


@pytest.fixture
def number(world):
    """A county's open matter, with names in its words."""
    return world.api("lt-clerk").post("/tickets", FAULT).json["number"]


def suggested(world, login, text="代开发票 ORA-12541"):
    return world.api(login).get("/suggest", query_string={"text": text}).json["tickets"]


def children(world):
    with world.read() as session:
        rows = session.scalars(sa.select(Ticket).where(Ticket.parent_id.is_not(None)).order_by(Ticket.id))
        return [(t.reporter_id, t.unit_id, t.parent_id, t.title) for t in rows]


def test_T_08_articles_notices_and_cards_are_offered_while_typing(world, indexed, number):
    reviewer = world.api("reviewer")
    article = {"title": "代开发票报 ORA-12541", "body": "## 解决办法\n重启**监听**服务", "units": ["61"]}
    made = reviewer.post("/articles", article).json["number"]
    reviewer.post(f"/articles/{made}/actions/publish", {})
    notice = {"title": "发票系统监听服务故障", "body": "代开发票报 ORA-12541，正在处理", "units": ["61"]}
    told = reviewer.post("/notices", notice).json["number"]
    reviewer.post(f"/notices/{told}/actions/publish", {})
    indexed()
    typed = {"text": "我这里代开发票今天早上报 ORA-12541 怎么办"}
    page = world.client("zz-clerk").get("/kb/suggest", query_string=typed).get_data(as_text=True)
    for expected in ("正在发生", notice["title"], "这样解决", "监听", "已有人报", "ORA-12541", "西安市局", "我也遇到"):
        assert expected in page, expected
    answer = world.api("zz-clerk").get("/suggest", query_string=typed).json
    assert [a["number"] for a in answer["articles"]] == [made]
    assert [n["number"] for n in answer["notices"]] == [told]
    assert [t["number"] for t in answer["tickets"]] == [number]
    assert len(answer["articles"]) <= 5
    assert suggested(world, "zz-clerk", "量子纠缠") == []


def test_T_08_a_neighbour_learns_the_public_card_and_nothing_else(world, number):
    neighbour = world.api("zz-clerk")
    assert neighbour.get(f"/tickets/{number}").status_code == 404
    card = neighbour.get(f"/tickets/{number}/card").json
    assert set(card) == CARD
    offered = suggested(world, "zz-clerk")[0]
    assert set(offered) == CARD | {"number"}
    assert (card["kind"], card["error_code"], card["area"], card["state"]) == (
        "incident", "ORA-12541", "西安市局", "new",
    )  # fmt: skip
    browser = world.client("zz-clerk")
    shown = browser.get("/kb/suggest", query_string={"text": "代开发票 ORA-12541"}).get_data(as_text=True)
    shown += str(card) + str(offered)
    box = browser.get(f"/desk/tickets/{number}/me-too").get_data(as_text=True).split("<main", 1)[1]
    for secret in SECRETS:
        assert secret not in shown + box, secret


def test_T_08_me_too_makes_the_persons_own_child_once(world, number):
    browser = world.client("zz-clerk")
    first = world.submit(browser, f"/desk/tickets/{number}/me-too", {"text": "我们三号窗口也是"})
    again = world.submit(browser, f"/desk/tickets/{number}/me-too", {"text": "还没好"})
    assert first.headers["Location"] == again.headers["Location"]
    [(reporter, unit, parent, title)] = children(world)
    assert (reporter, unit) == (world.people["zz-clerk"], world.units["610124"])
    with world.read() as session:
        top = session.scalar(sa.select(Ticket).where(Ticket.number == number))
        assert (top.id, top.people_hit) == (parent, 1)
    assert "王小兰" not in title
    own = world.api("zz-clerk").get(first.headers["Location"].replace("/desk", "")).json
    assert (own["parent"], own["reporter"], own["error_code"]) == (number, "zz-clerk", "ORA-12541")
    assert world.api("zz-clerk").get(f"/tickets/{number}").status_code == 404, "the parent stays its reporter's"
    assert suggested(world, "mx-clerk")[0]["number"] == number, "the parent stands for its children"


def test_T_08_nearby_ends_at_the_border_of_the_province(world, number):
    with world.write() as session:
        other = accounts.create_unit(session, code="62", name="邻省局", level=UnitLevel.PROVINCE, parent=None)
        county = accounts.create_unit(session, code="6201", name="邻市局", level=UnitLevel.CITY, parent=other)
        head = accounts.create_person(session, login="next-head", name="邻", unit=county, now=clock.now())
        accounts.create_team(session, code="N", name="邻市运维", unit=county, head=head, is_default=True)
        world.people["next-head"] = head.id
        matter = Report(title="ORA-12541", category="application", unit_id=county.id, reporter_id=head.id)
        abroad = open_ticket(session, matter, by=head.id, now=clock.now()).number
    assert [t["number"] for t in suggested(world, "zz-clerk")] == [number]
    assert [t["number"] for t in suggested(world, "next-head")] == [abroad]
    assert world.api("zz-clerk").get(f"/tickets/{abroad}/card").status_code == 404
    browser = world.client("zz-clerk")
    assert browser.get(f"/desk/tickets/{abroad}/me-too").status_code == 404
    assert world.submit(browser, f"/desk/tickets/{abroad}/me-too").status_code == 404
    assert children(world) == []


def test_T_08_what_is_over_or_old_is_offered_to_nobody(world, number):
    with world.write() as session:
        session.scalar(sa.select(Ticket)).opened_at -= dt.timedelta(days=30)
    assert suggested(world, "zz-clerk") == []


def at_once(*calls):
    gate = threading.Barrier(len(calls))

    def run(call):
        gate.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(run, call) for call in calls]]


def me_too(world, login, number):
    browser = world.client(login)
    token = re.search(r'name="csrf-token" content="([^"]+)"', browser.get("/menu").get_data(as_text=True))[1]
    return lambda: browser.post(f"/desk/tickets/{number}/me-too", data={"csrf_token": token}).headers["Location"]


def test_T_08_the_same_person_twice_at_once_has_one_child(world, number):
    places = at_once(*(me_too(world, "zz-clerk", number) for _ in range(3)))
    assert len(set(places)) == 1
    assert len(children(world)) == 1


def test_T_08_everybody_hit_at_once_is_counted(world, number):
    people = ("zz-clerk", "mx-clerk", "ty-clerk", "lt-clerk-2")
    places = at_once(*(me_too(world, login, number) for login in people))
    assert len(set(places)) == len(people)
    with world.read() as session:
        assert session.scalar(sa.select(Ticket.people_hit).where(Ticket.number == number)) == len(people)
