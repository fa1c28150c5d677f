"""Talking to an OpenID Connect provider: authorization code with PKCE, every token verified.

Source: OpenID Connect Core 1.0 section 3.1 (code flow, 3.1.3.7: what is looked at in an ID token), Discovery 1.0, RP-Initiated
Logout 1.0, RFC 7636 (PKCE).
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

import requests
import structlog
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from config import Settings
from core import clock, netguard
from core.errors import TaxopsError, Unauthenticated, Unavailable
from core.i18n import gettext as _

log = structlog.get_logger()

WAIT_S = 5
SKEW_S = 120
"""How far the provider's clock may be off."""
REMEMBER_S = 3600.0
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Signatures with a public key only: with `none` or the client's secret anybody could make one."""


@dataclass(frozen=True)
class Provider:
    """What is set. `claim`: what names a person here; `ca_file`: whom to trust, empty means the machine's own."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    claim: str
    callback: str
    ca_file: str = ""
    scope: str = "openid profile email"


@dataclass(frozen=True)
class Asked:
    """What the browser carries while it is at the provider. `verifier` is worth nothing without the client's secret."""

    url: str
    state: str
    nonce: str
    verifier: str


def of_settings(settings: Settings) -> Provider | None:
    """The provider that is set, or None."""
    if not settings.oidc_issuer:
        return None
    return Provider(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret,
        claim=settings.oidc_claim,
        callback=f"{settings.base_url}/login/oidc/callback",
        ca_file=settings.oidc_ca_file,
        scope=settings.oidc_scope,
    )


class _Memory:
    """What a provider publishes, for a while: its addresses and keys."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[float, dict[str, Any]]] = {}

    def get(self, url: str) -> dict[str, Any] | None:
        with self._lock:
            until, found = self._kept.get(url, (0.0, {}))
            return found if time.monotonic() < until else None

    def keep(self, url: str, found: dict[str, Any]) -> None:
        with self._lock:
            self._kept[url] = (time.monotonic() + REMEMBER_S, found)

    def forget(self) -> None:
        with self._lock:
            self._kept.clear()


memory = _Memory()


@contextmanager
def _asking(provider: Provider, what: str) -> Iterator[OAuth2Session]:
    """A session with the provider. What goes wrong becomes Unavailable (away) or Unauthenticated (it said no).

    Neither answer nor log has codes, tokens or the secret. Where its addresses lead is judged by `send_networks`.
    """
    session = OAuth2Session(
        provider.client_id, provider.client_secret, scope=provider.scope, redirect_uri=provider.callback,
        code_challenge_method="S256", default_timeout=WAIT_S,
    )  # fmt: skip
    session.trust_env, session.max_redirects = False, 0
    session.verify = provider.ca_file or _own_authorities()
    try:
        with netguard.guarded(netguard.Purpose.SEND):
            yield session
    except OAuthError as error:
        log.warning("oidc.refused", asked=what, error=str(error.error)[:80])
        raise _unproven() from error
    except (requests.RequestException, netguard.RefusedTargetError, OSError, ValueError, KeyError, TypeError) as error:
        log.warning("oidc.away", asked=what, error=type(error).__name__, issuer=provider.issuer)
        raise Unavailable(_("统一身份认证暂时不可用，请稍后再试，或用登录名和口令登录。")) from error
    finally:
        session.close()


def _own_authorities() -> str | bool:
    """The machine's, where an administrator puts the bureau's own; not the list that comes with the library."""
    paths = ssl.get_default_verify_paths()
    return paths.cafile or paths.capath or True


def _unproven() -> TaxopsError:
    return Unauthenticated(
        _("统一身份认证返回的结果无法核实，没有登录。请重试；仍不行请联系系统管理员（原因在日志里）。")
    )


def _json(session: OAuth2Session, url: str, *, again: bool = False) -> dict[str, Any]:
    if not again and (kept := memory.get(url)) is not None:
        return kept
    answer = session.get(url, withhold_token=True)
    answer.raise_for_status()
    found = answer.json()
    if not isinstance(found, dict):
        raise TypeError(url)
    memory.keep(url, found)
    return found


def _published(session: OAuth2Session, provider: Provider) -> dict[str, Any]:
    """Its addresses. Raises ValueError where they are somebody else's, or would be asked in the clear."""
    found = _json(session, f"{provider.issuer.rstrip('/')}/.well-known/openid-configuration")
    if found.get("issuer") != provider.issuer:
        memory.forget()
        raise ValueError("issuer")
    scheme = urlsplit(provider.issuer).scheme
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"):
        if name == "userinfo_endpoint" and name not in found:  # the only one a provider may be without
            continue
        if urlsplit(found[name]).scheme != scheme:
            raise ValueError(name)
    return found


def begin(provider: Provider, *, state: str, nonce: str, verifier: str) -> Asked:
    """Where to send the browser. Raises Unavailable."""
    with _asking(provider, "discovery") as session:
        there = _published(session, provider)["authorization_endpoint"]
        url, _state = session.create_authorization_url(there, state=state, nonce=nonce, code_verifier=verifier)
    return Asked(str(url), state, nonce, verifier)


def finish(provider: Provider, code: str, *, nonce: str, verifier: str) -> Mapping[str, Any]:
    """What the provider says of whoever came back with this code: verified claims.

    Raises Unavailable; Unauthenticated where the code or the token is not what it should be.
    """
    with _asking(provider, "token") as session:
        there = _published(session, provider)
        offered = there.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        session.token_endpoint_auth_method = (
            "client_secret_basic" if "client_secret_basic" in offered else "client_secret_post"
        )
        token = session.fetch_token(
            there["token_endpoint"], grant_type="authorization_code", code=code, code_verifier=verifier
        )
        claims = _verified(session, provider, there, str(token.get("id_token", "")), nonce)
        if provider.claim not in claims and "userinfo_endpoint" in there:
            claims = claims | _userinfo(session, there["userinfo_endpoint"], claims["sub"])
    return claims


def _verified(session: OAuth2Session, provider: Provider, there: Mapping[str, Any], token: str, nonce: str) -> dict[str, Any]:  # fmt: skip
    try:
        claims = _decoded(session, str(there["jwks_uri"]), token)
        needed: dict[str, Any] = {
            "iss": {"essential": True, "value": provider.issuer},
            "aud": {"essential": True, "value": provider.client_id},
            "nonce": {"essential": True, "value": nonce},
            "sub": {"essential": True},
            "exp": {"essential": True},
            "iat": {"essential": True},
        }
        jwt.JWTClaimsRegistry(now=int(clock.now().timestamp()), leeway=SKEW_S, **needed).validate(claims)
    except (JoseError, ValueError) as error:
        log.warning("oidc.token-refused", error=type(error).__name__, claim=getattr(error, "claim", None))
        raise _unproven() from error
    several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if claims.get("azp", None if several else provider.client_id) != provider.client_id:
        log.warning("oidc.token-refused", error="azp")
        raise _unproven()
    return claims


def _decoded(session: OAuth2Session, jwks: str, token: str) -> dict[str, Any]:
    """The token's claims; its key is asked for anew where we don't know it: providers change their keys."""
    for again in (False, True):
        keys = KeySet.import_key_set(_json(session, jwks, again=again))  # type: ignore[arg-type]  # judged there
        try:
            return dict(jwt.decode(token, keys, algorithms=ALGORITHMS).claims)
        except (InvalidKeyIdError, ValueError) as error:
            if again:
                raise
            log.info("oidc.keys-asked-again", error=type(error).__name__)
    raise AssertionError


def _userinfo(session: OAuth2Session, url: str, sub: str) -> dict[str, Any]:
    answer = session.get(url)
    answer.raise_for_status()
    found = answer.json()
    if found.get("sub") != sub:
        log.warning("oidc.token-refused", error="userinfo is somebody else's")
        raise _unproven()
    return dict(found)


def sign_out_address(provider: Provider, *, back: str) -> str | None:
    """Where the browser signs out of the provider too; None where it has no such place, or is away."""
    try:
        with _asking(provider, "sign-out") as session:
            there = _published(session, provider).get("end_session_endpoint") or ""
            ours = urlsplit(there).scheme == urlsplit(provider.issuer).scheme
    except Unavailable:
        return None
    if not ours:
        return None
    return f"{there}?{urlencode({'client_id': provider.client_id, 'post_logout_redirect_uri': back})}"
