"""E-08: the external heartbeat beats only when all are well."""

from __future__ import annotations

import datetime as dt

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

import config
from core import clock
from escalation.notify.models import Channel, ChannelKind, Delivery, DeliveryState
from escalation.notify.service import Message, tell
from escalation.oncall.auditor import Auditor, troubles
from escalation.oncall.models import Chain, ChainState, Policy
from servicedesk.tickets.models import Ticket
from servicedesk.tickets.opening import Report, open_ticket
from tests.fixtures.world import World


def test_E_08_overdue_chain_silences_the_heartbeat(world: World, nginx) -> None:
    auditor = Auditor(world.engine, f"{nginx.url}/")
    now = clock.now()
    assert auditor.beat()
    with world.write() as session:
        ticket = open_ticket(session, Report(title="x", category="server", unit_id=world.units["61"]), by=None, now=now)
        policy = Policy(code="p", name="p", unit_id=world.units["61"], steps=[], loops=0, max_priority=1, active=True)
        session.add(policy)
        session.flush()
        session.add(
            Chain(
                ticket_id=ticket.id, number=ticket.number, policy_id=policy.id, steps=[{}], loops=0,
                next_at=now - dt.timedelta(minutes=5), state=ChainState.RUNNING, started_at=now,
            )
        )  # fmt: skip
    world.relay()
    with world.read() as session:
        assert troubles(session, now) == ["1 paging chains are overdue"]
    assert not auditor.beat()
    with world.write() as session:
        session.execute(sa.update(Chain).values(state=ChainState.STOPPED))
    assert auditor.beat()
    nginx.kill9()
    assert not auditor.beat(), "nobody takes the beat"


def test_E_08_pages_that_reached_nobody_silence_the_heartbeat_until_somebody_answers(world: World, nginx) -> None:
    auditor = Auditor(world.engine, f"{nginx.url}/")
    now = clock.now()
    with world.write() as session:
        ticket = open_ticket(session, Report(title="x", category="server", unit_id=world.units["61"]), by=None, now=now)
        policy = Policy(code="p", name="p", unit_id=world.units["61"], steps=[], loops=0, max_priority=1, active=True)
        session.add(policy)
        session.flush()
        session.add(
            Chain(
                ticket_id=ticket.id, number=ticket.number, policy_id=policy.id, steps=[{}], loops=0,
                next_at=now + dt.timedelta(minutes=5), state=ChainState.RUNNING, started_at=now,
            )
        )  # fmt: skip
        session.flush()
        page = Message("page", "page:1:0", ticket.number, "/", lambda: ("s", "b"))
        tell(session, page, [world.people["on-call"]], now=now)
        session.execute(sa.update(Delivery).values(state=DeliveryState.SENT))
        ticket_id = ticket.id
    world.relay()
    assert auditor.beat()
    for state, error, well in (
        (DeliveryState.CANCELLED, None, True),  # somebody acknowledged first
        (DeliveryState.DEAD, "550 no such user", False),
        (DeliveryState.CANCELLED, "no mail server is set (TAXOPS_SMTP_URL)", False),
    ):
        with world.write() as session:
            session.execute(
                sa.update(Delivery).where(Delivery.key == page_mail(session)).values(state=state, error=error)
            )
        assert auditor.beat() is well, (state, error)
    with world.write() as session:
        session.execute(sa.update(Chain).values(state=ChainState.EXHAUSTED, next_at=None))
    with world.read() as session:
        assert troubles(session, now) == ["1 pages reached nobody"], "it ran out, and still nobody knows"
    with world.write() as session:
        session.get_one(Ticket, ticket_id).acknowledged_at = now
    assert auditor.beat()


def page_mail(session: Session) -> str:
    return session.scalars(
        sa.select(Delivery.key).where(Delivery.key.startswith("page:"), Delivery.key.endswith(":email"))
    ).one()


def test_E_08_one_way_that_worked_is_enough(world: World) -> None:
    """No mail server is set, but the group's robot or another channel was heard: the beat goes on."""
    now = clock.now()
    with world.write() as session:
        ticket = open_ticket(session, Report(title="x", category="server", unit_id=world.units["61"]), by=None, now=now)
        policy = Policy(code="p", name="p", unit_id=world.units["61"], steps=[], loops=0, max_priority=1, active=True)
        chat = Channel(code="chat", name="群", kind=ChannelKind.APPRISE, active=True, url="json://127.0.0.1:9/")
        session.add_all([policy, chat])
        session.flush()
        session.add(
            Chain(
                ticket_id=ticket.id, number=ticket.number, policy_id=policy.id, steps=[{}], loops=0,
                next_at=now + dt.timedelta(minutes=5), state=ChainState.RUNNING, started_at=now,
            )
        )  # fmt: skip
        session.flush()
        mail = session.scalars(sa.select(Channel).where(Channel.kind == ChannelKind.EMAIL)).one()
        refused = {"state": DeliveryState.CANCELLED, "error": "no mail server is set"}
        for round_ in range(2):
            session.add(paged(ticket.number, round_, world.people["on-call"], mail, now, **refused))
    with world.read() as session:
        assert troubles(session, now) == ["2 pages reached nobody"]
    with world.write() as session:
        session.add(paged(ticket.number, 0, None, chat, now, state=DeliveryState.SENT))
    with world.read() as session:
        assert troubles(session, now) == ["1 pages reached nobody"]
    with world.write() as session:
        session.add(paged(ticket.number, 1, world.people["on-call"], chat, now, state=DeliveryState.WAITING))
    with world.read() as session:
        assert troubles(session, now) == []


def paged(number: str, round_: int, person_id: int | None, channel: Channel, now: dt.datetime, **how) -> Delivery:
    return Delivery(
        key=f"page:1:{round_}:{person_id or 'group'}:{channel.code}", topic="page", person_id=person_id,
        channel_id=channel.id, address="a", subject="s", body="b", url="/", ref=number, created_at=now,
        next_try_at=now, **how,
    )  # fmt: skip


def test_E_08_the_auditor_outlives_whatever_goes_wrong(world: World) -> None:
    for url in ("http://127.0.0.1:notaport/", "http://[::1", "http://127.0.0.1:1/\x00"):
        assert not Auditor(world.engine, url).beat(), "it says no, it does not raise"


@pytest.mark.parametrize("url", ["http://host:notaport/", "http://[::1", "https:///path", "ftp://host/", "beat"])
def test_E_08_a_heartbeat_that_is_no_address_stops_the_start(tmp_path, url: str) -> None:
    with pytest.raises(config.SettingError, match="TAXOPS_HEARTBEAT_URL"):
        config.load({"TAXOPS_HOME": str(tmp_path), "TAXOPS_HEARTBEAT_URL": url})
    config.load({"TAXOPS_HOME": str(tmp_path), "TAXOPS_HEARTBEAT_URL": "https://beats.example.test/ping/1?k=v"})
