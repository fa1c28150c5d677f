"""Handing up: pages and API."""

from escalation.handoff.api import api
from escalation.handoff.views import blueprint

BLUEPRINTS = (blueprint, api.blueprint)
