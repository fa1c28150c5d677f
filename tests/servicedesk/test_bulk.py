"""T-14: one action on many tickets, with success or the reason of failure for each."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys

import pytest
import sqlalchemy as sa

from accounts.models import AuditRow
from app.live import ears
from servicedesk.tickets.models import Ticket, TicketFact
from tests.guards.source import ROOT
from web.live import Notice, hub

#: A worker that is killed in the middle of a piece: after so many of its tickets were written, none of them committed.
KILLED = """
import os, signal, sys
import sqlalchemy as sa
from sqlalchemy.orm import Session
from app import rooms
from core.db import make_engine
from core.outbox import Relay
from servicedesk.tickets.models import TicketFact
rooms.subscribe()
written = 0
@sa.event.listens_for(Session, "after_flush")
def _count(session, _context):
    global written
    written += sum(isinstance(new, TicketFact) for new in session.new)
    if written >= 14:
        os.kill(os.getpid(), signal.SIGKILL)
Relay(make_engine(sys.argv[1])).drain()
"""


def reported(world, login, n):
    clerk = world.api(login)
    body = {"items": [{"kind": "incident", "title": f"第 {i} 件", "category": "desktop"} for i in range(n)]}
    return [t["number"] for t in clerk.post("/tickets", body).json["items"]]


def results(api, run_id):
    found = api.get(f"/bulk-runs/{run_id}/items?limit=200").json["items"]
    return {item["ticket"]: (item["state"], item["reason"]) for item in found}


def test_T_14_each_ticket_succeeds_or_fails_by_itself_and_says_why(world):
    ours, theirs = reported(world, "lt-clerk", 3), reported(world, "zz-clerk", 1)
    engineer, head = world.api("lt-engineer"), world.api("lt-head")
    assert head.post(f"/tickets/{ours[0]}/actions/accept").status_code == 200
    wanted = [*ours, theirs[0], "INC-2026-999999", ours[1]]
    made = engineer.post("/bulk-runs", {"action": "accept", "tickets": wanted})
    assert (made.status_code, made.json["total"], made.json["finished_at"]) == (201, 5, None), made.json
    world.relay()
    run = engineer.get(f"/bulk-runs/{made.json['id']}").json
    assert (run["done"], run["failed"], run["skipped"]) == (2, 3, 0)
    assert run["finished_at"]
    found = results(engineer, run["id"])
    assert [found[n][0] for n in ours] == ["failed", "done", "done"]
    assert "处理中" in found[ours[0]][1], "its head has it in hand"
    assert found[theirs[0]] == found["INC-2026-999999"], "a neighbour's matter is as one that does not exist"
    assert engineer.get(f"/tickets/{ours[1]}").json["holder"] == "lt-engineer"
    with world.read() as session:
        rows = session.scalars(sa.select(AuditRow).where(AuditRow.object == ours[1], AuditRow.verb == "change"))
        assert {row.actor for row in rows} == {"lt-engineer"}, "in the name of whoever ordered it"
    for stranger in ("zz-engineer", "lt-head"):
        assert world.api(stranger).get(f"/bulk-runs/{run['id']}").status_code == 404, stranger
    assert world.api("lt-clerk").get("/bulk-runs").status_code == 404


def test_rights_are_asked_for_when_it_is_ordered_and_again_when_it_is_done(world):
    ours = reported(world, "lt-clerk", 2)
    engineer, head = world.api("lt-engineer"), world.api("lt-head")
    to_engineer = {"action": "assign", "tickets": ours, "values": {"holder": "lt-engineer"}}
    assert engineer.post("/bulk-runs", to_engineer).status_code == 403
    wrong = head.post("/bulk-runs", to_engineer | {"values": {"colour": "red"}})
    assert (wrong.status_code, wrong.json["errors"][0]["field"]) == (422, "values.colour")
    key = {"Idempotency-Key": "once-only-1"}
    first, again = (head.post("/bulk-runs", to_engineer, headers=key).json["id"] for _ in range(2))
    assert first == again, "the same key orders once"
    read_only = world.api("lt-head", "ticket.read", "ticket.assign")
    scoped = read_only.post("/bulk-runs", {"action": "assign", "filter": {"q": "第"}, "values": {"team": "X-LT"}})
    priority = {"urgency": 1, "reason": "窗口排队"}
    raised = engineer.post("/bulk-runs", {"action": "priority", "filter": {"open": True}, "values": priority}).json[
        "id"
    ]
    none = engineer.post("/bulk-runs", {"action": "accept", "filter": {"q": "没有这样的"}})
    assert (none.status_code, none.json["errors"][0]["field"]) == (422, "tickets")
    with world.write() as session:
        session.execute(sa.update(Ticket).where(Ticket.number == ours[1]).values(state="closed"))
    world.relay()
    assert {state for state, _ in results(head, first).values()} == {"done", "failed"}
    assert results(engineer, raised)[ours[0]] == ("done", "")
    assert "结束" in results(engineer, raised)[ours[1]][1], "it was closed after it was ordered"
    assert engineer.get(f"/tickets/{ours[0]}").json["urgency"] == 1
    assert {state for state, _ in results(head, scoped.json["id"]).values()} == {"failed"}, "no more than the token may"


def test_on_the_pages_a_second_click_leads_to_the_same_run_and_its_page_hears_of_it(world):
    ours = reported(world, "lt-clerk", 12)
    client = world.client("lt-head")
    listed = client.get("/desk/tickets?view=x&category=desktop").get_data(as_text=True)
    assert listed.count("data-choose ") == 12
    assert "data-choose " not in world.client("leader").get("/desk/tickets").get_data(as_text=True), "may only look"
    chosen = client.get(f"/desk/bulk/new?do=comment&n={ours[0]}&n={ours[1]}").get_data(as_text=True)
    assert "已选 2 个事项" in chosen
    whole = client.get("/desk/bulk/new?do=comment&all=1&query=category%3Ddesktop").get_data(as_text=True)
    key = re.search(r'name="key" value="([^"]+)"', whole)[1]
    data = {"do": "comment", "n": re.findall(r'name="n" value="([^"]+)"', whole), "key": key}
    empty = world.submit(client, "/desk/bulk", data)
    assert (empty.status_code, "必填" in empty.get_data(as_text=True)) == (422, True), "asked for, nothing lost"
    data |= {"text": "今晚统一升级", "internal": "true"}
    urls = {world.submit(client, "/desk/bulk", data).headers["Location"] for _click in range(2)}
    assert len(urls) == 1, urls
    url = urls.pop()
    heard: list[Notice] = []
    hub.carriers.append(heard.append)
    try:
        world.relay()
    finally:
        hub.carriers.remove(heard.append)
    moved = [notice for notice in heard if notice.topic == "bulk"]
    assert len(moved) >= 3, "when it was ordered, in between, and at the end"
    assert ears(world.viewer("lt-head")).hear(moved[0]) is moved[0]
    assert ears(world.viewer("lt-engineer")).hear(moved[0]) is None
    page = client.get(url).get_data(as_text=True)
    assert "处理完毕" in page
    assert "成功 12" in page
    with world.read() as session:
        said = session.scalar(sa.select(sa.func.count()).where(TicketFact.text == "今晚统一升级"))
        trail = [str(row.after) for row in session.scalars(sa.select(AuditRow))]
    assert said == 12, "once on each, by two clicks"
    assert [row for row in trail if "今晚统一升级" in row] == [], "an internal line is not in the trail"
    assert [row for row in trail if "'action': 'comment'" in row], "that it was ordered is"


def test_what_is_stopped_says_how_far_it_came(world):
    ours = reported(world, "lt-clerk", 2)
    client, api = world.client("lt-engineer"), world.api("lt-engineer")
    run = api.post("/bulk-runs", {"action": "accept", "tickets": ours}).json["id"]
    world.submit(client, f"/desk/bulk/{run}/stop")
    world.relay()
    assert {state for state, _ in results(api, run).values()} == {"skipped"}
    page = client.get(f"/desk/bulk/{run}").get_data(as_text=True)
    assert "已停止" in page
    again = client.get(f"/desk/bulk/new?do=accept&again={run}").get_data(as_text=True)
    assert f'value="{ours[0]}"' in again
    assert world.client("zz-engineer").get(f"/desk/bulk/new?do=accept&again={run}").status_code == 404


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kill -9 is POSIX")
def test_R_01_killed_in_the_middle_it_goes_on_and_does_nothing_twice(world, database_url):
    ours = reported(world, "lt-clerk", 15)
    engineer = world.api("lt-engineer")
    world.relay()
    body = {"action": "comment", "tickets": ours, "values": {"text": "重启后再试"}}
    run = engineer.post("/bulk-runs", body).json["id"]
    killed = subprocess.run([sys.executable, "-c", KILLED, database_url], cwd=ROOT, check=False, env=os.environ)
    assert killed.returncode == -signal.SIGKILL
    states = [state for state, _ in results(engineer, run).values()]
    assert (states.count("done"), states.count("pending")) == (10, 5), "whole pieces only"
    world.relay()
    assert [state for state, _ in results(engineer, run).values()] == ["done"] * 15
    with world.read() as session:
        said = sa.select(TicketFact.ticket_id, sa.func.count()).where(TicketFact.text == "重启后再试")
        counted = session.execute(said.group_by(TicketFact.ticket_id)).all()
    assert [n for _ticket, n in counted] == [1] * 15
