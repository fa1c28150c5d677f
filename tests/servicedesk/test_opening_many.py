"""Several tickets opened at once are what each would have become by itself, with a handful of statements for all."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from core import clock
from core.events.monitor import AlertRaised
from servicedesk import handlers
from servicedesk.clocks.models import ClockRow
from servicedesk.custody.models import CustodySpan
from servicedesk.tickets.models import Ticket, TicketEpisode, TicketFact, TicketPrincipal
from tests.fixtures.world import World

NEW: dict[str, Any] = {"kind": "incident", "title": "打印机卡纸", "category": "desktop", "unit": "610122"}
KINDS = (NEW, {**NEW, "kind": "request", "title": "领一个键盘"}, {**NEW, "kind": "problem"}, {**NEW, "unit": "6101"})
OWN = {"id", "number", "ticket_id", "opened_at", "updated_at", "next_due_at", "at", "received_at", "since", "from_at"}
TIMES = {"due_at", "warn_at", "wake_at", "started_at", "running_since"}


def belongings(world: World, number: str) -> list[tuple[str, list[dict[str, Any]]]]:
    """Everything that belongs to a ticket, without what two of them can't share."""
    with world.read() as session:
        ticket = session.scalar(sa.select(Ticket).where(Ticket.number == number))
        found = [("ticket", [ticket])]
        for model in (TicketFact, CustodySpan, TicketPrincipal, ClockRow):
            rows = session.scalars(sa.select(model).where(model.ticket_id == ticket.id).order_by(model.id))
            found.append((model.__tablename__, list(rows)))
        return [
            (name, [{k: v for k, v in vars(row).items() if k[0] != "_" and k not in OWN | TIMES} for row in rows])
            for name, rows in found
        ]


def statements(engine: sa.Engine, do: Any) -> int:
    seen: list[str] = []

    def note(_conn: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        do()
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)
    return len([s for s in seen if not s.startswith("INSERT INTO ticket (")])  # SQLite gives an id a statement


def test_each_of_several_is_what_it_would_be_alone(world: World) -> None:
    integration = world.api("integration")
    alone = [integration.post("/tickets", body).json for body in KINDS]
    together = integration.post("/tickets", {"items": list(KINDS)})
    assert together.status_code == 201, together.text
    for one, other in zip(alone, together.json["items"], strict=True):
        assert one["actions"] == other["actions"]
        assert [c["name"] for c in one["clocks"]] == [c["name"] for c in other["clocks"]]
        assert belongings(world, one["number"]) == belongings(world, other["number"])
    numbers = [t["number"] for t in alone + together.json["items"]]
    assert len(set(numbers)) == len(numbers)


def test_a_hundred_cost_no_more_statements_than_ten(world: World) -> None:
    integration = world.api("integration")
    integration.post("/tickets", {"items": [NEW]})
    ten = statements(world.engine, lambda: integration.post("/tickets", {"items": [NEW] * 10}))
    hundred = statements(world.engine, lambda: integration.post("/tickets", {"items": [NEW] * 100}))
    assert hundred <= ten


def raised(world: World, n: int, *, key: str | None = None, severity: str = "critical") -> AlertRaised:
    return AlertRaised(
        alert_id=n,
        fingerprint=f"fp{n}",
        problem_key=key or f"check:{n}",
        episode=n,
        severity=severity,
        alertname="http",
        summary=f"第 {n} 台不可用",
        source="check",
        at=clock.now(),
        unit_id=world.units["610122"],
    )


def test_A_07_a_storm_at_once_is_one_incident_a_problem(world: World) -> None:
    events = [raised(world, n) for n in range(1, 31)]
    events += [raised(world, 31, key="check:1"), raised(world, 1), raised(world, 32, severity="info")]
    with world.write() as session:
        handlers.alerts_raised(session, events, clock.now())
    with world.write() as session:
        handlers.alerts_raised(session, events[:5], clock.now())  # delivered twice
        more = statements(
            world.engine,
            lambda: handlers.alerts_raised(session, [raised(world, n) for n in range(40, 60)], clock.now()),
        )
    with world.read() as session:
        tickets = session.scalars(sa.select(Ticket).order_by(Ticket.id)).all()
        heard = session.scalars(sa.select(TicketFact).where(TicketFact.kind == "alert-raised")).all()
        episodes = dict(session.execute(sa.select(TicketEpisode.alert_id, TicketEpisode.ticket_id)).all())
    assert [t.title for t in tickets[:30]] == [f"第 {n} 台不可用" for n in range(1, 31)]
    assert len(tickets) == 50
    assert {t.reporter_id for t in tickets} == {None}
    assert episodes[31] == episodes[1] == tickets[0].id
    assert sum(fact.ticket_id == tickets[0].id for fact in heard) == 2
    assert 32 not in episodes
    assert more < 40, "one statement a step, not one a ticket"


def test_a_mistake_in_one_of_several_is_named_and_nothing_is_opened(world: World) -> None:
    integration = world.api("integration")
    with world.write() as session:
        session.execute(sa.text("UPDATE team SET active = :no"), {"no": False})
    answer = integration.post("/tickets", {"items": [NEW, NEW]})
    assert answer.status_code == 422
    assert answer.json["errors"][0]["field"] == "items[0].unit"
    with world.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Ticket)) == 0


def test_with_a_key_of_its_own_the_whole_answer_comes_again(world: World) -> None:
    integration = world.api("integration")
    headers = {"Idempotency-Key": "a-list"}
    first = integration.post("/tickets", {"items": [NEW] * 3}, headers=headers)
    again = integration.post("/tickets", {"items": [NEW] * 3}, headers=headers)
    assert [t["number"] for t in first.json["items"]] == [t["number"] for t in again.json["items"]]
    assert len(integration.get("/tickets").json["items"]) == 3
