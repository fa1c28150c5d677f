"""Signing in by a certified OpenID provider: code flow with PKCE; only people who exist, through the same doors as ever."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

import config
from accounts.models import AuditRow, Person, Unit
from accounts.oidc import client
from core import clock, netguard
from tests.accounts.test_second_factor import NOON, code_at, enrolled, post
from tests.fixtures.world import World
from tests.servers.nginx import Nginx
from tests.servers.openid import SECRET, OpenIdProvider, new_key
from tests.servers.tls import Authority

HERE = "http://taxops.test"
PEOPLE = {
    "lt": {"preferred_username": "LT-Clerk", "name": "李兰", "email": "lt-clerk@example.test", "email_verified": True},
    "zz": {"preferred_username": "zz-clerk", "email": "zz-clerk@example.test", "email_verified": False},
    "stranger": {"preferred_username": "nobody-here", "email": "x@example.test", "email_verified": True},
    "vendor": {"preferred_username": "v1-engineer"},
    "program": {"preferred_username": "integration"},
    "injected": {"preferred_username": "x' OR '1'='1"},
}
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenIdProvider]:
    home = tmp_path_factory.mktemp("openid")
    with OpenIdProvider(home, f"{HERE}/login/oidc/callback", f"{HERE}/login", PEOPLE) as server:
        yield server


@pytest.fixture
def provider(running: OpenIdProvider, world: World) -> OpenIdProvider:
    """The running provider, set in the application."""
    client.memory.forget()
    if not running.alive():
        running.start()
    use(world, running)
    return running


def use(world: World, provider: OpenIdProvider, **more: str) -> None:
    given = {
        "oidc_issuer": provider.issuer, "oidc_client_id": "taxops", "oidc_client_secret": SECRET, "public_url": HERE, **more,
    }  # fmt: skip
    world.app.config["TAXOPS"] = dataclasses.replace(world.app.config["TAXOPS"], **given)


class Browser:
    """One browser with its cookies at both places."""

    def __init__(self, world: World) -> None:
        self.here = world.app.test_client()
        self.there = httpx.Client(follow_redirects=False)

    def begin(self, target: str = "/profile") -> str:
        """Press the button; returns the provider's address."""
        answer = self.here.get(f"/login/oidc?next={target}")
        assert answer.status_code == 303, answer.get_data(as_text=True)
        return str(answer.headers["Location"])

    def prove(self, address: str, login: str) -> str:
        """Sign in at the provider; returns where it leads back to."""
        with self.there:
            answer = self.there.get(address)
            for _step in range(8):
                if answer.is_redirect:
                    to = str(answer.headers["Location"])
                    if to.startswith(HERE):
                        return to
                    answer = self.there.get(httpx.URL(address).join(to))
                else:
                    form = re.search(r'action="([^"]+)"', answer.text)
                    assert form, answer.text
                    asked = re.search(r'name="prompt" value="(\w+)"', answer.text)
                    assert asked, answer.text
                    given = {"prompt": asked[1], "login": login, "password": "x"}
                    answer = self.there.post(httpx.URL(address).join(form[1]), data=given)
        raise AssertionError(answer.text)

    def come_back(self, address: str) -> Any:
        return self.here.get(address.removeprefix(HERE))

    def sign_in(self, login: str, target: str = "/profile") -> Any:
        return self.come_back(self.prove(self.begin(target), login))


def test_whoever_is_known_comes_in_and_the_address_carries_pkce_state_and_nonce(
    provider: OpenIdProvider, world: World
) -> None:
    page = world.app.test_client().get("/login?next=/profile").get_data(as_text=True)
    assert 'href="/login/oidc?next=/profile"' in page
    browser = Browser(world)
    address = browser.begin()
    asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    assert asked["response_type"] == "code"
    assert asked["code_challenge_method"] == "S256"
    assert asked["redirect_uri"] == f"{HERE}/login/oidc/callback"
    assert len(asked["state"]) > 20 < len(asked["nonce"])
    assert SECRET not in address
    back = browser.prove(address, "lt")
    answer = browser.come_back(back)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/profile")
    assert "李兰" in browser.here.get("/profile").get_data(as_text=True)
    assert browser.come_back(back).status_code == 400, "an answer counts once"


def test_nobody_is_made_and_no_claim_is_believed_too_far(provider: OpenIdProvider, world: World) -> None:
    with world.read() as session:
        before = session.scalar(sa.select(sa.func.count()).select_from(Person))
    for login in ("stranger", "program", "injected"):
        answer = Browser(world).sign_in(login)
        assert answer.status_code == 403, login
        assert "没有对应的在用人员" in answer.get_data(as_text=True)
    with world.write() as session:
        session.get_one(Person, world.people["lt-clerk"]).active = False
    assert Browser(world).sign_in("lt").status_code == 403
    use(world, provider, oidc_claim="email")
    assert Browser(world).sign_in("zz").status_code == 403, "the provider did not verify the address"
    with world.write() as session:
        session.get_one(Person, world.people["lt-clerk"]).active = True
    assert Browser(world).sign_in("lt").status_code == 303
    with world.write() as session:
        session.get_one(Person, world.people["zz-clerk"]).email = "LT-clerk@example.test"
    assert Browser(world).sign_in("lt").status_code == 403, "an address of two people names nobody"
    with world.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Person)) == before
        rows = session.scalars(sa.select(AuditRow).where(AuditRow.verb == "sign-in-failed")).all()
        assert {(row.object, row.after["by"]) for row in rows} == {("person:?", "oidc")}


def test_the_doors_and_the_second_factor_stand_as_after_a_password(provider: OpenIdProvider, world: World) -> None:
    with world.write() as session:
        session.get_one(Unit, world.units["V1"]).valid_until = clock.local_date(clock.now()) - dt.timedelta(days=1)
    answer = Browser(world).sign_in("vendor")
    assert answer.status_code == 403
    assert "合同已于" in answer.get_data(as_text=True)
    with clock.frozen(NOON):
        secret, _codes = enrolled(world, "lt-clerk", NOON)
    browser = Browser(world)
    answer = browser.sign_in("lt")
    assert answer.headers["Location"] == "/login/factor"
    assert browser.here.get("/profile").status_code == 303, "nothing opens before"
    code = {"code": code_at(secret, clock.now())}
    assert post(browser.here, "/login/factor", code, page="/login/factor").headers["Location"] == "/profile"


def test_what_does_not_belong_together_lets_nobody_in(
    provider: OpenIdProvider, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A code brought into another browser, a changed state, a foreign nonce or verifier, an old answer, a refusal."""
    victim, thief = Browser(world), Browser(world)
    stolen = victim.prove(victim.begin(), "lt")
    thief.begin()
    assert thief.come_back(stolen).status_code == 400, "another's answer"
    assert world.app.test_client().get(stolen.removeprefix(HERE)).status_code == 400, "one that nobody asked for"
    browser = Browser(world)
    assert browser.come_back(browser.prove(browser.begin(), "lt").replace("state=", "state=x")).status_code == 400
    for changed in ("nonce", "verifier"):
        browser = Browser(world)
        back = browser.prove(browser.begin(), "lt")
        with browser.here.session_transaction() as pending:
            pending["oidc"] = {**pending["oidc"], changed: "x" * 50}
        with capture_logs() as logs:
            answer = browser.come_back(back)
        assert answer.status_code == 401, changed
        assert "无法核实" in answer.get_data(as_text=True)
        assert browser.here.get("/profile").status_code == 303
        code = parse_qs(urlsplit(back).query)["code"][0]
        assert [row["log_level"] for row in logs] == ["warning"]
        assert code not in str(logs)
        assert SECRET not in str(logs)
    browser = Browser(world)
    back = browser.prove(browser.begin(), "lt")
    with clock.frozen(clock.now() + dt.timedelta(minutes=11)):
        assert browser.come_back(back).status_code == 400
    browser = Browser(world)
    state = parse_qs(urlsplit(browser.begin()).query)["state"][0]
    answer = browser.here.get(f"/login/oidc/callback?error=access_denied%3Cscript%3E&state={state}")
    assert answer.status_code == 401
    assert "access_denied" in answer.get_data(as_text=True)
    assert "<script>" not in answer.get_data(as_text=True)


@pytest.mark.parametrize("target", ["//evil.test", "https://evil.test/", "/\\evil.test", "javascript:alert(1)"])
def test_after_the_provider_nobody_is_led_elsewhere(provider: OpenIdProvider, world: World, target: str) -> None:
    browser = Browser(world)
    browser.begin(target)
    with browser.here.session_transaction() as pending:
        assert pending["oidc"]["next"] == "/"
        pending["oidc"] = {**pending["oidc"], "next": target}
    assert 'value="/"' in browser.here.get("/login/oidc/callback").get_data(as_text=True)


def test_new_keys_are_asked_for_and_clocks_may_differ_a_little(provider: OpenIdProvider, world: World) -> None:
    assert Browser(world).sign_in("lt").status_code == 303
    first, published = provider.keys, client.memory._kept.copy()
    try:
        provider.keys = [new_key("second")]
        provider.restart()
        with capture_logs() as logs:
            assert Browser(world).sign_in("lt").status_code == 303, (
                "the key that was kept is not the provider's any more"
            )
        assert [row["event"] for row in logs] == ["oidc.keys-asked-again"]
        assert client.memory._kept != published
        for ahead, status in ((90, 303), (-90, 303), (900, 401)):
            provider.ahead_s = ahead
            provider.restart()
            assert Browser(world).sign_in("lt").status_code == status, ahead
    finally:
        provider.keys, provider.ahead_s = first, 0
        provider.restart()


def test_signing_out_leads_to_the_provider_by_a_link(provider: OpenIdProvider, world: World) -> None:
    browser = Browser(world)
    browser.sign_in("lt")
    answer = world.submit(browser.here, "/logout")
    assert answer.headers["Location"] == "/login?left=provider"
    assert 'href="/login/oidc/logout"' in browser.here.get("/login?left=provider").get_data(as_text=True)
    there = browser.here.get("/login/oidc/logout").headers["Location"]
    assert there.startswith(provider.issuer)
    page = httpx.get(there)
    assert page.status_code == 200, page.text
    local = world.client("zz-clerk")
    assert world.submit(local, "/logout").headers["Location"] == "/login", "who came by password is not asked"


def test_a_provider_that_is_away_or_not_itself_stops_nobody_local(
    provider: OpenIdProvider, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = world.app.test_client()
    use(world, provider, oidc_issuer=provider.issuer.replace("127.0.0.1", "localhost"))
    answer = browser.get("/login/oidc")
    assert answer.status_code == 503, "it names itself otherwise"
    use(world, provider)
    with monkeypatch.context() as patched:
        patched.setitem(netguard._networks, netguard.Purpose.SEND, netguard.ANYWHERE)
        client.memory.forget()
        assert browser.get("/login/oidc").status_code == 503, "this machine is not among the networks that may be asked"
    provider.stop()
    client.memory.forget()
    answer = browser.get("/login/oidc?next=/profile")
    assert answer.status_code == 503
    page = answer.get_data(as_text=True)
    assert "统一身份认证暂时不可用" in page
    assert 'name="password"' in page
    assert browser.get("/login/oidc/logout").headers["Location"] == "/login"


def test_a_provider_is_verified_before_it_is_asked(world: World, tls_nginx: Nginx, authority: Authority) -> None:
    """This one has a good certificate and nothing to say: with its authority we get that far, without it we don't."""
    told = []
    for ca_file in ("", str(authority.ca_file)):
        client.memory.forget()
        given = {
            "oidc_issuer": tls_nginx.url,
            "oidc_client_id": "x",
            "oidc_client_secret": "y",
            "oidc_ca_file": ca_file,
        }
        world.app.config["TAXOPS"] = dataclasses.replace(world.app.config["TAXOPS"], **given)
        with capture_logs() as logs:
            assert world.app.test_client().get("/login/oidc").status_code == 503
        told += [row["error"] for row in logs]
    assert told == ["SSLError", "HTTPError"]


def test_without_a_provider_there_is_no_button_and_no_way(world: World) -> None:
    browser = world.app.test_client()
    assert "oidc" not in browser.get("/login").get_data(as_text=True)
    for path in ("/login/oidc", "/login/oidc/callback?code=x&state=y", "/login/oidc/logout"):
        assert browser.get(path).status_code == 404, path
    with pytest.raises(config.SettingError, match="PUBLIC_URL"):
        config.load(
            {
                "TAXOPS_HOME": str(world.app.config["TAXOPS"].home), "TAXOPS_OIDC_ISSUER": "https://id.test",
                "TAXOPS_OIDC_CLIENT_ID": "x", "TAXOPS_OIDC_CLIENT_SECRET": "y",
            }
        )  # fmt: skip
