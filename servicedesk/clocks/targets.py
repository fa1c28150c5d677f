"""Targets: how fast a ticket of each priority has to be answered and solved. Source: policies.md, Tickets.

A set of targets is data with a version; a ticket is judged by the version it began with.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from core.errors import FieldError, Invalid
from core.i18n import gettext as _

PRIORITIES = (1, 2, 3, 4, 5)
MAX_MINUTES = 366 * 24 * 60


class Purpose(StrEnum):
    """What a clock measures the time to."""

    RESPOND = "respond"
    RESOLVE = "resolve"


class Basis(StrEnum):
    """Which time counts."""

    WORKING = "working"
    CALENDAR = "calendar"


@dataclass(frozen=True)
class Target:
    """One promise: so much time, counted so."""

    limit: dt.timedelta
    basis: Basis


@dataclass(frozen=True)
class PriorityTargets:
    """A priority's promises, in minutes."""

    respond: int
    resolve: int
    basis: Basis = Basis.WORKING


_DEFAULT_ROWS = {
    1: PriorityTargets(15, 4 * 60, Basis.CALENDAR),
    2: PriorityTargets(30, 8 * 60),
    3: PriorityTargets(60, 16 * 60),
    4: PriorityTargets(4 * 60, 24 * 60),
    5: PriorityTargets(8 * 60, 40 * 60),
}


@dataclass(frozen=True)
class TargetSet:
    """All promises of one version, and what the filing period (征期) tightens for tax systems."""

    rows: Mapping[int, PriorityTargets] = field(default_factory=lambda: MappingProxyType(_DEFAULT_ROWS))
    filing_halves: frozenset[int] = frozenset({1, 2, 3})
    filing_calendar: frozenset[int] = frozenset({2})  # counted in calendar time in the filing period

    def target(self, priority: int, purpose: Purpose, *, tax_filing: bool) -> Target:
        """The promise for `priority`; `tax_filing`: a tax system in the filing period. Raises KeyError outside 1–5."""
        row = self.rows[priority]
        limit = dt.timedelta(minutes=row.respond if purpose is Purpose.RESPOND else row.resolve)
        if not tax_filing:
            return Target(limit, row.basis)
        basis = Basis.CALENDAR if priority in self.filing_calendar else row.basis
        return Target(limit / 2 if priority in self.filing_halves else limit, basis)


DEFAULT_TARGETS = TargetSet()
DEFAULT_VERSION = 1


def targets_to_dict(targets: TargetSet) -> dict[str, Any]:
    """A set as JSON-ready data."""
    return {
        "priorities": {
            str(priority): {"respond": row.respond, "resolve": row.resolve, "counted": row.basis.value}
            for priority, row in sorted(targets.rows.items())
        },
        "filing_halves": sorted(targets.filing_halves),
        "filing_calendar": sorted(targets.filing_calendar),
    }


def targets_from_dict(data: Mapping[str, Any]) -> TargetSet:
    """A set out of plain data. Raises core.errors.Invalid naming every wrong place."""
    errors: list[FieldError] = []
    rows: dict[int, PriorityTargets] = {}
    given = data.get("priorities")
    for priority in PRIORITIES:
        row = given.get(str(priority)) if isinstance(given, Mapping) else None
        if read := _row(f"priorities.{priority}", row, errors):
            rows[priority] = read
    chosen = {name: _priorities(name, data.get(name, []), errors) for name in ("filing_halves", "filing_calendar")}
    if errors:
        raise Invalid(_("时限设置有误，未保存。"), errors)
    return TargetSet(rows, **chosen)


def _row(at: str, row: object, errors: list[FieldError]) -> PriorityTargets | None:
    if not isinstance(row, Mapping):
        errors.append(FieldError(at, _("缺少这一优先级的时限。")))
        return None
    before = len(errors)
    for name in ("respond", "resolve"):
        minutes = row.get(name)
        if not isinstance(minutes, int) or isinstance(minutes, bool) or not 1 <= minutes <= MAX_MINUTES:
            errors.append(FieldError(f"{at}.{name}", _("应为 1 到 %(most)d 的分钟数。", most=MAX_MINUTES)))
    if row.get("counted") not in set(Basis):
        errors.append(FieldError(f"{at}.counted", _("应为 working（工作时间）或 calendar（自然时间）。")))
    if len(errors) > before:
        return None
    if row["respond"] > row["resolve"]:
        errors.append(FieldError(f"{at}.respond", _("响应时限不能长于解决时限。")))
        return None
    return PriorityTargets(row["respond"], row["resolve"], Basis(row["counted"]))


def _priorities(at: str, value: object, errors: list[FieldError]) -> frozenset[int]:
    if isinstance(value, list) and all(type(one) is int and one in PRIORITIES for one in value):
        return frozenset(value)
    errors.append(FieldError(at, _("应为 1 到 5 的优先级列表。")))
    return frozenset()
