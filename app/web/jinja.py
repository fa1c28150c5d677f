"""What every template may use: translations, time filters, navigation."""

from __future__ import annotations

from typing import Any

import jinja2
from flask import Flask, request

from app.web import navigation
from core import clock, i18n
from web import access, filters

HOMES = ("desk.mine", "desk.work", "desk.report", "overview.index")  # these show the notices of the reader's unit


def init(app: Flask) -> None:
    """Set the template environment up."""
    env = app.jinja_env
    env.add_extension("jinja2.ext.i18n")
    env.install_gettext_callables(  # type: ignore[attr-defined]  # added by the extension
        i18n.gettext, i18n.ngettext, newstyle=True
    )
    env.undefined = jinja2.StrictUndefined
    env.trim_blocks = env.lstrip_blocks = True
    _filters(app)

    @app.context_processor
    def _values() -> dict[str, Any]:
        viewer = access.current()
        return {
            "viewer": viewer,
            "now": clock.now(),
            "locale": i18n.current_locale(),
            "nav": navigation.groups(viewer, request.path),
            "bottom_nav": navigation.bottom(viewer, request.path),
            "home_url": navigation.home(viewer),
            "notice_banner": viewer is not None and request.endpoint in HOMES and viewer.can("notice.read"),
        }


def _filters(app: Flask) -> None:
    app.jinja_env.filters.update(filters.FILTERS)
    app.jinja_env.globals.update(filters.GLOBALS)
