"""Which receivers hear of an alert, and in which of their groups, as API v2 shows it."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy.orm import Session

from monitor import links
from monitor.alerts.keys import SEVERITY
from monitor.alerts.models import Alert, Member
from monitor.am.matchers import all_match
from monitor.quiet.seam import units_above

RECEIVER = "taxops"
"""The receiver of all alerts: incidents."""
ALL_LABELS = "..."


class Routing:
    """The receivers of one moment."""

    def __init__(self, session: Session, unit_ids: Collection[int]) -> None:
        self._routes = links.routes(session)
        self._above = units_above(session, unit_ids) if any(r.unit_id is not None for r in self._routes) else {}

    def of(self, alert: Alert, member: Member) -> list[tuple[str, dict[str, str]]]:
        """(receiver, labels of its group) of one label set; incidents first, grouped by all labels but the severity."""
        labels = member.labels
        found = [(RECEIVER, {name: labels[name] for name in sorted(labels) if name != SEVERITY})]
        for route in self._routes:
            here = route.unit_id is None or route.unit_id in self._above.get(alert.unit_id, ())
            if here and all_match(route.matchers, labels):
                names = labels if ALL_LABELS in route.group_by else route.group_by
                found.append((route.name, {n: labels[n] for n in sorted(names) if n in labels}))
        return found
