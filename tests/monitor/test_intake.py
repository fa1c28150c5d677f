"""Results become states, history, alerts and health: on both databases (M-01, M-02, M-09, A-01)."""

import datetime as dt
import math

import pytest
import sqlalchemy as sa

from core.events.monitor import AlertRaised, AlertResolved, AlertSeverityChanged
from core.outbox import registry
from monitor import intake
from monitor.alerts.models import Alert
from monitor.models import StateChange
from monitor.states import State
from tests.monitor.conftest import T0, Watch


def alerts(watch: Watch) -> list[Alert]:
    with watch.world.read() as session:
        found = list(session.scalars(sa.select(Alert).order_by(Alert.id)))
        for alert in found:
            assert alert.members
        return found


def history(watch: Watch) -> list[tuple[float, str, str]]:
    with watch.world.read() as session:
        rows = session.scalars(sa.select(StateChange).order_by(StateChange.at, StateChange.id))
        return [((r.at - T0).total_seconds(), r.state.value, r.kind.value) for r in rows]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the alert events written to the outbox."""
    heard: list[str] = []
    for event in (AlertRaised, AlertResolved, AlertSeverityChanged):
        monkeypatch.setitem(registry.by_event, event, [*registry.by_event.get(event, []), f"test:{event.__name__}"])
    return heard


def outbox(watch: Watch) -> list[str]:
    with watch.world.read() as session:
        rows = session.execute(sa.text("SELECT event FROM outbox WHERE listener LIKE 'test:%' ORDER BY id"))
        return [event.removeprefix("monitor.") for (event,) in rows]


def test_M_01_soft_failures_raise_nothing_hard_raises_once_ok_resolves(watch: Watch, told: list[str]) -> None:
    watch.follow((0, "ok"), (60, "critical"), (75, "critical"))
    assert alerts(watch) == []
    assert watch.item().health == "ok"
    watch.follow((90, "critical"), (150, "critical"))
    [alert] = alerts(watch)
    assert (alert.severity, alert.starts_at, alert.episode) == ("critical", T0 + dt.timedelta(seconds=90), 1)
    assert watch.item().health == "critical"
    watch.follow((210, "ok"))
    [alert] = alerts(watch)
    assert (alert.resolved_at, alert.resolved_why) == (T0 + dt.timedelta(seconds=210), "recovered")
    assert watch.item().health == "ok"
    assert outbox(watch) == ["AlertRaised", "AlertResolved"]
    assert history(watch) == [
        (0, "ok", "hard"),
        (60, "critical", "soft"),
        (90, "critical", "hard"),
        (210, "ok", "hard"),
    ]


def test_M_01_a_soft_recovery_tells_nobody(watch: Watch, told: list[str]) -> None:
    watch.follow((0, "ok"), (60, "critical"), (75, "ok"), (135, "critical"), (150, "critical"), (165, "ok"))
    assert alerts(watch) == []
    assert outbox(watch) == []


def test_the_alert_carries_the_labels_of_the_contract(watch: Watch) -> None:
    watch.follow((0, "critical"), (15, "critical"), (30, "critical"))
    [alert] = alerts(watch)
    assert alert.members[0].labels == {
        "alertname": "网站",
        "severity": "critical",
        "item": "蓝田办税厅网站",
        "item_id": str(watch.item_id),
        "check_id": str(watch.check_id),
        "unit": "610122",
        "source": "taxops",
    }
    assert "蓝田办税厅网站" in alert.summary


def test_a_change_of_severity_stays_one_episode(watch: Watch, told: list[str]) -> None:
    watch.follow((0, "warning"), (15, "warning"), (30, "warning"), (90, "critical"), (150, "warning"), (210, "ok"))
    [alert] = alerts(watch)
    assert [m.severity for m in alert.members] == ["warning", "critical", "warning"]
    assert outbox(watch) == ["AlertRaised", "AlertSeverityChanged", "AlertSeverityChanged", "AlertResolved"]


def test_a_breach_after_recovery_is_a_new_episode(watch: Watch) -> None:
    watch.follow((0, "critical"), (15, "critical"), (30, "critical"), (90, "ok"))
    watch.follow((150, "critical"), (165, "critical"), (180, "critical"))
    first, second = alerts(watch)
    assert (first.episode, first.superseded, second.episode, second.superseded) == (1, True, 2, False)
    assert first.problem_key == second.problem_key
    assert first.fingerprint == second.fingerprint


def test_A_01_the_same_again_only_moves_last_seen_and_count(watch: Watch) -> None:
    watch.follow((0, "critical"), (15, "critical"), (30, "critical"), (90, "critical"), (150, "critical"))
    [alert] = alerts(watch)
    [member] = alert.members
    assert (member.count, member.last_seen_at) == (3, T0 + dt.timedelta(seconds=150))
    assert alert.starts_at == T0 + dt.timedelta(seconds=30)


def test_M_02_older_repeated_and_impossible_results_are_discarded_with_reason(watch: Watch) -> None:
    watch.at(600).take((300, "ok"))
    taken = watch.take((300, "ok"), (300, "critical"), (240, "critical"), (-700_000, "ok"), (600 + 301, "ok"))
    assert taken.accepted == 0
    assert sorted(taken.discarded) == [(0, "repeat"), (1, "stale"), (2, "stale"), (3, "too-old"), (4, "in-the-future")]
    assert watch.state().state is State.OK


def test_M_02_a_batch_is_judged_in_the_order_of_its_times(watch: Watch) -> None:
    taken = watch.at(600).take((90, "critical"), (0, "ok"), (75, "critical"), (60, "critical"))
    assert (taken.accepted, taken.discarded) == (4, [])
    assert history(watch) == [(0, "ok", "hard"), (60, "critical", "soft"), (90, "critical", "hard")]
    [alert] = alerts(watch)
    assert alert.starts_at == T0 + dt.timedelta(seconds=90)


def test_M_02_a_corrected_clock_is_believed(watch: Watch) -> None:
    watch.at(0).take((240, "critical"))
    assert watch.at(60).take((60, "ok")).accepted == 1
    assert watch.state().at == T0 + dt.timedelta(seconds=60)


def test_A_03_what_began_and_ended_inside_a_batch_wakes_nobody(watch: Watch, told: list[str]) -> None:
    watch.at(6000).take((0, "ok"), (60, "critical"), (75, "critical"), (90, "critical"), (300, "ok"))
    [alert] = alerts(watch)
    assert alert.resolved_at == T0 + dt.timedelta(seconds=300)
    assert outbox(watch) == []


def test_M_09_silence_is_noticed_once_and_only_evidence_ends_it(watch: Watch, told: list[str]) -> None:
    watch.follow((0, "ok"))
    with watch.at(180).world.write() as session:
        assert intake.silence(session, now=watch.now) == 0
    for seconds in (181, 200):
        with watch.at(seconds).world.write() as session:
            intake.silence(session, now=watch.now)
    [alert] = alerts(watch)
    assert (alert.severity, alert.starts_at) == ("unknown", T0 + dt.timedelta(seconds=180))
    assert watch.item().health == "nodata"
    assert watch.state().state is State.OK, "never stored as a result"
    assert history(watch) == [(0, "ok", "hard"), (180, "nodata", "hard")]
    watch.follow((300, "critical"))
    assert alerts(watch)[0].resolved_at is None, "a soft state proves nothing"
    watch.follow((315, "ok"))
    assert alerts(watch)[0].resolved_at == T0 + dt.timedelta(seconds=315)
    assert watch.item().health == "ok"
    assert outbox(watch) == ["AlertRaised", "AlertResolved"]


def test_M_09_silence_does_not_end_or_soften_an_alert(watch: Watch, told: list[str]) -> None:
    watch.follow((0, "critical"), (15, "critical"), (30, "critical"))
    with watch.at(400).world.write() as session:
        assert intake.silence(session, now=watch.now) == 1
    [alert] = alerts(watch)
    assert (alert.severity, alert.resolved_at) == ("critical", None)
    assert watch.item().health == "nodata"
    assert outbox(watch) == ["AlertRaised"]


def test_M_09_a_check_never_heard_of_is_nodata_and_alerts_after_its_freshness(watch: Watch) -> None:
    assert watch.item().health == "nodata"
    with watch.at(181).world.write() as session:
        assert intake.silence(session, now=watch.now) == 1
    assert [a.severity for a in alerts(watch)] == ["unknown"]


def test_M_15_results_replayed_from_the_silence_show_that_there_was_none(watch: Watch) -> None:
    watch.follow((0, "ok"))
    with watch.at(400).world.write() as session:
        intake.silence(session, now=watch.now)
    watch.at(500).take(*[(float(s), "ok") for s in range(60, 481, 60)])
    assert history(watch) == [(0, "ok", "hard")]
    assert alerts(watch)[0].resolved_at == T0 + dt.timedelta(seconds=180), "not before it began"


def test_M_09_numbers_that_are_none_are_refused_and_counted(watch: Watch) -> None:
    numbers = [intake.Number("a", 1.0), intake.Number("b", math.nan), intake.Number("c", math.inf)]
    taken = watch.take((0, "ok"), samples=numbers)
    assert (taken.accepted, taken.refused_samples) == (1, 2)


def test_a_retired_check_takes_nothing_and_its_alert_ends(watch: Watch) -> None:
    from monitor.checks import service
    from monitor.models import Check

    watch.follow((0, "critical"), (15, "critical"), (30, "critical"))
    with watch.at(60).world.write() as session:
        service.retire(session, session.get_one(Check, watch.check_id), now=watch.now)
    assert alerts(watch)[0].resolved_why == "retired"
    assert watch.item().health == "nodata"
    assert watch.at(90).take((90, "ok")).discarded == [(0, "retired")]


def test_a_batch_costs_as_many_queries_as_a_single_result(watch: Watch) -> None:
    ids = [watch.check_id, *(watch.add_check(watch.item_id, name=f"n{n}") for n in range(40))]
    statements: list[str] = []
    sa.event.listen(watch.world.engine, "before_cursor_execute", lambda *a: statements.append(a[2]))
    counts = []
    for seconds, chosen in ((10, ids), (20, ids[:1]), (30, ids)):
        statements.clear()
        watch.at(seconds)
        batch = [intake.Result(i, watch.now, State.OK, f"fine at {seconds}") for i in chosen]
        with watch.world.write() as session:
            assert intake.take(session, batch, store=None, now=watch.now).accepted == len(chosen)
        counts.append(len(statements))
    assert counts[2] == counts[1] <= 8
