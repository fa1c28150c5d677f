"""Telling a demo (or empty) database from one that somebody works with."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import Grant, Person, Role, Unit
from app.demo.units import units
from core.db import reading
from core.errors import Conflict
from core.i18n import gettext as _

FIRST_UNIT = "00"  # made by `taxops admin create` on an empty database


def refuse_real_data(engine: sa.Engine) -> None:
    """Raise Conflict, naming what was found, where the database holds units or people that are not the demo's."""
    with reading(engine) as session:
        known = {unit.code for unit in units("province")} | {FIRST_UNIT}
        strange = [code for code in session.scalars(sa.select(Unit.code).order_by(Unit.id)) if code not in known]
        if strange:
            raise Conflict(
                _(
                    "数据库中已有真实机构（%(codes)s 等），不装入演示数据。确实需要时加 --force。",
                    codes="、".join(strange[:3]),
                )
            )
        if not is_loaded(session) and (logins := _people(session)):
            raise Conflict(
                _(
                    "数据库中已有真实人员（%(logins)s 等），不装入演示数据。确实需要时加 --force。",
                    logins="、".join(logins),
                )
            )


def is_loaded(session: Session) -> bool:
    """Whether a demo was begun here: its cast sits where it belongs."""
    return (
        session.scalar(
            sa.select(Person.id)
            .join(Unit, Unit.id == Person.unit_id)
            .where(Person.login == "wangxiulan", Unit.code == "610122")
        )
        is not None
    )


def _people(session: Session) -> list[str]:
    """Some people who are more than the first administrators."""
    administrators = (
        sa.select(Grant.person_id).join(Role, Role.code == Grant.role_code).where(Role.administrator.is_not(None))
    )
    return list(
        session.scalars(sa.select(Person.login).where(Person.id.not_in(administrators)).order_by(Person.id).limit(3))
    )
