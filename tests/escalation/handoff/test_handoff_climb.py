"""Handing up from the county to the vendor (E-01 to E-04, T-03), on both databases."""

from __future__ import annotations

import datetime as dt

import pytest
import sqlalchemy as sa

from accounts.models import Person, Team
from core.errors import Conflict, Forbidden, Invalid, NotFound, TransitionRefused
from escalation.handoff import arbitration, queries, service
from escalation.handoff.models import Handoff
from servicedesk.custody.rules import Line, WaitingFor
from servicedesk.tickets import access
from servicedesk.tickets import service as tickets
from servicedesk.tickets.states import State


def test_E_01_county_city_province_vendor(climb, world):
    with pytest.raises(TransitionRefused):
        climb.send("lt-engineer", "C-XA")  # hand-up needs acceptance first
    climb.accept("lt-engineer")
    first = climb.send("lt-engineer", "C-XA")
    assert (climb.ticket.team_id, climb.ticket.holder_id) == (world.teams["X-LT"], world.people["lt-engineer"])
    assert climb.whole()[-1].waiting_for is WaitingFor.RECEIVER
    climb.take("xa-engineer", first)
    assert (climb.ticket.line, climb.ticket.holder_id) == (Line.CITY, world.people["xa-engineer"])
    climb.take("p-engineer", climb.send("xa-engineer", "P-APP"))
    climb.take("v1-engineer", climb.send("p-engineer", "T-V1"))
    assert (climb.ticket.line, climb.ticket.holder_id) == (Line.VENDOR, world.people["v1-engineer"])
    assert [s.line for s in climb.whole() if s.waiting_for is None] == list(Line)
    tickets.resolve(climb.session, world.viewer("v1-engineer"), climb.ticket, solution="补丁", now=climb.later())
    assert climb.ticket.state is State.RESOLVED


def test_T_03_each_line_has_its_own_clock(climb, world):
    from servicedesk.clocks import queries as clocks

    climb.accept("lt-engineer")
    handoff = climb.send("lt-engineer", "C-XA")
    climb.take("xa-engineer", handoff)
    names = [c.name for c in clocks.clocks_of(climb.session, [climb.ticket.id], now=climb.now)[climb.ticket.id]]
    assert names == ["respond", "resolve", "line-county", "line-city-respond", "line-city"]


def test_E_02_nothing_is_sent_with_a_hole_in_it(climb):
    climb.accept("lt-engineer")
    with pytest.raises(Invalid) as refused:
        climb.send("lt-engineer", "C-XA", sheet={}, search=None)
    named = {e.field for e in refused.value.errors}
    assert {"sheet.system", "sheet.function", "sheet.error", "sheet.tried", "search.query", "search.article"} <= named
    assert not named & {"sheet.symptom", "sheet.since", "sheet.affected", "sheet.contact"}  # the platform knows these
    assert climb.session.scalar(sa.select(sa.func.count()).select_from(Handoff)) == 0
    assert not climb.ticket.handoff_pending


def test_E_02_an_article_that_is_none_is_refused(climb):
    climb.accept("lt-engineer")
    with pytest.raises(Invalid) as refused:
        climb.send("lt-engineer", "C-XA", search={"query": "x", "article": "KB-999999"})
    assert [e.field for e in refused.value.errors] == ["search.article"]


def test_E_01_only_the_receiver_accepts_and_only_once(climb):
    climb.accept("lt-engineer")
    handoff = climb.send("lt-engineer", "C-XA")
    for login in ("lt-engineer", "p-engineer", "bj-engineer", "lt-clerk"):
        with pytest.raises(Forbidden):
            climb.take(login, handoff)
    climb.take("xa-engineer", handoff)
    with pytest.raises(Conflict):
        climb.take("xa-head", handoff)


def test_E_01_one_pending_at_a_time_and_it_can_be_withdrawn(climb, world):
    climb.accept("lt-engineer")
    handoff = climb.send("lt-engineer", "C-XA")
    with pytest.raises(Conflict):
        climb.send("lt-engineer", "C-XA")
    service.withdraw(climb.session, world.viewer("lt-engineer"), handoff, now=climb.later())
    assert climb.whole()[-1].waiting_for is None
    climb.send("lt-engineer", "C-XA")


def test_E_04_a_return_goes_to_the_actual_previous_holder_or_the_head(climb, world):
    climb.accept("lt-engineer")
    climb.back("xa-engineer", climb.send("lt-engineer", "C-XA"))
    assert (climb.ticket.holder_id, climb.ticket.bounces) == (world.people["lt-engineer"], 1)
    second = climb.send("lt-engineer", "C-XA")
    climb.take("xa-engineer", second)
    climb.session.get(Person, world.people["lt-engineer"]).active = False
    climb.session.flush()
    climb.back("xa-engineer", second)  # after acceptance, too
    assert (climb.ticket.team_id, climb.ticket.holder_id) == (world.teams["X-LT"], world.people["lt-head"])
    climb.whole()


def test_E_04_a_return_to_an_ended_team_is_refused_with_the_reason(climb, world):
    climb.accept("lt-engineer")
    handoff = climb.send("lt-engineer", "C-XA")
    climb.session.get(Team, world.teams["X-LT"]).active = False
    climb.session.flush()
    with pytest.raises(Conflict, match="停用"):
        climb.back("xa-engineer", handoff)


def test_E_03_the_third_bounce_goes_to_the_arbiter_who_decides_and_binds(climb, world):
    climb.accept("lt-engineer")
    for _ in range(2):
        climb.back("xa-engineer", climb.send("lt-engineer", "C-XA"))
    third = climb.back("xa-engineer", climb.send("lt-engineer", "C-XA"))
    assert third.arbiter_id == world.people["p-head"]  # above the county and above the city
    with pytest.raises(Conflict, match="裁决"):
        climb.send("lt-engineer", "C-XA")
    city = climb.session.get(Team, world.teams["C-XA"])
    with pytest.raises(Forbidden):
        arbitration.arbitrate(
            climb.session, world.viewer("xa-head"), climb.ticket, team=city, reason="归市局", now=climb.now
        )
    arbitration.arbitrate(
        climb.session, world.viewer("p-head"), climb.ticket, team=city, reason="归市局", now=climb.later()
    )
    assert (climb.ticket.team_id, climb.ticket.holder_id) == (world.teams["C-XA"], world.people["xa-head"])
    with pytest.raises(Conflict, match="裁决"):
        climb.send("xa-head", "X-LT")
    climb.send("xa-head", "P-APP")  # upwards is open
    climb.whole()


def test_E_12_a_vendor_sees_its_episodes_only(climb, world):
    from servicedesk.tickets import conversation, views_of

    vendor, other = world.viewer("v1-engineer"), world.viewer("v2-engineer")
    climb.accept("lt-engineer")
    conversation.comment(
        climb.session, world.viewer("lt-engineer"), climb.ticket, text="县里的话", internal=False, now=climb.later()
    )
    climb.to_the_province()
    with pytest.raises(NotFound):
        access.get(climb.session, vendor, climb.ticket.number)
    handoff = climb.send("p-engineer", "T-V1")
    conversation.comment(
        climb.session, world.viewer("p-engineer"), climb.ticket, text="内部", internal=True, now=climb.later()
    )
    climb.take("v1-engineer", handoff)
    conversation.comment(climb.session, vendor, climb.ticket, text="请发日志", internal=False, now=climb.later())
    climb.back("v1-engineer", handoff)
    conversation.comment(
        climb.session, world.viewer("p-engineer"), climb.ticket, text="以后的话", internal=False, now=climb.later()
    )
    seen = [f.text for f in views_of.timeline(climb.session, vendor, climb.ticket)]
    assert "请发日志" in seen
    assert not {"县里的话", "内部", "以后的话"} & set(seen)
    assert [h.id for h in queries.of_ticket(climb.session, vendor, climb.ticket)] == [handoff.id]
    with pytest.raises(NotFound):
        access.get(climb.session, other, climb.ticket.number)
    with pytest.raises(Forbidden):
        tickets.resolve(climb.session, vendor, climb.ticket, solution="x", now=climb.later())


def test_vendors_whose_contract_ended_cannot_be_chosen(climb, world):
    climb.accept("lt-engineer")
    climb.to_the_province()
    climb.session.get(Team, world.teams["T-V1"]).unit.valid_until = climb.now.date() - dt.timedelta(days=2)
    climb.session.flush()
    with pytest.raises(Invalid, match="合同"):
        climb.send("p-engineer", "T-V1")
