"""Names as clients give them → ids, with the wrong one named."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from enum import StrEnum
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import Unit
from core.errors import FieldError, Invalid, NotFound
from core.i18n import gettext as _
from kb import services

E = TypeVar("E", bound=StrEnum)


def units(session: Session, codes: Sequence[str], *, field: str = "units") -> list[int]:
    """Unit codes → ids, in order. Raises Invalid naming the first unknown one."""
    rows = session.execute(sa.select(Unit.code, Unit.id).where(Unit.code.in_(list(codes))))
    known = {code: i for code, i in rows}  # noqa: C416  rows are not pairs to mypy
    for i, code in enumerate(codes):
        if code not in known:
            problem = _("没有编码为“%(code)s”的机构。", code=code)
            raise Invalid(problem, [FieldError(f"{field}[{i}]", problem)])
    return list(dict.fromkeys(known[c] for c in codes))


def service_ids(session: Session, ids: Collection[int], *, field: str = "services") -> tuple[int, ...]:
    """The ids, if all name an item. Raises Invalid naming the first that does not."""
    for bad in services.missing(session, ids):
        problem = _("没有编号为 %(id)s 的服务。", id=bad)
        raise Invalid(problem, [FieldError(f"{field}[{list(ids).index(bad)}]", problem)])
    return tuple(ids)


def one_of(enum: type[E], text: str) -> E:
    """The enum's value of this text; raises NotFound naming those there are."""
    try:
        return enum(text)
    except ValueError as error:
        raise NotFound(_("没有这个操作。可用的有：%(known)s", known=", ".join(str(e) for e in enum))) from error
