"""Services as places of a grant. They are items of cmdb, a room above, so app's wiring hands them in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from flask import current_app
from sqlalchemy.orm import Session

EXTENSION = "taxops.service_places"


@dataclass(frozen=True)
class ServicePlace:
    """A service that can be a grant's place, and the unit it belongs to."""

    name: str
    unit_id: int


#: (session, ids or None for all that live) -> id → place
ServicePlaces = Callable[[Session, Sequence[int] | None], Mapping[int, ServicePlace]]


def services(session: Session, ids: Sequence[int] | None = None) -> Mapping[int, ServicePlace]:
    """The services of these ids, or all; none where nobody knows services."""
    find: ServicePlaces | None = current_app.extensions.get(EXTENSION)
    return find(session, ids) if find and ids != [] else {}
