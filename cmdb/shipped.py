"""The item types every installation starts with (the contract's list, and `service`)."""

from __future__ import annotations

import datetime as dt
import tomllib
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session

from cmdb.models import ItemType, Reach

FILE = Path(__file__).parent / "data" / "item_types.toml"


def install(session: Session, *, now: dt.datetime) -> None:  # noqa: ARG001  every room's install has this shape
    """Add the types that are missing; one that an administrator changed stays as it is."""
    known = set(session.scalars(sa.select(ItemType.code)))
    for position, row in enumerate(tomllib.loads(FILE.read_text(encoding="utf-8"))["type"]):
        if row["code"] in known:
            continue
        session.add(
            ItemType(
                code=row["code"],
                label=row["label"],
                parent_code=row.get("parent"),
                attributes={"type": "object", "properties": {}, "required": [], **row.get("attributes", {})},
                reach=Reach(row["reach"]),
                position=position,
                shipped=True,
            )
        )
        session.flush()  # a type stands after its parent
