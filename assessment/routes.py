"""The room's pages."""

from assessment.overview.views import blueprint

BLUEPRINTS = (blueprint,)
