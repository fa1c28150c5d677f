"""T-13: two people on one ticket see each other; a stale save gets the difference and erases nothing; drafts survive."""

from __future__ import annotations

import html
import re

import pytest

from app.run.feed import carry
from core.bus import Bus
from servicedesk.tickets.models import Ticket
from tests.servers.base import wait_until
from tests.web.test_live import Stream, until
from web.presence import FRESH_S, REPEAT_S, WRITING_S, Presence, presence


@pytest.fixture
def number(world):
    body = {"kind": "incident", "title": "打印机脱机", "category": "desktop"}
    made = world.api("lt-clerk").post("/tickets", body).json["number"]
    assert world.api("lt-engineer").post(f"/tickets/{made}/actions/accept").status_code == 200
    return made


def opened(world, login, number):
    return Stream(world, world.client(login), query=f"at=ticket:{number}")


async def test_T_13_two_on_one_ticket_see_each_other_until_one_leaves(world, number):
    engineer, head = world.client("lt-engineer"), world.client("lt-head")
    mine, theirs = opened(world, "lt-engineer", number), opened(world, "lt-head", number)
    neighbour = opened(world, "zz-engineer", number)
    for stream in (mine, theirs, neighbour):
        await stream.opened()
    await until(lambda: len(presence.here(f"ticket:{number}")) == 2)
    assert "蓝大为" in engineer.get(f"/desk/tickets/{number}/present").get_data(as_text=True)
    page = head.get(f"/desk/tickets/{number}/present").get_data(as_text=True)
    assert "蓝工" in page
    assert "蓝大为" not in page, "not oneself"
    assert "周工" not in page, "who may not see the ticket is not there"
    assert world.client("zz-engineer").get(f"/desk/tickets/{number}/present").status_code == 404
    assert world.submit(world.client("zz-engineer"), f"/desk/tickets/{number}/writing").status_code == 404
    assert "正在输入" not in page
    assert world.submit(engineer, f"/desk/tickets/{number}/writing").status_code == 204
    assert "正在输入" in head.get(f"/desk/tickets/{number}/present").get_data(as_text=True)
    told = [n for n in theirs.heard if n["topic"] == "presence"]
    assert {n["key"] for n in told} == {f"ticket:{number}"}
    assert not [n for n in neighbour.heard if n["topic"] == "presence"]
    before = len(told)
    await mine.leave()
    await until(lambda: len([n for n in theirs.heard if n["topic"] == "presence"]) > before)
    assert "蓝工" not in head.get(f"/desk/tickets/{number}/present").get_data(as_text=True)
    await theirs.leave()
    await neighbour.leave()
    assert presence.here(f"ticket:{number}") == []


def test_what_a_process_says_holds_while_it_lives():
    """Two processes, by a clock of their own: what one says the other knows, and forgets when it falls silent."""
    now = [100.0]
    one, two = Presence(lambda: now[0]), Presence(lambda: now[0])
    one.carriers.append(two.heard)
    two.carriers.append(one.heard)
    one.enter("ticket:A", (1, "甲"))
    one.enter("ticket:A", (1, "甲"))
    two.enter("ticket:A", (2, "乙"))
    assert [h.name for h in two.here("ticket:A")] == [h.name for h in one.here("ticket:A")] == ["乙", "甲"]
    one.leave("ticket:A", (1, "甲"))
    assert [h.name for h in two.here("ticket:A")] == ["乙", "甲"], "another page of theirs is open"
    two.writes("ticket:A", 2)
    assert [h.writing for h in one.here("ticket:A")] == [True, False]
    now[0] += WRITING_S
    assert not any(h.writing for h in one.here("ticket:A"))
    for _ in range(4):
        now[0] += REPEAT_S
        one.repeat()
    assert [h.name for h in two.here("ticket:A")] == ["乙", "甲"], "it says so again and again"
    one.carriers.clear()  # killed
    now[0] += FRESH_S
    two.repeat()
    assert [h.name for h in two.here("ticket:A")] == ["乙"]


def test_who_wrote_where_is_forgotten_though_nothing_is_ever_repeated():
    """The whole program in one process has no other to repeat itself to."""
    now = [100.0]
    alone = Presence(lambda: now[0])
    for person in range(50):
        alone.writes(f"ticket:{person}", person)
        now[0] += WRITING_S / 2
    assert len(alone._writing) <= 2


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_it_travels_by_the_bus(world):
    buses, there = [Bus(world.engine) for _ in range(2)], [Presence(), Presence()]
    carried = [carry(bus, known) for bus, known in zip(buses, there, strict=True)]
    for bus in buses:
        bus.start()
    try:
        there[0].enter("ticket:A", (1, "甲"))
        wait_until(lambda: [h.name for h in there[1].here("ticket:A")] == ["甲"], "the other to be seen")
        there[0].leave("ticket:A", (1, "甲"))
        wait_until(lambda: not there[1].here("ticket:A"), "the other to be gone")
    finally:
        for each in [*carried, *buses]:
            each.stop()


def form_of(client, number):
    page = client.get(f"/desk/tickets/{number}/edit").get_data(as_text=True)
    return html.unescape(re.search(r'name="seen" value="([^"]*)"', page)[1])


def test_T_13_a_stale_save_gets_the_difference_and_erases_nothing(world, number):
    engineer, head = world.client("lt-engineer"), world.client("lt-head")
    fields = {"title": "打印机脱机", "category": "desktop", "urgency": "3", "impact": "3"}
    mine, theirs = form_of(engineer, number), form_of(head, number)
    url = f"/desk/tickets/{number}/edit"
    change = {"title": "二楼打印机脱机", "urgency": "1", "reason": "窗口排队", "seen": theirs}
    assert world.submit(head, url, fields | change).status_code == 303
    stale = world.submit(engineer, url, fields | {"title": "打印机卡纸", "seen": mine})
    page = stale.get_data(as_text=True)
    assert stale.status_code == 409
    assert "您打开之后，别人改过这个事项" in page
    assert "蓝大为" in page
    rows = [re.sub(r"<[^>]+>", "|", row) for row in re.findall(r"<tr><td>.*?</tr>", page, re.DOTALL)]
    assert any(all(word in row for word in ("打印机脱机", "二楼打印机脱机", "打印机卡纸")) for row in rows), rows
    assert any("紧急程度" in row and "没有改" in row for row in rows), rows
    assert 'value="打印机卡纸"' in page, "what was typed is still there"
    assert re.search(r'name="urgency" value="1"[^>]* checked', page), "what only the other changed is theirs"
    assert world.api("lt-head").get(f"/tickets/{number}").json["title"] == "二楼打印机脱机", "nothing was erased"
    seen = html.unescape(re.search(r'name="seen" value="([^"]*)"', page)[1])
    going_on = fields | {"title": "打印机卡纸", "urgency": "1", "seen": seen}
    assert world.submit(engineer, url, going_on).status_code == 303
    found = world.api("lt-head").get(f"/tickets/{number}").json
    assert (found["title"], found["urgency"]) == ("打印机卡纸", 1)


def test_T_13_what_was_typed_for_an_action_somebody_else_was_faster_with_is_shown(world, number):
    engineer, head = world.client("lt-engineer"), world.client("lt-head")
    assert world.submit(head, f"/desk/tickets/{number}/actions/resolve", {"solution": "换线"}).status_code == 303
    late = world.submit(engineer, f"/desk/tickets/{number}/actions/resolve", {"solution": "重装了驱动，换了纸盒"})
    assert late.status_code == 409
    assert "重装了驱动，换了纸盒" in late.get_data(as_text=True)
    assert world.api("lt-head").get(f"/tickets/{number}").json["solution"] == "换线"


def test_T_13_a_draft_is_its_writers_and_survives_a_change_of_owner(world, number):
    engineer, head = world.client("lt-engineer"), world.client("lt-head")
    url = f"/desk/tickets/{number}"
    written = {"text": "已联系厂家，等回电", "internal": "true"}
    assert world.submit(engineer, f"{url}/draft", written).status_code == 204
    assert world.submit(world.client("zz-engineer"), f"{url}/draft", written).status_code == 404
    given = world.api("lt-head").post(f"/tickets/{number}/actions/assign", {"team": "X-LT", "holder": "lt-head"})
    assert given.json["holder"] == "lt-head"
    page = engineer.get(url).get_data(as_text=True)
    assert re.search(r"<textarea[^>]*id=\"composer-text\"[^>]*>\s*已联系厂家，等回电</textarea>", page)
    assert re.search(r'name="internal" value="true" checked', page)
    assert "已联系厂家" not in head.get(url).get_data(as_text=True), "nobody else's to read"
    assert world.submit(engineer, f"{url}/comments", {"text": "已联系厂家", "key": "k" * 20}).status_code == 303
    assert "等回电" not in engineer.get(url).get_data(as_text=True), "it was sent"
    world.submit(engineer, f"{url}/draft", {"text": "又想起一件"})
    world.submit(engineer, f"{url}/draft", {"text": "  "})
    assert "又想起" not in engineer.get(url).get_data(as_text=True), "emptied is dropped"
    with world.read() as session:
        assert session.query(Ticket).filter_by(number=number).one().holder_id == world.people["lt-head"]
