"""Requests, problems and changes can be recorded before their process exists; nothing may run down or nag meanwhile."""

from __future__ import annotations

import datetime as dt

import pytest
import sqlalchemy as sa

from core import clock
from escalation.notify.models import Delivery
from escalation.oncall.models import Chain
from servicedesk.clocks import service as clocks
from servicedesk.clocks.models import ClockRow
from servicedesk.tickets.models import Ticket

KINDS = ("request", "problem", "change")


def new(kind, **more):
    return {"kind": kind, "title": "更正申报数据", "category": "data-correction", "urgency": 1, "impact": 1, **more}


def count(world, model):
    with world.read() as session:
        return session.scalar(sa.select(sa.func.count()).select_from(model))


@pytest.mark.parametrize("kind", KINDS)
def test_no_clock_starts_and_nobody_is_paged_or_urged(world, kind):
    clerk, head = world.api("lt-clerk"), world.api("lt-head")
    made = clerk.post("/tickets", new(kind, urgency=3, impact=3)).json
    assert made["clocks"] == []
    raised = head.patch(f"/tickets/{made['number']}", {"urgency": 1, "impact": 1, "reason": "急"})
    assert (raised.status_code, raised.json["clocks"]) == (200, [])
    urged = clerk.post(f"/tickets/{made['number']}/urge", {"text": "快"})
    assert urged.status_code == 409
    world.relay()
    with world.write() as session:
        assert clocks.tick(session, clock.now() + dt.timedelta(days=30)) == 0
    assert [count(world, model) for model in (ClockRow, Delivery, Chain)] == [0, 0, 0]
    with world.read() as session:
        assert session.scalar(sa.select(Ticket.next_due_at)) is None


@pytest.mark.parametrize("kind", KINDS)
def test_whoever_recorded_it_can_take_it_back(world, kind):
    clerk = world.api("lt-clerk")
    made = clerk.post("/tickets", new(kind)).json
    assert made["actions"] == ["cancel"]
    over = clerk.post(f"/tickets/{made['number']}/actions/cancel", {"reason": "不需要了"})
    assert (over.status_code, over.json["state"], over.json["actions"]) == (200, "cancelled", [])


@pytest.mark.parametrize("kind", KINDS)
def test_the_pages_say_that_it_is_only_recorded(world, kind):
    number = world.api("lt-clerk").post("/tickets", new(kind)).json["number"]
    browser = world.client("lt-clerk")
    page = browser.get(f"/desk/tickets/{number}").get_data(as_text=True)
    assert "办理流程尚未开通" in page
    assert "/urge" not in page
    mine = browser.get("/desk/mine").get_data(as_text=True)
    assert number in mine
    assert "办理流程尚未开通" in mine
    assert "/urge" not in mine


def test_imported_ones_keep_their_state_and_the_clocks_of_what_is_over(world):
    integration = world.api("integration", "ticket.import", "ticket.read")
    past = {"unit": "610122", "opened_at": "2026-03-02T01:00:00Z"}
    over = new("request", state="closed", resolved_at="2026-03-02T03:00:00Z", **past)
    closed = integration.post("/tickets", over).json
    assert closed["state"] == "closed"
    still = integration.post("/tickets", new("request", state="approving", **past)).json
    assert (still["state"], still["clocks"], still["actions"]) == ("approving", [], [])
    world.relay()
    with world.write() as session:
        assert clocks.tick(session, clock.now() + dt.timedelta(days=30)) == 0
