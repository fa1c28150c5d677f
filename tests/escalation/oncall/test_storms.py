"""Many incidents at once are told and paged as each alone would be, with a handful of statements."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import sqlalchemy as sa

from core import clock
from escalation.notify.models import Delivery
from escalation.oncall.models import Chain, PagingEntry
from servicedesk.tickets.models import Ticket
from servicedesk.tickets.opening import Report, open_many
from tests.escalation.oncall.conftest import START
from tests.fixtures.world import World


def test_a_storm_pages_and_tells_as_each_incident_alone_would(night: World) -> None:
    """Many at once and one by one write the same, and many need no more statements than a few."""

    def open_some(count: int, reporter: str | None = "p-engineer") -> list[int]:
        report = Report(
            title="核心交换机中断", category="wan", unit_id=night.units["61"], urgency=1, impact=1,
            team_id=night.teams["P-APP"], reporter_id=night.people[reporter] if reporter else None,
        )  # fmt: skip
        lesser = replace(report, urgency=3, impact=3)
        with night.write() as session:
            return [t.id for t in open_many(session, [report, *[lesser] * (count - 1)], by=None, now=clock.now())]

    def written(ids: list[int]) -> list[object]:
        """What each of these was told and paged, without its own number and the pages' secrets."""
        with night.read() as session:
            told = (
                sa.select(Ticket.id, Delivery).join(Delivery, Delivery.ref == Ticket.number).where(Ticket.id.in_(ids))
            )
            rows = [
                (
                    ids.index(i),
                    d.topic,
                    d.person_id,
                    d.channel_id,
                    d.subject.replace(d.ref, ""),
                    d.body.replace(d.ref, ""),
                )
                for i, d in session.execute(told)
            ]
            paging = session.execute(
                sa.select(Chain, PagingEntry)
                .join(PagingEntry, PagingEntry.chain_id == Chain.id)
                .where(Chain.ticket_id.in_(ids))
            )
            return sorted(rows) + [
                (ids.index(c.ticket_id), c.step, c.rounds, c.next_at, str(c.state), e.what, e.people, e.text)
                for c, e in paging
            ]

    with clock.frozen(START):
        alone = []
        for count in (1, 1):
            alone += open_some(count)
            night.relay()
        together = open_some(2)
        night.relay()
        one, two = written(alone[:1]), written(together)
        assert [row for row in two if row[0] == 0] == one  # type: ignore[index]
        assert any("incoming" in row for row in two if row[0] == 1), "the lesser one is told of"  # type: ignore[index]
        assert not any("paged" in row for row in two if row[0] == 1), "and pages nobody"  # type: ignore[index]
        few, many = (statements(night, lambda n=n: open_some(n)) for n in (3, 30))  # type: ignore[misc]
    assert many <= few + 2


def statements(world: World, do: Callable[[], object]) -> int:
    """How many statements the relay needs for what `do` brought."""
    do()
    count = 0

    def counted(*_: object) -> None:
        nonlocal count
        count += 1

    sa.event.listen(world.engine, "before_cursor_execute", counted)
    world.relay()
    sa.event.remove(world.engine, "before_cursor_execute", counted)
    return count
