"""Declarative base, column types and naming that hold on SQLite and PostgreSQL alike."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from core.clock import UTC

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # SQLite's rowid alias must be INTEGER
Json = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")

E = TypeVar("E", bound=StrEnum)


class UtcDateTime(sa.types.TypeDecorator[dt.datetime]):
    """Aware datetimes in, aware UTC datetimes out; naive ones are refused with ValueError.

    PostgreSQL keeps timestamptz; SQLite keeps text in UTC that sorts by time.
    """

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: sa.Dialect) -> dt.datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"naive datetime {value.isoformat()} given to the database")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: dt.datetime | None, dialect: sa.Dialect) -> dt.datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class EnumText(sa.types.TypeDecorator[StrEnum]):
    """A StrEnum kept as its text, so that adding a value needs no migration; an unknown text raises ValueError."""

    impl = sa.String(40)
    cache_ok = True

    def __init__(self, enum: type[StrEnum]) -> None:
        super().__init__()
        self.enum = enum

    def process_bind_param(self, value: StrEnum | str | None, dialect: sa.Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else str(self.enum(value))

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> StrEnum | None:  # noqa: ARG002
        return None if value is None else self.enum(value)


def enum_column(enum: type[E], **options: Any) -> Mapped[Any]:
    """A column holding a value of `enum`; annotate the attribute as Mapped[TheEnum]."""
    return mapped_column(EnumText(enum), **options)


def pk() -> Mapped[int]:
    """An integer surrogate key."""
    return mapped_column(Id, primary_key=True, autoincrement=True)


class Base(DeclarativeBase):
    """Every table of every room; one Alembic history covers them all."""

    metadata = sa.MetaData(naming_convention=NAMING)
    type_annotation_map = {  # noqa: RUF012  SQLAlchemy's own protocol
        dt.datetime: UtcDateTime(),
        dict[str, Any]: Json,
        list[Any]: Json,
        list[str]: Json,
    }
