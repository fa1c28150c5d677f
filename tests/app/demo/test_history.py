"""The history of the demo's matters: believable, repeatable, and nothing in it that the verbs would not have left."""

from __future__ import annotations

import datetime as dt
from collections import Counter

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import Person
from accounts.scope import viewer_for
from app.demo.history import days
from app.demo.load import load, matters
from app.demo.load.telling import Chunk, packer, told
from app.demo.units import SEED
from core import clock
from core.calendar import DEFAULT_CALENDAR
from core.db import reading, transaction
from escalation.handoff.models import Handoff
from escalation.handoff.rules import HandoffState
from kb.articles.models import Article, ArticleUse
from kb.search import index
from kb.search.models import SearchPending
from servicedesk.clocks import service as clocks
from servicedesk.clocks.models import ClockRow
from servicedesk.custody import rules as custody_rules
from servicedesk.custody.models import CustodySpan
from servicedesk.tickets import access, opening
from servicedesk.tickets.models import Source, Ticket, TicketFact, TicketPrincipal
from servicedesk.tickets.states import ENDED, STATES_OF, Kind, State

pytestmark = pytest.mark.timeout(300)  # a province is loaded, on a busy machine
NOW = dt.datetime(2026, 6, 18, 3, 0, tzinfo=dt.UTC)
COUNT = 700
SECRET = "a-key-of-this-installation"


def test_days_know_seasons_work_days_and_the_filing_period() -> None:
    history = days(1_000_000, NOW, DEFAULT_CALENDAR, SEED)
    assert sum(len(day.kinds) for day in history) == 1_000_000
    assert history == days(1_000_000, NOW, DEFAULT_CALENDAR, SEED)
    assert (NOW.date() - history[0].date).days > 4 * 365
    by_date = {day.date: len(day.kinds) for day in history}
    assert by_date[dt.date(2026, 1, 1)] < by_date[dt.date(2026, 1, 6)] / 5  # a holiday
    assert by_date[dt.date(2026, 5, 12)] > 1.2 * by_date[dt.date(2026, 5, 26)]  # filing; Tuesdays both
    assert by_date[dt.date(2026, 5, 26)] > 1.2 * by_date[dt.date(2022, 5, 31)]  # it grew
    kinds = Counter(kind for day in history for kind in day.kinds)
    assert set(kinds) == {str(kind) for kind in Kind}
    assert kinds["incident"] > 0.8 * 1_000_000


def test_E_03_T_02_T_05_the_history_is_what_the_verbs_would_have_left(engine: sa.Engine) -> None:
    """One load, since it takes longest: whole ledgers, clocks as counted anew, readers, articles, repeatable, filled up."""
    load(engine, secret=SECRET, now=NOW, scale="small", tickets=COUNT)
    with transaction(engine) as session:
        ledgers_facts_and_handoffs_are_whole(session)
        clocks_counted_anew_from_the_facts_are_those_stored(session)
        everybody_who_had_it_reads_it_and_articles_were_used(session)
        setting, calendar = matters._setting(session, scale="small", now=NOW, seed="again", people_seed=SEED)
        what_is_packed_is_what_sqlalchemy_writes(session)
        session.rollback()
    chunks = [Chunk(day, 1, dict.fromkeys(day.kinds, 0)) for day in days(40, NOW, calendar, "again")]
    first, again = (list(told(setting, chunks, processes=1)) for _ in range(2))
    assert first == again
    assert load(engine, secret=SECRET, now=NOW, scale="small", tickets=COUNT + 100).added["tickets"] == 100


def ledgers_facts_and_handoffs_are_whole(session: Session) -> None:
    tickets = session.scalars(sa.select(Ticket).order_by(Ticket.id)).all()
    assert len(tickets) == COUNT
    assert [t.opened_at for t in tickets] == sorted(t.opened_at for t in tickets)
    assert len({t.number for t in tickets}) == COUNT
    assert {t.state for t in tickets} >= {State.NEW, State.ACTIVE, State.SUSPENDED, State.RESOLVED, State.CLOSED}
    assert sum(t.reopened for t in tickets) > 0
    spans = grouped(session.scalars(sa.select(CustodySpan).order_by(CustodySpan.ticket_id, CustodySpan.seq)))
    facts = grouped(session.scalars(sa.select(TicketFact).order_by(TicketFact.ticket_id, TicketFact.seq)))
    handoffs = grouped(session.scalars(sa.select(Handoff).order_by(Handoff.ticket_id, Handoff.id)))
    for ticket in tickets:
        whole(ticket, spans[ticket.id], facts[ticket.id], handoffs.get(ticket.id, []))
    assert any(h.state is HandoffState.RETURNED for some in handoffs.values() for h in some)
    rebuild = sa.select(sa.func.count()).select_from(SearchPending).where(SearchPending.kind == index.EVERYTHING)
    assert session.scalar(rebuild) == 1


def grouped(rows):
    found = {}
    for row in rows:
        found.setdefault(row.ticket_id, []).append(row)
    return found


def whole(ticket: Ticket, spans: list[CustodySpan], facts: list[TicketFact], handoffs: list[Handoff]) -> None:
    ledger = [row.span() for row in spans]
    assert ticket.state in STATES_OF[ticket.kind]
    assert custody_rules.faults(ledger) == []
    assert ledger[0].since == ticket.opened_at
    assert (ledger[-1].until is None) == (ticket.state not in ENDED)
    assert (ledger[-1].team, ledger[-1].holder, ledger[-1].line) == (ticket.team_id, ticket.holder_id, ticket.line)
    assert [fact.seq for fact in facts] == list(range(1, ticket.facts + 1))
    assert facts[-1].at == ticket.updated_at <= NOW
    sent = [fact.at for fact in facts if fact.kind == "sent"]
    assert [h.sent_at for h in handoffs] == sent
    assert all(h.sheet and h.search for h in handoffs)
    assert ticket.handoff_pending == any(h.state is HandoffState.SENT for h in handoffs)
    assert ticket.bounces == sum(h.state is HandoffState.RETURNED for h in handoffs)


CLOCK = [c.key for c in sa.inspect(ClockRow).column_attrs if c.key not in {"id", "warned_at", "breached_at"}]


def clocks_counted_anew_from_the_facts_are_those_stored(session: Session) -> None:
    tickets = session.scalars(sa.select(Ticket).where(Ticket.kind == Kind.INCIDENT).order_by(Ticket.id)).all()
    sample = [*tickets[::40], *(t for t in tickets if t.state not in ENDED)]
    before = {t.id: ([shape(row) for row in rows_of(session, t)], t.next_due_at) for t in sample}
    assert sum(len(rows) for rows, _due in before.values()) > 3 * len(sample)
    for ticket in sample:
        clocks.rebuild(session, ticket.id, now=NOW, tell=False)
    assert {t.id: ([shape(row) for row in rows_of(session, t)], t.next_due_at) for t in sample} == before


def rows_of(session, ticket):
    return session.scalars(sa.select(ClockRow).where(ClockRow.ticket_id == ticket.id).order_by(ClockRow.position))


def shape(row: ClockRow) -> dict[str, object]:
    return {name: getattr(row, name) for name in CLOCK}


def everybody_who_had_it_reads_it_and_articles_were_used(session: Session) -> None:
    ticket = session.scalars(
        sa.select(Ticket).where(Ticket.kind == Kind.INCIDENT, Ticket.line == "province", Ticket.bounces == 0)
    ).first()
    assert ticket is not None
    for person in session.scalars(
        sa.select(Person)
        .join(CustodySpan, CustodySpan.holder_id == Person.id)
        .where(CustodySpan.ticket_id == ticket.id)
    ):
        assert access.get(session, viewer_for(session, person, now=NOW), ticket.number).id == ticket.id
    kinds = Counter(
        (str(row.kind), row.why)
        for row in session.scalars(sa.select(TicketPrincipal).where(TicketPrincipal.ticket_id == ticket.id))
    )
    assert kinds["person", "reporter"] == 1
    uses = session.scalar(sa.select(sa.func.count()).select_from(ArticleUse))
    assert uses == session.scalar(sa.select(sa.func.sum(Article.used)))
    assert uses > COUNT / 50


def test_several_processes_tell_what_one_does_and_a_ticket_opened_meanwhile_keeps_its_number(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(engine, secret=SECRET, now=NOW, scale="small")
    monkeypatch.setattr(matters, "IN_ONE_PROCESS", 0)
    monkeypatch.setattr(matters, "IN_A_TRANSACTION", 100)
    monkeypatch.setattr("app.demo.load.telling.processors", lambda: 2)
    opened: list[str] = []

    def meanwhile(stage: str, done: int, _total: int) -> None:
        if stage == "tickets" and done and not opened:
            with transaction(engine) as session:
                person = session.scalars(sa.select(Person).where(Person.login == "wangxiulan")).one()
                report = opening.Report(
                    "打印机脱机", "desktop", person.unit_id, source=Source.PERSON, reporter_id=person.id
                )
                opened.append(opening.open_ticket(session, report, by=person.id, now=clock.now()).number)

    load(engine, secret=SECRET, now=NOW, scale="small", tickets=400, progress=meanwhile)
    with reading(engine) as session:
        assert len(opened) == 1
        assert session.scalar(sa.select(sa.func.count()).select_from(Ticket)) == 401
        orphans = (
            sa.select(sa.func.count()).select_from(TicketFact).where(TicketFact.ticket_id.not_in(sa.select(Ticket.id)))
        )
        assert session.scalar(orphans) == 0
        ledgers = grouped(session.scalars(sa.select(CustodySpan).order_by(CustodySpan.ticket_id, CustodySpan.seq)))
        assert all(custody_rules.faults([row.span() for row in rows]) == [] for rows in ledgers.values())


def what_is_packed_is_what_sqlalchemy_writes(session: Session) -> None:
    """The packer's text of a row equals what the types of the columns would have handed to the driver."""
    row = session.execute(sa.select(Ticket.__table__).where(Ticket.state == State.CLOSED).limit(1)).mappings().one()
    again = {**row, "id": 10_000_000, "number": "INC-2026-999999", "description": "a\\b\tc\nd\r“e” %s"}
    made = packer(Ticket, session.get_bind().dialect.name)
    raw = session.connection().connection.driver_connection
    made.write(raw.cursor(), made.pack([again]))
    back = session.execute(sa.select(Ticket.__table__).where(Ticket.number == "INC-2026-999999")).mappings().one()
    left_out = {name for name in back if name not in made.columns}
    assert {k: v for k, v in back.items() if k not in left_out} == {k: v for k, v in again.items() if k not in left_out}
