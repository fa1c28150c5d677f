"""The demo's people to try (the contract's list): the only ones with a password.

A password is computed from the installation's secret key, so that no two installations share one, nothing
needs to be stored in the clear, and `taxops demo people` can print it again at any time.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from functools import cache
from typing import Any

from app.demo.units import read_data

ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # without what the eye confuses: i l o 0 1


@dataclass(frozen=True, slots=True)
class Grant:
    """A role held at one place: a unit (with everything below it), or a team."""

    role: str
    unit: str | None = None
    team: str | None = None


@dataclass(frozen=True, slots=True)
class DemoPerson:
    """A person; `part` is the contract's name of a demo person to try, None for everybody else."""

    login: str
    name: str
    unit: str
    title: str
    teams: tuple[str, ...] = ()
    head_of: tuple[str, ...] = ()
    grants: tuple[Grant, ...] = ()
    part: str | None = None
    service_account: bool = False


def password(login: str, secret: str) -> str:
    """The demo password of one login: three groups of four characters, about 59 bits, from the secret key."""
    digest = hmac.new(secret.encode(), f"taxops demo password {login}".encode(), hashlib.sha256).digest()
    letters = [ALPHABET[byte % len(ALPHABET)] for byte in digest[:12]]
    return "-".join("".join(letters[start : start + 4]) for start in (0, 4, 8))


@cache
def cast() -> tuple[DemoPerson, ...]:
    """Who is printed by `taxops demo people`, in the order of the contract; from data/cast.toml."""
    return tuple(_person(row) for row in read_data("cast.toml")["person"])


def _person(row: dict[str, Any]) -> DemoPerson:
    return DemoPerson(
        login=row["login"],
        name=row["name"],
        unit=row["unit"],
        title=row["title"],
        teams=tuple(row.get("teams", ())),
        head_of=tuple(row.get("head_of", ())),
        grants=tuple(Grant(**grant) for grant in row.get("grants", ())),
        part=row["part"],
        service_account=row.get("service_account", False),
    )
