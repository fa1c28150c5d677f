"""What the administration's page modules share: their blueprint, and how a verb's refusal gets beside its field."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, url_for

from core.errors import Forbidden, Invalid, TaxopsError

blueprint = Blueprint("admin", __name__, template_folder="../templates", url_prefix="/admin")


def following(endpoint: str, cursor: str | None, **values: Any) -> str | None:
    """The address of a list's next page, or None on its last."""
    return url_for(endpoint, cursor=cursor, **values) if cursor else None


def as_invalid(error: TaxopsError, fields: dict[str, str]) -> Invalid:
    """A verb's refusal as a form's error; `fields` names the field that each kind of refusal belongs to.

    Raises what is no matter of a field: that somebody may not do this.
    """
    if isinstance(error, Forbidden):
        raise error
    return error if isinstance(error, Invalid) else Invalid.of(fields.get(error.slug, ""), error.message)
