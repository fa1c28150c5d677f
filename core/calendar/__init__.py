"""The working calendar: which day and hours are worked, when the filing period (征期) runs. Pure: no database."""

from core.calendar.holidays import ChineseHolidays, HolidaySource
from core.calendar.model import (
    DEFAULT_SEGMENTS,
    CalendarSettings,
    CalendarWarning,
    DayException,
    FilingPeriod,
    Segment,
    Why,
    Workday,
)
from core.calendar.rules import DEFAULT_CALENDAR, WorkCalendar
from core.calendar.serial import settings_from_dict, settings_to_dict

__all__ = [
    "DEFAULT_CALENDAR",
    "DEFAULT_SEGMENTS",
    "CalendarSettings",
    "CalendarWarning",
    "ChineseHolidays",
    "DayException",
    "FilingPeriod",
    "HolidaySource",
    "Segment",
    "Why",
    "WorkCalendar",
    "Workday",
    "settings_from_dict",
    "settings_to_dict",
]
