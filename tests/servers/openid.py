"""A certified OpenID provider (node-oidc-provider) on a loopback port, with people, keys and a clock of the test's own."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.servers.base import HOST, Daemon, answers, require_program

SECRET = "the-client-secret-of-the-tests-0123456789"
HERE = Path(__file__).with_name("oidc")


def modules() -> Path:
    """Where tools/install-servers put the provider. Without it: an error in CI and for root, else a skip."""
    cache = Path("/var/cache") if os.geteuid() == 0 else Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    home = cache / "taxops" / "openid-provider"
    if (home / "node_modules" / "oidc-provider").is_dir():
        return home
    message = "the OpenID provider is not installed: run tools/install-servers as root"
    if os.environ.get("CI") == "true" or os.geteuid() == 0:
        pytest.fail(message, pytrace=False)
    pytest.skip(message)


def new_key(kid: str) -> dict[str, str]:
    """A private key as JWK."""
    numbers = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_numbers()
    parts = {
        "n": numbers.public_numbers.n, "e": numbers.public_numbers.e, "d": numbers.d, "p": numbers.p, "q": numbers.q,
        "dp": numbers.dmp1, "dq": numbers.dmq1, "qi": numbers.iqmp,
    }  # fmt: skip
    return {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid, **{name: _b64(n) for name, n in parts.items()}}


def _b64(number: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes((number.bit_length() + 7) // 8, "big")).rstrip(b"=").decode()


class OpenIdProvider(Daemon):
    """One client, `taxops`. Change people, keys or ahead_s, then restart()."""

    name = "openid-provider"

    def __init__(self, home: Path, callback: str, back: str, people: Mapping[str, Mapping[str, Any]]) -> None:
        super().__init__(home)
        self._modules, self._callback, self._back = modules(), callback, back
        self.people, self.keys, self.ahead_s = dict(people), [new_key("first")], 0

    @property
    def issuer(self) -> str:
        return f"http://{HOST}:{self.port}"

    def command(self) -> list[str]:
        return [require_program("node"), str(HERE / "provider.mjs")]

    def environment(self) -> Mapping[str, str]:
        return {
            **super().environment(), "HOME_OF_MODULES": str(self._modules), "OIDC_PORT": str(self.port),
            "OIDC_ISSUER": self.issuer, "OIDC_CALLBACK": self._callback, "OIDC_BACK": self._back, "OIDC_SECRET": SECRET,
            "OIDC_PEOPLE": json.dumps(self.people), "OIDC_KEYS": json.dumps(self.keys),
            "OIDC_AHEAD_S": str(self.ahead_s), "NODE_ENV": "test",
        }  # fmt: skip

    def is_ready(self) -> bool:
        return answers(f"{self.issuer}/.well-known/openid-configuration")
