"""Attacks on the pages and the API, each of which was tried: what is sent, and that nothing comes of it."""

from __future__ import annotations

import dataclasses
import gzip
import json
import re
from typing import Any
from urllib.parse import urlsplit

import argon2
import pytest

from accounts.signin import passwords
from accounts.signin.views import safe_next
from app.factory import create_app
from core import clock
from escalation.notify import service as notify
from escalation.notify.channels import Context
from escalation.notify.models import Channel, ChannelKind
from escalation.notify.sender import DeliverySender
from tests.fixtures.world import PASSWORD, World

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
EVIL = "evil.example"


def sign_in(world: World, client: Any, login: str, password: str = PASSWORD, **more: Any) -> Any:
    page = client.get("/login").get_data(as_text=True)
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token is not None
    return client.post("/login", data={"login": login, "password": password, "csrf_token": token[1]}, **more)


def ticket(world: World, **values: Any) -> str:
    made = world.api("lt-clerk").post(
        "/tickets", {"kind": "incident", "title": "打印机", "category": "desktop", **values}
    )
    assert made.status_code == 201, made.get_json()
    return str(made.get_json()["number"])


ELSEWHERE = (
    f"https://{EVIL}/",
    f"//{EVIL}",
    f"///{EVIL}",
    f"/\\{EVIL}",
    f"\\\\{EVIL}",
    f"/\t/{EVIL}",
    f"\t//{EVIL}",
    f" //{EVIL}",
    f"https:{EVIL}",
    f"http:///{EVIL}",
    "javascript:alert(1)",
    "data:text/html,x",
    f"/\r\nLocation: //{EVIL}",
    f"//{EVIL}@/",
    f"@{EVIL}",
    f"//[::1]@{EVIL}",
    "http://[::1",
    f"/\x00/{EVIL}",
    f"/\u2028/{EVIL}",
)


@pytest.mark.parametrize("target", ELSEWHERE)
def test_after_signing_in_nobody_is_led_elsewhere(world: World, target: str) -> None:
    """As a browser reads it: tabs and line breaks taken out, backslashes as slashes (WHATWG URL)."""
    asked = world.client("lt-clerk").get("/login", query_string={"next": target})
    place = asked.headers["Location"]
    seen = re.sub(r"[\t\r\n]", "", place).replace("\\", "/").strip()
    assert seen.startswith("/")
    assert not seen.startswith("//")
    assert not urlsplit(seen).netloc
    assert safe_next(target) in {place, "/\u2028/" + EVIL}, "what is no header's character travels encoded"


def test_a_template_in_a_title_is_text_everywhere(world: World) -> None:
    title = "{{ 7*191 }}{% for x in ().__class__ %}${7*191}#{7*191}<%= 7*191 %>*{7*191}"
    number = ticket(world, title=title, description=title)
    client = world.client("lt-engineer")
    for path in (f"/desk/tickets/{number}", "/desk/tickets", "/desk/work", "/desk/triage"):
        answer = client.get(path)
        assert answer.status_code == 200, path
        assert "1337" not in answer.get_data(as_text=True), path
    assert "{{ 7*191 }}" in client.get(f"/desk/tickets/{number}").get_data(as_text=True)


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "javascript:alert(1)",
        "<svg/onload=alert(1)>",
        "</textarea><script>x()</script>",
        "'-alert(1)-'",
    ],
)
def test_markup_in_what_people_type_is_text(world: World, text: str) -> None:
    number = ticket(world, title=text, description=text)
    world.api("lt-engineer").post(f"/tickets/{number}/timeline", {"text": text})
    for login, path in (
        ("lt-engineer", f"/desk/tickets/{number}"),
        ("lt-engineer", "/desk/work"),
        ("lt-clerk", "/desk/mine"),
        ("aud-admin", "/admin/audit"),
    ):
        page = world.client(login).get(path).get_data(as_text=True)
        assert "<script>alert" not in page
        assert "<script>x()" not in page
        assert not re.search(r"<(img|svg)[^>]+on(error|load)=", page)
        assert not re.search(r"(href|src)=[\"']?javascript:", page)


@pytest.mark.parametrize(
    "markdown",
    [
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt&colon;alert(1))",
        "<script>alert(1)</script>",
        "![x](x onerror=alert(1))",
        "<img src=x onerror=alert(1)>",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        '[x](http://a "onmouseover=alert(1)")',
        "<a href='vbscript:x'>y</a>",
        "[x]: javascript:alert(1)\n\n[x]",
    ],
)
def test_markdown_makes_nothing_that_acts(world: World, markdown: str) -> None:
    from kb.markdown import to_html

    html = to_html(markdown)
    assert not re.search(
        r"<(script|iframe|object|embed|form)|<[^>]+\s(on\w+\s*=|(href|src)\s*=\s*[\"']?\s*(javascript|data|vbscript):)",
        html,
        re.IGNORECASE,
    ), html
    assert world.app is not None


def test_the_host_header_leads_nowhere(world: World) -> None:
    """Addresses in pages and redirects are paths; those in mails are the installation's own."""
    for headers in (
        {"Host": EVIL},
        {"X-Forwarded-Host": EVIL},
        {"X-Forwarded-For": "1.2.3.4", "X-Forwarded-Proto": "https", "Forwarded": f"host={EVIL}"},
        {"X-Original-URL": "/admin"},
    ):
        client = world.app.test_client()
        answer = client.get("/login", headers=headers)
        assert EVIL not in answer.get_data(as_text=True)
        assert EVIL not in str(answer.headers)
        redirected = client.get("/desk/mine", headers=headers)
        assert urlsplit(redirected.headers["Location"]).netloc == ""


def test_a_mail_has_the_recipients_and_headers_we_gave_it(world: World, smtp: Any) -> None:
    """A title goes into the subject: no line break in it begins another header."""
    title = f"打印机\r\nBcc: {EVIL}@{EVIL}\r\n\r\n<html>\nX: y"

    with world.write() as session:
        session.add(Channel(code="mail", name="邮件", kind=ChannelKind.EMAIL, active=True)) if not session.query(
            Channel
        ).filter_by(kind=ChannelKind.EMAIL).first() else None
        session.flush()
        message = notify.Message(
            topic="progress", key="k1", ref="INC-1", url="/desk/tickets/INC-1", words=lambda: (title, title)
        )
        notify.tell(session, message, [world.people["lt-clerk"]], now=clock.now())
    DeliverySender(
        world.engine, Context(f"smtp://127.0.0.1:{smtp.port}", "taxops@example.test", "http://taxops.test", "s" * 32)
    ).drain()
    mail = smtp.wait_for()
    assert mail.recipients == ("lt-clerk@example.test",)
    assert mail.message["Bcc"] is None
    assert mail.message["X"] is None
    assert "\n" not in mail.subject


def test_cookies_are_for_the_browser_and_this_site_only(world: World) -> None:
    answer = sign_in(world, world.app.test_client(), "lt-clerk")
    for cookie in (each for each in answer.headers.getlist("Set-Cookie") if each.startswith("taxops_session")):
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie or "SameSite=Strict" in cookie
        assert "Domain" not in cookie
    settings = dataclasses.replace(world.app.config["TAXOPS"], public_url="https://ops.example")
    secure = create_app(settings, engine=world.engine)
    client = secure.test_client()
    page = client.get("/login", base_url="https://ops.example")
    token = re.search(r'name="csrf_token" value="([^"]+)"', page.get_data(as_text=True))
    assert token is not None
    data = {"login": "lt-clerk", "password": PASSWORD, "csrf_token": token[1]}
    answer = client.post(
        "/login", data=data, base_url="https://ops.example", headers={"Referer": "https://ops.example/login"}
    )
    set_by = answer.headers.getlist("Set-Cookie")
    assert any(each.startswith("taxops_session") for each in set_by)
    assert all("Secure" in each for each in set_by), set_by


def test_a_session_that_was_planted_is_not_taken_over(world: World) -> None:
    """Session fixation: the value a browser came with never becomes a session, and every sign-in gets a new one."""
    client = world.app.test_client()
    client.set_cookie("taxops_session", "planted-by-somebody-else-0123456789abcdef")
    assert sign_in(world, client, "lt-clerk").status_code == 303
    first = client.get_cookie("taxops_session").value
    assert first != "planted-by-somebody-else-0123456789abcdef"
    other = world.app.test_client()
    other.set_cookie("taxops_session", "planted-by-somebody-else-0123456789abcdef")
    assert other.get("/profile").status_code == 303
    again = world.app.test_client()
    sign_in(world, again, "lt-clerk")
    assert again.get_cookie("taxops_session").value != first


def test_an_unknown_login_costs_as_much_as_a_known_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted, not timed: one look at a hash of the same cost, whoever is asked for."""
    looks: list[str] = []
    real = argon2.PasswordHasher.verify

    def counted(self: Any, hashed: str, password: str) -> bool:
        looks.append(hashed.split("$")[3])
        return real(self, hashed, password)

    monkeypatch.setattr(argon2.PasswordHasher, "verify", counted)
    for login in ("lt-clerk", "nobody-has-this-login", "lt-clerk\0x", ""):
        passwords.verify(None, "warm")
        looks.clear()
        sign_in(world, world.app.test_client(), login, "wrong-password-1A")
        assert len(looks) == 1, login
        assert looks[0] == "m=65536,t=3,p=4", "the same memory, passes and lanes"


def test_every_body_of_the_api_refuses_fields_nobody_declared(world: World) -> None:
    """Mass assignment: `roles`, `is_admin`, `password_hash` … are refused as unknown, by every operation."""
    document = world.app.test_client().get("/api/v1/openapi.json").get_json()
    open_ones = []

    def closed(schema: dict[str, Any], where: str) -> None:
        if "$ref" in schema:
            schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
        for part in schema.get("anyOf", []) + schema.get("oneOf", []):
            closed(part, where)
        if (
            schema.get("type") == "object"
            and "properties" in schema
            and schema.get("additionalProperties") is not False
        ):
            open_ones.append(where)

    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            body = (
                operation.get("requestBody", {}).get("content", {}).get("application/json")
                if isinstance(operation, dict)
                else None
            )
            if body:
                closed(body["schema"], f"{method} {path}")
    assert open_ones == []
    refused = world.api("lt-clerk").post(
        "/tickets",
        {"kind": "incident", "title": "x", "category": "desktop", "holder": "p-head", "priority": 1, "is_admin": True},
    )
    assert refused.status_code == 422
    assert "is_admin" in json.dumps(refused.get_json())


BODIES = (
    b"[" * 100_000,
    b'{"a":' * 50_000,
    b'{"title": 1e999}',
    b'{"title": NaN}',
    b'{"kind": "incident", "title": "\xff\xfe"}',
    b'{"title": "\\ud800"}',
    b"9" * 100_000,
    b'"' + b"\\u0000" * 1000 + b'"',
    b"",
    b"null",
    b"[]",
    b'{"items": ' + b"[" * 2000 + b"]" * 2000 + b"}",
    b'{"items": [' + b"{}," * 1500 + b"{}]}",
    b'{"title": "a", "title": "b"}',
    b"\x00" * 100,
    b'{"__proto__": {"x": 1}}',
    b"{'a': 1}",
    b'{"title": ' + b"1" * 5000 + b"}",
)


@pytest.mark.parametrize(
    "path", ["/api/v1/tickets", "/api/v1/results", "/api/v1/items", "/api/v1/alerts/x/ack", "/api/v2/alerts"]
)
def test_json_bombs_are_refused_in_words(world: World, path: str) -> None:
    api = world.api("integration")
    for body in BODIES:
        answer = api.call("POST", path, data=body, content_type="application/json")
        assert 400 <= answer.status_code < 500 or (
            path == "/api/v2/alerts" and answer.status_code == 200 and body in (b"[]", b"null")
        ), (path, body[:40], answer.status_code)
        assert len(answer.get_data()) < 300_000


def test_a_packed_body_is_not_unpacked(world: World) -> None:
    packed = gzip.compress(b'{"kind": "incident", "title": "' + b"x" * 30_000_000 + b'", "category": "desktop"}')
    answer = world.api("lt-clerk").call(
        "POST", "/tickets", data=packed, content_type="application/json", headers={"Content-Encoding": "gzip"}
    )
    assert 400 <= answer.status_code < 500


def test_a_body_that_is_too_large_is_refused_before_it_is_read(world: World) -> None:
    for path, kind in (("/api/v1/tickets", "application/json"), ("/login", "application/x-www-form-urlencoded")):
        answer = world.api("lt-clerk").call(
            "POST", f"http://localhost{path}", data=b"x", content_type=kind, headers={"Content-Length": str(10**12)}
        )
        assert 400 <= answer.status_code < 500


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app/factory.py",
        "/static/..%2f..%2fconfig/settings.py",
        "/static/%2e%2e/%2e%2e/secret.key",
        "/static/..\\..\\secret.key",
        "/static/%00",
        "/static/css%2f..%2f..%2ftemplates%2fshell.html",
    ],
)
def test_no_path_leads_out_of_the_bundle(world: World, path: str) -> None:
    assert world.app.test_client().get(path).status_code == 404


def test_methods_are_not_overridden(world: World) -> None:
    client = world.client("lt-clerk")
    for headers in ({"X-HTTP-Method-Override": "DELETE"}, {"X-Method-Override": "POST"}):
        assert client.get("/profile", headers=headers).status_code == 200
    assert client.open("/profile", method="TRACE").status_code == 405


def test_every_answer_forbids_frames_and_foreign_forms(world: World) -> None:
    for client, path in (
        (world.app.test_client(), "/login"),
        (world.client("lt-clerk"), "/desk/mine"),
        (world.client("lt-clerk"), "/nothing"),
        (world.client("aud-admin"), "/admin/audit"),
    ):
        policy = client.get(path).headers["Content-Security-Policy"]
        assert all(
            each in policy
            for each in ("frame-ancestors 'none'", "form-action 'self'", "base-uri 'none'", "object-src 'none'")
        )


def test_an_expensive_pattern_takes_no_time(world: World) -> None:
    """Silences' patterns run on every alert: the engine has no backtracking."""
    from monitor.am import matchers

    assert matchers.__dict__["re2"] is not None
    answer = world.api("integration").get("/api/v2/alerts", query_string={"filter": 'alertname=~"(a+)+$"'})
    assert answer.status_code == 200
