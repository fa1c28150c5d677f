"""The vendor's pages."""

from escalation.vendor.views import blueprint

BLUEPRINTS = (blueprint,)
