"""The ledger of custody as pure algebra: who held a matter, and who was being waited for, from its first instant on.

A ledger is a chain of spans: each begins exactly where the one before ends (no gap, no overlap), and the last is open
until the matter is closed or cancelled. Source: behaviours E-03, E-04; policies.md, Tickets.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from core.i18n import LazyText, lazy

BOUNCES_TO_ARBITER = 3


class Line(StrEnum):
    """The lines of support, in the order a matter climbs them."""

    COUNTY = "county"
    CITY = "city"
    PROVINCE = "province"
    VENDOR = "vendor"


LINES: tuple[Line, ...] = tuple(Line)
LINE_LABELS: Mapping[Line, LazyText] = {
    Line.COUNTY: lazy("县（区）"),
    Line.CITY: lazy("市"),
    Line.PROVINCE: lazy("省"),
    Line.VENDOR: lazy("厂商"),
}


class WaitingFor(StrEnum):
    """Whom a matter waits for while its holder does not work on it; the wait is put down to that party."""

    ACCEPTANCE = "acceptance"  # the team that holds it has not accepted it
    REPORTER = "reporter"  # suspended: an answer of the reporter is missing
    SUPPLIER = "supplier"  # suspended: parts, a third party, a window
    RECEIVER = "receiver"  # handed over and not yet accepted; the sender stays answerable
    CONFIRMATION = "confirmation"  # resolved; the reporter has not confirmed


WAITING_LABELS: Mapping[WaitingFor, LazyText] = {
    WaitingFor.ACCEPTANCE: lazy("等待受理"),
    WaitingFor.REPORTER: lazy("等待报障人答复"),
    WaitingFor.SUPPLIER: lazy("等待备件或第三方"),
    WaitingFor.RECEIVER: lazy("等待对方受理"),
    WaitingFor.CONFIRMATION: lazy("等待报障人确认"),
}

SUSPENSIONS = (WaitingFor.REPORTER, WaitingFor.SUPPLIER)


def line_of_level(level: str) -> Line:
    """The line that works for a unit of this level; a tax office has none, its matters start at the county."""
    return Line.COUNTY if level == "office" else Line(level)


@dataclass(frozen=True)
class Span:
    """One stretch of custody. `until` is None while it lasts; `waiting_for` is None while the holder works."""

    team: int
    line: Line
    since: dt.datetime
    holder: int | None = None
    until: dt.datetime | None = None
    waiting_for: WaitingFor | None = None
    waiting_team: int | None = None  # the receiving team, while waiting for it to accept

    def length(self, now: dt.datetime) -> dt.timedelta:
        """How long it lasted, or has lasted by `now`."""
        return (self.until or now) - self.since


Ledger = tuple[Span, ...]


class LedgerError(ValueError):
    """A step that would tear the ledger: before its beginning, after its end, or backwards in time."""


def begin(team: int, line: Line, at: dt.datetime) -> Ledger:
    """A new matter: with a team from its first instant, with a person once accepted."""
    return (Span(team=team, line=line, since=at, waiting_for=WaitingFor.ACCEPTANCE),)


def current(ledger: Ledger) -> Span:
    """The span that lasts. Raises LedgerError when there is none (not begun, or ended)."""
    if not ledger or ledger[-1].until is not None:
        raise LedgerError("the ledger has no open span")
    return ledger[-1]


def _next(ledger: Ledger, span: Span, at: dt.datetime) -> Ledger:
    last = current(ledger)
    if at < last.since:
        raise LedgerError(f"{at.isoformat()} lies before the span that began {last.since.isoformat()}")
    over = Span(last.team, last.line, last.since, last.holder, at, last.waiting_for, last.waiting_team)
    begun = Span(span.team, span.line, at, span.holder, None, span.waiting_for, span.waiting_team)
    return (
        *ledger[:-1],
        over,
        begun,
    )  # spelt out: replace() takes four times as long, and history is told by the million


def move(
    ledger: Ledger, *, team: int, line: Line, holder: int | None, at: dt.datetime, accepted: bool | None = None
) -> Ledger:
    """Custody passes at `at`; until somebody there has accepted (default: there is a holder), it waits for that."""
    waiting = None if (holder is not None if accepted is None else accepted) else WaitingFor.ACCEPTANCE
    return _next(ledger, Span(team=team, line=line, since=at, holder=holder, waiting_for=waiting), at)


def wait(ledger: Ledger, whom: WaitingFor | None, at: dt.datetime, *, waiting_team: int | None = None) -> Ledger:
    """From `at` on the same holder waits for `whom`, or (None) works again."""
    last = current(ledger)
    return _next(ledger, Span(last.team, last.line, at, last.holder, None, whom, waiting_team), at)


def end(ledger: Ledger, at: dt.datetime) -> Ledger:
    """The matter is closed or cancelled; nothing follows."""
    last = current(ledger)
    if at < last.since:
        raise LedgerError(f"{at.isoformat()} lies before the span that began {last.since.isoformat()}")
    return (*ledger[:-1], replace(last, until=at))


def faults(ledger: Ledger) -> list[str]:
    """What is torn in a ledger, in words; empty when it is whole. Used by tests, `doctor` and the importer."""
    found: list[str] = []
    for earlier, later in itertools.pairwise(ledger):
        if earlier.until is None:
            found.append(f"an open span began {earlier.since.isoformat()} before another")
        elif earlier.until < later.since:
            found.append(f"a gap from {earlier.until.isoformat()} to {later.since.isoformat()}")
        elif earlier.until > later.since:
            found.append(f"an overlap from {later.since.isoformat()} to {earlier.until.isoformat()}")
    found += [f"a span ends before it begins, {s.since.isoformat()}" for s in ledger if s.until and s.until < s.since]
    return found


def holder_at(ledger: Ledger, at: dt.datetime) -> Span | None:
    """The one span that covers the instant `at`, or None before the beginning and after the end."""
    for span in reversed(ledger):
        if span.since <= at:
            return span if span.until is None or at < span.until else None
    return None


@dataclass(frozen=True)
class Party:
    """Whom a wait is put down to: a team, the reporter, or somebody outside."""

    kind: str  # team | reporter | outside
    team: int | None = None


def answerable_for(span: Span) -> Party:
    """Whose fault the time of this span is (E-03): the holder's team unless somebody else keeps it waiting."""
    match span.waiting_for:
        case WaitingFor.REPORTER | WaitingFor.CONFIRMATION:
            return Party("reporter")
        case WaitingFor.SUPPLIER:
            return Party("outside")
        case WaitingFor.RECEIVER if span.waiting_team is not None:
            return Party("team", span.waiting_team)
        case _:
            return Party("team", span.team)


def totals(ledger: Ledger, now: dt.datetime) -> dict[Party, dt.timedelta]:
    """Calendar time put down to each party; it adds up to the whole life of the matter."""
    sums: dict[Party, dt.timedelta] = {}
    for span in ledger:
        party = answerable_for(span)
        sums[party] = sums.get(party, dt.timedelta()) + span.length(now)
    return sums


def goes_to_arbiter(bounces: int) -> bool:
    """Whether a matter returned so often (this return counted) is now the arbiter's to decide."""
    return bounces >= BOUNCES_TO_ARBITER


def arbiter_unit(path_a: Sequence[int], path_b: Sequence[int]) -> int:
    """The lowest unit above both parties, whose head arbitrates; paths run from the root to each party's unit.

    Two teams of one unit have that unit above them. Where one unit stands over the other it is a party itself, so the
    next above it decides; the root, with nothing above, decides itself. A vendor stands beside the tree: give the
    path of the unit it works for. Raises ValueError when the paths share no root.
    """
    common = [a for a, b in zip(path_a, path_b, strict=False) if a == b]
    if not common or path_a[: len(common)] != path_b[: len(common)]:
        raise ValueError("the two units have no root in common")
    one_over_the_other = list(path_a) != list(path_b) and len(common) in (len(path_a), len(path_b))
    return common[-2] if one_over_the_other and len(common) > 1 else common[-1]


@dataclass(frozen=True)
class ReturnTo:
    """Where a returned matter goes, or why it can't (`refused`, a word of RETURN_REFUSALS)."""

    team: int
    holder: int | None
    refused: str | None = None


def return_to(sender: Span, *, active_people: Iterable[int], active_team: bool, head: int | None) -> ReturnTo:
    """A return goes to the actual previous holder; to the team's head if that person left; else refused (E-04)."""
    people = set(active_people)
    if not active_team:
        return ReturnTo(sender.team, None, "team-ended")
    if sender.holder is not None and sender.holder in people:
        return ReturnTo(sender.team, sender.holder)
    if head is not None and head in people:
        return ReturnTo(sender.team, head)
    return ReturnTo(sender.team, None, "nobody-left")


RETURN_REFUSALS: Mapping[str, LazyText] = {
    "team-ended": lazy("上一处理方已停用或合同已到期，不能退回。"),
    "nobody-left": lazy("上一处理人已停用，且该班组没有可用的负责人，不能退回。"),
}
