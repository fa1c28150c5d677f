"""Handing up: pages and API."""

from escalation.handoff.api import api

BLUEPRINTS = (api.blueprint,)
