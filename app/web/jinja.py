"""What every template may use: translations, time filters, navigation."""

from __future__ import annotations

from typing import Any

import jinja2
from flask import Flask, request, url_for

import web
from app.web import navigation
from core import clock, i18n
from web import access


def init(app: Flask) -> None:
    """Set the template environment up."""
    env = app.jinja_env
    env.add_extension("jinja2.ext.i18n")
    env.install_gettext_callables(  # type: ignore[attr-defined]  # added by the extension
        lambda text: i18n.gettext(text), lambda s, p, n: i18n.ngettext(s, p, n), newstyle=True
    )
    env.undefined = jinja2.StrictUndefined
    env.trim_blocks = env.lstrip_blocks = True
    _filters(app)
    version = _bundle_version()

    def static(name: str) -> str:
        return url_for("static", filename=name, v=version)

    env.globals.update(static=static)

    @app.context_processor
    def _values() -> dict[str, Any]:
        viewer = access.current()
        return {
            "viewer": viewer, "now": clock.now(), "locale": i18n.current_locale(),
            "nav": navigation.groups(viewer, request.path), "bottom_nav": navigation.bottom(viewer, request.path),
            "home_url": navigation.home(viewer),
        }


def _filters(app: Flask) -> None:
    try:
        from web import filters
    except ImportError:
        return
    for name in dir(filters):
        if not name.startswith("_") and callable(function := getattr(filters, name)) and function.__module__ == filters.__name__:
            app.jinja_env.filters.setdefault(name, function)
            app.jinja_env.globals.setdefault(name, function)


def _bundle_version() -> str:
    """Changes with the bundle, so that browsers keep it for a year and still get the new one at once."""
    import hashlib

    digest = hashlib.sha256()
    for path in sorted(web.STATIC.glob("*.js")) + sorted(web.STATIC.glob("*.css")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:10]
