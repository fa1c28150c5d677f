"""Bulk import: what is written is whole, and quick (demo data)."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from core import clock
from core.outbox import OutboxRow
from escalation.handoff import importer as handoffs
from escalation.handoff.models import Handoff
from servicedesk.clocks.models import ClockRow
from servicedesk.custody import rules as custody_rules
from servicedesk.custody import service as custody
from servicedesk.custody.rules import Line
from servicedesk.tickets import access, importer, story
from servicedesk.tickets.models import Ticket
from servicedesk.tickets.states import State
from servicedesk.tickets.story import Leg, Past

T0 = dt.datetime(2026, 6, 1, 1, 0, tzinfo=dt.UTC)
LADDER = ((1, Line.COUNTY), (2, Line.CITY), (3, Line.PROVINCE), (4, Line.VENDOR))

legs = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 500), st.integers(0, 3000), st.booleans()), max_size=6)


@given(legs, st.sampled_from(["new", "active", "suspended", "resolved", "closed", "cancelled"]), st.integers(0, 20_000))
def test_E_03_every_story_has_a_whole_ledger_however_early_it_is_cut(raw, outcome, cut):
    past = Past(
        opened_at=T0,
        priority=3,
        first_team_id=1,
        first_line=Line.COUNTY,
        outcome=State(outcome),
        legs=tuple(
            Leg(*LADDER[i], 10 * LADDER[i][0], wait, held, back and n > 0)
            for n, (i, wait, held, back) in enumerate(raw)
        ),
    )
    now = T0 + dt.timedelta(minutes=cut)
    told = story.tell(past, now)
    assert custody_rules.faults(told.ledger) == []
    assert all(fact.at <= now for fact in told.facts)
    assert (told.ledger[-1].until is None) == (told.state not in {State.CLOSED, State.CANCELLED})
    assert told.state is not State.ACTIVE or told.ledger[-1].holder is not None


def test_bulk_writes_tickets_facts_custody_readers_clocks_and_hand_offs(world):
    ladder = [(world.teams[c], line) for c, line in zip(("X-LT", "C-XA", "P-APP", "T-V1"), Line, strict=True)]
    people = [world.people[p] for p in ("lt-engineer", "xa-engineer", "p-engineer", "v1-engineer")]
    one = importer.Imported(
        past=Past(
            opened_at=T0,
            priority=3,
            first_team_id=ladder[0][0],
            first_line=Line.COUNTY,
            reporter_id=world.people["lt-clerk"],
            legs=tuple(Leg(*step, holder, 10, 60) for step, holder in zip(ladder, people, strict=True)),
            outcome=State.CLOSED,
            stars=5,
            solution="补丁",
        ),
        title="代开发票报错 ORA-12541",
        category="application",
        unit_id=world.units["610122"],
    )
    with world.write() as session:
        for batch in importer.bulk(session, [one] * 700, now=clock.now()):
            handoffs.write(session, batch)
    with world.read() as session:
        count = {
            m: session.scalar(sa.select(sa.func.count()).select_from(m)) for m in (Ticket, Handoff, OutboxRow, ClockRow)
        }
        assert (count[Ticket], count[Handoff], count[OutboxRow]) == (700, 2100, 0)  # nobody is told of the past
        assert count[ClockRow] > 700 * 5
        ticket = session.scalar(sa.select(Ticket).order_by(Ticket.id.desc()).limit(1))
        assert (ticket.state, ticket.line, ticket.holder_id) == (State.CLOSED, Line.VENDOR, world.people["v1-engineer"])
        assert custody_rules.faults([r.span() for r in custody.ledger(session, ticket.id)]) == []
        for login in ("lt-clerk", "lt-engineer", "xa-engineer", "p-engineer", "v1-engineer"):
            assert access.get(session, world.viewer(login), ticket.number).id == ticket.id
