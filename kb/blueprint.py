"""The room's pages hang on one blueprint; `kb.articles` and `kb.notices` are the menu's names."""

from __future__ import annotations

from flask import Blueprint, request

blueprint = Blueprint("kb", __name__, template_folder="templates")


def is_fragment() -> bool:
    """Whether htmx asks for a part of the page it is on."""
    return request.headers.get("HX-Request") == "true" and request.headers.get("HX-History-Restore-Request") != "true"
