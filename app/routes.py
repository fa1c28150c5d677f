"""The application's own pages."""

from app.web import docs, home

BLUEPRINTS = (home.blueprint, docs.blueprint)
