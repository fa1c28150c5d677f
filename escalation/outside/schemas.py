"""What the API and the page take and give of receivers."""

from __future__ import annotations

from typing import Annotated

import pydantic

from escalation.outside.models import Receiver
from monitor.quiet.schemas import MatcherIn
from web.api import ApiModel

DAY_S = 86_400
Label = Annotated[str, pydantic.Field(min_length=1, max_length=200)]
Seconds = Annotated[int, pydantic.Field(ge=0, le=30 * DAY_S)]


class ReceiverFields(ApiModel):
    """What may be changed on a receiver. `url` is taken and never shown; waits in seconds."""

    name: str | None = pydantic.Field(default=None, min_length=1, max_length=90)
    url: str | None = pydantic.Field(default=None, min_length=1, max_length=600)
    unit: str | None = pydantic.Field(default=None, max_length=40)
    matchers: list[MatcherIn] | None = pydantic.Field(default=None, max_length=50)
    group_by: list[Label] | None = pydantic.Field(default=None, max_length=20)
    group_wait_s: Seconds | None = None
    group_interval_s: Annotated[int, pydantic.Field(ge=1, le=30 * DAY_S)] | None = None
    repeat_interval_s: Annotated[int, pydantic.Field(ge=1, le=30 * DAY_S)] | None = None
    send_resolved: bool | None = None
    active: bool | None = None


class ReceiverIn(ReceiverFields):
    """A new receiver: a web hook that is told of groups of alerts as Alertmanager tells it (webhook data version 4)."""

    name: str = pydantic.Field(min_length=1, max_length=90)
    url: str = pydantic.Field(min_length=1, max_length=600)
    matchers: list[MatcherIn] = pydantic.Field(default_factory=list, max_length=50)
    group_by: list[Label] = pydantic.Field(default_factory=lambda: ["alertname"], max_length=20)
    group_wait_s: Seconds = 30
    group_interval_s: Annotated[int, pydantic.Field(ge=1, le=30 * DAY_S)] = 300
    repeat_interval_s: Annotated[int, pydantic.Field(ge=1, le=30 * DAY_S)] = 14_400
    send_resolved: bool = True
    active: bool = True


class ReceiverOut(ApiModel):
    """A receiver, without its address, which may hold a secret."""

    id: int
    name: str
    unit: str | None
    matchers: list[MatcherIn]
    group_by: list[str]
    group_wait_s: int
    group_interval_s: int
    repeat_interval_s: int
    send_resolved: bool
    active: bool

    @classmethod
    def of(cls, receiver: Receiver, unit: str | None) -> ReceiverOut:
        """As stored; `unit` is the code."""
        return cls(
            id=receiver.id,
            name=receiver.name,
            unit=unit,
            matchers=[MatcherIn.model_validate(m) for m in receiver.matchers],
            group_by=receiver.group_by,
            group_wait_s=receiver.group_wait_s,
            group_interval_s=receiver.group_interval_s,
            repeat_interval_s=receiver.repeat_interval_s,
            send_resolved=receiver.send_resolved,
            active=receiver.active,
        )
