"""A-04: a greater alert keeps its consequences quiet, exactly as Alertmanager would, and no office keeps another's quiet."""

import datetime as dt
from typing import Any

import pytest
import sqlalchemy as sa

from core import clock
from core.events.monitor import AlertRaised
from monitor.am.matchers import Matcher, Op
from monitor.quiet.matching import Book, Inhibition, Side, Silenced, Source, inhibited_by
from monitor.quiet.models import InhibitionKey
from tests.fixtures.world import World
from tests.monitor.conftest import T0, Watch

V2 = "/api/v2/alerts"
END = (T0 + dt.timedelta(hours=9)).isoformat()
RULE = {
    "name": "线路断了",
    "source": [{"name": "alertname", "op": "=", "value": "LineDown"}],
    "target": [{"name": "severity", "op": "=~", "value": "warning|info"}],
    "equal": ["site"],
}
DOWN = {"alertname": "LineDown", "severity": "critical", "site": "lt"}
SLOW = {"alertname": "Slow", "severity": "warning", "site": "lt"}


@pytest.fixture
def admin(watch: Watch) -> Any:
    return watch.world.api("sys-admin")


@pytest.fixture
def api(watch: Watch) -> Any:
    return watch.world.api("integration")


def fire(watch: Watch, *labels: dict[str, str]) -> None:
    api = watch.world.api("integration")
    assert api.post(V2, [{"labels": each, "endsAt": END} for each in labels]).status_code == 200
    watch.world.relay()


def end(watch: Watch, labels: dict[str, str]) -> None:
    body = [{"labels": labels, "startsAt": (T0 - dt.timedelta(1)).isoformat(), "endsAt": clock.now().isoformat()}]
    assert watch.world.api("integration").post(V2, body).status_code == 200
    watch.world.relay()


def inhibited(watch: Watch) -> dict[str, list[str]]:
    shown = watch.world.api("integration").get(V2).json
    return {a["labels"]["alertname"]: a["status"]["inhibitedBy"] for a in shown if a["status"]["inhibitedBy"]}


def test_A_04_a_firing_source_keeps_the_target_quiet_as_long_as_it_fires(
    watch: Watch, api: Any, admin: Any, hear: Any
) -> None:
    raised = hear(AlertRaised)
    with clock.frozen(T0):
        assert admin.post("/inhibition-rules", RULE).status_code == 201
        fire(watch, DOWN)
        fire(watch, SLOW, {**SLOW, "site": "zz", "alertname": "Elsewhere"})
        [source] = api.get("/alerts?alertname=LineDown").json["items"]
        assert inhibited(watch) == {"Slow": [source["fingerprint"]]}
        [slow] = api.get("/alerts?alertname=Slow").json["items"]
        assert (slow["state"], slow["suppressed_by"]) == ("suppressed", ["inhibition"])
        assert {e.alertname for e in raised} == {"LineDown", "Elsewhere"}
    with clock.frozen(T0 + dt.timedelta(seconds=5)):
        end(watch, DOWN)
        assert inhibited(watch) == {}
        assert {e.alertname for e in raised} == {"LineDown", "Elsewhere", "Slow"}


def test_A_04_a_source_that_comes_later_and_a_rule_that_comes_later(watch: Watch, admin: Any) -> None:
    with clock.frozen(T0):
        fire(watch, SLOW)
        fire(watch, DOWN)
        made = admin.post("/inhibition-rules", RULE).json
        assert set(inhibited(watch)) == {"Slow"}
        end(watch, DOWN)
        assert inhibited(watch) == {}
        fire(watch, DOWN)
        assert set(inhibited(watch)) == {"Slow"}
        admin.patch(f"/inhibition-rules/{made['id']}", {"equal": ["site", "alertname"]})
        assert inhibited(watch) == {}
        admin.patch(f"/inhibition-rules/{made['id']}", {"equal": []})
        assert set(inhibited(watch)) == {"Slow"}
        assert admin.delete(f"/inhibition-rules/{made['id']}").status_code == 204
        assert inhibited(watch) == {}
        with watch.world.read() as session:
            assert session.scalar(sa.select(sa.func.count()).select_from(InhibitionKey)) == 0


def test_A_04_what_matches_both_sides_does_not_inhibit_itself_or_its_like(watch: Watch, admin: Any) -> None:
    both = {**RULE, "source": [{"name": "severity", "op": "=~", "value": "critical|warning"}]}
    with clock.frozen(T0):
        admin.post("/inhibition-rules", both)
        fire(watch, SLOW, {**SLOW, "alertname": "Slower"})
        assert inhibited(watch) == {}, "each stands on both sides"
        fire(watch, DOWN)
        assert set(inhibited(watch)) == {"Slow", "Slower"}, "the critical one stands on the source's only"


def test_A_04_a_label_that_both_lack_is_equal(watch: Watch, admin: Any) -> None:
    with clock.frozen(T0):
        admin.post("/inhibition-rules", RULE)
        fire(watch, {"alertname": "LineDown"}, {"alertname": "Slow", "severity": "warning"}, SLOW)
        assert set(inhibited(watch)) == {"Slow"}
        shown = watch.world.api("integration").get("/alerts?state=suppressed").json["items"]
        assert [a["labels"].get("site") for a in shown] == [None]


def test_A_04_an_office_keeps_only_its_own_and_what_is_below_it_quiet(watch: Watch, admin: Any) -> None:
    with clock.frozen(T0):
        made = admin.post("/inhibition-rules", RULE).json
        fire(watch, {**SLOW, "unit": "610124"}, {**DOWN, "unit": "610122"})
        assert inhibited(watch) == {}
        admin.patch(f"/inhibition-rules/{made['id']}", {"across_units": True})
        assert set(inhibited(watch)) == {"Slow"}
        admin.patch(f"/inhibition-rules/{made['id']}", {"across_units": False})
        fire(watch, {**DOWN, "unit": "6101"})
        assert set(inhibited(watch)) == {"Slow"}, "the city stands above"


def test_rules_are_the_system_administrators(world: World) -> None:
    made = world.api("sys-admin").post("/inhibition-rules", RULE).json
    one = f"/inhibition-rules/{made['id']}"
    for login, status in (("lt-engineer", 200), ("lt-clerk", 404), ("sec-admin", 404)):
        other = world.api(login)
        assert other.get(one).status_code == status
        assert other.post("/inhibition-rules", {**RULE, "name": "x"}).status_code == 404
        assert other.patch(one, {"name": "x"}).status_code == 404
        assert other.delete(one).status_code == 404
    wrong = world.api("sys-admin").post("/inhibition-rules", {**RULE, "name": "y", "source": RULE["target"][:0]})
    assert wrong.status_code == 422
    assert world.api("sys-admin").post("/inhibition-rules", RULE).status_code == 409


def m(name: str, value: str, op: str = "=") -> Matcher:
    return Matcher(name, Op(op), value)


@pytest.mark.parametrize(
    ("both", "sources", "units", "across", "expected"),
    [
        (False, [("b", 1, False), ("a", 1, False)], {1}, False, "a"),
        (True, [("a", 1, True)], {1}, False, None),
        (True, [("a", 1, True), ("b", 1, False)], {1}, False, "b"),
        (False, [("a", 1, True)], {1}, False, "a"),
        (False, [("a", 2, False)], {1}, False, None),
        (False, [("a", 2, False)], {1}, True, "a"),
        (False, [], {1}, True, None),
    ],
)
def test_which_source_inhibits(
    both: bool, sources: list[Any], units: set[int], across: bool, expected: str | None
) -> None:
    found = [Source(1, fingerprint, unit, is_both) for fingerprint, unit, is_both in sources]
    side = Side(1, False, "k", both)
    assert inhibited_by(side, found, across_units=across, units=frozenset(units)) == expected


def test_the_book_tries_only_what_can_match() -> None:
    late = T0 + dt.timedelta(hours=1)
    here = frozenset({("unit", 1)})
    many = [Silenced(f"s{n}", (m("host", f"h{n}"),), here, T0, late) for n in range(1000)]
    any_db = Silenced("db", (m("host", "h.*", "=~"),), here, T0, late)
    elsewhere = Silenced("far", (m("host", "h7"),), frozenset({("unit", 2)}), T0, late)
    rule = Inhibition(1, (m("a", "1"),), (m("b", ".+", "=~"),), ("site",), False)
    book = Book([*many, any_db, elsewhere], [rule])
    assert sorted(book.silenced_by({"host": "h7"}, here, T0)) == ["db", "s7"]
    assert book.silenced_by({"host": "h7"}, here, late) == []
    assert book.silenced_by({"host": "h7"}, frozenset({("unit", 3)}), T0) == []
    sides = book.sides({"a": "1", "b": "2", "site": "x"})
    assert sorted((s.is_source, s.both) for s in sides) == [(False, True), (True, True)]
    assert len({s.key for s in sides}) == 1
    assert book.sides({"a": "2"}) == []
