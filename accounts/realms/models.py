"""What an administrator set for a door. Without a row a door is as shipped: open to both, from everywhere."""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, enum_column


class Realm(StrEnum):
    """Whose door it is."""

    STAFF = "staff"
    VENDOR = "vendor"


class SignInRealm(Base):
    """One door. `apart`: its people sign in there and nowhere else. `networks`: where from, empty means everywhere."""

    __tablename__ = "sign_in_realm"

    realm: Mapped[Realm] = enum_column(Realm, primary_key=True)
    apart: Mapped[bool] = mapped_column(default=False)
    networks: Mapped[list[str]]
