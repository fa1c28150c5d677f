"""Which silences and which sides of which rules a label set meets. Pure.

Neither grows with the number of alerts; with many silences or rules, only those are tried whose first plain `name="value"`
the labels have, and those without one.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from monitor.am.matchers import Matcher, Op, all_match

T = TypeVar("T")
Places = frozenset[tuple[str, int]]
"""(unit|team|service, id): where an alert lies; units are its own and all above it."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A firing label set, and where its alert lies."""

    member_id: int
    alert_id: int
    fingerprint: str
    labels: Mapping[str, str]
    unit_id: int
    team_id: int | None = None
    service_id: int | None = None


@dataclass(frozen=True, slots=True)
class Silenced:
    """A silence as matching needs it."""

    uid: str
    matchers: tuple[Matcher, ...]
    places: Places
    starts_at: dt.datetime
    ends_at: dt.datetime

    def covers(self, labels: Mapping[str, str], places: Places) -> bool:
        """Whether it silences these labels there, its time apart."""
        return not self.places.isdisjoint(places) and all_match(self.matchers, labels)


@dataclass(frozen=True, slots=True)
class Inhibition:
    """A rule as matching needs it."""

    id: int
    source: tuple[Matcher, ...]
    target: tuple[Matcher, ...]
    equal: tuple[str, ...]
    across_units: bool


@dataclass(frozen=True, slots=True)
class Side:
    """A label set stands on one side of a rule; `both`: on the other too."""

    rule_id: int
    is_source: bool
    key: str
    both: bool


class Lookup(Generic[T]):
    """Things behind matchers; `candidates(labels)` are those that can possibly match."""

    def __init__(self, things: Iterable[tuple[Sequence[Matcher], T]]) -> None:
        self._by_value: dict[str, dict[str, list[T]]] = {}
        self._others: list[T] = []
        for matchers, thing in things:
            plain = next((m for m in matchers if m.op is Op.EQUAL and m.value), None)
            if plain is None:
                self._others.append(thing)
            else:
                self._by_value.setdefault(plain.name, {}).setdefault(plain.value, []).append(thing)

    def candidates(self, labels: Mapping[str, str]) -> Iterator[T]:
        """Everything that may match, each once."""
        yield from self._others
        for name, values in self._by_value.items():
            if (given := labels.get(name)) is not None:
                yield from values.get(given, ())


class Book:
    """All silences and rules of one moment, ready to be asked."""

    def __init__(self, silences: Sequence[Silenced], rules: Sequence[Inhibition]) -> None:
        self._silences = Lookup((s.matchers, s) for s in silences)
        self._sources = Lookup((r.source, r) for r in rules)
        self._targets = Lookup((r.target, r) for r in rules)
        self.rules = {rule.id: rule for rule in rules}
        self.is_empty = not silences and not rules

    def silenced_by(self, labels: Mapping[str, str], places: Places, now: dt.datetime) -> list[str]:
        """Uids of the silences that are active at `now` and cover these labels there."""
        return [
            s.uid
            for s in self._silences.candidates(labels)
            if s.starts_at <= now < s.ends_at and s.covers(labels, places)
        ]

    def sides(self, labels: Mapping[str, str]) -> list[Side]:
        """On which sides of which rules the labels stand."""
        sources = {r.id: r for r in self._sources.candidates(labels) if all_match(r.source, labels)}
        targets = {r.id: r for r in self._targets.candidates(labels) if all_match(r.target, labels)}
        return [
            Side(rule.id, is_source, equal_key(rule, labels), rule.id in other)
            for mine, other, is_source in ((sources, targets, True), (targets, sources, False))
            for rule in mine.values()
        ]


def equal_key(rule: Inhibition, labels: Mapping[str, str]) -> str:
    """The hash of a rule's `equal` labels; a missing one counts as empty (A-04)."""
    values = "\xff".join(labels.get(name, "") for name in rule.equal)
    return hashlib.blake2b(f"{rule.id}\xff{values}".encode(), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class Source:
    """A firing label set on a rule's source side."""

    rule_id: int
    fingerprint: str
    unit_id: int
    both: bool


def inhibited_by(side: Side, sources: Iterable[Source], *, across_units: bool, units: frozenset[int]) -> str | None:
    """The fingerprint of a source that keeps a target quiet, or None. `units`: the target's own and all above it.

    Where the target stands on both sides, sources that do the same are passed over: so nothing inhibits itself.

    Source: Alertmanager's inhibit package, `hasEqual` with `excludeTwoSidedMatch`.
    """
    fitting = (s.fingerprint for s in sources if not (side.both and s.both) and (across_units or s.unit_id in units))
    return min(fitting, default=None)
