"""Repeating a request with the same key makes one thing (R-02). The store is injected by app's wiring."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass
from typing import Protocol

from flask import current_app
from sqlalchemy.orm import Session

EXTENSION = "taxops.idempotency"


@dataclass(frozen=True)
class Answer:
    """A first answer, kept to be given again."""

    status: int
    text: str
    location: str | None


class Store(Protocol):
    """Keeps first answers in the same transaction as the work they answer."""

    def begin(self, session: Session, person_id: int, key: str, request_hash: str, now: dt.datetime) -> Answer | None:
        """Claim the key, or return its first answer.

        Waits for another request holding the same key. Raises Conflict when the key was used for something else.
        """

    def finish(self, session: Session, person_id: int, key: str, answer: Answer) -> None:
        """Keep the answer."""


def store() -> Store:
    """The store of the current app."""
    found: Store = current_app.extensions[EXTENSION]
    return found


def request_hash(method: str, path: str, body: bytes) -> str:
    """What makes two requests the same."""
    return hashlib.sha256(b"\n".join((method.encode(), path.encode(), body))).hexdigest()
