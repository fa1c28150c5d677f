"""What a sync would do, and when it must stop. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

MOST_DISABLED = 20
MOST_SHARE = 0.05  # of the people the directory is in charge of
_LOGIN = re.compile(r"^[a-z0-9][a-z0-9._-]{1,62}$")


@dataclass(frozen=True)
class Entry:
    """A person as the directory has them. `unit` is the code that the mapping found, None where it has none."""

    login: str
    name: str
    unit: str | None
    email: str | None = None
    phone: str | None = None


@dataclass(frozen=True)
class Known:
    """A person as taxops has them. `kept`: not the directory's to disable (a local administrator)."""

    login: str
    name: str
    unit: str
    email: str | None
    phone: str | None
    active: bool
    from_directory: bool
    holds_rights: bool
    kept: bool = False


@dataclass(frozen=True)
class Change:
    """One step: `what` add | change | enable | disable | skip; `fields`: name → (before, after); `why` for a skip."""

    what: str
    login: str
    fields: Mapping[str, tuple[str | None, str | None]]
    why: str = ""


def plan(entries: Iterable[Entry], known: Mapping[str, Known], units: frozenset[str]) -> list[Change]:
    """The steps, by login. Nobody is deleted; nobody who was not the directory's is taken over; no right is widened.

    A unit is changed only of people without any grant: of others a person does it, by the page that ends old rights (E-13).
    """
    steps: list[Change] = []
    seen: set[str] = set()
    for entry in sorted(entries, key=lambda each: each.login):
        if entry.login in seen:
            steps.append(Change("skip", entry.login, {}, "twice"))
            continue
        seen.add(entry.login)
        steps += _of_entry(entry, known.get(entry.login), units)
    steps += [
        Change("disable", each.login, {}) if not each.kept else Change("skip", each.login, {}, "administrator")
        for each in sorted(known.values(), key=lambda each: each.login)
        if each.from_directory and each.active and each.login not in seen
    ]
    return steps


def _of_entry(entry: Entry, mine: Known | None, units: frozenset[str]) -> list[Change]:
    if not _LOGIN.match(entry.login):
        return [Change("skip", entry.login, {}, "login")]
    if entry.unit is None or entry.unit not in units:
        return [Change("skip", entry.login, {}, "unit")]
    if mine is None:
        given = {"name": entry.name, "unit": entry.unit, "email": entry.email, "phone": entry.phone}
        return [Change("add", entry.login, {k: (None, v) for k, v in given.items() if v})]
    if not mine.from_directory:
        return [Change("skip", entry.login, {}, "local")]
    steps = [] if mine.active else [Change("enable", entry.login, {})]
    fields = {
        key: (getattr(mine, key), getattr(entry, key))
        for key in ("name", "unit", "email", "phone")
        if getattr(entry, key) is not None and getattr(mine, key) != getattr(entry, key)
    }
    if "unit" in fields and mine.holds_rights:
        del fields["unit"]
        steps.append(Change("skip", entry.login, {"unit": (mine.unit, entry.unit)}, "rights"))
    return [*steps, Change("change", entry.login, fields)] if fields else steps


def too_many(steps: Iterable[Change], known: Mapping[str, Known]) -> int | None:
    """How many would be disabled, where that is more than 20 or more than 5 % of the directory's people; None: go on."""
    disabled = sum(step.what == "disable" for step in steps)
    theirs = sum(each.from_directory and each.active for each in known.values())
    return disabled if disabled > MOST_DISABLED or disabled > MOST_SHARE * max(theirs, 1) else None
