"""Web hooks in: what bodies make, that nothing half wrong is stored, and that a source only speaks for its own unit."""

import datetime as dt
import json
from typing import Any

import pytest
import sqlalchemy as sa

from core import clock
from monitor.ingest import template
from monitor.ingest.models import Form, Source
from monitor.ingest.paths import MISSING, WrongPathError, path, words
from tests.fixtures.world import World

NOW = clock.now().replace(microsecond=0)
HOLD = dt.timedelta(days=1)
GENERIC = {
    "each": "events",
    "labels": {"alertname": "{rule.name}", "instance": "{host}:{port|80}", "unit": "{$.unit|}"},
    "annotations": {"summary": "{host} {value|}", "owner": "{owner}"},
    "severity": "{level}",
    "severities": {"5": "critical"},
    "resolved": "{state}",
    "resolved_values": ["OK"],
    "starts": "{at|}",
}
EVENT = {
    "rule": {"name": "DiskFull"},
    "host": "db1",
    "level": 5,
    "state": "PROBLEM",
    "value": 97.0,
    "at": 1_700_000_000,
}
ZABBIX = {
    "event_id": "10427", "event_name": "High CPU utilization", "event_nseverity": "4", "event_value": "1",
    "event_tags": "scope:performance, component:cpu", "event_update_status": "0", "host_name": "db1",
    "host_ip": "10.61.1.7", "trigger_id": "23155", "event_opdata": "97 %", "event_recovery_id": "{EVENT.RECOVERY.ID}",
}  # fmt: skip


def make(form: Form, body: Any, how: dict[str, Any] | None = None) -> template.Made:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return template.make(form, how or {}, text, hold=HOLD, now=NOW)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", {"a": {"b": [1, {"c": "x"}]}, "k y.z": 2}),
        ("a.b[0]", 1),
        ("a.b[-1].c", "x"),
        ('["k y.z"]', 2),
        ("$.top", True),
        ("a.b[7]", MISSING),
        ("a.c", MISSING),
        ("a.b.c", MISSING),
    ],
)
def test_paths_read_and_nothing_else(text: str, value: Any) -> None:
    element = {"a": {"b": [1, {"c": "x"}]}, "k y.z": 2}
    assert path(text).of(element, {"top": True}) == value


@pytest.mark.parametrize(
    "text", ["a b", "a[", "a[x]", ".a", "a..b", "a[0", "a{b}", "a|upper", "__class__()", "a" * 1001]
)
def test_a_path_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(WrongPathError):
        path(text)


def test_a_template_can_only_read() -> None:
    """What runs in other template languages is words or refused here."""
    element = {"a": "{{7*7}}", "b": {"__class__": "only a name"}}
    assert words("{a}").of(element, element) == "{{7*7}}", "a value is never read as a template"
    assert words("{b.__class__}").of(element, element) == "only a name"
    assert words("{b.__class__.__mro__}").of(element, element) is MISSING
    assert words("{{{a|x}}}").of({"a": None}, None) == "{x}"
    for wrong in ("{a", "a}", "{a!r}", "{% if a %}", "{a.b()}", "{a[b]}"):
        with pytest.raises(WrongPathError):
            words(wrong)


def test_a_generic_body_becomes_alerts() -> None:
    body = {"unit": "610122", "events": [EVENT, {**EVENT, "host": "db2", "port": 8080, "state": "OK"}]}
    made = make(Form.GENERIC, body, GENERIC)
    assert made.wrong == []
    one, two = made.alerts
    assert one.labels == {"alertname": "DiskFull", "instance": "db1:80", "unit": "610122", "severity": "critical"}
    assert one.annotations == {"summary": "db1 97"}
    assert one.starts_at == dt.datetime.fromtimestamp(1_700_000_000, dt.UTC)
    assert one.ends_at == NOW + HOLD
    assert two.labels["instance"] == "db2:8080"
    assert two.is_over(NOW)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"{", ""),
        ({"other": []}, "events"),
        ({"events": [{**EVENT, "rule": {}}]}, "events[0]→labels.alertname"),
        ({"events": [EVENT, {**EVENT, "at": "yesterday"}]}, "events[1]→starts"),
        ({"events": [{**EVENT, "level": None}]}, "events[0]→severity"),
        ({"events": [{**EVENT, "host": "x\u0000"}]}, "events[0].labels.instance"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(body: Any, field: str) -> None:
    made = make(Form.GENERIC, body, GENERIC)
    assert field in [e.field for e in made.wrong]


def test_zabbix_problem_and_recovery_are_one_alert() -> None:
    [problem] = make(Form.ZABBIX, ZABBIX).alerts
    [over] = make(Form.ZABBIX, {**ZABBIX, "event_value": "0"}).alerts
    assert problem.labels == over.labels == {
        "alertname": "High CPU utilization", "instance": "db1", "severity": "critical", "zabbix_trigger": "23155",
        "tag_scope": "performance", "tag_component": "cpu",
    }  # fmt: skip
    assert (problem.is_over(NOW), over.is_over(NOW)) == (False, True)
    assert problem.annotations["summary"] == "db1：High CPU utilization"
    assert "event_recovery_id" not in str(problem.annotations)
    as_json = make(Form.ZABBIX, {**ZABBIX, "event_tags": '[{"tag":"scope","value":"performance"}]'}).alerts[0]
    assert as_json.labels["tag_scope"] == "performance"
    assert [e.field for e in make(Form.ZABBIX, {"host_name": "x"}).wrong] == ["event_name"]
    assert [e.field for e in make(Form.ZABBIX, [ZABBIX, 5]).wrong] == ["[1]"]


def test_alertmanagers_resolved_is_over_whatever_its_clock_says() -> None:
    later = (NOW + dt.timedelta(minutes=3)).isoformat()
    alert = {"labels": {"alertname": "A"}, "startsAt": NOW.isoformat(), "endsAt": "0001-01-01T00:00:00Z"}
    made = make(Form.ALERTMANAGER, {"alerts": [
        {**alert, "status": "firing"}, {**alert, "status": "resolved", "endsAt": later},
    ]})  # fmt: skip
    assert made.wrong == []
    assert [a.is_over(NOW) for a in made.alerts] == [False, True]
    assert made.alerts[0].ends_at == NOW + HOLD
    assert [e.field for e in make(Form.ALERTMANAGER, {"alerts": 1}).wrong] == ["alerts"]
    assert [e.field for e in make(Form.ALERTMANAGER, {"alerts": [{"labels": []}]}).wrong] == [
        "alerts[0].labels", "alerts[0].labels",
    ]  # fmt: skip


def source(world: World, form: str = "alertmanager", unit: str = "610122", **more: Any) -> str:
    """A new source by the administrator's page; its address without the host."""
    admin = world.client("sys-admin")
    data = {"form": form, "name": f"{form}-{unit}", "unit": unit, "hold_s": "86400", **more}
    answer = world.submit(admin, "/admin/sources/new", data)
    text = answer.get_data(as_text=True)
    assert answer.status_code == 200, text
    return "/ingest/" + text.split("/ingest/")[1].split("<")[0]


def am(labels: dict[str, str], status: str = "firing") -> dict[str, Any]:
    return {"version": "4", "alerts": [{"status": status, "labels": labels, "startsAt": NOW.isoformat()}]}


def test_what_a_source_posts_is_taken_for_its_own_unit_only(world: World) -> None:
    url, client, api = source(world), world.app.test_client(), world.api("integration")
    assert client.post(url, json=am({"alertname": "A", "unit": "610124"})).json == {"accepted": 1}
    [alert] = api.get("/alerts?state=firing").json["items"]
    assert (alert["unit"], alert["labels"]["exported_unit"]) == ("610122", "610124")
    assert client.post(url, json=am({"alertname": "A", "unit": "610124"}, "resolved")).status_code == 200
    assert api.get("/alerts?state=firing").json["items"] == []
    wrong = client.post(url, json={"alerts": [am({"alertname": "B"})["alerts"][0], {"labels": {}}]})
    assert (wrong.status_code, wrong.json["errors"][0]["field"]) == (422, "alerts[1].labels")
    assert api.get("/alerts?state=firing").json["items"] == [], "nothing of it is stored"
    listed = world.client("sys-admin").get("/admin/sources").get_data(as_text=True)
    assert "alerts[1].labels" in listed


def test_only_the_hash_of_a_token_is_kept_and_a_new_one_ends_the_old(world: World) -> None:
    url = source(world)
    token = url.rpartition("/")[2]
    with world.read() as session:
        [row] = session.scalars(sa.select(Source)).all()
    assert token not in str(vars(row))
    client, admin = world.app.test_client(), world.client("sys-admin")
    assert client.post(url.replace("alertmanager", "zabbix"), json=am({"a": "b"})).status_code == 404
    assert client.post("/ingest/alertmanager/x", json=am({"a": "b"})).status_code == 404
    renewed = world.submit(admin, f"/admin/sources/{row.id}/renew").get_data(as_text=True)
    assert client.post(url, json=am({"a": "b"})).status_code == 404
    fresh = "/ingest/" + renewed.split("/ingest/")[1].split("<")[0]
    assert client.post(fresh, json=am({"a": "b"})).status_code == 200
    assert world.submit(admin, f"/admin/sources/{row.id}/retire").status_code == 303
    assert client.post(fresh, json=am({"a": "b"})).status_code == 404


TYPED = {
    "each": "events", "labels": "alertname = {rule.name}\ninstance = {host}", "annotations": "summary = {host} 满了",
    "severity": "{level}", "severities": "5 = critical", "resolved": "{state}", "resolved_values": "OK, FINE",
}  # fmt: skip


def test_a_generic_source_is_tried_out_before_it_is_made(world: World) -> None:
    admin = world.client("sys-admin")
    body = json.dumps({"events": [EVENT]})
    tried = world.submit(admin, "/admin/sources/try", {"form": "generic", "hold_s": "600", **TYPED, "body": body})
    text = tried.get_data(as_text=True)
    assert "DiskFull" in text
    assert "critical" in text
    bad = {**TYPED, "labels": "alertname = {rule.nam}\nno sign"}
    said = world.submit(admin, "/admin/sources/try", {"form": "generic", "hold_s": "600", **bad, "body": body})
    assert "第 2 行" in said.get_data(as_text=True)
    bad["labels"] = "alertname = {rule.nam}"
    said = world.submit(admin, "/admin/sources/try", {"form": "generic", "hold_s": "600", **bad, "body": body})
    assert "events[0]→labels.alertname" in said.get_data(as_text=True)
    assert world.api("integration").get("/alerts").json["items"] == []
    with world.read() as session:
        assert session.scalars(sa.select(Source)).all() == []
    url = source(world, "generic", **TYPED)
    client = world.app.test_client()
    assert client.post(url, data=body, content_type="application/json").json == {"accepted": 1}
    [alert] = world.api("integration").get("/alerts?state=firing").json["items"]
    assert (alert["severity"], alert["annotations"]["summary"]) == ("critical", "db1 满了")
    over = json.dumps({"events": [{**EVENT, "state": "FINE"}]})
    assert client.post(url, data=over, content_type="application/json").json == {"accepted": 1}
    assert world.api("integration").get("/alerts?state=firing").json["items"] == []


def test_sources_are_the_system_administrators(world: World) -> None:
    url = source(world)
    assert url
    for login in ("p-head", "lt-engineer", "sec-admin", "aud-admin"):
        other = world.client(login)
        for path_of in ("/admin/sources", "/admin/sources/new", "/admin/sources/1"):
            assert other.get(path_of).status_code == 404
        assert world.submit(other, "/admin/sources/1/renew").status_code == 404
        assert world.submit(other, "/admin/sources/try", {}).status_code == 404
