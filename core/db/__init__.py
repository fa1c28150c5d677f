"""Database base: declarative base and types, engine, sessions at the edge."""

from core.db.base import Base, Id, Json, UtcDateTime, enum_column, pk
from core.db.engine import make_engine, reading, transaction

__all__ = ["Base", "Id", "Json", "UtcDateTime", "enum_column", "make_engine", "pk", "reading", "transaction"]
