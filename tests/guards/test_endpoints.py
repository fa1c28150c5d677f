"""A walk over every endpoint: who may, whether a forged form gets through, whether each page is valid and leads on."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import FloatConverter, IntegerConverter, Rule

from accounts.permissions import PERMISSIONS
from tests.fixtures.world import PEOPLE, World
from web import access

SAFE = {"GET", "HEAD", "OPTIONS"}
#: What anybody at all may call. A new line here is a decision.
PUBLIC = {
    "static", "health.healthz", "health.readyz", "health.metrics", "accounts.sign_in", "accounts.do_sign_in",
    "accounts.language", "appearance.change", "accounts.factor", "accounts.check_factor", "accounts.enrol", "accounts.begin_enrol",
    "accounts.confirm_enrol", "accounts.vendor_sign_in", "accounts.do_vendor_sign_in",
    "accounts.oidc_begin", "accounts.oidc_callback", "accounts.oidc_sign_out", "accounts.new_password",
    "accounts.set_new_password", "accounts.password_hints", "api_docs.openapi", "api_docs.page", "oncall.ack_page", "oncall.ack",
}  # fmt: skip
#: Called by machines that show a secret in the address or a token, never by a browser's form.
WITHOUT_CSRF = re.compile(r"^(/api/v2/|/ingest/|/heartbeat/)")


def rules(app: Flask, *, writing: bool | None = None) -> Iterator[Rule]:
    for rule in app.url_map.iter_rules():
        writes = bool((rule.methods or set()) - SAFE)
        if rule.endpoint != "static" and (writing is None or writing == writes):
            yield rule


def address(app: Flask, rule: Rule) -> str:
    """The rule's address with something plausible in every place."""
    values: dict[str, Any] = {
        name: 1 if isinstance(converter, IntegerConverter | FloatConverter) else "x"
        for name, converter in rule._converters.items()
    }
    with app.test_request_context():
        return app.url_map.bind("localhost").build(rule.endpoint, values)


def test_every_endpoint_names_a_permission_or_is_public(app: Flask) -> None:
    unmarked, unknown = [], []
    for rule in rules(app):
        marked = access.rule_of(app.view_functions[rule.endpoint])
        if marked is None:
            unmarked.append(f"{rule.rule} ({rule.endpoint})")
        elif marked[0] == "needs":
            unknown += [f"{rule.endpoint}: {each}" for each in marked[1] if each not in PERMISSIONS]
            if not marked[1]:
                unknown.append(f"{rule.endpoint}: needs nothing")
    assert unmarked == []
    assert unknown == []


def test_what_is_public_was_decided(app: Flask) -> None:
    public = {
        rule.endpoint
        for rule in rules(app)
        if (access.rule_of(app.view_functions[rule.endpoint]) or ("",))[0] == "public"
        and not WITHOUT_CSRF.match(rule.rule)
    }
    assert public - PUBLIC == set()


def test_nobody_gets_in_anywhere_else(app: Flask) -> None:
    """Without a session every page leads to the sign-in, and every operation of the API answers 401."""
    client, wrong = app.test_client(), []
    for rule in rules(app):
        if (access.rule_of(app.view_functions[rule.endpoint]) or ("",))[0] == "public":
            continue
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            answer = client.open(address(app, rule), method=method)
            to_sign_in = answer.status_code == 303 and answer.headers["Location"].startswith("/login")
            if not (to_sign_in or answer.status_code == 401):
                wrong.append(f"{method} {rule.rule}: {answer.status_code}")
    assert wrong == []


def test_every_permission_an_endpoint_needs_is_held_by_some_role(world: World) -> None:
    viewers = [world.viewer(login) for login, *_ in PEOPLE]
    closed = [
        f"{rule.rule}: {marked[1]}"
        for rule in rules(world.app)
        if (marked := access.rule_of(world.app.view_functions[rule.endpoint])) and marked[0] == "needs"
        and not any(viewer.can(*marked[1]) for viewer in viewers)
    ]  # fmt: skip
    assert closed == []


def test_every_writing_endpoint_refuses_a_form_without_its_token(world: World) -> None:
    """A browser's session alone is not enough: another site could make the browser send it."""
    viewers = {login: world.viewer(login) for login, *_ in PEOPLE}
    clients: dict[str, FlaskClient] = {}
    let_through = []
    for rule in rules(world.app, writing=True):
        if getattr(world.app.view_functions[rule.endpoint], "__no_csrf__", False):
            continue
        kind, permissions = access.rule_of(world.app.view_functions[rule.endpoint]) or ("", ())
        login = next((each for each in viewers if kind != "needs" or viewers[each].can(*permissions)), None)
        assert login is not None, rule
        client = clients.setdefault(login, world.client(login))
        for method in (rule.methods or set()) - SAFE:
            answer = client.open(address(world.app, rule), method=method, data={"a": "b"})
            if answer.status_code != 403:
                let_through.append(f"{method} {rule.rule} as {login}: {answer.status_code}")
    assert let_through == []


def test_exceptions_from_csrf_are_machines_addresses_only(app: Flask) -> None:
    without = {rule.rule for rule in rules(app) if getattr(app.view_functions[rule.endpoint], "__no_csrf__", False)}
    assert {rule for rule in without if not WITHOUT_CSRF.match(rule)} == set()


def test_reading_changes_nothing(app: Flask) -> None:
    """A GET view that commits would write on a link's preview."""
    writing = []
    for rule in rules(app, writing=False):
        view = inspect.unwrap(app.view_functions[rule.endpoint])
        if ".commit()" in inspect.getsource(view):
            writing.append(f"{rule.rule} ({rule.endpoint})")
    assert writing == []


@pytest.mark.parametrize("path", ["/", "/desk/x", "/api/v1/nothing", "/static/nothing.js", "/login"])
def test_headers_that_protect_are_on_every_answer(app: Flask, path: str) -> None:
    answer = app.test_client().get(path)
    policy = answer.headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
