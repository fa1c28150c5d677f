"""A night on call, shared by what is paged alone and in a storm."""

from __future__ import annotations

import datetime as dt

import pytest

from core import clock
from tests.fixtures.world import World

START = dt.datetime(2026, 11, 23, 18, 0, tzinfo=dt.UTC)  # 02:00 in the night in Shanghai


@pytest.fixture
def night(world: World):
    """A roster, a policy of three steps, and a critical incident at the provincial team."""
    with clock.frozen(START):
        api = world.api("p-head")
        roster = api.post(
            "/schedules",
            {
                "code": "duty",
                "name": "省局值班",
                "unit": "61",
                "team": "P-APP",
                "people": ["on-call"],
                "starts_on": "2026-11-02",
            },
        )
        assert roster.status_code == 201, roster.get_json()
        policy = {
            "code": "night", "name": "夜间呼叫", "unit": "61", "team": "P-APP", "loops": 1, "max_priority": 2,
            "steps": [
                {"delay_minutes": 5, "targets": [{"kind": "schedule", "name": "duty"}]},
                {"delay_minutes": 5, "targets": [{"kind": "person", "name": "p-engineer-2"}]},
                {"delay_minutes": 10, "targets": [{"kind": "head"}]},
            ],
        }  # fmt: skip
        made = api.post("/policies", policy)
        assert made.status_code == 201, made.get_json()
    return world
