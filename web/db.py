"""The request's database session.

GET and HEAD read in a deferred transaction that never waits for a writer; everything else writes. The edge commits.
"""

from __future__ import annotations

from typing import Any, cast

import sqlalchemy as sa
from flask import Flask, current_app, has_request_context, request
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session as FlaskSession
from sqlalchemy.orm import Session

from core.db.base import Base
from core.db.engine import READ_ONLY

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_ENGINE = "taxops.engine"
_READING = "taxops.engine.reading"


class RequestSession(FlaskSession):
    """Chooses the reading or the writing side of the one engine by the request's method."""

    def get_bind(self, *_args: Any, **_kwargs: Any) -> sa.Engine | sa.Connection:
        engine = engine_of(current_app)
        if has_request_context() and request.method in SAFE and not self.info.get("writes"):
            return cast("sa.Engine", current_app.extensions[_READING])
        return engine


class Database(SQLAlchemy):
    """Flask-SQLAlchemy on the engine that core made, so that jobs and requests share one pool."""

    def _make_engine(self, bind_key: str | None, options: dict[str, Any], app: Flask) -> sa.Engine:  # noqa: ARG002
        return cast("sa.Engine", app.extensions[_ENGINE])


_flask_sqlalchemy = Database(
    metadata=Base.metadata,
    session_options={"class_": RequestSession, "expire_on_commit": False},
    disable_autonaming=True,
)


def init(app: Flask, engine: sa.Engine) -> None:
    """Give `app` its engine."""
    app.extensions[_ENGINE] = engine
    # One object for all requests: a session holds a connection per bind, so a fresh one each time would be one a query.
    app.extensions[_READING] = engine.execution_options(**{READ_ONLY: True})
    app.config["SQLALCHEMY_DATABASE_URI"] = engine.url
    _flask_sqlalchemy.init_app(app)


def engine_of(app: Flask) -> sa.Engine:
    """The engine of `app`."""
    return cast("sa.Engine", app.extensions[_ENGINE])


def reading_engine_of(app: Flask) -> sa.Engine:
    """The engine of `app` for what only reads; what is kept by engine is shared with the reading requests."""
    return cast("sa.Engine", app.extensions[_READING])


def engine() -> sa.Engine:
    """The engine of the current app."""
    return engine_of(current_app)


class _Db:
    """What views import: `db.session()` is the request's session."""

    @staticmethod
    def session() -> Session:
        return cast("Session", _flask_sqlalchemy.session())

    @staticmethod
    def remove() -> None:
        _flask_sqlalchemy.session.remove()


db = _Db()
