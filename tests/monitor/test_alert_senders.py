"""Several senders, equal labels: nobody moves or ends what is another unit's (T-05, A-01)."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from accounts import service
from accounts.models import Person, Unit
from core import clock
from tests.fixtures.world import ApiClient
from tests.monitor.conftest import Watch

V2 = "/api/v2/alerts"
DISK = {"alertname": "DiskFull", "severity": "critical", "instance": "db1"}


def sender(watch: Watch, login: str, unit: str) -> ApiClient:
    """A service account of one unit, that may send alerts for it."""
    with watch.world.write() as session:
        home = session.get_one(Unit, watch.world.units[unit])
        person: Person = service.create_person(
            session, login=login, name=login, unit=home, now=clock.now(), is_service=True
        )
        service.grant(session, person=person, role_code="integration", unit=home, now=clock.now())
        session.flush()
        watch.world.people[login] = person.id
    return watch.world.api(login)


@pytest.fixture
def lantian(watch: Watch) -> ApiClient:
    return sender(watch, "lt-machine", "610122")


@pytest.fixture
def zhouzhi(watch: Watch) -> ApiClient:
    return sender(watch, "zz-machine", "610124")


def post(api: ApiClient, labels: dict[str, str], **more: Any) -> None:
    answer = api.post(V2, [{"labels": labels, **more}])
    assert answer.status_code == 200, answer.text


def over(api: ApiClient, labels: dict[str, str]) -> None:
    post(api, labels, endsAt=clock.now().isoformat(), startsAt="2026-01-01T00:00:00Z")


def firing(api: ApiClient) -> list[dict[str, Any]]:
    return list(api.get("/alerts?state=firing").json["items"])


def test_T_05_equal_labels_of_two_units_are_two_alerts_and_each_ends_its_own(
    lantian: ApiClient, zhouzhi: ApiClient
) -> None:
    post(lantian, DISK)
    post(zhouzhi, DISK)
    [ours], [theirs] = firing(lantian), firing(zhouzhi)
    assert (ours["unit"], ours["labels"]) == ("610122", {**DISK, "unit": "610122"})
    assert (theirs["unit"], theirs["labels"]) == ("610124", {**DISK, "unit": "610124"})
    over(zhouzhi, DISK)
    assert firing(zhouzhi) == []
    [still] = firing(lantian)
    assert (still["fingerprint"], still["count"]) == (ours["fingerprint"], 1)


def test_T_05_naming_another_unit_moves_nothing_of_it(watch: Watch, lantian: ApiClient, zhouzhi: ApiClient) -> None:
    """Also where the stranger copies every label, or only the problem under another severity."""
    post(lantian, {**DISK, "unit": "610122"})
    over(zhouzhi, {**DISK, "unit": "610122"})
    post(zhouzhi, {**DISK, "unit": "610122", "severity": "warning"})
    [ours] = firing(lantian)
    assert (ours["severity"], ours["count"]) == ("critical", 1)
    [theirs] = firing(zhouzhi)
    assert theirs["labels"] == {**DISK, "severity": "warning", "unit": "610124", "exported_unit": "610122"}


def test_T_05_the_provinces_sender_keeps_its_labels_and_may_end_all(watch: Watch, lantian: ApiClient) -> None:
    province = watch.world.api("integration")
    post(province, DISK)
    post(lantian, DISK)
    assert {tuple(sorted(a["labels"].items())) for a in firing(province)} == {
        tuple(sorted(DISK.items())),
        tuple(sorted({**DISK, "unit": "610122"}.items())),
    }
    over(province, {**DISK, "unit": "610122"})
    assert firing(lantian) == []


def test_A_01_the_same_sender_again_is_the_same_alert(lantian: ApiClient) -> None:
    for _again in range(3):
        post(lantian, DISK)
    [alert] = firing(lantian)
    assert alert["count"] == 3


def test_a_provinces_alert_under_taken_labels_is_kept_apart_not_lost(watch: Watch, lantian: ApiClient) -> None:
    """A county's item, named in full by nobody's labels but its unit: the county may not end the province's own."""
    province = watch.world.api("integration")
    post(province, {**DISK, "unit": "61"})
    post(lantian, {**DISK, "unit": "61"})
    [ours] = firing(lantian)
    assert ours["labels"] == {**DISK, "unit": "610122", "exported_unit": "61"}
    assert len(firing(province)) == 2


def test_a_batch_of_many_items_costs_as_many_statements_as_a_small_one(watch: Watch, lantian: ApiClient) -> None:
    """Repeats too: whose they are is looked up for the whole batch at once."""
    items = [watch.add_item(f"终端 {n}") for n in range(30)]
    seen: list[str] = []
    sa.event.listen(watch.world.engine, "before_cursor_execute", lambda *a: seen.append(a[2]))
    batch = [{"labels": {"alertname": "Down", "item_id": str(item), "severity": "warning"}} for item in items]
    counts = []
    for part in (batch, batch[:2], batch):  # the first time they are new
        seen.clear()
        assert lantian.post(V2, part).status_code == 200
        counts.append(len(seen))
    assert counts[2] <= counts[1] + 2
    assert {alert["item"] for alert in firing(lantian)} == set(items)
