"""What a sync would do, and when it must stop. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from core.i18n import LazyText, lazy

_LOGIN = re.compile(r"^[a-z0-9][a-z0-9._-]{1,62}$")
LONGEST = {"name": 80, "email": 160, "phone": 40}


class What(StrEnum):
    """What a step does. SKIP does nothing and says why."""

    ADD = "add"
    CHANGE = "change"
    ENABLE = "enable"
    DISABLE = "disable"
    SKIP = "skip"


class Why(StrEnum):
    """Why a step is left to a person."""

    LOGIN = "login"
    NAME = "name"
    TWICE = "twice"
    UNIT = "unit"
    LOCAL = "local"
    RIGHTS = "rights"
    DISABLED = "disabled"
    ADMINISTRATOR = "administrator"


WHY_WORDS: Mapping[Why, LazyText] = {
    Why.LOGIN: lazy("登录名不合规则"),
    Why.NAME: lazy("没有姓名"),
    Why.TWICE: lazy("目录里有两个同名账号"),
    Why.UNIT: lazy("机构对不上"),
    Why.LOCAL: lazy("本平台已有同名的本地人员，不会接管"),
    Why.RIGHTS: lazy("有权限或在班组中，机构和启用由人来办"),
    Why.DISABLED: lazy("在本平台被停用，不会自动启用"),
    Why.ADMINISTRATOR: lazy("最后一名此类管理员，不会停用"),
}


@dataclass(frozen=True)
class Entry:
    """A person as the directory has them. `unit`: the code that the mapping found, None where it has none; `said`: what
    stands there."""

    login: str
    name: str
    unit: str | None
    email: str | None = None
    phone: str | None = None
    said: str = ""


@dataclass(frozen=True)
class Known:
    """A person as taxops has them. `left`: the sync disabled them; `holds`: rights, or a place in a team; `kept`: nobody
    disables them, they are the last administrator of a kind."""

    login: str
    name: str
    unit: str
    email: str | None
    phone: str | None
    active: bool
    directory: bool
    left: bool = False
    holds: bool = False
    kept: bool = False


@dataclass(frozen=True)
class Step:
    """One step; `fields`: name → (before, after). `name`: the person's, for who reads it."""

    what: What
    login: str
    fields: Mapping[str, tuple[str | None, str | None]] = field(default_factory=dict)
    why: Why | None = None
    name: str = ""


@dataclass(frozen=True)
class Plan:
    """The steps by login; `theirs`: how many active people the directory is in charge of; `most`: per cent of them that
    may be disabled at once."""

    steps: tuple[Step, ...]
    theirs: int
    most: int

    def of(self, what: What) -> list[Step]:
        """The steps of one kind."""
        return [step for step in self.steps if step.what is what]

    @property
    def counts(self) -> dict[str, int]:
        """How many steps of each kind."""
        return {what.value: len(self.of(what)) for what in What}

    @property
    def stopped(self) -> bool:
        """Whether more would be disabled than may be: then nothing at all is done."""
        return len(self.of(What.DISABLE)) * 100 > self.most * self.theirs

    @property
    def digest(self) -> str:
        """Stands for what was shown, so that nothing is done that was not seen."""
        text = "\n".join(f"{s.what} {s.login} {sorted(s.fields.items())} {s.why}" for s in self.steps)
        return hashlib.sha256(text.encode()).hexdigest()[:32]


def plan(entries: Iterable[Entry], known: Mapping[str, Known], *, most: int) -> Plan:
    """What would be done. Nobody is deleted; nobody who is local is taken over; no right comes or comes back.

    A unit is changed only of people without rights and teams: of others a person does it, on the page that ends old rights
    (E-13). Who was disabled by a person stays so.
    """
    steps: list[Step] = []
    seen: set[str] = set()
    for entry in sorted(entries, key=lambda each: each.login):
        if entry.login in seen:
            steps.append(Step(What.SKIP, entry.login, why=Why.TWICE, name=entry.name))
            continue
        seen.add(entry.login)
        steps += _of_entry(entry, known.get(entry.login))
    theirs = [each for each in known.values() if each.directory and each.active]
    steps += [
        Step(What.SKIP, each.login, why=Why.ADMINISTRATOR, name=each.name)
        if each.kept
        else Step(What.DISABLE, each.login, name=each.name)
        for each in sorted(theirs, key=lambda each: each.login)
        if each.login not in seen
    ]
    return Plan(tuple(steps), len(theirs), most)


def _of_entry(entry: Entry, mine: Known | None) -> list[Step]:
    if why := _unfit(entry, mine):
        said: dict[str, tuple[str | None, str | None]] = {"unit": (None, entry.said)} if why is Why.UNIT else {}
        return [Step(What.SKIP, entry.login, said, why, entry.name)]
    if mine is None:
        given = {key: getattr(entry, key) for key in ("name", "unit", "email", "phone")}
        return [Step(What.ADD, entry.login, {key: (None, value) for key, value in given.items() if value})]
    steps = []
    if not mine.active:
        if why := Why.RIGHTS if mine.holds else None if mine.left else Why.DISABLED:
            return [Step(What.SKIP, entry.login, why=why, name=mine.name)]
        steps.append(Step(What.ENABLE, entry.login, name=mine.name))
    fields = {
        key: (getattr(mine, key), getattr(entry, key))
        for key in ("name", "unit", "email", "phone")
        if getattr(entry, key) and getattr(mine, key) != getattr(entry, key)
    }
    if "unit" in fields and mine.holds:
        steps.append(Step(What.SKIP, entry.login, {"unit": fields.pop("unit")}, Why.RIGHTS, mine.name))
    return [*steps, Step(What.CHANGE, entry.login, fields, name=mine.name)] if fields else steps


def _unfit(entry: Entry, mine: Known | None) -> Why | None:
    if not _LOGIN.match(entry.login):
        return Why.LOGIN
    if mine is not None and not mine.directory:
        return Why.LOCAL
    if not entry.name:
        return Why.NAME
    return Why.UNIT if entry.unit is None else None
