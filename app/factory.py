"""Builds the Flask application: rooms' blueprints, sign-in, headers, error pages."""

from __future__ import annotations

import structlog
from flask import Flask
from flask_wtf import CSRFProtect

import web
from accounts.admin import findings, places
from accounts.admin.api import SERVICES_OF_TEAM
from accounts.idempotency import DatabaseStore
from app import diagnosis, live, rooms, wiring
from app.web import authentication, errors, headers, health, jinja, proxies, routing
from config import Settings
from core import netguard
from core.db import make_engine
from web import compress
from web import db as web_db
from web.api import idempotency
from web.live import ATTENDER, AUTHENTICATOR
from web.storable import StorableInteger

log = structlog.get_logger()
MAX_BODY = 64 * 1024 * 1024  # attachments; JSON bodies are far smaller


def create_app(settings: Settings, *, engine: object | None = None) -> Flask:
    """The whole web application on one database. `engine` lets tests and the runner share theirs."""
    app = Flask("taxops", root_path=str(web.ROOT), static_folder=str(web.STATIC), template_folder=str(web.TEMPLATES))
    app.config.update(
        SECRET_KEY=settings.secret_key,
        TAXOPS=settings,
        MAX_CONTENT_LENGTH=MAX_BODY,
        MAX_FORM_MEMORY_SIZE=2 * 1024 * 1024,
        SESSION_COOKIE_NAME="taxops_form",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.secure_cookies == "always" or settings.base_url.startswith("https://"),
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_CHECK_DEFAULT=False,
        WTF_CSRF_SSL_STRICT=False,
        SEND_FILE_MAX_AGE_DEFAULT=31536000,
        TEMPLATES_AUTO_RELOAD=False,
    )
    netguard.configure(settings)
    app.url_rule_class = routing.LateRule
    app.url_map.converters["int"] = StorableInteger
    app.json.ensure_ascii = False  # type: ignore[attr-defined]  # the default provider has it
    web_db.init(app, engine or make_engine(settings.database_url))  # type: ignore[arg-type]
    app.extensions[idempotency.EXTENSION] = DatabaseStore()
    app.extensions["taxops.csrf"] = CSRFProtect(app)
    app.extensions[AUTHENTICATOR] = live.authenticate
    app.extensions[ATTENDER] = live.attend
    app.extensions[SERVICES_OF_TEAM] = wiring.services_of_teams
    app.extensions[places.EXTENSION] = wiring.service_places
    app.extensions[findings.EXTENSION] = lambda session: diagnosis.of_running(settings, session)
    jinja.init(app)
    headers.init(app)
    compress.init(app)
    authentication.init(app)
    errors.init(app)
    app.register_blueprint(health.blueprint)
    rooms.register(app)
    app.wsgi_app = proxies.TrustedProxies(app.wsgi_app, settings.proxies)  # type: ignore[method-assign]  # Flask's own way
    return app
