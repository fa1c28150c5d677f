"""The application's own pages."""

from app.setup import views as setup
from app.web import appearance, docs, home

BLUEPRINTS = (home.blueprint, docs.blueprint, appearance.blueprint, setup.blueprint)
