"""Pure: from tickets as plain rows to the figures of the overview."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Asia/Shanghai")
SOON = dt.timedelta(hours=4)
FIRST_LINES = frozenset({"county", "city"})


@dataclass(frozen=True)
class OpenRow:
    """A ticket somebody has to work on. Times are aware UTC."""

    number: str
    title: str
    state: str
    priority: int
    unit_id: int
    holder_id: int | None
    team_id: int
    due_at: dt.datetime | None
    opened_at: dt.datetime
    updated_at: dt.datetime
    bounces: int
    urged: int


@dataclass(frozen=True)
class DoneRow:
    """A ticket resolved in the period."""

    line: str
    opened_at: dt.datetime
    resolved_at: dt.datetime
    reopened: int
    bounces: int
    stars: int | None


@dataclass
class UnitFigures:
    """One unit's row: everything below it counted."""

    unit_id: int
    open: int = 0
    late: int = 0
    soon: int = 0
    unaccepted: int = 0
    bounced: int = 0


@dataclass
class Standing:
    """What is open now."""

    open: int = 0
    late: int = 0
    soon: int = 0
    unaccepted: int = 0
    bounced: int = 0
    urged: int = 0
    by_unit: list[UnitFigures] = field(default_factory=list)
    by_person: list[tuple[int, int, int]] = field(default_factory=list)  # person, open, late
    sleepers: list[OpenRow] = field(default_factory=list)


def standing(rows: Sequence[OpenRow], branch_of: Mapping[int, int], *, now: dt.datetime, most: int = 8) -> Standing:
    """Count what is open. `branch_of`: unit → the child of the viewer's root it lies under."""
    found = Standing()
    units: dict[int, UnitFigures] = {}
    load: dict[int, list[int]] = defaultdict(lambda: [0, 0])
    for row in rows:
        branch = branch_of.get(row.unit_id, row.unit_id)
        figures = units.setdefault(branch, UnitFigures(branch))
        late = row.due_at is not None and row.due_at < now
        soon = row.due_at is not None and now <= row.due_at < now + SOON
        for target in (found, figures):
            target.open += 1
            target.late += late
            target.soon += soon
            target.unaccepted += row.holder_id is None
            target.bounced += row.bounces > 0
        found.urged += row.urged > 0
        if row.holder_id is not None:
            load[row.holder_id][0] += 1
            load[row.holder_id][1] += late
    found.by_unit = sorted(units.values(), key=lambda u: (-u.late, -u.open, u.unit_id))
    found.by_person = sorted(((p, n, late) for p, (n, late) in load.items()), key=lambda x: (-x[1], x[0]))[:most]
    found.sleepers = sorted(rows, key=lambda r: r.updated_at)[:most]
    return found


@dataclass(frozen=True)
class Period:
    """What was done in a period. Rates are None where nothing was done."""

    resolved: int
    first_line: int
    reopened: int
    bounced: int
    stars: float | None
    rated: int
    median_hours: float | None

    @property
    def first_line_rate(self) -> float | None:
        """Share resolved without leaving county or city."""
        return self.first_line / self.resolved if self.resolved else None


def period(rows: Sequence[DoneRow]) -> Period:
    """Figures of what was resolved."""
    stars = [r.stars for r in rows if r.stars is not None]
    hours = sorted((r.resolved_at - r.opened_at).total_seconds() / 3600 for r in rows)
    return Period(
        resolved=len(rows),
        first_line=sum(r.line in FIRST_LINES for r in rows),
        reopened=sum(r.reopened > 0 for r in rows),
        bounced=sum(r.bounces > 0 for r in rows),
        stars=sum(stars) / len(stars) if stars else None,
        rated=len(stars),
        median_hours=hours[len(hours) // 2] if hours else None,
    )


def by_day(moments: Iterable[dt.datetime], first: dt.date, days: int) -> list[tuple[dt.date, int]]:
    """How many fell on each local day, days without any included."""
    counted = Counter(m.astimezone(ZONE).date() for m in moments)
    return [(day, counted[day]) for day in (first + dt.timedelta(days=n) for n in range(days))]
