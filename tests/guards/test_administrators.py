"""Three administrators, separated: what each may and may not at every endpoint, from a matrix that is checked in."""

from __future__ import annotations

import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from werkzeug.routing import Rule

from accounts.permissions import PERMISSIONS
from tests.fixtures.world import World
from tests.guards.test_endpoints import SAFE, address, rules
from web import access

MATRIX: dict[str, Any] = tomllib.loads(Path(__file__).with_name("administrators.toml").read_text(encoding="utf-8"))
ADMINISTRATORS = {"system": "sys-admin", "security": "sec-admin", "audit": "aud-admin"}
one_database = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def may(kind: str) -> set[str]:
    return {*MATRIX[kind]["may"], *MATRIX["everybody"]["may"]}


def test_every_permission_was_decided() -> None:
    held = Counter(each for kind in ("everybody", "nobody", *ADMINISTRATORS) for each in MATRIX[kind]["may"])
    assert set(held) == set(PERMISSIONS), "a new permission: write into administrators.toml whose it is"
    assert {each for each, times in held.items() if times > 1} == set(MATRIX["shared"])


@one_database
def test_the_roles_are_what_the_matrix_says(world: World) -> None:
    for kind, login in ADMINISTRATORS.items():
        viewer = world.viewer(login)
        assert {each for each in PERMISSIONS if viewer.can(each)} == may(kind), kind


def _needs(world: World, rule: Rule) -> set[str] | None:
    """The permissions one of which opens the endpoint; None where everybody signed in (or at all) comes in."""
    kind, permissions = access.rule_of(world.app.view_functions[rule.endpoint]) or ("", ())
    return set(permissions) if kind == "needs" else None


@pytest.mark.slow
@one_database
@pytest.mark.parametrize(("kind", "login"), ADMINISTRATORS.items())
def test_what_is_not_theirs_does_not_exist(world: World, kind: str, login: str) -> None:
    """Every method of every endpoint, by browser and by token, with a form's token that is right: 404 at the door."""
    client, api = world.client(login), world.api(login)
    token, wrong, tried = world.csrf(client), [], 0
    for rule in rules(world.app):
        needs = _needs(world, rule)
        if needs is None or needs & may(kind):
            continue
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            path = address(world.app, rule)
            if rule.rule.startswith("/api/"):
                status = api.call(method, path, json={} if method not in SAFE else None).status_code
            else:
                data = {"csrf_token": token} if method not in SAFE else None
                status = client.open(path, method=method, data=data).status_code
            tried += 1
            if status != 404:
                wrong.append(f"{method} {rule.rule}: {status}")
    assert wrong == []
    assert tried >= 90, "the walk found the endpoints"


@one_database
@pytest.mark.parametrize(("kind", "login"), ADMINISTRATORS.items())
def test_every_list_and_page_of_theirs_opens(world: World, kind: str, login: str) -> None:
    client, api = world.client(login), world.api(login)
    wrong, opened = [], 0
    for rule in rules(world.app, writing=False):
        needs = _needs(world, rule)
        if rule.arguments or needs is None or not needs & set(MATRIX[kind]["may"]):
            continue
        path = address(world.app, rule)
        status = (api if rule.rule.startswith("/api/") else client).get(path).status_code
        opened += 1
        if status not in {200, 303, 422}:  # 422: what it needs is missing from the address
            wrong.append(f"{rule.rule}: {status}")
    assert wrong == []
    assert opened >= 2


@one_database
def test_none_of_them_reads_a_ticket_an_article_draft_or_anothers_part(world: World) -> None:
    made = (
        world.api("lt-clerk")
        .post("/tickets", {"kind": "incident", "title": "分离的事项", "category": "desktop"})
        .get_json()
    )
    for login in ADMINISTRATORS.values():
        client, api = world.client(login), world.api(login)
        assert api.get(f"/tickets/{made['number']}").status_code == 404
        assert "分离的事项" not in api.get("/tickets").get_data(as_text=True)
        assert client.get(f"/desk/tickets/{made['number']}").status_code == 404
    assert world.api("sys-admin").get("/people").status_code == 404
    assert world.api("sys-admin").get("/audit").status_code == 404
    assert world.api("sec-admin").get("/audit").status_code == 404
    assert world.client("sec-admin").get("/admin/channels").status_code == 404
    assert world.client("aud-admin").get("/admin/settings").status_code == 404
    assert world.client("aud-admin").get("/admin/people").status_code == 404


@one_database
def test_none_of_them_can_make_themselves_another(world: World) -> None:
    """Not even the one who grants: no administrator grants to themselves, and what an administrator is, no role editor changes."""
    for login in ADMINISTRATORS.values():
        client = world.client(login)
        for role in ("system-admin", "security-admin", "audit-admin"):
            if role.startswith({"sys-admin": "system", "sec-admin": "security", "aud-admin": "audit"}[login]):
                continue
            answer = world.submit(client, f"/admin/people/{login}/grants", {"role": role, "unit": "61"})
            assert answer.status_code in {403, 404, 422}, (login, role, answer.status_code)
    held = {login: {p for p in PERMISSIONS if world.viewer(login).can(p)} for login in ADMINISTRATORS.values()}
    assert held == {login: may(kind) for kind, login in ADMINISTRATORS.items()}
