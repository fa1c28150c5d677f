"""E-08: the external heartbeat beats only when all are well."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa

from core import clock
from escalation.oncall.auditor import Auditor, troubles
from escalation.oncall.models import Chain, ChainState, Policy
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
