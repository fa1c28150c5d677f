"""Item types, items (services are items too), relations, their history, health and event log."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from accounts.models import Team, Unit
from cmdb.shipped_words import word
from core.db import Base, enum_column, pk
from core.db.base import Id
from core.i18n import lazy

SERVICE_TYPE = "service"


class Lifecycle(StrEnum):
    """Where an item stands in its life. Retired ones keep their history and are left out of lists."""

    PLANNED = "planned"
    LIVE = "live"
    RETIRED = "retired"


LIFECYCLE_LABELS = {
    Lifecycle.PLANNED: lazy("计划中"),
    Lifecycle.LIVE: lazy("在用"),
    Lifecycle.RETIRED: lazy("已停用"),
}


class Health(StrEnum):
    """What is known of an item now. NODATA: nothing monitors it, or nothing has been heard of it for too long."""

    OK = "ok"
    WARNING = "warning"
    CRITICAL = "critical"
    UNKNOWN = "unknown"
    NODATA = "nodata"


HEALTH_LABELS = {
    Health.OK: lazy("正常"),
    Health.WARNING: lazy("警告"),
    Health.CRITICAL: lazy("严重"),
    Health.UNKNOWN: lazy("未知"),
    Health.NODATA: lazy("无数据"),
}


class RelationKind(StrEnum):
    """How one item hangs on another: the source needs the target (but see cmdb.graph for part-of and backed-up-by)."""

    DEPENDS_ON = "depends-on"
    RUNS_ON = "runs-on"
    PART_OF = "part-of"
    CONNECTED_TO = "connected-to"
    BACKED_UP_BY = "backed-up-by"


RELATION_LABELS = {
    RelationKind.DEPENDS_ON: lazy("依赖"),
    RelationKind.RUNS_ON: lazy("运行于"),
    RelationKind.PART_OF: lazy("属于"),
    RelationKind.CONNECTED_TO: lazy("连接到"),
    RelationKind.BACKED_UP_BY: lazy("备份到"),
}


RELATION_INVERSE_LABELS = {
    RelationKind.DEPENDS_ON: lazy("被依赖于"),
    RelationKind.RUNS_ON: lazy("承载"),
    RelationKind.PART_OF: lazy("包含"),
    RelationKind.CONNECTED_TO: lazy("下联"),
    RelationKind.BACKED_UP_BY: lazy("存放备份"),
}


class Origin(StrEnum):
    """Who says so: a person, or a collector."""

    DECLARED = "declared"
    DISCOVERED = "discovered"


ORIGIN_LABELS = {Origin.DECLARED: lazy("人工登记"), Origin.DISCOVERED: lazy("自动发现")}


class Reach(StrEnum):
    """Whose work stops when an item of this type fails.

    NONE: nobody by itself (only through what needs it) · BEHIND: the people of its unit, where it fails because of
    something else (network gear) · UNIT: the people of its unit · SUBTREE: those of its unit and all units below.
    """

    NONE = "none"
    BEHIND = "behind"
    UNIT = "unit"
    SUBTREE = "subtree"


class ItemType(Base):
    """A kind of item, as data. `attributes` is a JSON Schema object; a type inherits the properties of its parent."""

    __tablename__ = "item_type"

    code: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    label: Mapped[str] = mapped_column(sa.String(60))
    parent_code: Mapped[str | None] = mapped_column(sa.ForeignKey("item_type.code"))
    attributes: Mapped[dict[str, Any]]
    reach: Mapped[Reach] = enum_column(Reach, default=Reach.NONE)
    position: Mapped[int] = mapped_column(default=1000)
    shipped: Mapped[bool] = mapped_column(default=False)

    @property
    def word(self) -> str:
        """The label in the reader's language."""
        return word(self.label)


class Item(Base):
    """Anything that is operated. `health` is a projection of ItemHealth, never typed in; `revision` counts changes."""

    __tablename__ = "item"

    id: Mapped[int] = pk()
    name: Mapped[str] = mapped_column(sa.String(120))
    type_code: Mapped[str] = mapped_column(sa.ForeignKey("item_type.code"))
    unit_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("unit.id"))
    lifecycle: Mapped[Lifecycle] = enum_column(Lifecycle, default=Lifecycle.LIVE)
    attributes: Mapped[dict[str, Any]]
    address: Mapped[str | None] = mapped_column(sa.String(200))
    revision: Mapped[int] = mapped_column(default=1, info={"silent": True})
    created_at: Mapped[dt.datetime]
    updated_at: Mapped[dt.datetime] = mapped_column(info={"silent": True})
    retired_at: Mapped[dt.datetime | None]
    health: Mapped[Health] = enum_column(Health, default=Health.NODATA, info={"silent": True})
    health_since: Mapped[dt.datetime | None] = mapped_column(info={"silent": True})

    unit: Mapped[Unit] = relationship()
    type: Mapped[ItemType] = relationship()
    service: Mapped[Service | None] = relationship(back_populates="item", uselist=False)

    __table_args__ = (
        sa.Index(
            "uq_item_name_in_unit",
            "unit_id",
            "name",
            unique=True,
            sqlite_where=sa.text("lifecycle != 'retired'"),
            postgresql_where=sa.text("lifecycle != 'retired'"),
        ),
        sa.Index("ix_item_name_id", "name", "id"),
        sa.Index("ix_item_type_code_name", "type_code", "name", "id"),
        sa.Index("ix_item_health_name", "health", "name", "id"),
    )

    @property
    def __audit_name__(self) -> str:
        return f"item:{self.id}"


class Service(Base):
    """What an item of type `service` has besides: who runs it, what was promised, whom it serves.

    `user_facing`: people use it directly, so those of its unit's subtree are hit when it fails.
    """

    __tablename__ = "service"

    item_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("item.id"), primary_key=True, autoincrement=False)
    code: Mapped[str | None] = mapped_column(sa.String(60), index=True)
    group: Mapped[str] = mapped_column("group_name", sa.String(60), default="")
    position: Mapped[int] = mapped_column(default=1000)
    summary: Mapped[str] = mapped_column(sa.String(300), default="")
    team_id: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("team.id"), index=True)
    vendor_id: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("unit.id"), index=True)
    tax_system: Mapped[bool] = mapped_column(default=False)
    user_facing: Mapped[bool] = mapped_column(default=True)
    targets: Mapped[dict[str, Any]]

    item: Mapped[Item] = relationship(back_populates="service")
    team: Mapped[Team | None] = relationship()
    vendor: Mapped[Unit | None] = relationship()


class Relation(Base):
    """One item hangs on another, for a time. `needer` needs `needed`; both are None for a mere copy of data."""

    __tablename__ = "relation"

    id: Mapped[int] = pk()
    source_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("item.id"))
    kind: Mapped[RelationKind] = enum_column(RelationKind)
    target_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("item.id"), index=True)
    redundancy_group: Mapped[str | None] = mapped_column(sa.String(60))
    origin: Mapped[Origin] = enum_column(Origin, default=Origin.DECLARED)
    needer_id: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("item.id"), index=True, info={"silent": True})
    needed_id: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("item.id"), index=True, info={"silent": True})
    valid_from: Mapped[dt.datetime]
    valid_until: Mapped[dt.datetime | None]

    source: Mapped[Item] = relationship(foreign_keys=[source_id])
    target: Mapped[Item] = relationship(foreign_keys=[target_id])

    __table_args__ = (
        sa.Index(
            "uq_relation_current",
            "source_id",
            "kind",
            "target_id",
            unique=True,
            sqlite_where=sa.text("valid_until IS NULL"),
            postgresql_where=sa.text("valid_until IS NULL"),
        ),
    )


class ItemService(Base):
    """Which services need an item, directly or through others; a projection of the relations."""

    __tablename__ = "item_service"
    __audited__ = False

    item_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("item.id"), primary_key=True)
    service_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("item.id"), primary_key=True, index=True)


class ItemVersion(Base):
    """The whole item as it was from `at` until its next version (C-01). Append-only."""

    __tablename__ = "item_version"
    __audited__ = False

    id: Mapped[int] = pk()
    item_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("item.id"))
    at: Mapped[dt.datetime]
    actor: Mapped[str] = mapped_column(sa.String(80))
    verb: Mapped[str] = mapped_column(sa.String(20))  # create | change | retire | restore
    changed: Mapped[list[str]]
    snapshot: Mapped[dict[str, Any]]

    __table_args__ = (sa.Index("ix_item_version_item_id_at", "item_id", "at", "id"),)


class ItemHealth(Base):
    """What one source (a check, an outside alert) says of an item."""

    __tablename__ = "item_health"
    __audited__ = False

    item_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("item.id"), primary_key=True)
    source: Mapped[str] = mapped_column(sa.String(120), primary_key=True)
    state: Mapped[Health] = enum_column(Health)
    since: Mapped[dt.datetime]


class ItemEvent(Base):
    """Something happened to an item; every room writes here, so that “what changed lately?” has one answer."""

    __tablename__ = "item_event"
    __audited__ = False

    id: Mapped[int] = pk()
    item_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("item.id"))
    at: Mapped[dt.datetime]
    kind: Mapped[str] = mapped_column(sa.String(40))
    text: Mapped[str] = mapped_column(sa.String(500))
    ref: Mapped[str | None] = mapped_column(sa.String(120))
    actor: Mapped[str | None] = mapped_column(sa.String(80))

    __table_args__ = (sa.Index("ix_item_event_item_id_at", "item_id", "at", "id"),)


class Mark(StrEnum):
    """Where an entry of an impact list comes from (C-02)."""

    COMPUTED = "computed"
    DECLARED = "declared"
    EXCLUDED = "excluded"


MARK_LABELS = {
    Mark.COMPUTED: lazy("按关系推算"),
    Mark.DECLARED: lazy("人工指定"),
    Mark.EXCLUDED: lazy("人工排除"),
}


class ImpactMark(Base):
    """A person's word on an item's impact: `affected` is hit though no relation says so, or is not though one does.

    `mark` is DECLARED or EXCLUDED; what nobody marked is computed."""

    __tablename__ = "impact_mark"

    id: Mapped[int] = pk()
    item_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("item.id"), index=True)
    affected_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("item.id"))
    mark: Mapped[Mark] = enum_column(Mark)
    reason: Mapped[str] = mapped_column(sa.String(300))
    by: Mapped[str] = mapped_column(sa.String(80))
    at: Mapped[dt.datetime]
    ended_at: Mapped[dt.datetime | None]

    __table_args__ = (
        sa.Index(
            "uq_impact_mark_current",
            "item_id",
            "affected_id",
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        ),
    )
