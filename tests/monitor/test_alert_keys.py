"""A-01: identity, compared with a real Alertmanager; matchers and the wire form of API v2."""

import datetime as dt
import json
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Invalid
from monitor.alerts import keys, rules
from monitor.am import matchers, wire
from monitor.rules import Severity
from tests.servers.base import HOST, Daemon, free_port, require_program
from web.filters import local

NOW = dt.datetime(2026, 3, 2, 1, 0, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)
STRANGE = [
    {"alertname": "DiskFull", "severity": "critical", "instance": "10.0.0.1:9100"},
    {"alertname": "磁盘将满", "item": "核心征管数据库", "unit": "610000"},
    {"a": "b"},
    {"alertname": "x", "z": 'quote " and \\ and \n newline', "A_Z": " 空 格 "},
]


class Alertmanager(Daemon):
    """The real one, to compare with."""

    name = "alertmanager"

    def command(self) -> list[str]:
        (self.home / "am.yml").write_text(
            json.dumps({"route": {"receiver": "r"}, "receivers": [{"name": "r"}]}), "utf-8"
        )
        program = require_program("prometheus-alertmanager", "alertmanager")
        where = [f"--config.file={self.home / 'am.yml'}", f"--storage.path={self.home}"]
        return [program, *where, f"--web.listen-address={HOST}:{self.port}", "--cluster.listen-address="]

    def call(self, path: str, body: Any = None) -> Any:
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(
            f"http://{HOST}:{self.port}/api/v2{path}", data, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            text = answer.read()
        return json.loads(text) if text else None


@pytest.fixture(scope="module")
def alertmanager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alertmanager]:
    with Alertmanager(tmp_path_factory.mktemp("am"), port=free_port()) as server:
        yield server


def test_A_01_the_fingerprint_is_the_one_alertmanager_shows(alertmanager: Alertmanager) -> None:
    alertmanager.call("/alerts", [{"labels": labels} for labels in STRANGE])
    shown = {json.dumps(a["labels"], sort_keys=True): a["fingerprint"] for a in alertmanager.call("/alerts")}
    for labels in STRANGE:
        assert keys.fingerprint(labels) == shown[json.dumps(labels, sort_keys=True)]


@pytest.mark.parametrize(
    "text",
    [
        'alertname="DiskFull"',
        "alertname=DiskFull",
        'severity!="critical"',
        'instance=~"10[.].*"',
        'item!~".+"',
        'no=""',
    ],
)
def test_matchers_choose_what_alertmanager_chooses(alertmanager: Alertmanager, text: str) -> None:
    alertmanager.call("/alerts", [{"labels": labels} for labels in STRANGE])
    chosen = alertmanager.call("/alerts?" + urllib.parse.urlencode({"filter": text}))
    matcher = matchers.parse(text)
    ours = [labels for labels in STRANGE if matcher.matches(labels)]
    assert sorted(a["fingerprint"] for a in chosen) == sorted(keys.fingerprint(labels) for labels in ours)


@pytest.mark.parametrize("text", ["", "alertname", '="x"', 'a=~"("', "a==b=~(", "1a=b"])
def test_R_04_a_wrong_matcher_is_refused_with_why(text: str) -> None:
    if text == "a==b=~(":
        assert matchers.parse(text).value == "=b=~("
        return
    with pytest.raises(Invalid) as refused:
        matchers.parse(text)
    assert refused.value.errors[0].field == "filter"


def test_a_hostile_pattern_costs_nothing() -> None:
    assert not matchers.parse('a=~"(a+)+$"').matches({"a": "a" * 5000 + "!"})


LABELS = st.dictionaries(st.text(min_size=1, max_size=8), st.text(max_size=8), min_size=1, max_size=5)


@given(LABELS, LABELS)
def test_A_01_equal_labels_equal_fingerprint(one: dict[str, str], other: dict[str, str]) -> None:
    assert (keys.fingerprint(one) == keys.fingerprint(other)) == (one == other)
    assert keys.fingerprint(one) == keys.fingerprint(dict(reversed(one.items())))


@given(LABELS)
def test_the_problem_key_forgets_the_severity_only(labels: dict[str, str]) -> None:
    key = keys.problem_key_of_labels(labels)
    assert key == keys.problem_key_of_labels({**labels, "severity": "critical"})
    assert key != keys.problem_key_of_labels({**labels, "other-label": "x"})


def test_A_06_it_ends_when_it_says_or_five_minutes_after_it_was_last_seen() -> None:
    ends = NOW + MINUTE
    assert rules.expires_at(ends, seen_at=NOW, resend=dt.timedelta(0)) == ends
    assert rules.expires_at(None, seen_at=NOW, resend=dt.timedelta(0)) == NOW + 5 * MINUTE


def test_A_06_a_slow_source_gets_four_of_its_intervals() -> None:
    assert rules.expires_at(None, seen_at=NOW, resend=10 * MINUTE) == NOW + 40 * MINUTE
    assert rules.expires_at(None, seen_at=NOW, resend=MINUTE) == NOW + 5 * MINUTE
    assert rules.expires_at(None, seen_at=NOW, resend=dt.timedelta(days=9)) == NOW + dt.timedelta(days=4)


def test_M_08_a_normal_acknowledgement_clears_on_any_change_a_sticky_one_on_a_rise() -> None:
    up, down = (Severity.WARNING, Severity.CRITICAL), (Severity.CRITICAL, Severity.WARNING)
    assert not rules.acknowledgement_survives(sticky=False, before=down[0], after=down[1])
    assert rules.acknowledgement_survives(sticky=True, before=down[0], after=down[1])
    assert not rules.acknowledgement_survives(sticky=True, before=up[0], after=up[1])


def test_M_08_an_acknowledgement_expires_as_asked_or_after_a_day() -> None:
    assert rules.acknowledged_until(NOW + MINUTE, now=NOW) == NOW + MINUTE
    assert rules.acknowledged_until(None, now=NOW) == NOW + dt.timedelta(days=1)


def test_severity_words_of_other_systems() -> None:
    assert rules.severity_of_labels({"severity": "Critical"}) is Severity.CRITICAL
    assert rules.severity_of_labels({"severity": "page"}) is Severity.CRITICAL
    assert rules.severity_of_labels({}) is Severity.WARNING
    assert rules.severity_of_labels({"severity": "紧急?"}) is Severity.UNKNOWN
    assert rules.worst([Severity.INFO, Severity.CRITICAL, Severity.WARNING]) is Severity.CRITICAL
    assert rules.worst([]) is None


def read(*alerts: dict[str, Any]) -> list[wire.Incoming]:
    return wire.read(json.dumps(alerts).encode(), now=NOW)


def test_times_are_settled_as_alertmanager_does() -> None:
    [bare] = read({"labels": {"alertname": "a", "empty": ""}})
    assert (bare.starts_at, bare.ends_at, bare.labels) == (NOW, None, {"alertname": "a"})
    [zero] = read({"labels": {"a": "b"}, "startsAt": "0001-01-01T00:00:00Z", "endsAt": "0001-01-01T00:00:00.000Z"})
    assert (zero.starts_at, zero.ends_at) == (NOW, None)
    [past] = read({"labels": {"a": "b"}, "endsAt": "2026-03-02T08:00:00+08:00"})
    assert past.starts_at == past.ends_at == NOW - 60 * MINUTE
    assert past.is_over(NOW)


@pytest.mark.parametrize("ends", ["9999-12-31T23:59:59Z", "9999-12-31T23:59:59-14:00"])
def test_an_end_at_the_end_of_time_can_be_stored_and_shown(ends: str) -> None:
    """Senders write “for ever” so; it was a 500, or a time that no wall clock could show."""
    [alert] = read({"labels": {"a": "b"}, "endsAt": ends})
    assert alert.ends_at is not None
    assert local(alert.ends_at, "second").startswith("9999-01-01")


@pytest.mark.parametrize(
    ("alert", "field"),
    [
        ({"labels": {}}, "alerts[1].labels"),
        ({"labels": {"a": ""}}, "alerts[1].labels"),
        (
            {"labels": {"a": "b"}, "startsAt": "2026-03-02T01:00:00Z", "endsAt": "2026-03-01T01:00:00Z"},
            "alerts[1].endsAt",
        ),
        ({"labels": {"a": "b"}, "startsAt": "2026-03-02T01:00:00"}, "alerts[1].startsAt"),
        ({"labels": {"a": "x" * 9000}}, "alerts[1].labels.a"),
        ({"labels": {"a": 5}}, "alerts"),
        ("nonsense", "alerts"),
    ],
)
def test_R_04_a_wrong_alert_refuses_the_batch_and_is_named(alert: Any, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        read({"labels": {"fine": "yes"}}, alert)
    assert [e.field for e in refused.value.errors] == [field]
