"""What ends a hand-off or an arbiter's request, and where a return may go (E-01, E-03, E-04), on both databases."""

from __future__ import annotations

import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from accounts.models import Person, Team
from core.errors import Conflict
from escalation.handoff import arbitration, queries, service
from escalation.handoff.models import Handoff
from escalation.handoff.rules import HandoffState
from servicedesk.custody import rules as custody_rules
from servicedesk.custody import service as custody
from servicedesk.custody.rules import WaitingFor
from servicedesk.tickets import service as tickets
from servicedesk.tickets.models import Ticket, TicketFact
from servicedesk.tickets.states import State

SEARCH = {"query": "打印机 脱机", "none_fits_because": "型号不同"}
SHEET = {"device": "惠普 1020", "system_version": "Windows 10", "error": "无", "tried": "重启过"}


def ends(climb, team, days):
    climb.session.get(Team, climb.world.teams[team]).unit.valid_until = (climb.now + dt.timedelta(days=days)).date()
    climb.session.flush()


def test_E_04_a_return_to_a_unit_that_ended_since_is_refused(climb):
    climb.accept("lt-engineer")
    handoff = climb.send("lt-engineer", "C-XA")
    ends(climb, "X-LT", 1)
    climb.later(3 * 24 * 60)
    with pytest.raises(Conflict, match="到期"):
        climb.back("xa-engineer", handoff)
    assert (handoff.state, climb.ticket.bounces) == (HandoffState.SENT, 0)


def test_E_04_the_units_last_day_is_still_a_day(climb, world):
    climb.accept("lt-engineer")
    handoff = climb.send("lt-engineer", "C-XA")
    ends(climb, "X-LT", 3)
    climb.back("xa-engineer", handoff)
    assert climb.ticket.holder_id == world.people["lt-engineer"]


@pytest.mark.parametrize("accepted", [True, False])
def test_E_04_a_return_to_somebody_disabled_goes_to_that_teams_head(climb, world, accepted):
    climb.accept("lt-engineer")
    handoff = climb.send("lt-engineer", "C-XA")
    if accepted:
        climb.take("xa-engineer", handoff)
    climb.session.get(Person, world.people["lt-engineer"]).active = False
    climb.session.flush()
    climb.back("xa-engineer", handoff)
    assert (climb.ticket.team_id, climb.ticket.holder_id) == (world.teams["X-LT"], world.people["lt-head"])
    climb.whole()


@pytest.mark.parametrize("accepted", [True, False])
def test_E_04_whoever_held_it_last_gets_it_back_not_whoever_pressed_send(climb, world, accepted):
    climb.accept("lt-engineer")
    handoff = climb.send("lt-engineer", "C-XA")
    head = climb.session.get(Person, world.people["lt-head"])
    tickets.assign(climb.session, world.viewer("lt-head"), climb.ticket, team=None, holder=head, now=climb.later())
    assert climb.whole()[-1].waiting_for is WaitingFor.RECEIVER
    if accepted:
        climb.take("xa-engineer", handoff)
    climb.back("xa-engineer", handoff)
    assert (climb.ticket.team_id, climb.ticket.holder_id) == (world.teams["X-LT"], head.id)
    climb.whole()


def solve(climb, login="lt-engineer"):
    viewer = climb.world.viewer(login)
    tickets.resolve(climb.session, viewer, climb.ticket, solution="好了", now=climb.later())


def cancel(climb):
    viewer = climb.world.viewer("lt-head")
    tickets.cancel(climb.session, viewer, climb.ticket, reason="误报", now=climb.later())


@pytest.mark.parametrize("over", [solve, cancel])
def test_E_01_solved_or_cancelled_the_hand_off_ends_in_the_same_transaction(climb, world, over):
    climb.accept("lt-engineer")
    handoff = climb.send("lt-engineer", "C-XA")
    over(climb)
    before = (climb.ticket.state, climb.ticket.holder_id, len(climb.whole()))
    assert (handoff.state, handoff.withdrawn_at) == (HandoffState.WITHDRAWN, climb.now)
    for verb in (climb.take, climb.back):
        with pytest.raises(Conflict):
            verb("xa-engineer", handoff)
    with pytest.raises(Conflict):
        service.withdraw(climb.session, world.viewer("lt-engineer"), handoff, now=climb.later())
    assert queries.waiting_for(climb.session, world.viewer("xa-engineer")) == []
    assert (climb.ticket.state, climb.ticket.holder_id, len(climb.whole())) == before


def test_E_01_reopened_it_can_be_sent_again_at_once(climb):
    climb.accept("lt-engineer")
    climb.send("lt-engineer", "C-XA")
    solve(climb)
    viewer = climb.world.viewer("lt-clerk")
    tickets.reopen(climb.session, viewer, climb.ticket, reason="还不行", now=climb.later())
    climb.take("xa-engineer", climb.send("lt-engineer", "C-XA"))
    climb.whole()


def three_bounces(climb):
    climb.accept("lt-engineer")
    for _ in range(3):
        climb.back("xa-engineer", climb.send("lt-engineer", "C-XA"))
    return climb.session.get(Team, climb.world.teams["C-XA"])


def decide(climb, team):
    viewer = climb.world.viewer("p-head")
    return arbitration.arbitrate(climb.session, viewer, climb.ticket, team=team, reason="归市局", now=climb.later())


@pytest.mark.parametrize("over", [solve, cancel])
def test_E_03_nobody_decides_on_what_is_over_and_the_request_leaves_the_list(climb, world, over):
    city = three_bounces(climb)
    arbiter = world.viewer("p-head")
    assert [h.ticket_id for h in queries.to_arbitrate(climb.session, arbiter)] == [climb.ticket.id]
    over(climb)
    facts = climb.ticket.facts
    assert queries.to_arbitrate(climb.session, arbiter) == []
    with pytest.raises(Conflict):
        decide(climb, city)
    assert (climb.ticket.team_id, climb.ticket.facts) == (world.teams["X-LT"], facts)
    climb.whole()


def test_E_03_what_was_solved_and_reopened_waits_for_no_old_decision(climb):
    city = three_bounces(climb)
    solve(climb)
    viewer = climb.world.viewer("lt-clerk")
    tickets.reopen(climb.session, viewer, climb.ticket, reason="还不行", now=climb.later())
    with pytest.raises(Conflict):
        decide(climb, city)
    climb.back("xa-engineer", climb.send("lt-engineer", "C-XA"))  # not waited for; the next return asks again
    decide(climb, city)
    assert climb.ticket.team_id == city.id


def test_E_03_a_decision_over_http_on_a_closed_matter_is_a_409(climbing, world):
    with climbing() as climb:
        three_bounces(climb)
        cancel(climb)
        number = climb.ticket.number
    answer = world.api("p-head").post(f"/tickets/{number}/arbitrate", {"team": "C-XA", "reason": "归市局"})
    assert answer.status_code == 409


def test_E_03_a_decision_while_suspended_leaves_it_waiting_for_the_reporter(climb, world):
    city = three_bounces(climb)
    viewer = world.viewer("lt-engineer")
    tickets.suspend(climb.session, viewer, climb.ticket, reason="等照片", now=climb.later())
    decide(climb, city)
    assert (climb.ticket.state, climb.ticket.team_id) == (State.SUSPENDED, city.id)
    assert climb.whole()[-1].waiting_for is WaitingFor.REPORTER


def at_once(*calls):
    gate = threading.Barrier(len(calls))

    def run(call):
        gate.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(run, call) for call in calls]]


@pytest.mark.parametrize("turn", range(4))
def test_E_01_accepting_and_solving_at_once_one_of_them_wins(world, turn):
    clerk, county, city = world.api("lt-clerk"), world.api("lt-engineer"), world.api("xa-engineer")
    new = {"kind": "incident", "title": "打印机脱机", "category": "desktop"}
    number = clerk.post("/tickets", new).json["number"]
    county.post(f"/tickets/{number}/actions/accept")
    body = {"to": "6101", "reason": "修不了", "sheet": SHEET, "search": SEARCH}
    sent = county.post(f"/tickets/{number}/handoffs", body).json["id"]
    calls = [
        lambda: city.post(f"/tickets/{number}/handoffs/{sent}/accept", {"clarity": 4}).status_code,
        lambda: county.post(f"/tickets/{number}/actions/resolve", {"solution": "好了"}).status_code,
    ]
    accepted, solved = at_once(*calls) if turn % 2 else at_once(*reversed(calls))[::-1]
    with world.read() as session:
        ticket, handoff = session.scalar(sa.select(Ticket)), session.scalar(sa.select(Handoff))
        spans = [row.span() for row in custody.ledger(session, ticket.id)]
        kinds = session.scalars(sa.select(TicketFact.kind).order_by(TicketFact.seq)).all()
    assert custody_rules.faults(spans) == []
    assert not ticket.handoff_pending
    if accepted == 200:
        assert solved == 403, "the city has it now"
        assert (handoff.state, ticket.state, ticket.team_id) == ("accepted", State.ACTIVE, world.teams["C-XA"])
        assert spans[-1].waiting_for is None
    else:
        assert (accepted, solved) == (409, 200)
        assert (handoff.state, ticket.state, ticket.team_id) == ("withdrawn", State.RESOLVED, world.teams["X-LT"])
        assert kinds.count("accepted") == 1
        assert spans[-1].waiting_for is WaitingFor.CONFIRMATION
