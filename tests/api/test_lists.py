"""Every list of the API pages as the contract says, by limit and cursor."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from flask import Flask

from tests.fixtures.world import ApiClient, World
from tests.guards.estate import Estate, key_of
from tests.guards.test_endpoints import rules
from web.api import operations
from web.api.frame import PREFIX, Operation

READERS = ("integration", "p-head", "lt-engineer", "sec-admin", "sys-admin", "aud-admin")
MOST = 12  # pages of one row that are followed


def lists() -> Iterator[Operation]:
    return (each for each in operations if each.listing)


def test_every_list_takes_limit_and_cursor(app: Flask) -> None:
    assert [each.path for each in lists() if not {"limit", "cursor"} <= set(each.query.model_fields)] == []


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_following_the_cursor_shows_every_row_once(world: World) -> None:
    """One row a page, from the first to the last, is the same list as all at once."""
    estate = Estate(world)
    wrong = []
    readers = [world.api(login) for login in READERS]
    for path in addresses(estate):
        for api in readers:
            whole = api.get(f"{path}?limit=200")
            if whole.status_code == 200 and len(whole.json["items"]) > 1:
                wrong += followed(api, path, [shape(row) for row in whole.json["items"]])
                break
    assert not wrong, "\n".join(wrong)


def addresses(estate: Estate) -> Iterator[str]:
    """The address of each list, with the county's own objects in it."""
    listed = {PREFIX + each.path for each in lists()}
    for rule in rules(estate.world.app, writing=False):
        if rule.rule in listed:
            values = {name: estate.owned[key_of(rule.rule, name)].real for name in rule.arguments}
            yield estate.world.app.url_map.bind("localhost").build(rule.endpoint, values)


def followed(api: ApiClient, path: str, whole: list[str]) -> list[str]:
    seen: list[str] = []
    url = f"{path}?limit=1"
    for _page in range(min(len(whole), MOST)):
        answer = api.get(url)
        if answer.status_code != 200 or len(answer.json["items"]) != 1:
            return [f"{url}: {answer.status_code}, {answer.get_data(as_text=True)[:200]}"]
        seen.append(shape(answer.json["items"][0]))
        if answer.json["next"] is None:
            break
        url = f"{path}?limit=1&cursor={answer.json['next']}"
    return [] if seen == whole[:MOST] else [f"{path}: pages of one show {len(seen)} rows of {len(whole)}, or others"]


def shape(row: object) -> str:
    return json.dumps(row, sort_keys=True, ensure_ascii=False)
