"""The clocks' rows: rebuilt from facts, told exactly once (T-04), on both databases."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from core import outbox
from core.clock import frozen
from core.events.base import event_class
from core.events.clocks import ClockBreached, ClockWarned
from core.outbox.models import OutboxRow
from servicedesk.calendar import service as calendars
from servicedesk.clocks import queries, rules, service
from servicedesk.clocks.facts import Fact
from servicedesk.clocks.models import ClockRow
from servicedesk.clocks.rules import ClockState
from servicedesk.clocks.targets import DEFAULT_TARGETS, PriorityTargets, TargetSet
from servicedesk.custody.rules import Line
from servicedesk.tickets.models import Source, Ticket, TicketFact
from servicedesk.tickets.states import Kind, State
from tests.fixtures.world import World

SHANGHAI = ZoneInfo("Asia/Shanghai")


def at(text: str) -> dt.datetime:
    """A local time such as "23 09:30" in November 2026."""
    return dt.datetime.fromisoformat(f"2026-11-{text}").replace(tzinfo=SHANGHAI)


class Desk:
    """Writes tickets and facts the plainest way, each step in a transaction of its own, and listens."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.opened = 0

    def opens(self, when: str, priority: int = 3, *, tax: bool = False) -> int:
        self.opened += 1
        with self.world.write() as session:
            ticket = Ticket(
                number=f"INC-2026-{9000 + self.opened:06d}", kind=Kind.INCIDENT, state=State.NEW, title="打印机脱机",
                category="desktop", source=Source.PERSON, urgency=3, impact=3, priority=priority,
                unit_id=self.world.units["610122"], team_id=self.world.teams["X-LT"], line=Line.COUNTY,
                opened_at=at(when), updated_at=at(when), definitions={"targets": service.targets_version(session)},
            )  # fmt: skip
            session.add(ticket)
            session.flush()
            ticket_id = ticket.id
        self.fact(ticket_id, when, "opened", priority=priority, tax=tax, line="county")
        return ticket_id

    def fact(self, ticket_id: int, when: str, kind: str, *, tell: bool = True, **data: object) -> None:
        with self.world.write() as session:
            ticket = session.get_one(Ticket, ticket_id)
            ticket.facts += 1
            session.add(
                TicketFact(
                    ticket_id=ticket_id,
                    seq=ticket.facts,
                    at=at(when),
                    received_at=at(when),
                    kind=kind,
                    data=data,
                    text="",
                )
            )
            service.rebuild(session, ticket_id, now=at(when), tell=tell)

    def tick(self, when: str) -> None:
        with self.world.write() as session:
            service.tick(session, at(when))

    def rows(self, ticket_id: int) -> dict[str, ClockRow]:
        with self.world.read() as session:
            found = sa.select(ClockRow).where(ClockRow.ticket_id == ticket_id).order_by(ClockRow.position)
            return {row.name: row for row in session.scalars(found)}

    def heard(self) -> list[ClockWarned | ClockBreached]:
        """Every event in the outbox, delivered or not, in the order of recording."""
        with self.world.read() as session:
            rows = session.scalars(sa.select(OutboxRow).where(OutboxRow.listener.like("test.%")).order_by(OutboxRow.id))
            found = [event_class(row.event).load(row.payload) for row in rows]
        return [event for event in found if isinstance(event, ClockWarned | ClockBreached)]

    def told(self) -> list[tuple[str, str]]:
        """What was told so far: ("warned" | "breached", clock)."""
        return [("warned" if isinstance(event, ClockWarned) else "breached", event.clock) for event in self.heard()]


@pytest.fixture
def desk(world: World) -> Iterator[Desk]:
    made = Desk(world)
    before = dict(outbox.registry.listeners), {k: list(v) for k, v in outbox.registry.by_event.items()}
    outbox.subscribe(ClockWarned, "test.warned", lambda _session, _event, _now: None)
    outbox.subscribe(ClockBreached, "test.breached", lambda _session, _event, _now: None)
    yield made
    outbox.registry.listeners, outbox.registry.by_event = before


def test_T_02_rows_are_a_projection_that_can_be_rebuilt(desk: Desk) -> None:
    ticket = desk.opens("23 09:00")
    desk.fact(ticket, "23 09:20", "accepted", line="county")
    desk.fact(ticket, "23 10:00", "suspended")
    desk.fact(ticket, "25 15:00", "resumed")

    def shown() -> list[tuple[object, ...]]:
        return [
            (row.name, row.started_at, row.due_at, row.warn_at, row.worked_us, row.running_since)
            for row in desk.rows(ticket).values()
        ]

    before = shown()
    with desk.world.write() as session:
        session.execute(sa.delete(ClockRow))
        service.rebuild(session, ticket, now=at("25 15:00"))
    assert shown() == before
    with desk.world.write() as session:
        service.rebuild(session, ticket, now=at("25 15:00"))
    assert shown() == before
    assert desk.rows(ticket)["resolve"].worked_us == 60 * 60 * 1_000_000


def test_T_03_a_list_reads_all_clocks_in_one_go(desk: Desk) -> None:
    ticket, other = desk.opens("23 09:00"), desk.opens("23 09:30", 5)
    desk.fact(ticket, "23 09:10", "accepted", line="county")
    desk.fact(ticket, "23 10:00", "sent", line="city")
    with desk.world.read() as session:
        found = queries.clocks_of(session, [ticket, other], now=at("23 11:30"))
    assert [clock.name for clock in found[ticket]] == ["respond", "resolve", "line-county", "line-city-respond"]
    clocks = {clock.name: clock for clock in found[ticket]}
    assert (clocks["respond"].state, clocks["respond"].elapsed_minutes) == (ClockState.MET, 10)
    assert (clocks["resolve"].state, clocks["resolve"].elapsed_minutes) == (ClockState.RUNNING, 150)
    assert clocks["line-city-respond"].state is ClockState.BREACHED  # by the hour, before any job looked
    assert clocks["line-city-respond"].target_minutes == 60
    assert [clock.name for clock in found[other]] == ["respond", "resolve"]


def test_next_due_is_the_nearest_running_clock_and_none_while_all_stand_still(desk: Desk) -> None:
    ticket = desk.opens("23 09:00")

    def due() -> dt.datetime | None:
        with desk.world.read() as session:
            return session.get_one(Ticket, ticket).next_due_at

    assert due() == at("23 10:00")
    desk.fact(ticket, "23 09:10", "accepted", line="county")
    assert due() == desk.rows(ticket)["resolve"].due_at
    desk.fact(ticket, "23 09:30", "suspended")
    assert due() is None


def test_T_04_warning_and_breach_fire_exactly_once_each(desk: Desk) -> None:
    desk.opens("23 09:00")
    desk.tick("23 09:44")
    assert desk.told() == []
    for minute in (45, 46, 50):
        desk.tick(f"23 09:{minute}")
    assert desk.told() == [("warned", "respond")]
    for _again in range(3):
        desk.tick("23 10:00")
    assert desk.told() == [("warned", "respond"), ("breached", "respond")]
    for hour in (11, 13, 14):
        desk.tick(f"23 {hour}:00")
    assert desk.told() == [("warned", "respond"), ("breached", "respond")]


def test_T_04_a_restart_neither_repeats_nor_forgets(desk: Desk, database_url: str) -> None:
    """A new engine knows nothing but the database; what came due while nobody ran is told once, marked as overtaken."""
    ticket = desk.opens("23 09:00")
    desk.fact(ticket, "23 09:05", "accepted", line="county")
    desk.tick("25 10:00")  # 12 of 16 hours were reached meanwhile: 7 + 5 is Tuesday 15:00
    assert desk.told() == [("warned", "resolve"), ("warned", "line-county")]
    desk.world.engine.dispose()
    desk.tick("25 10:00")
    desk.tick("27 11:00")
    assert sorted(desk.told()) == [
        ("breached", "line-county"), ("breached", "resolve"), ("warned", "line-county"), ("warned", "resolve"),
    ]  # fmt: skip
    late = desk.opens("27 09:00")
    desk.tick("30 09:00")
    warned, breached = [event for event in desk.heard() if event.ticket_id == late]
    assert isinstance(warned, ClockWarned)
    assert isinstance(breached, ClockBreached)
    assert warned.overtaken


def test_T_04_two_workers_tell_once(desk: Desk) -> None:
    for _n in range(6):
        desk.opens("23 09:00")
    start = threading.Barrier(3)

    def work() -> None:
        start.wait()
        desk.tick("23 09:50")

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert desk.told() == [("warned", "respond")] * 6


def test_T_04_a_breach_between_two_looks_is_still_told(desk: Desk) -> None:
    ticket = desk.opens("23 09:00")
    desk.tick("23 09:59")
    desk.fact(ticket, "23 10:01", "accepted", line="county")
    assert desk.told() == [("warned", "respond"), ("breached", "respond")]
    breached = desk.heard()[-1]
    assert isinstance(breached, ClockBreached)
    assert breached.ended
    desk.tick("23 10:05")
    assert len(desk.told()) == 2


def test_T_04_what_was_met_in_time_says_nothing(desk: Desk) -> None:
    ticket = desk.opens("23 09:00")
    desk.fact(ticket, "23 09:50", "accepted", line="county")  # past the warning, which is moot now
    desk.tick("23 17:00")
    assert desk.told() == []


def test_T_04_a_suspended_clock_says_nothing_and_goes_on_later(desk: Desk) -> None:
    ticket = desk.opens("23 09:00")
    desk.fact(ticket, "23 09:40", "suspended")
    desk.tick("24 16:00")
    assert desk.told() == []
    desk.fact(ticket, "25 09:00", "resumed")
    desk.tick("25 09:04")
    assert desk.told() == []
    desk.tick("25 09:05")
    assert desk.told() == [("warned", "respond")]


def test_T_04_a_warning_told_stays_told_when_the_due_time_moves(desk: Desk) -> None:
    ticket = desk.opens("23 09:00")
    desk.tick("23 09:50")
    desk.fact(ticket, "23 09:51", "priority-changed", priority=5)
    desk.tick("23 17:00")
    assert desk.told() == [("warned", "respond")]
    desk.tick("24 17:00")
    assert desk.told() == [("warned", "respond"), ("breached", "respond")]


def test_T_04_outside_working_hours_only_people_on_duty_may_be_reached(desk: Desk) -> None:
    urgent = desk.opens("21 02:00", 1)  # a Saturday night
    desk.tick("21 02:12")
    filing = desk.opens("14 20:00", 2, tax=True)  # a Saturday evening in the filing period
    desk.tick("14 20:12")
    plain = desk.opens("20 16:30", 3)
    desk.tick("20 17:00")  # the 75 % of it lie on Monday
    day = desk.opens("23 09:00", 1)
    desk.tick("23 09:12")
    heard = {
        event.ticket_id: event for event in desk.heard() if event.clock == "respond" and isinstance(event, ClockWarned)
    }
    assert heard[urgent].on_duty_only
    assert heard[filing].on_duty_only
    assert plain not in heard
    assert not heard[day].on_duty_only


def test_history_that_is_imported_tells_nobody(desk: Desk) -> None:
    ticket = desk.opens("16 09:00")
    with desk.world.write() as session:
        session.execute(sa.delete(ClockRow))
    desk.fact(ticket, "20 09:00", "resolved", tell=False)
    desk.tick("23 09:10")
    assert desk.told() == []
    assert desk.rows(ticket)["resolve"].state(at("23 09:10")) is ClockState.BREACHED


def test_imported_rows_count_as_told_up_to_now_and_tell_what_comes(desk: Desk) -> None:
    """What a bulk import does for each row, without reading facts back."""
    ticket = desk.opens("23 09:00")
    with desk.world.write() as session:
        session.execute(sa.delete(ClockRow))
        calendar, revision = calendars.counting(session)
        opened = [Fact(at("23 09:00"), "opened", {"priority": 3, "line": "county"})]
        found = rules.clocks(opened, now=at("23 09:50"), calendar=calendar, targets=DEFAULT_TARGETS)
        for position, clock in enumerate(found):
            session.add(row := ClockRow(ticket_id=ticket, name=clock.name, round=clock.round))
            service.project(row, clock, position, revision)
            service.count_as_told(row, at("23 09:50"))
    desk.tick("23 09:55")
    assert desk.told() == []
    desk.tick("23 10:00")
    assert desk.told() == [("breached", "respond")]


def test_targets_are_pinned_to_the_ticket(desk: Desk) -> None:
    old = desk.opens("23 09:00", 5)
    faster = TargetSet({**DEFAULT_TARGETS.rows, 5: PriorityTargets(30, 60)})
    with desk.world.write() as session:
        assert service.publish_targets(session, faster, now=at("23 09:05")) == 2
    new = desk.opens("23 09:10", 5)
    desk.fact(old, "23 09:20", "accepted", line="county")
    assert desk.rows(new)["respond"].due_at == at("23 09:40")
    assert desk.rows(old)["respond"].limit_s == 8 * 3600


def test_a_changed_calendar_is_counted_again(desk: Desk) -> None:
    ticket = desk.opens("23 16:30")
    assert desk.rows(ticket)["respond"].due_at == at("24 09:30")
    with desk.world.write() as session:
        assert service.recount(session, at("23 16:31")) == 0
        calendars.set_days(session, first=dt.date(2026, 11, 24), working=False, why="停电检修", now=at("23 16:32"))
    with desk.world.write() as session:
        assert service.recount(session, at("23 16:33")) == 1
        assert service.recount(session, at("23 16:34")) == 0
    assert desk.rows(ticket)["respond"].due_at == at("25 09:30")


def test_unknown_years_are_warned_of_on_the_clock(desk: Desk) -> None:
    with frozen(at("30 09:00")):
        ticket = desk.opens("30 09:00", 5)
        desk.fact(ticket, "30 09:10", "suspended")
    with desk.world.write() as session:
        row = session.scalars(sa.select(ClockRow).where(ClockRow.ticket_id == ticket, ClockRow.name == "resolve")).one()
        row.due_at = dt.datetime(2027, 1, 4, 2, tzinfo=dt.UTC)
    with desk.world.read() as session:
        found = {clock.name: clock for clock in queries.clocks_of(session, [ticket], now=at("30 09:20"))[ticket]}
    assert found["resolve"].warnings == ("2027 年的节假日安排尚未发布，暂按周末计算；发布后请管理员录入工作日历。",)
    assert found["respond"].warnings == ()


def test_other_kinds_of_tickets_have_no_promises(desk: Desk) -> None:
    ticket = desk.opens("23 09:00")
    with desk.world.write() as session:
        session.get_one(Ticket, ticket).kind = Kind.CHANGE
        service.rebuild(session, ticket, now=at("23 09:10"))
    assert desk.rows(ticket) == {}
