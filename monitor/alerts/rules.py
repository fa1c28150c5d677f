"""When an alert from outside ends, what counts as its severity, how long an acknowledgement holds. Pure."""

import datetime as dt
from collections.abc import Iterable, Mapping

from monitor.rules import Severity, rose

RESOLVE_TIMEOUT = dt.timedelta(minutes=5)
RESENDS_GRANTED = 4
SLOWEST_RESEND = dt.timedelta(hours=24)
ACK_FORGOTTEN = dt.timedelta(hours=24)
ACK_LONGEST = dt.timedelta(days=90)

_WORDS = {
    "critical": Severity.CRITICAL,
    "page": Severity.CRITICAL,
    "emergency": Severity.CRITICAL,
    "disaster": Severity.CRITICAL,
    "fatal": Severity.CRITICAL,
    "error": Severity.CRITICAL,
    "high": Severity.CRITICAL,
    "major": Severity.CRITICAL,
    "warning": Severity.WARNING,
    "warn": Severity.WARNING,
    "average": Severity.WARNING,
    "minor": Severity.WARNING,
    "info": Severity.INFO,
    "information": Severity.INFO,
    "none": Severity.INFO,
    "notice": Severity.INFO,
}


def severity_of_labels(labels: Mapping[str, str]) -> Severity:
    """The severity named by the label `severity`; a warning where there is none, unknown for a strange word."""
    word = labels.get("severity", "").strip().lower()
    return _WORDS.get(word, Severity.UNKNOWN) if word else Severity.WARNING


def expires_at(ends_at: dt.datetime | None, *, seen_at: dt.datetime, resend: dt.timedelta) -> dt.datetime:
    """When an alert ends by itself (A-06): at the end it named, else five minutes after it was last seen.

    A source known to resend every `resend` gets four of those, at most four days.
    """
    if ends_at is not None:
        return ends_at
    return seen_at + max(RESOLVE_TIMEOUT, RESENDS_GRANTED * min(resend, SLOWEST_RESEND))


def worst(severities: Iterable[Severity]) -> Severity | None:
    """The worst of several, or None of none."""
    found: Severity | None = None
    for severity in severities:
        if found is None or rose(found, severity):
            found = severity
    return found


def acknowledgement_survives(*, sticky: bool, before: Severity, after: Severity) -> bool:
    """Whether an acknowledgement outlives a change of severity (M-08).

    A normal one clears on any change, a sticky one only on OK; but a rise always opens the alert again.
    """
    return sticky and not rose(before, after)


def acknowledged_until(asked: dt.datetime | None, *, now: dt.datetime) -> dt.datetime:
    """When an acknowledgement expires: as asked, at most 90 days ahead; when nobody said, after a day (M-08)."""
    return min(asked, now + ACK_LONGEST) if asked is not None else now + ACK_FORGOTTEN
