"""The application's own pages."""

from app.web import appearance, docs, home

BLUEPRINTS = (home.blueprint, docs.blueprint, appearance.blueprint)
