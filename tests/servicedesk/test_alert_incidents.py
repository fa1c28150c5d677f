"""Alerts and incidents keep each other in step (A-07), on both databases."""

from __future__ import annotations

import datetime as dt

import pytest
import sqlalchemy as sa

from core import clock
from core.errors import Invalid
from core.events.monitor import AlertAcknowledged, AlertRaised, AlertResolved, AlertSeverityChanged
from servicedesk import handlers
from servicedesk.tickets import service
from servicedesk.tickets.facts import What
from servicedesk.tickets.models import Ticket, TicketEpisode, TicketFact
from servicedesk.tickets.states import State


class Alerts:
    """Speaks as monitoring does."""

    def __init__(self, world) -> None:
        self.world, self.ids = world, 0

    def raise_(self, key="check:1", severity="critical", alert_id=None, unit="61"):
        self.ids += 1
        alert_id = alert_id or self.ids
        with self.world.write() as session:
            handlers.alert_raised(
                session,
                AlertRaised(
                    alert_id=alert_id,
                    fingerprint=f"fp{alert_id}",
                    problem_key=key,
                    episode=alert_id,
                    severity=severity,
                    alertname="http",
                    summary="门户不可用：连接被拒绝",
                    source="check",
                    at=clock.now(),
                    unit_id=self.world.units[unit],
                ),
                clock.now(),
            )
        return alert_id

    def resolve(self, alert_id, key="check:1"):
        with self.world.write() as session:
            handlers.alert_resolved(
                session,
                AlertResolved(
                    alert_id=alert_id,
                    fingerprint=f"fp{alert_id}",
                    problem_key=key,
                    episode=alert_id,
                    why="recovered",
                    at=clock.now(),
                    unit_id=self.world.units["61"],
                ),
                clock.now(),
            )

    def tickets(self):
        with self.world.read() as session:
            return list(session.scalars(sa.select(Ticket).order_by(Ticket.id)))

    def facts(self, what):
        with self.world.read() as session:
            return list(
                session.scalars(sa.select(TicketFact).where(TicketFact.kind == str(what)).order_by(TicketFact.id))
            )


@pytest.fixture
def alerts(world):
    return Alerts(world)


def test_A_07_one_breach_is_one_incident(alerts, world):
    first = alerts.raise_()
    alerts.raise_(alert_id=first)  # delivered twice
    alerts.raise_()  # another episode of the same problem while it is open
    (ticket,) = alerts.tickets()
    assert (ticket.state, ticket.source, ticket.urgency) == (State.NEW, "alert", 1)
    assert ticket.team_id == world.teams["P-APP"]
    assert len(alerts.facts(What.ALERT_RAISED)) == 2
    alerts.raise_(key="check:2")
    assert len(alerts.tickets()) == 2


def test_A_07_info_alone_opens_nothing(alerts):
    alerts.resolve(alerts.raise_(severity="info"))
    assert alerts.tickets() == []


def test_A_07_recovery_resolves_what_nobody_accepted_once_all_is_well(alerts):
    one, two = alerts.raise_(), alerts.raise_()
    alerts.resolve(one)
    assert alerts.tickets()[0].state is State.NEW
    alerts.resolve(two)
    alerts.resolve(two)
    (ticket,) = alerts.tickets()
    assert ticket.state is State.RESOLVED
    assert len(alerts.facts(What.RESOLVED)) == 1


def test_A_07_an_accepted_one_gets_a_line_and_a_proposal(alerts, world):
    one = alerts.raise_()
    with world.write() as session:
        service.accept(session, world.viewer("p-engineer"), session.scalar(sa.select(Ticket)), now=clock.now())
    alerts.resolve(one)
    assert alerts.tickets()[0].state is State.ACTIVE
    assert [f.data.get("proposal") for f in alerts.facts(What.ALERT_RESOLVED)] == [True]


def test_A_07_resolving_while_it_still_fails_asks_for_a_reason(alerts, world):
    alerts.raise_()
    engineer = world.viewer("p-engineer")
    with world.write() as session:
        ticket = session.scalar(sa.select(Ticket))
        service.accept(session, engineer, ticket, now=clock.now())
        with pytest.raises(Invalid) as refused:
            service.resolve(session, engineer, ticket, solution="重启", now=clock.now())
        assert [e.field for e in refused.value.errors] == ["reason"]
        service.resolve(session, engineer, ticket, solution="重启", reason="监控目标已下线", now=clock.now())
        assert ticket.state is State.RESOLVED


def test_A_07_a_new_episode_reopens_a_resolved_incident_and_only_after_closing_opens_another(alerts, world):
    alerts.resolve(alerts.raise_())
    again = alerts.raise_()
    (ticket,) = alerts.tickets()
    assert (ticket.state, ticket.reopened, ticket.holder_id) == (State.NEW, 1, None)  # nobody had accepted it
    alerts.resolve(again)
    with world.write() as session:
        service.close(session, world.viewer("p-head"), session.scalar(sa.select(Ticket)), now=clock.now())
    alerts.raise_()
    assert [t.state for t in alerts.tickets()] == [State.CLOSED, State.NEW]


def test_the_end_may_be_heard_before_the_beginning(alerts):
    alerts.resolve(41)
    alerts.raise_(alert_id=41)
    (ticket,) = alerts.tickets()
    assert ticket.state is State.RESOLVED
    with alerts.world.read() as session:
        assert session.get(TicketEpisode, 41).ticket_id == ticket.id


def test_a_rise_of_severity_raises_the_urgency_and_an_acknowledgement_is_the_incidents_too(alerts, world):
    one = alerts.raise_(severity="warning")
    event = {
        "alert_id": one,
        "fingerprint": f"fp{one}",
        "problem_key": "check:1",
        "episode": one,
        "at": clock.now(),
        "unit_id": world.units["61"],
    }
    with world.write() as session:
        handlers.severity_changed(
            session,
            AlertSeverityChanged(**event, before="warning", after="critical", rose=True, summary="磁盘将满"),
            clock.now(),
        )
        handlers.alert_acknowledged(
            session, AlertAcknowledged(**event, person_id=world.people["on-call"], text="知道了"), clock.now()
        )
    (ticket,) = alerts.tickets()
    assert (ticket.urgency, ticket.acknowledged_by_id, ticket.holder_id) == (1, world.people["on-call"], None)


def test_auto_close_after_three_working_days(alerts, world):
    from servicedesk import jobs

    alerts.resolve(alerts.raise_())
    with world.write() as session:
        assert jobs.auto_close(session, clock.now() + dt.timedelta(hours=1)) == 0
        assert jobs.auto_close(session, clock.now() + dt.timedelta(days=20)) == 1
    assert alerts.tickets()[0].state is State.CLOSED


def test_A_07_what_was_only_information_opens_an_incident_when_it_turns_serious(alerts, world):
    """Through the door: an info alert opens nothing; the same problem as critical opens one incident, once."""
    machine = world.api("integration")
    for severity, expected in (("info", 0), ("critical", 1), ("critical", 1)):
        labels = {"alertname": "CertificateEnds", "instance": "ca-1", "severity": severity}
        assert machine.post("/api/v2/alerts", [{"labels": labels}]).status_code == 200
        world.relay()
        assert len(alerts.tickets()) == expected
    assert alerts.tickets()[0].urgency == 1


def test_A_07_the_rise_may_be_heard_before_the_beginning(alerts, world):
    event = {"alert_id": 77, "fingerprint": "fp77", "problem_key": "check:1", "episode": 77, "at": clock.now()}
    rise = AlertSeverityChanged(
        **event, unit_id=world.units["61"], before="warning", after="critical", rose=True, summary="磁盘将满"
    )
    with world.write() as session:
        handlers.severity_changed(session, rise, clock.now())
    alerts.raise_(alert_id=77, severity="warning")
    (ticket,) = alerts.tickets()
    assert ticket.urgency == 1
