"""The overview's figures: computed by hand here, shown with links that open what they count."""

from __future__ import annotations

import datetime as dt

from assessment.overview.rules import DoneRow, OpenRow, by_day, period, standing
from core import clock
from servicedesk.tickets.opening import Report, open_ticket
from tests.fixtures.world import World

NOW = dt.datetime(2026, 11, 23, 2, 0, tzinfo=dt.UTC)


def row(
    number: str, unit: int, *, due: float | None, holder: int | None = None, bounces: int = 0, quiet: float = 1
) -> OpenRow:
    due_at = NOW + dt.timedelta(hours=due) if due is not None else None
    touched = NOW - dt.timedelta(hours=quiet)
    return OpenRow(number, "t", "active", 3, unit, holder, 1, due_at, touched, touched, bounces, 0)


def test_standing_counts_each_unit_below_its_branch() -> None:
    rows = [
        row("a", 11, due=-1, holder=7, quiet=50),
        row("b", 12, due=2, holder=7),
        row("c", 21, due=None, bounces=2),
        row("d", 1, due=9),
    ]
    found = standing(rows, {11: 10, 12: 10, 21: 20, 1: 1}, now=NOW)
    assert (found.open, found.late, found.soon, found.unaccepted, found.bounced) == (4, 1, 1, 2, 1)
    assert [(u.unit_id, u.open, u.late) for u in found.by_unit] == [(10, 2, 1), (1, 1, 0), (20, 1, 0)]
    assert found.by_person == [(7, 2, 1)]
    assert found.sleepers[0].number == "a"


def test_period_rates() -> None:
    hour = dt.timedelta(hours=1)
    rows = [
        DoneRow("county", NOW - 3 * hour, NOW, 0, 0, 5), DoneRow("city", NOW - 5 * hour, NOW, 1, 0, 3),
        DoneRow("province", NOW - 9 * hour, NOW, 0, 2, None), DoneRow("vendor", NOW - hour, NOW, 0, 0, None),
    ]  # fmt: skip
    found = period(rows)
    assert (found.resolved, found.first_line_rate, found.stars, found.reopened, found.bounced) == (4, 0.5, 4.0, 1, 1)
    assert found.median_hours == 5
    assert period([]).first_line_rate is None


def test_days_without_any_are_shown_and_days_are_local() -> None:
    late_evening_utc = dt.datetime(2026, 11, 22, 17, 0, tzinfo=dt.UTC)  # already the 23rd in Shanghai
    assert by_day([late_evening_utc], dt.date(2026, 11, 22), 2) == [
        (dt.date(2026, 11, 22), 0),
        (dt.date(2026, 11, 23), 1),
    ]


def test_head_sees_own_subtree_only(world: World) -> None:
    for unit, title in (("610122", "蓝田打印机脱机"), ("610326", "眉县专线中断")):
        with world.write() as session:
            open_ticket(
                session, Report(title=title, category="desktop", unit_id=world.units[unit]), by=None, now=clock.now()
            )
    city = world.client("xa-head").get("/overview").get_data(as_text=True)
    assert "蓝田打印机脱机" in city
    assert "眉县专线中断" not in city
    province = world.client("leader").get("/overview").get_data(as_text=True)
    assert "蓝田打印机脱机" in province
    assert "眉县专线中断" in province
    assert world.client("leader").get("/overview/trend.json").get_json()["series"][0]["points"][-1][1] == 2
    for stranger in ("lt-clerk", "lt-engineer", "v1-head", "aud-admin", "wall"):
        assert world.client(stranger).get("/overview").status_code == 404
