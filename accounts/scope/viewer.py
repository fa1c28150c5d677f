"""The person (or service account) who looks, with everything needed to decide what may be seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from accounts.models import UnitLevel

NOWHERE: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Viewer:
    """Somebody signed in. Permissions are kept by where they were granted; nothing is granted by default.

    `own`: permissions everybody has over their own matters. `units`: permission → root units, each meaning its subtree;
    `provinces`: which of those roots are provinces. `teams`, `services`: permission → ids. `member_of`: teams this person
    works in. `vendor_unit_id`: set for vendors. `token_scopes`: when an API token speaks, the permissions it is limited to
    (None: no token, or an unlimited one). `sees_many`: the sorts of records of which a list is sooner walked through in
    its order than made of all this viewer may see; a hint for the predicate's wording that decides nothing.
    """

    person_id: int
    login: str
    name: str
    unit_id: int
    unit_code: str
    unit_name: str
    unit_level: UnitLevel
    locale: str = "zh_CN"
    is_service: bool = False
    own: frozenset[str] = frozenset()
    units: Mapping[str, frozenset[int]] = field(default_factory=dict)
    provinces: frozenset[int] = NOWHERE
    teams: Mapping[str, frozenset[int]] = field(default_factory=dict)
    services: Mapping[str, frozenset[int]] = field(default_factory=dict)
    roles: frozenset[str] = frozenset()
    member_of: frozenset[int] = frozenset()
    vendor_unit_id: int | None = None
    administrator: str | None = None
    token_scopes: frozenset[str] | None = None
    sees_many: frozenset[str] = frozenset()

    is_authenticated = True

    def _token_allows(self, permission: str) -> bool:
        return self.token_scopes is None or permission in self.token_scopes

    def can(self, *permissions: str) -> bool:
        """Whether any of the permissions is held anywhere (what buttons and endpoints ask first)."""
        return any(
            self._token_allows(p) and (p in self.own or p in self.units or p in self.teams or p in self.services)
            for p in permissions
        )

    def units_for(self, permission: str) -> frozenset[int]:
        """Root units under which the permission is held."""
        return self.units.get(permission, NOWHERE) if self._token_allows(permission) else NOWHERE

    def at_province(self, permission: str) -> bool:
        """Whether the permission is held for a whole province: where the right is, not where the person sits."""
        return not self.provinces.isdisjoint(self.units_for(permission))

    def teams_for(self, permission: str) -> frozenset[int]:
        """Teams for which the permission is held."""
        return self.teams.get(permission, NOWHERE) if self._token_allows(permission) else NOWHERE

    def services_for(self, permission: str) -> frozenset[int]:
        """Service items for which the permission is held."""
        return self.services.get(permission, NOWHERE) if self._token_allows(permission) else NOWHERE
