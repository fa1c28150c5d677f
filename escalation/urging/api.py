"""/api/v1/tickets/N/urge."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import pydantic

from accounts.current import viewer
from core import clock
from escalation.urging import service
from escalation.urging.models import Urging
from servicedesk.tickets import access
from web.api import Api, ApiModel, Created
from web.db import db

api = Api("urging", __name__)


class UrgeIn(ApiModel):
    """What to say to the holder."""

    text: Annotated[str, pydantic.Field(max_length=2000)] = ""


class UrgeOut(ApiModel):
    """An urging: the how-many-th it was, and whether the head was told."""

    at: dt.datetime
    by: str
    text: str
    count: int
    told_head: bool


@api.post("/tickets/<number>/urge", needs=("ticket.report", "ticket.urge-down"), body=UrgeIn, answer=UrgeOut)
def urge(number: str, body: UrgeIn) -> Created:
    """Urge; 429 with Retry-After inside the cool-down or over the quota."""
    session = db.session()
    ticket = access.get(session, viewer(), number, lock=True)
    row = service.urge(session, viewer(), ticket, text=body.text, now=clock.now())
    return Created(_out(row), f"/api/v1/tickets/{number}/timeline")


def _out(row: Urging) -> UrgeOut:
    return UrgeOut(at=row.at, by=row.by.login, text=row.text, count=row.count, told_head=row.told_head_id is not None)
