"""T-04 at night: who is on duty hears it; where nobody is, it is kept, shown, and told once in the morning."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa

from core import clock
from escalation.notify import timekeeping
from escalation.notify.models import Channel, Delivery, PostponedNotice
from escalation.oncall.models import Schedule
from servicedesk.clocks import service as clocks
from servicedesk.tickets import service as tickets
from servicedesk.tickets.models import Ticket
from servicedesk.tickets.opening import Report, open_ticket
from tests.fixtures.world import World

NIGHT = dt.datetime(2026, 11, 23, 18, 0, tzinfo=dt.UTC)  # 02:00 on a Tuesday in Shanghai
MORNING = dt.datetime(2026, 11, 24, 1, 0, tzinfo=dt.UTC)  # 09:00


def minutes(n: float) -> dt.datetime:
    return NIGHT + dt.timedelta(minutes=n)


def critical(world: World) -> int:
    """A matter of priority 1 (15 minutes to respond, 4 hours to resolve, calendar time) for 省局应用运维组."""
    report = Report(
        title="核心征管数据库宕机", category="server", unit_id=world.units["61"], reporter_id=world.people["p-engineer"],
        urgency=1, impact=1, team_id=world.teams["P-APP"],
    )  # fmt: skip
    with clock.frozen(NIGHT), world.write() as session:
        ticket_id = open_ticket(session, report, by=world.people["p-engineer"], now=NIGHT).id
    world.relay()
    return ticket_id


def passes(world: World, at: dt.datetime) -> None:
    """Everything that runs by itself, at `at`, twice: what is told once must stay told."""
    for _again in range(2):
        with clock.frozen(at):
            with world.write() as session:
                clocks.tick(session, at)
            world.relay()
            with world.write() as session:
                timekeeping.tell_postponed(session, at)


def heard(world: World) -> list[tuple[str, str]]:
    """(who, subject) of every notice about a clock, as the page told it."""
    logins = {v: k for k, v in world.people.items()}
    with world.read() as session:
        rows = session.execute(
            sa.select(Delivery.person_id, Delivery.subject)
            .join(Channel)
            .where(Delivery.topic == "clock", Channel.code == "live")
            .order_by(Delivery.id)
        ).all()
    return sorted((logins[person], subject.partition("：")[0]) for person, subject in rows)


def roster(world: World, login: str) -> None:
    with world.write() as session:
        session.add(
            Schedule(
                code="duty", name="值班", unit_id=world.units["61"], team_id=world.teams["P-APP"],
                people=[world.people[login]], starts_on=dt.date(2026, 11, 2), shift_days=7, handover="09:00", active=True,
            )
        )  # fmt: skip


def test_T_04_at_night_only_who_is_on_duty_hears(world: World) -> None:
    roster(world, "on-call")
    critical(world)
    passes(world, minutes(12))
    passes(world, minutes(16))
    assert heard(world) == [("on-call", "响应时限将到"), ("on-call", "响应时限已超")]
    passes(world, MORNING)
    assert ("on-call", "响应时限已超") in heard(world)
    with world.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(PostponedNotice)) == 0


def test_T_04_with_nobody_on_duty_it_is_shown_and_told_once_in_the_morning(world: World) -> None:
    ticket_id = critical(world)
    passes(world, minutes(12))
    passes(world, minutes(16))
    assert heard(world) == [], "nobody who is not on duty is woken"
    with world.read() as session:
        number = session.get_one(Ticket, ticket_id).number
    with clock.frozen(minutes(20)):
        for path in ("/oncall", f"/oncall/tickets/{number}/chain"):
            page = world.client("p-head").get(path).get_data(as_text=True)
            assert "无人值班，没有通知到任何人" in page, path
            assert number in page or "/chain" in path
        assert number not in world.client("lt-head").get("/oncall").get_data(as_text=True), "T-05"
    passes(world, MORNING - dt.timedelta(minutes=1))
    assert heard(world) == []
    passes(world, MORNING)
    team = ["p-engineer", "p-engineer-2", "p-head"]
    late = [(who, what) for who, what in heard(world) if what == "响应时限已超"]
    assert late == [(who, "响应时限已超") for who in team], "the breach once to each; the warning it overtook to nobody"
    before = heard(world)
    passes(world, MORNING + dt.timedelta(minutes=10))
    assert heard(world) == before
    with clock.frozen(MORNING + dt.timedelta(minutes=10)):
        assert "没有通知到任何人" not in world.client("p-head").get("/oncall").get_data(as_text=True)


def test_T_04_a_disabled_person_on_the_roster_is_nobody_on_duty(world: World) -> None:
    from accounts.models import Person

    roster(world, "on-call")
    with world.write() as session:
        session.get_one(Person, world.people["on-call"]).active = False
    critical(world)
    passes(world, minutes(16))
    assert heard(world) == []
    passes(world, MORNING)
    assert ("p-head", "响应时限已超") in heard(world)


def test_T_04_what_was_done_in_the_night_is_no_news_in_the_morning(world: World) -> None:
    ticket_id = critical(world)
    passes(world, minutes(16))
    with clock.frozen(minutes(30)), world.write() as session:
        tickets.accept(session, world.viewer("p-engineer"), session.get_one(Ticket, ticket_id), now=minutes(30))
    world.relay()
    passes(world, MORNING)
    assert not [entry for entry in heard(world) if entry[1].startswith("响应时限")]
