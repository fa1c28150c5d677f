"""A form that is submitted twice (double click, retry, back button) makes one thing (R-02).

answer, first = once.begin(request.form.get("key"))
if answer: return redirect(answer)
...
once.finish(first, url)      # before the commit
"""

from __future__ import annotations

import secrets

from flask import request

from core import clock
from web import access, storable
from web.api import idempotency
from web.db import db

LENGTHS = range(8, 101)


def new_key() -> str:
    """A value for the form's hidden `key` field."""
    return secrets.token_urlsafe(18)


def begin(key: str | None) -> tuple[str | None, str | None]:
    """(where the first submission led, None), or (None, the claimed key) when this is the first one.

    Without a usable key nothing is claimed: (None, None).
    """
    if not key or len(key) not in LENGTHS or any(storable.faults(key)):
        return None, None
    key = f"form:{key}"
    wanted = idempotency.request_hash("POST", request.path, b"")
    answer = idempotency.store().begin(db.session(), access.current().person_id, key, wanted, clock.now())
    return (answer.location, None) if answer else (None, key)


def finish(key: str | None, url: str) -> None:
    """Remember where the first submission led, in the same transaction as its work."""
    if key:
        idempotency.store().finish(db.session(), access.current().person_id, key, idempotency.Answer(303, "", url))
