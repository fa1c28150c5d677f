"""Item types are data: an administrator adds and changes them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from cmdb import attributes as rules
from cmdb.models import SERVICE_TYPE, ItemType, Reach
from core.errors import Conflict, Invalid
from core.i18n import gettext as _

CODE = re.compile(r"[a-z][a-z0-9-]{1,39}")


def save_type(
    session: Session,
    *,
    code: str,
    label: str | None = None,
    parent_code: str | None = None,
    attributes: Mapping[str, Any] | None = None,
    reach: Reach | None = None,
    new: bool = False,
) -> ItemType:
    """Add a type, or change the fields given of one there is.

    Raises Invalid for a bad code, an unknown parent, a ring of parents or a schema that would not be kept; Conflict for
    a taken code. Items that no longer fit stay as they are and are asked to fit at their next change.
    """
    kind = session.get(ItemType, code)
    if new and kind is not None:
        raise Conflict(_("类型“%(code)s”已经存在。", code=code))
    if kind is None:
        if not CODE.fullmatch(code):
            raise Invalid.of("name", _("须为小写字母、数字和连字符，以字母开头，2 到 40 个字符。"))
        kind = ItemType(code=code, label=label or code, attributes=dict(rules.merged([])), reach=reach or Reach.NONE)
    if parent_code is not None:
        _check_parent(session, code, parent_code)
        kind.parent_code = parent_code
    if attributes is not None:
        if errors := rules.check_schema(attributes):
            raise Invalid(_("属性模式有误，什么都没有保存。"), errors)
        kind.attributes = {"type": "object", "properties": {}, "required": [], **attributes}
    kind.label = label or kind.label
    kind.reach = reach or kind.reach
    session.add(kind)
    session.flush()
    return kind


def _check_parent(session: Session, code: str, parent_code: str) -> None:
    at: str | None = parent_code
    while at is not None:
        row = session.get(ItemType, at)
        if row is None:
            raise Invalid.of("parent", _("没有“%(code)s”这个类型。", code=at))
        if at in (code, SERVICE_TYPE):
            raise Invalid.of("parent", _("上级类型不能是自己、自己的下级或“服务”。"))
        at = row.parent_code
