"""Sources that post alerts to an address of their own."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, enum_column, pk
from core.db.base import Id


class Form(StrEnum):
    """What a source sends."""

    ALERTMANAGER = "alertmanager"
    ZABBIX = "zabbix"
    GENERIC = "generic"


class Source(Base):
    """A program that posts JSON under a token; its alerts belong to `unit_id` or below. Only the token's hash is kept.

    `hold_s`: an alert that the source neither repeats nor ends is over after so long. `template`: for generic ones, how
    alerts are made of the JSON (ingest/template.py).
    """

    __tablename__ = "alert_source"

    id: Mapped[int] = pk()
    form: Mapped[Form] = enum_column(Form)
    name: Mapped[str] = mapped_column(sa.String(120), unique=True)
    unit_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("unit.id"), index=True)
    token_hash: Mapped[str] = mapped_column(sa.String(64), unique=True, info={"secret": True})
    template: Mapped[dict[str, Any]] = mapped_column(default=dict)
    hold_s: Mapped[int] = mapped_column(default=86_400)
    created_at: Mapped[dt.datetime]
    retired_at: Mapped[dt.datetime | None]
    last_at: Mapped[dt.datetime | None] = mapped_column(info={"silent": True})
    last_error: Mapped[str | None] = mapped_column(sa.Text, info={"silent": True})
    taken: Mapped[int] = mapped_column(default=0, info={"silent": True})
