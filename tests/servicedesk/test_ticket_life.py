"""The life of an incident through its verbs, on both databases."""

from __future__ import annotations

import datetime as dt

import pytest

from core import clock
from core.errors import Forbidden, Invalid, NotFound, TransitionRefused
from servicedesk.custody import rules as custody_rules
from servicedesk.custody import service as custody
from servicedesk.tickets import access, service
from servicedesk.tickets.opening import Report, open_ticket
from servicedesk.tickets.states import State


def report(world, session, login="lt-clerk", unit="610122", **more):
    return open_ticket(
        session,
        Report(
            title="打印机脱机", category="desktop", unit_id=world.units[unit], reporter_id=world.people[login], **more
        ),
        by=world.people[login],
        now=clock.now(),
    )


def test_a_matter_begins_with_the_county_team_and_its_clocks(world):
    with world.write() as session:
        ticket = report(world, session)
        assert ticket.number.startswith("INC-")
        assert (ticket.team_id, ticket.holder_id, ticket.line) == (world.teams["X-LT"], None, custody_rules.Line.COUNTY)
        assert ticket.next_due_at > ticket.opened_at
        assert custody_rules.faults([r.span() for r in custody.ledger(session, ticket.id)]) == []


def test_tax_offices_start_at_the_county(world):
    with world.write() as session:
        assert report(world, session, "ty-clerk", "610122-01").team_id == world.teams["X-LT"]


def test_accept_resolve_confirm(world):
    engineer, clerk = world.viewer("lt-engineer"), world.viewer("lt-clerk")
    with world.write() as session:
        ticket = report(world, session)
        service.accept(session, engineer, ticket, now=clock.now())
        assert (ticket.state, ticket.holder_id) == (State.ACTIVE, world.people["lt-engineer"])
        service.resolve(session, engineer, ticket, solution="换了硒鼓", now=clock.now())
        assert ticket.auto_close_at > ticket.resolved_at
        with pytest.raises(Invalid):
            service.confirm(session, clerk, ticket, stars=6, comment=None, now=clock.now())
        service.confirm(session, clerk, ticket, stars=5, comment="快", now=clock.now())
        assert (ticket.state, ticket.stars) == (State.CLOSED, 5)
        ledger = custody.ledger(session, ticket.id)
        assert ledger[-1].until is not None
        assert custody_rules.faults([r.span() for r in ledger]) == []
        with pytest.raises(TransitionRefused) as refused:
            service.accept(session, engineer, ticket, now=clock.now())
        assert refused.value.allowed == []


def test_T_05_who_sees_a_county_matter(world):
    with world.write() as session:
        number = report(world, session).number
    seen = {}
    with world.read() as session:
        for login in world.people:
            try:
                access.get(session, world.viewer(login), number)
                seen[login] = True
            except NotFound:
                seen[login] = False
    assert {login for login, ok in seen.items() if ok} == {
        "lt-clerk",
        "lt-head",
        "lt-engineer",
        "xa-head",
        "xa-engineer",
        "p-head",
        "p-engineer",
        "p-engineer-2",
        "n-head",
        "n-engineer",
        "on-call",
        "leader",
        "integration",
    }


def test_an_engineer_works_the_whole_subtree_and_the_line_stays_where_it_is(world):
    with world.write() as session:
        ticket = report(world, session)
        service.accept(session, world.viewer("xa-engineer"), ticket, now=clock.now())
        assert (ticket.holder_id, ticket.team_id) == (world.people["xa-engineer"], world.teams["X-LT"])
        assert ticket.line is custody_rules.Line.COUNTY


@pytest.mark.parametrize("login", ["leader", "lt-clerk", "integration-reader"])
def test_who_only_sees_it_may_not_accept_it(world, login):
    if login == "integration-reader":
        integration = world.api("integration", "ticket.read")
        number = (
            world.api("lt-clerk").post("/tickets", {"kind": "incident", "title": "x", "category": "wan"}).json["number"]
        )
        assert integration.post(f"/tickets/{number}/actions/accept").status_code == 403
        return

    with world.write() as session:
        ticket = report(world, session)
        with pytest.raises(Forbidden):
            service.accept(session, world.viewer(login), ticket, now=clock.now())


def test_suspending_moves_the_due_time_by_what_was_paused(world):
    engineer = world.viewer("lt-engineer")
    monday = dt.datetime(2026, 3, 2, 9, 0, tzinfo=dt.UTC)
    with world.write() as session, clock.frozen(monday):
        ticket = report(world, session, urgency=1, impact=1)  # calendar time
        service.accept(session, engineer, ticket, now=monday)
        due = ticket.next_due_at
        service.suspend(session, engineer, ticket, reason="等报障人拍照", now=monday + dt.timedelta(minutes=5))
        assert ticket.next_due_at is None
        service.resume(session, engineer, ticket, now=monday + dt.timedelta(minutes=35))
        assert ticket.next_due_at == due + dt.timedelta(minutes=30)


def test_assign_stays_inside_the_line(world):
    from accounts.models import Person, Team

    head = world.viewer("lt-head")
    with world.write() as session:
        ticket = report(world, session)
        city = session.get(Team, world.teams["C-XA"])
        with pytest.raises(Invalid, match="上报"):
            service.assign(session, head, ticket, team=city, holder=None, now=clock.now())
        engineer = session.get(Person, world.people["lt-engineer"])
        service.assign(session, head, ticket, team=None, holder=engineer, now=clock.now())
        assert (ticket.state, ticket.holder_id) == (State.NEW, engineer.id)  # named, and still to accept
        stranger = session.get(Person, world.people["zz-engineer"])
        with pytest.raises(Invalid):
            service.assign(session, head, ticket, team=None, holder=stranger, now=clock.now())


def test_T_15_the_second_reopening_tells_the_head(world, hear):
    from core.events.servicedesk import IncidentReopened

    engineer, clerk = world.viewer("lt-engineer"), world.viewer("lt-clerk")
    heard = hear(IncidentReopened)
    with world.write() as session:
        ticket = report(world, session)
        service.accept(session, engineer, ticket, now=clock.now())
        for _ in range(2):
            service.resolve(session, engineer, ticket, solution="重启", now=clock.now())
            service.reopen(session, clerk, ticket, reason="又坏了", now=clock.now())
        assert (ticket.state, ticket.holder_id) == (State.ACTIVE, world.people["lt-engineer"])
    world.relay()
    assert [event.head_id for event in heard] == [None, world.people["lt-head"]]


def test_cancel_by_the_reporter_before_acceptance_and_the_head_after(world):
    clerk, engineer, head = (world.viewer(x) for x in ("lt-clerk", "lt-engineer", "lt-head"))
    with world.write() as session:
        early, late = report(world, session), report(world, session)
        service.cancel(session, clerk, early, reason="自己好了", now=clock.now())
        assert early.state is State.CANCELLED
        service.accept(session, engineer, late, now=clock.now())
        with pytest.raises(Forbidden):
            service.cancel(session, clerk, late, reason="自己好了", now=clock.now())
        service.cancel(session, head, late, reason="重复", now=clock.now())
        assert late.state is State.CANCELLED


def test_T_11_resolving_a_parent_resolves_each_child_once(world):
    from servicedesk.tickets import family

    engineer = world.viewer("lt-engineer")
    with world.write() as session:
        parent = report(world, session)
        children = [
            family.affects_me_too(session, world.viewer(login), parent, text="", now=clock.now())
            for login in ("lt-clerk-2", "zz-clerk", "mx-clerk")
        ]
        again = family.affects_me_too(session, world.viewer("zz-clerk"), parent, text="", now=clock.now())
        assert again is children[1]
        assert {c.unit_id for c in children} == {world.units[u] for u in ("610122", "610124", "610326")}
        service.accept(session, engineer, parent, now=clock.now())
        service.resolve(session, engineer, parent, solution="换了交换机", now=clock.now())
        assert {c.state for c in children} == {State.RESOLVED}
        assert {c.solution for c in children} == {"换了交换机"}
        assert all(custody_rules.faults([r.span() for r in custody.ledger(session, c.id)]) == [] for c in children)


def test_numbers_are_never_used_again(world):
    with world.write() as session:
        first = report(world, session).number
    with world.write() as session:
        second = report(world, session).number
        session.rollback()
    with world.write() as session:
        third = report(world, session).number
    assert first < third
    assert second >= third  # a rolled back number was never given out
