"""T-05 at every endpoint: to a stranger, a colleague without a grant and a vendor the county's matters do not exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.routing import Rule

from tests.fixtures.world import PEOPLE, World
from tests.guards.estate import MARK, NOBODYS, NOTICE, Estate, key_of
from tests.guards.test_endpoints import SAFE, rules
from web import access

# On one database: the predicate is tried on both by the rooms' own tests.
pytestmark = [
    pytest.mark.slow, pytest.mark.timeout(400), pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
]  # fmt: skip

#: A clerk and an engineer of the next county, a vendor nothing was handed to, an administrator. Nobody at all is tried
#: in test_endpoints.
STRANGERS = ("zz-clerk", "zz-engineer", "v1-engineer", "sec-admin")
#: Sits in the same office, has no grant: may read what is published for the county, nothing that is somebody's.
COLLEAGUE = "lt-clerk-2"
#: What a neighbour may know of a matter (T-08), the catalogue, and the organisation itself.
KNOWN_TO_OTHERS = re.compile(
    r"/card$|/me-too$|/services/<|/units/<|/teams/<|/people/<|^/search|/schedules/<|^/oncall/<"
)
#: Parts of a page that list what the asker may see of something: empty for a stranger, never 404.
PANELS = re.compile(r"^/desk/(items|alerts)/<")
PUBLISHED_FOR_THE_COUNTY = re.compile(r"/notices/<")
BODIES: tuple[tuple[str, dict[str, Any]], ...] = (
    (r"/timeline$|/comments$|/urge$|/ack$|/unack$", {"text": "x"}),
    (r"/resolve$", {"solution": "x"}),
    (r"/(suspend|cancel|reopen|arbitrate)$", {"reason": "x"}),
    (r"/confirm$", {"stars": 5}),
    (r"/assign$", {"team": "X-LT", "holder": "lt-engineer"}),
    (r"/tickets/<number>$|/articles/<number>$|/notices/<number>$", {"title": "x"}),
    (r"/items/<int:item_id>$|/services/<int:item_id>$", {"name": "x"}),
    (r"/checks/<int:check_id>$", {"interval_s": 90}),
    (r"/restore$", {"at": "2026-01-01T00:00:00Z"}),
    (r"/feedback$", {"helped": True}),
    (r"", {}),
)


@pytest.fixture
def estate(world: World) -> Estate:
    return Estate(world)


def addressed(estate: Estate) -> Iterator[tuple[Rule, str, str]]:
    """Every rule that names somebody's object: with the county's own in it, and with one that does not exist."""
    for rule in rules(estate.world.app):
        if rule.arguments and not NOBODYS.search(rule.rule):
            yield rule, fill(estate, rule, "real"), fill(estate, rule, "missing")


def fill(estate: Estate, rule: Rule, which: str) -> str:
    values = {}
    for argument in rule.arguments:
        if argument == "action":
            values[argument] = "accept" if "ticket" in rule.rule else "publish"
        else:
            values[argument] = getattr(estate.owned[key_of(rule.rule, argument)], which)
    return estate.world.app.url_map.bind("localhost").build(rule.endpoint, values)


def body_of(rule: Rule) -> dict[str, Any]:
    return next(body for pattern, body in BODIES if re.search(pattern, rule.rule))


def ask(client: Any, method: str, path: str, rule: Rule, estate: Estate) -> tuple[int, str]:
    """Status and text, with the object's own name taken out, so that two answers can be compared."""
    if isinstance(client, FlaskClient):
        data = {**body_of(rule), "csrf_token": estate.csrf(client)} if method not in SAFE else None
        opened = client.open(path, method=method, data=data)
    else:
        opened = client.call(method, path, json=body_of(rule) if method not in SAFE else None)
    with closing(opened) as answer:
        text = answer.get_data().decode(errors="replace")
        if isinstance(client, FlaskClient):
            return answer.status_code, MARK if MARK in text else ""
        for owned in estate.owned.values():
            text = text.replace(str(owned.real), "…").replace(str(owned.missing), "…")
        return answer.status_code, text


def differences(estate: Estate, login: str, known: re.Pattern[str] | None = None) -> list[str]:
    """Endpoints at which this person can tell the county's object from one that does not exist."""
    api, browser = estate.world.api(login), estate.world.client(login)
    found = []
    for rule, real, missing in addressed(estate):
        client = api if rule.rule.startswith("/api/") else browser
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            status, text = ask(client, method, real, rule, estate)
            other, other_text = ask(client, method, missing, rule, estate)
            if MARK in text:
                found.append(f"{method} {real} as {login}: shows what is the county's ({status})")
            elif KNOWN_TO_OTHERS.search(rule.rule) or (known and known.search(rule.rule)):
                continue
            elif (status, text) != (other, other_text):
                found.append(f"{method} {real} as {login}: {status}, but {other} for one that does not exist")
            elif status not in {404, 422} and not PANELS.search(rule.rule):
                found.append(f"{method} {real} as {login}: {status} instead of 404")
    return found


def test_T_05_to_a_stranger_it_does_not_exist(estate: Estate) -> None:
    found = [each for login in STRANGERS for each in differences(estate, login)]
    assert not found, "\n".join(found)


def test_T_05_a_colleague_without_a_grant_is_a_stranger_too(estate: Estate) -> None:
    found = differences(estate, COLLEAGUE, PUBLISHED_FOR_THE_COUNTY)
    assert not found, "\n".join(found)


def test_T_05_no_list_search_or_panel_shows_it(estate: Estate) -> None:
    """Every page and list without an object in its address, asked plainly and by the words themselves."""
    found = [each for login in (*STRANGERS, COLLEAGUE) for each in shown_in_lists(estate, login)]
    assert not found, "\n".join(found)


def shown_in_lists(estate: Estate, login: str) -> list[str]:
    api, browser = estate.world.api(login), estate.world.client(login)
    shown = []
    for rule in rules(estate.world.app, writing=False):
        if rule.arguments or (login == COLLEAGUE and rule.rule == "/desk/report"):  # offers their office's devices
            continue
        client = api if rule.rule.startswith("/api/") else browser
        for query in ("", f"?q={MARK}", "?unit=610122"):
            with closing(client.get(rule.rule + query)) as answer:
                text = answer.get_data().decode(errors="replace")
            for echo in (f'value="{MARK}"', f"“{MARK}”", f"q={MARK}", NOTICE if login == COLLEAGUE else "\0"):
                text = text.replace(echo, "")
            if MARK in text:
                shown.append(f"{rule.rule}{query} as {login}: …{around(text)}…")
    return shown


def around(text: str) -> str:
    place = text.index(MARK)
    return " ".join(text[max(0, place - 80) : place + 40].split())


def test_the_walk_knows_every_endpoint_and_its_objects_are_real(estate: Estate) -> None:
    """Each address that a stranger gets 404 for is answered to somebody: else the walk would prove nothing."""
    viewers = {login: estate.world.viewer(login) for login, *_ in PEOPLE}
    order = (
        "lt-engineer",
        "lt-head",
        "lt-clerk",
        "integration",
        "sec-admin",
        "sys-admin",
        "p-head",
        "xa-head",
        *viewers,
    )
    clients: dict[str, Any] = {}
    unanswered = []
    for rule, real, _ in addressed(estate):
        if "GET" not in (rule.methods or set()):
            continue
        kind, permissions = access.rule_of(estate.world.app.view_functions[rule.endpoint]) or ("", ())
        for login in order:
            if kind == "needs" and not viewers[login].can(*permissions):
                continue
            by_api = rule.rule.startswith("/api/")
            key = f"{login}-{by_api}"
            if key not in clients:
                clients[key] = estate.world.api(login) if by_api else estate.world.client(login)
            with closing(clients[key].get(real)) as answer:
                if answer.status_code in {200, 303}:
                    break
        else:
            unanswered.append(f"GET {real} ({rule.endpoint})")
    assert not unanswered, "\n".join(unanswered)
