"""/api/v1/calendar as programs see it."""

from __future__ import annotations

import datetime as dt

from servicedesk.calendar import service
from tests.fixtures.world import World

NOW = dt.datetime(2026, 11, 23, 2, tzinfo=dt.UTC)


def test_T_01_workdays_say_what_each_day_is_and_why(world: World) -> None:
    answer = world.api("lt-clerk").get("/calendar/workdays?from=2026-09-30&to=2026-10-12")
    assert answer.status_code == 200
    days = {day["date"]: day for day in answer.json["items"]}
    assert len(days) == 13
    assert answer.json["next"] is None
    assert days["2026-09-30"] == {
        "date": "2026-09-30", "working": True, "segments": [["09:00", "12:00"], ["13:00", "17:00"]], "why": None,
        "filing_period": False, "note": "",
    }  # fmt: skip
    assert days["2026-10-01"]["why"] == "holiday"
    assert days["2026-10-01"]["segments"] == []
    assert days["2026-10-01"]["filing_period"]
    assert days["2026-10-10"]["why"] == "make-up"
    assert days["2026-10-10"]["working"]
    assert days["2026-10-11"]["why"] == "weekend"


def test_workdays_page_by_cursor_when_a_limit_is_given(world: World) -> None:
    api = world.api("integration")
    whole = api.get("/calendar/workdays?from=2026-01-01&to=2026-12-31").json["items"]
    assert len(whole) == 365
    found, cursor = [], ""
    while True:
        page = api.get(f"/calendar/workdays?from=2026-01-01&to=2026-12-31&limit=100{cursor}").json
        found += page["items"]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert found == whole


def test_T_01_minutes_and_due_agree(world: World) -> None:
    api = world.api("lt-clerk")
    due = api.get("/calendar/due", query_string={"from": "2026-09-30T16:00:00+08:00", "minutes": 120})
    assert due.json == {"due_at": "2026-10-08T02:00:00Z", "warnings": []}
    minutes = api.get(
        "/calendar/working-minutes", query_string={"from": "2026-09-30T16:00:00+08:00", "until": due.json["due_at"]}
    )
    assert minutes.json == {"minutes": 120, "warnings": []}


def test_T_01_a_span_that_reaches_into_an_unknown_year_warns(world: World) -> None:
    query = {"from": "2026-12-31T16:00:00+08:00", "minutes": 120}
    answer = world.api("lt-clerk").get("/calendar/due", query_string=query).json
    assert answer["due_at"] == "2027-01-01T02:00:00Z"
    assert answer["warnings"] == ["2027 年的节假日安排尚未发布，暂按周末计算；发布后请管理员录入工作日历。"]


def test_exceptions_entered_by_hand_reach_the_api(world: World) -> None:
    with world.write() as session:
        service.set_days(session, first=dt.date(2026, 11, 24), working=False, why="停电检修", now=NOW)
        service.set_days(
            session, first=dt.date(2026, 11, 28), working=True, segments=[["10:00", "11:30"]], why="加班", now=NOW
        )
        service.set_filing(
            session, year=2026, month=11, first=dt.date(2026, 11, 1), last=dt.date(2026, 11, 25), now=NOW
        )
    items = world.api("lt-clerk").get("/calendar/workdays?from=2026-11-24&to=2026-11-28").json["items"]
    assert [(day["working"], day["why"], day["note"], day["filing_period"]) for day in items] == [
        (False, "exception", "停电检修", True), (True, None, "", True), (True, None, "", False), (True, None, "", False),
        (True, "exception", "加班", False),
    ]  # fmt: skip
    assert items[-1]["segments"] == [["10:00", "11:30"]]


BAD = [
    ("/calendar/workdays?to=2026-11-01", "from"),
    ("/calendar/workdays?from=2026-11-01", "to"),
    ("/calendar/workdays?from=2026-11-31&to=2026-12-01", "from"),
    ("/calendar/workdays?from=2026-11-02&to=2026-11-01", "to"),
    ("/calendar/workdays?from=2020-01-01&to=2026-11-01", "to"),
    ("/calendar/workdays?from=1800-01-01&to=1800-01-02", "from"),
    ("/calendar/workdays?from=2026-01-01&to=2026-01-02&limit=0", "limit"),
    ("/calendar/workdays?from=2026-01-01&to=2026-01-02&limit=1&cursor=x", "cursor"),
    ("/calendar/workdays?from=2026-01-01&to=2026-01-02&colour=1", "colour"),
    ("/calendar/working-minutes?from=2026-11-23T09:00:00&until=2026-11-23T10:00:00Z", "from"),
    ("/calendar/working-minutes?from=2026-11-23T09:00:00Z&until=2026-11-22T10:00:00Z", "until"),
    ("/calendar/working-minutes?from=2026-11-23T09:00:00Z&until=2999-11-22T10:00:00Z", "until"),
    ("/calendar/due?from=2026-11-23T09:00:00Z&minutes=-1", "minutes"),
    ("/calendar/due?from=2026-11-23T09:00:00Z&minutes=1.5", "minutes"),
    ("/calendar/due?from=2199-11-23T09:00:00Z&minutes=1000000", "minutes"),
    ("/calendar/due?from=2026-11-23T09:00:00Z", "minutes"),
    ("/calendar/due?from=9999-12-31T23:59:59-23:59&minutes=1", "from"),
    ("/calendar/due?from=0001-01-01T00:00:00%2B23:59&minutes=1", "from"),
]


def test_bad_questions_are_refused_with_the_field(world: World) -> None:
    api = world.api("lt-clerk")
    for path, field in BAD:
        answer = api.get(path)
        assert answer.status_code == 422, (path, answer.json)
        assert [error["field"] for error in answer.json["errors"]] == [field], path
        assert all(error["message"] for error in answer.json["errors"])


def test_the_calendar_is_for_everybody_signed_in_and_nobody_else(world: World) -> None:
    for login in ("lt-clerk", "v1-engineer", "aud-admin", "integration"):
        assert world.api(login).get("/calendar/workdays?from=2026-11-01&to=2026-11-02").status_code == 200
    assert world.app.test_client().get("/api/v1/calendar/workdays?from=2026-11-01&to=2026-11-02").status_code == 401
