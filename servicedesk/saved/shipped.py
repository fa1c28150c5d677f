"""The quick filters that come with a role. What they say of time and person is relative, so that they fit everybody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from accounts.scope import Viewer
from core.i18n import LazyText, lazy


@dataclass(frozen=True)
class Shipped:
    """A filter for whoever holds one of `needs`; `of_a_team`: only for members of one."""

    key: str
    name: LazyText
    query: Mapping[str, Any]
    needs: tuple[str, ...]
    of_a_team: bool = False


SHIPPED = (
    Shipped("mine", lazy("我手上的"), {"mine": True, "open": True}, ("ticket.work",)),
    Shipped(
        "unassigned", lazy("本班组待受理"), {"my_teams": True, "accepted": False, "open": True}, ("ticket.work",), True
    ),
    Shipped("soon", lazy("四小时内到期"), {"due_within": 4, "open": True}, ("ticket.work", "ticket.read")),
    Shipped("overdue", lazy("已超时"), {"overdue": True, "open": True}, ("ticket.work", "ticket.read")),
    Shipped("at-vendor", lazy("已到厂商"), {"line": ["vendor"], "open": True}, ("ticket.read",)),
    Shipped("returned", lazy("被退回的"), {"returned": True, "open": True}, ("ticket.assign",)),
    Shipped("to-close", lazy("待关闭"), {"state": ["resolved"]}, ("ticket.close",)),
    Shipped("major", lazy("重大事件"), {"major": True, "open": True}, ("figures.read",)),
)


def shipped_for(viewer: Viewer) -> Iterator[Shipped]:
    """Those of the viewer's roles."""
    for each in SHIPPED:
        if viewer.can(*each.needs) and (viewer.member_of or not each.of_a_team):
            yield each
