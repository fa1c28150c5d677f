"""A person's word on an impact list (C-02): something is hit though no relation says so, or is not though one does."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Session

from cmdb.models import ImpactMark, Item, Mark
from cmdb.service.events import log_event
from core.errors import Invalid
from core.i18n import gettext as _


def mark_impact(
    session: Session, item: Item, affected: Item, mark: Mark, reason: str, *, now: dt.datetime
) -> ImpactMark:
    """Mark `affected` on the impact list of `item` as DECLARED or EXCLUDED; an earlier mark of the pair ends.

    Raises Invalid without a reason, for the item itself, and for COMPUTED (that is what nobody marked).
    """
    if mark is Mark.COMPUTED:
        raise Invalid.of("mark", _("只能指定为受影响或排除。"))
    if item.id == affected.id:
        raise Invalid.of("affected", _("配置项自身总在影响范围内。"))
    if not reason.strip():
        raise Invalid.of("reason", _("请写明理由。"))
    unmark_impact(session, item, affected, now=now)
    made = ImpactMark(
        item_id=item.id,
        affected_id=affected.id,
        mark=mark,
        reason=reason.strip(),
        by=str(session.info.get("actor", "system")),
        at=now,
    )
    session.add(made)
    session.flush()
    log_event(session, item.id, "impact", f"{mark}: {affected.name}（{reason.strip()}）", now)
    return made


def unmark_impact(session: Session, item: Item, affected: Item, *, now: dt.datetime) -> bool:
    """Take a mark back; returns whether there was one."""
    standing = session.scalar(
        sa.select(ImpactMark).where(
            ImpactMark.item_id == item.id, ImpactMark.affected_id == affected.id, ImpactMark.ended_at.is_(None)
        )
    )
    if standing is None:
        return False
    standing.ended_at = now
    session.flush()
    return True
