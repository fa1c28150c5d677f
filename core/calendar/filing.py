"""The filing period (征期): when taxes of the month are declared, tax systems are busiest and targets are tighter.

From the 1st to the 15th, moved by article 109 of the implementation rules of the tax collection law
(税收征收管理法实施细则第一百零九条): a last day off moves to the next day that is none, and three or more statutory
days off in a row within the period extend it by as many. What this leaves open was settled by the yearly notices of the
tax administration (关于明确…年度申报纳税期限的通知; 2022 to 2024 are reproduced by the tests):

- *Statutory days off in a row* are days off joined to a holiday, its weekend days included: 8–10 June 2024 is a
  weekend and the one-day Dragon Boat Festival, and extends the period by three days.
- Only what lies *within the 1st to the 15th* counts, and the three days must lie there: of 10–17 February 2024 six days
  count, and 31 December 2022 to 2 January 2023 extends nothing.
- It is extended by *working* days after the 15th, which also settles a 15th that is off: 1–7 October 2024 extends the
  period to the 24th (seven working days), not to the 22nd.

Days off entered by hand count as holidays: they are how the schedule of a year is entered that the library lacks.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from core.calendar.model import FilingPeriod

LAST_DAY = 15
LONG_RUN = 3
_ONE_DAY = dt.timedelta(days=1)
_FARTHEST = 366  # days; only a calendar without any working day gets there


def filing_period(
    year: int, month: int, *, is_off: Callable[[dt.date], bool], is_statutory: Callable[[dt.date], bool]
) -> FilingPeriod:
    """The period by the rule above. `is_off`: not worked at all; `is_statutory`: off by the holiday schedule.

    Raises ValueError when no working day follows within a year.
    """
    first = dt.date(year, month, 1)
    days = [first + i * _ONE_DAY for i in range(LAST_DAY)]
    extension = sum(len(run) for run in _runs(days, is_off) if len(run) >= LONG_RUN and any(map(is_statutory, run)))
    return FilingPeriod(first, _after(days[-1], extension, is_off))


def _runs(days: list[dt.date], is_off: Callable[[dt.date], bool]) -> list[list[dt.date]]:
    """Stretches of days off without a working day between."""
    runs: list[list[dt.date]] = [[]]
    for day in days:
        if is_off(day):
            runs[-1].append(day)
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def _after(day: dt.date, working_days: int, is_off: Callable[[dt.date], bool]) -> dt.date:
    """The `working_days`-th working day after `day`; with none to add, `day` itself or the next working day."""
    left = working_days or int(is_off(day))
    for _step in range(_FARTHEST):
        if left == 0:
            return day
        day += _ONE_DAY
        left -= not is_off(day)
    raise ValueError(f"no working day within a year of {day - _FARTHEST * _ONE_DAY}")
